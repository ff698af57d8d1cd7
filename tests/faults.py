"""A disk that fails at its n-th call: with an error of the system, or for good, as if the process had been killed.

Everything that writing a run's folder asks of the system goes through ``os`` and ``io.open``; both are replaced.
"""

import errno
import io
import os

DESCRIPTORS = ("fsync", "pwrite", "ftruncate")
CALLS = ("open", "replace", "rename", "unlink", "mkdir", *DESCRIPTORS)


class Killed(BaseException):
    """In place of SIGKILL; after it every further call fails too, so that nothing is cleaned up."""


class Disk:
    """Counts calls, and fails at call number ``at``."""

    def __init__(self, monkeypatch, folder, at, kill):
        self.folder, self.at, self.kill = str(folder), at, kill
        self.calls, self.failed = 0, False
        for name in CALLS:
            monkeypatch.setattr(os, name, self.counted(getattr(os, name), name))
        monkeypatch.setattr(io, "open", self.opened(io.open))

    def tick(self, name):
        """Count a call; raise if it is the one."""
        self.calls += 1
        if self.kill and self.failed:
            raise Killed
        if self.calls == self.at:
            self.failed = True
            raise Killed if self.kill else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def counted(self, call, name):
        def wrapped(path, *args, **options):
            if name in DESCRIPTORS or str(path).startswith(self.folder):
                self.tick(name)
            return call(path, *args, **options)

        return wrapped

    def opened(self, call):
        def wrapped(path, mode="r", *args, **options):
            file = call(path, mode, *args, **options)
            return Torn(file, self) if any(letter in mode for letter in "wa") else file

        return wrapped


class Torn:
    """A file that is written by halves when the disk fails."""

    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def write(self, data):
        try:
            self.disk.tick("write")
        except BaseException:
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            raise
        return self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
