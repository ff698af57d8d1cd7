"""Trainings as processes: signals, kills, two at a time, small disks, wrong use."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from test_resume import SPEC

from agcli.runs import Run


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


COMMAND = [sys.executable, "-W", "error", "-c", "from agcli.cli import main; main()"]
ENDLESS = ("--set", "train.epochs=1000000", "--set", "train.eval_every=1000000", "--set", "train.patience=null")


def start(*args):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*COMMAND, *map(str, args)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path):
    for _ in range(6000):
        if Path(path).exists() and Path(path).stat().st_size:
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_a_checkpoint_and_a_hint(ag, spec, tmp_path, number, code):
    folder = tmp_path / "run"
    process = start("train", spec, "--out", folder, "--quiet", *ENDLESS)
    wait_for(folder / "metrics.jsonl")
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, err
    assert f"go on with: ag train --resume {folder}" in err
    assert not out
    assert "Traceback" not in err
    checkpoint, _ = Run(folder).newest()
    assert f"stopped at step {checkpoint.step:,}" in err
    goes_on = ag("train", "--resume", folder, "--json", "--set", f"train.max_steps={checkpoint.step + 1}", check=0)
    first, *_, last = map(json.loads, goes_on.stdout.splitlines())
    assert first["resumed_at_step"] == checkpoint.step
    assert last["steps"] == checkpoint.step + 1


def test_the_second_ctrl_c_ends_at_once(spec, tmp_path):
    """The first one waits for a checkpoint that a slow disk does not finish."""
    folder = tmp_path / "run"
    slow = (
        "import os, signal, sys, time, agcli.runs.run as r; from agcli.cli import main\n"
        "read, written = os.pipe(); os.set_blocking(read, False); os.set_blocking(written, False)\n"
        "signal.set_wakeup_fd(written)\n"
        "def slowly(*a):\n"
        "    print('saving', flush=True)\n"
        "    while True:\n"
        "        time.sleep(0.05)  # after it, a signal has been seen to\n"
        "        try: os.read(read, 1); print('asked', flush=True)\n"
        "        except BlockingIOError: pass\n"
        "r.checkpoints.write = slowly; main()"
    )
    command = [sys.executable, "-c", slow, "train", str(spec), "--out", str(folder), "--quiet"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "saving\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_kills_at_random_moments_are_survived(ag, spec):
    done = ag("verify-resume", spec, "--set", "train.epochs=20", "--kills", "2", "--seed", "1", check=0)
    assert done.stdout.splitlines()[-1] == "2 kills survived"


def test_two_processes_on_one_folder(ag, spec, tmp_path):
    folder = tmp_path / "run"
    process = start("train", spec, "--out", folder, "--quiet", *ENDLESS)
    wait_for(folder / "metrics.jsonl")
    assert f"number {process.pid}" in ag("train", "--resume", folder, check=2).stderr
    process.kill()
    process.communicate()
    ag("train", "--resume", folder, "--set", "train.epochs=1", "--quiet", check=0)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only the superuser may mount a small disk")
def test_a_full_and_a_read_only_disk(ag, spec, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        run = disk / "run"
        often = ("--set", "train.checkpoint_every=20 steps")
        full = ag("train", spec, "--out", run, "--quiet", "--set", "train.epochs=1000", *often, check=1)
        assert "No space left on device" in full.stderr
        assert "the last whole checkpoint is step-" in full.stderr
        checkpoint, passed_over = Run(run).newest()
        assert checkpoint is not None
        assert not passed_over
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert "Read-only file system" in ag("train", "--resume", run, check=1).stderr
        subprocess.run(["mount", "-o", "remount,rw,size=10m", disk], check=True)
        ag("train", "--resume", run, "--quiet", check=0)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--resume", "auto"], "no run that has not ended"),
        (["train", "--resume", "nowhere"], "found nothing there"),
        (["train", "--resume", "nowhere", "--out", "x"], "leave --out away"),
        (["train", "small.yaml", "--set", "train.watch=acuracy"], "did you mean `accuracy`"),
        (["verify-resume", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_use_is_said(ag, spec, tmp_path, arguments, said):
    assert said in ag(*arguments, cwd=tmp_path, check=2).stderr
