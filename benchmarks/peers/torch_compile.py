"""torch's training steps with their loss through `torch.compile`: shown beside eager torch, which we are compared with.

The optimizer is the fused one, as there. A C++ compiler is needed, and the first step takes from seconds to a minute.
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.peers import torch as eager

eager.prepared = torch.compile


def __getattr__(name: str) -> Any:
    """The sides are those of ``eager``, made with what was put there."""
    return getattr(eager, name)
