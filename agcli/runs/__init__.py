"""Run folders: the resolved spec, the environment, metrics and checkpoints, all plain files."""

from .checkpoints import Checkpoint, DamagedError, digest
from .files import RunError, writing
from .places import MARK
from .run import KEPT, Run

__all__ = ["KEPT", "MARK", "Checkpoint", "DamagedError", "Run", "RunError", "digest", "writing"]
