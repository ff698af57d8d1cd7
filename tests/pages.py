"""Pages of docs/ as tests read them: their blocks, the commands in these, and an `ag` that a shell finds."""

import doctest
import os
import re
import subprocess
import sys

from conftest import ROOT

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def page(name):
    """The text of a page."""
    return (ROOT / "docs" / name).read_text("utf-8")


def blocks(text):
    """The language and the text of every block."""
    return BLOCK.findall(text)


def commands(block):
    """The commands of a block of a console, each with what stands below it."""
    return COMMAND.findall(block)


def console(text):
    """The same of all blocks of a page."""
    return [command for language, block in blocks(text) if language == "console" for command in commands(block)]


def shows(shown, said):
    """Whether a page shows what was said; `...` stands for anything."""
    return doctest.OutputChecker().check_output(shown, said, FLAGS)


class Shell:
    """A folder in which commands run that call `ag`."""

    def __init__(self, place, **environment):
        program = place / "bin" / "ag"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from agcli.cli import main; main()' \"$@\"\n")
        program.chmod(0o755)
        path = f"{program.parent}:{os.environ['PATH']}"
        self.place = place
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **environment}

    def run(self, *words):
        """What a program prints to both of its outputs."""
        done = subprocess.run(
            words, cwd=self.place, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return done.stdout

    def python(self, program):
        return self.run(sys.executable, "-c", program)

    def check(self, block):
        """Run the commands of a block, each of which must print what stands below it; returns how many there are."""
        found = commands(block)
        for line, shown in found:
            said = self.run("sh", "-c", line)
            assert shows(shown, said), f"$ {line}\n{said}"
        return len(found)
