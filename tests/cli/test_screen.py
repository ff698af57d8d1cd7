"""What a training shows: on a terminal of 80 and of 200 columns, in a pipe, quietly, as JSON, and as a picture."""

import fcntl
import io
import json
import math
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from conftest import ROOT
from rich.console import Console

from agcli.events import Done, EpochDone, Evaluated, Note, Started, Stepped
from agcli.report.figures import amount, duration, figure
from agcli.report.lines import JsonLines, PlainLines
from agcli.report.screen import Screen
from agcli.report.sparkline import BLOCKS, History, sparkline

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
STARTED = Started("digits", Path("runs/a"), "digits", 1437, 4810, 20, 45)


def epoch(number, loss, accuracy, best=False):
    return EpochDone(number, loss, {}, loss + 0.1, {"accuracy": accuracy}, 0.25, 1437, 45 * number, 0.003, best)


EVENTS = [
    STARTED,
    Note("something is strange", "data"),
    Stepped(1, 10, 320, 2.0, 0.003),
    epoch(1, 1.6, 0.8361, True),
    Stepped(2, 10, 320, 1.0, 0.003),
    Evaluated(2, 60, 0.9, {"accuracy": 0.85}, True),
    epoch(2, 0.7, 0.8917),
]


def shown(events, width, color=False):
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None)
    now = [0.0]
    screen = Screen(console, live=False, clock=lambda: now[0])
    for event in events:
        now[0] += 1.0
        screen(event)
    console.print(screen.render())
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_line_fits_and_says_what_it_should(width):
    text = shown([*EVENTS, Stepped(3, 9, 288, 0.5, 0.003)], width)
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines)
    assert not ESCAPE.search(text)
    if width < 80:
        return
    one, two = (line for line in lines if re.match(r"epoch +\d+  loss", line))
    assert " ".join(one.split()) == "epoch 1 loss 1.6000 validation: loss 1.7000 accuracy 0.8361 ★ 0.25 s"
    changed = "loss 0.7000 ↓.9000  validation: loss 0.8000 ↓.9000 accuracy 0.8917 ↑.0556"
    assert (changed if width > 80 else "loss 0.7000  validation: loss 0.8000 accuracy 0.8917 ↑.0556") in two
    assert one.index("accuracy") == two.index("accuracy")
    assert any("note: something is strange" in line for line in lines)
    bars = lines[-3:]
    assert re.match(r"epoch +3/20 +━.* 11%  \d+ s left$", bars[0])
    assert re.match(r"step +9/45 +━.* loss 0\.5000$", bars[1])
    assert re.match(r"\d+ samples/s  lr 0\.003  memory [\d.]+ .B  loss [▁-█]+$", bars[2])


def test_a_resumed_training_starts_where_it_was():
    again = Started("digits", Path("runs/a"), "digits", 1437, 4810, 20, 45, epoch=10, step=450)
    text = shown([again, Stepped(11, 9, 288, 0.5, 0.003)], 80)
    assert "goes on after step 450" in " ".join(text.split())
    assert "51%" in text
    assert "samples/s" in text.splitlines()[-1]
    assert int(text.splitlines()[-1].split()[0]) == round(9 * 1437 / 45)  # of this process, in one second


def test_long_trainings_leave_few_lines():
    events = [Started("a", Path("a"), "a", 10, 1, 10_000, 1), *(epoch(n, 1 / n, 0.5) for n in range(1, 10_001))]
    lines = [line for line in shown(events, 80).splitlines() if line.startswith("epoch") and "loss" in line]
    assert 100 <= len(lines) <= 102


def test_plain_lines_are_one_an_epoch():
    out = io.StringIO()
    report = PlainLines(out)
    for event in EVENTS:
        report(event)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["digits:", "note:", "epoch", "step", "epoch"]
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", out.getvalue())


def test_json_has_an_object_a_line():
    out = io.StringIO()
    report = JsonLines(out)
    weights = {"which": "best", "step": 765, "epoch": 17}
    done = Done(Path("runs/a"), 20, 900, 0.1, 0.3, 0.2, {"accuracy": 0.9}, 1.0, weights, best={"epoch": 17})
    for event in [*EVENTS, done]:
        report(event)
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [r["event"] for r in records] == ["start", "note", "epoch", "evaluation", "epoch", "done"]
    assert records[-1]["best"]["epoch"] == 17
    assert [r.get("validation_loss") for r in records[2:]] == pytest.approx([1.7, 0.9, 0.8, 0.3])


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([], 10, ""),
        ([1.0], 10, "▁"),
        ([3.0, 3.0, 3.0], 10, "▁▁▁"),
        ([1.0, 10.0, 100.0], 10, "▁▅█"),  # by the logarithm
        ([-1.0, 0.0, 1.0], 10, "▁▅█"),
        ([1.0, math.nan, 2.0], 10, "▁×█"),
        ([float(n) for n in range(1, 17)], 4, "▁▅▇█"),
        ([1.0, 2.0], 0, ""),
    ],
)
def test_sparklines(values, width, expected):
    assert sparkline(values, width) == expected


def test_a_history_is_bounded_and_keeps_its_shape():
    history = History(64)
    for n in range(10_000):
        history.add(float(n))
    assert 32 <= len(history.values) < 64
    assert history.values == sorted(history.values)
    assert sparkline(history.values, 8)[-1] == BLOCKS[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (figure(0.04531), "0.0453"),
        (figure(1e-7), "1e-07"),
        (duration(3.2e-6), "3.2 µs"),
        (duration(0.0123), "12.3 ms"),
        (duration(0.25), "0.25 s"),
        (duration(59), "59 s"),
        (duration(185), "3:05"),
        (duration(7384), "2:03:04"),
        (amount(512), "512 B"),
        (amount(61440), "61.4 kB"),
        (amount(2.5e9), "2.5 GB"),
    ],
)
def test_figures(text, expected):
    assert text == expected


# In a real terminal


def seen_on_a_terminal(tmp_path, columns, **env):
    """What `ag train` writes to a pseudo-terminal of so many columns."""
    main, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-c", "from agcli.cli import main; main()", "train", "models/digits.yaml"]
    clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "run")],
        cwd=ROOT, env={**clean, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **env},
        stdin=child, stdout=child, stderr=child,
    )  # fmt: skip
    os.close(child)
    seen = b""
    while select.select([main], [], [], 300)[0]:
        try:
            seen += os.read(main, 65536)
        except OSError:  # the other side is closed
            break
    assert process.wait(300) == 0
    os.close(main)
    return seen.decode()


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_shows_bars_and_keeps_the_epochs(tmp_path, columns):
    text = seen_on_a_terminal(tmp_path, columns)
    plain = ESCAPE.sub("", text)
    assert "\x1b[?25l" in text  # the cursor is hidden
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # and shown again
    assert "samples/s" in plain
    assert re.search(r"epoch +\d+/20 ━", plain)
    assert re.search(r"epoch 20  loss 0\.\d+.* accuracy 0\.\d+ [↓↑=]", plain)
    assert re.search(r"done in [\d.]+ \w+: test loss 0\.\d+  accuracy 0\.9", plain)
    assert "weights: the best, of epoch" in plain
    assert f"run: {tmp_path / 'run'}" in plain
    lines = re.split(r"[\r\n]+", ESCAPE.sub("", re.sub(r"\x1b\[[0-9;?]*[A-L]", "\n", text)))  # a cursor that moves
    assert not [line for line in lines if len(line) > columns and not line.startswith("run:")]


def test_no_color_is_respected(tmp_path):
    text = seen_on_a_terminal(tmp_path, 80, NO_COLOR="1")
    colors = [code for code in re.findall(r"\x1b\[([0-9;]*)m", text) if re.search(r"(^|;)[34][0-9]", code)]
    assert not colors


def test_the_picture_of_the_readme_needs_no_network():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from screenshot import pictures
    finally:
        sys.path.remove(str(ROOT / "docs"))
    made = pictures(ROOT / "models" / "digits.yaml")
    assert set(made) == {"light", "dark"}
    for svg in made.values():
        assert svg.startswith("<svg")
        assert "samples/s" in svg
        assert "█" in svg
        assert "url(http" not in svg
        assert "@font-face" not in svg
