"""A process that has loaded `ag` and forks one for each request, which spares tests half of a start.

A request is a line of JSON on standard input; the answer is the exit code. Nothing is run in this process itself: what
has threads, as polars once it reads, cannot be forked.
"""

import io
import json
import os
import signal
import sys
from importlib import import_module

LOADED = (
    "agcli.cli", "agcli.data.described", "agcli.data.first_spec", "agcli.evaluation.evaluate", "agcli.prediction.files",
    "agcli.report.screen", "agcli.training.dry_run", "agcli.training.fit", "polars", "rich.progress", "scipy.linalg",
)  # fmt: skip


def serve(args, cwd, env, streams, limit):
    """Become the process that was asked for: ``streams`` are the paths of its standard input, output and errors."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(path, flags), number)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    signal.alarm(limit)
    sys.argv = ["ag", *args]
    from agcli.cli import main

    main()


if __name__ == "__main__":
    for name in LOADED:
        import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            serve(**request)
            sys.exit()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
