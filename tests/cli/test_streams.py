"""Standard output and error that are closed, full, or gone with their reader; and a terminal that hangs up."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from conftest import ROOT

from agcli.cli import streams
from agcli.runs import Run

pytestmark = pytest.mark.only(os.name == "posix")

SPEC = """
data: {name: iris, validation: 0.2}
model: [{dense: {units: 8, activation: tanh}}, {dense: 3}]
loss: softmax_cross_entropy
train: {epochs: 20}
"""
COMMAND = [sys.executable, "-W", "error", "-c", "from agcli.cli import main; main()"]
ENDLESS = ["--set", "train.epochs=1000000", "--set", "train.eval_every=1000000"]


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


def started(*arguments, **options):
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, **options)


def closing(*numbers):
    """Close descriptors in the process to come, before its program begins."""
    return lambda: [os.close(number) for number in numbers]


def log_of(folder):
    return (folder / "log.txt").read_text()


def is_done(folder):
    return json.loads((folder / "result.json").read_text())["epochs"] == 20


@pytest.mark.parametrize("numbers", [(1,), (2,), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("options", [(), ("--json",), ("--quiet",)], ids=str)
def test_a_training_with_closed_streams_ends_well(spec, tmp_path, numbers, options):
    run = tmp_path / "run"
    process = started(
        "train", spec, "--out", run, *options,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=closing(*numbers),
    )  # fmt: skip
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert is_done(run)
    checkpoint, passed_over = Run(run).newest()
    assert checkpoint is not None
    assert not passed_over
    assert ("standard output: is closed; the training goes on" in log_of(run)) == (1 in numbers)
    assert "Traceback" not in out + err
    assert "internal error" not in out + err


@pytest.mark.parametrize(("stream", "options"), [("stdout", ["--json"]), ("stderr", [])])
def test_a_reader_that_goes_away_ends_no_training(spec, tmp_path, stream, options):
    run = tmp_path / "run"
    other = "stderr" if stream == "stdout" else "stdout"
    process = started("train", spec, "--out", run, *options, **{stream: subprocess.PIPE, other: subprocess.DEVNULL})
    pipe = getattr(process, stream)
    assert pipe.readline()
    pipe.close()
    assert process.wait(timeout=300) == 0
    assert is_done(run)
    name = {"stdout": "standard output", "stderr": "standard error"}[stream]
    assert f"{name}: Broken pipe; the training goes on without it" in log_of(run)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_standard_output_is_reported_and_the_training_is_whole(spec, tmp_path):
    run = tmp_path / "run"
    with open("/dev/full", "w") as full:
        process = started("train", spec, "--out", run, "--json", stdout=full, stderr=subprocess.PIPE, text=True)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert is_done(run)
    assert "note: standard output: No space left on device; the training goes on without it\n" in err
    with open("/dev/full", "w") as full:
        process = started("grad", "x^2", stdout=full, stderr=subprocess.PIPE, text=True)
        assert process.communicate(timeout=300)[1] == "error: standard output: No space left on device\n"
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "numbers", "code", "said"),
    [
        (["grad", "x^2"], (1,), 1, "error: standard output: is closed\n"),
        (["grad", "x^2"], (0, 2), 0, ""),
        (["grad", "x^"], (2,), 2, ""),
        (["grad", "x^"], (1, 2), 2, ""),
        (["runs", "--dir", "nowhere"], (1,), 2, "error: nowhere: there is no such folder"),
        (["models"], (1,), 1, "error: standard output: is closed\n"),
        (["check", "iris"], (1,), 1, "error: standard output: is closed\n"),
    ],
)
def test_other_commands_say_that_nobody_hears_them(arguments, numbers, code, said):
    process = started(
        *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=closing(*numbers)
    )
    _, err = process.communicate(timeout=300)
    assert process.returncode == code
    assert err.startswith(said)
    assert bool(err) == bool(said)


def has_trained(run):
    """Whether an epoch of a run has been written down."""
    path = run / "metrics.jsonl"
    return path.exists() and path.stat().st_size > 0


def wait_for(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to it")


class Terminal:
    """A process that leads the session of a pseudo-terminal of its own."""

    def __init__(self, *arguments, before=None):
        self.master, slave = os.openpty()

        def lead():
            import fcntl
            import termios

            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if before is not None:
                before()

        self.process = started(*arguments, stdin=slave, stdout=slave, stderr=slave, preexec_fn=lead)
        os.close(slave)

    def read_until(self, condition):
        """Show what is written, as a terminal does; one that nobody reads would fill up."""
        os.set_blocking(self.master, False)

        def looked():
            with suppress(BlockingIOError):
                os.read(self.master, 1 << 16)
            return condition()

        wait_for(looked)

    def hang_up(self):
        os.close(self.master)


@pytest.mark.parametrize("options", [(), ("--json",), ("--quiet",)], ids=str)
def test_a_terminal_that_hangs_up_leaves_a_checkpoint_of_the_last_step(ag, spec, tmp_path, options):
    run = tmp_path / "run"
    terminal = Terminal("train", spec, "--out", run, *options, *ENDLESS)
    terminal.read_until(lambda: has_trained(run))
    terminal.hang_up()
    assert terminal.process.wait(timeout=300) == 128 + signal.SIGHUP
    checkpoint, passed_over = Run(run).newest()
    assert not passed_over
    assert f"interrupted by signal 1 at step {checkpoint.step}\n" in log_of(run)
    ag("train", "--resume", run, "--quiet", "--set", f"train.max_steps={checkpoint.step + 1}", check=0)


def test_under_nohup_the_training_goes_on_when_the_terminal_hangs_up(spec, tmp_path):
    run = tmp_path / "run"
    ignoring = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what `nohup` does
    terminal = Terminal("train", spec, "--out", run, *ENDLESS, before=ignoring)
    terminal.read_until(lambda: has_trained(run))
    terminal.hang_up()
    lines = (run / "metrics.jsonl").read_bytes().count(b"\n")
    wait_for(lambda: (run / "metrics.jsonl").read_bytes().count(b"\n") > lines + 50)
    assert terminal.process.poll() is None
    terminal.process.terminate()
    assert terminal.process.wait(timeout=300) == 128 + signal.SIGTERM
    assert "Input/output error; the training goes on without it" in log_of(run)


def test_a_second_hangup_waits_and_another_signal_ends_at_once(monkeypatch):
    from agcli.training.signals import stopping

    seen = []
    with stopping(seen.append):
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert seen == [signal.SIGHUP]
        with pytest.raises(SystemExit) as ended:
            os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping(seen.append):
            os.kill(os.getpid(), signal.SIGINT)
        assert seen == [signal.SIGHUP]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_stream_for_colors_is_lost_with_its_own():
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(errno.EIO, "gone")

    plain = io.StringIO()
    plain.styled = Gone()
    stream = streams.Lasting(plain, "standard error")
    stream.write("a")
    stream.styled.write("b")
    stream.write("c")
    assert (plain.getvalue(), stream.lost.errno) == ("a", errno.EIO)
    assert not hasattr(streams.Lasting(io.StringIO(), "standard error"), "styled")
