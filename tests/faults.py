"""A disk that fails at its n-th call: with an error of the system, or for good, as if the process had been killed.

Everything that writing a run's folder asks of the system goes through ``os``, by names in the folder or by descriptors.
"""

import errno
import os

DESCRIPTORS = ("fsync", "pwrite", "ftruncate")
CALLS = ("open", "replace", "rename", "unlink", "mkdir", "rmdir")


class Killed(BaseException):
    """In place of SIGKILL; after it every further call fails too, so that nothing is cleaned up."""


class Disk:
    """Counts calls, and fails at call number ``at``."""

    def __init__(self, monkeypatch, folder, at, kill):
        self.folder, self.at, self.kill = str(folder), at, kill
        self.calls, self.failed = 0, False
        for name in (*CALLS, *DESCRIPTORS):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name), name))
        monkeypatch.setattr(os, "write", self.torn(os.write))

    def tick(self):
        """Count a call; raise if it is the one."""
        self.calls += 1
        if self.kill and self.failed:
            raise Killed
        if self.calls == self.at:
            self.failed = True
            raise Killed if self.kill else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def counted(self, call, name):
        def wrapped(path, *args, **options):
            is_relative = options.get("dir_fd", options.get("src_dir_fd")) is not None
            if name in DESCRIPTORS or is_relative or str(path).startswith(self.folder):
                self.tick()
            return call(path, *args, **options)

        return wrapped

    def torn(self, call):
        """A write that puts half of its bytes down when the disk fails."""

        def wrapped(handle, data):
            try:
                self.tick()
            except BaseException:
                call(handle, data[: len(data) // 2])
                raise
            return call(handle, data)

        return wrapped
