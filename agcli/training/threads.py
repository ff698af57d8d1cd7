"""How many threads BLAS has while a model trains."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from math import prod

from agcli.engine.backends.threads import blas
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Variable
from agcli.engine.ops.convolution import Conv
from agcli.engine.ops.matmul import MatMul
from agcli.engine.rewrite.shards import RunsOthers
from agcli.model.build import Model

SHARED = 1 << 22  # multiplications of the largest product that gains nothing from a second thread of BLAS


def suited(model: Model) -> AbstractContextManager[object]:
    """One thread of BLAS for a model of small products, in which two would mostly wait for each other.

    Of products up to `SHARED`, two threads on two free cores were no faster than one; where other programs use the
    cores, a training took three times as long. The spec alone decides, so a resumed run goes on to the same bits.
    """
    batch = model.spec.train.batch_size
    largest = max((multiplications(t, batch) for t in toposort([model.train.loss])), default=0)
    return blas().limit(limits=1) if largest <= SHARED else nullcontext()


def multiplications(t: Tensor, batch: int) -> int:
    """Those of a product of matrices, a convolution, or a turn of a loop; lengths that are not known are the batch."""

    def size(x: Tensor) -> int:
        return prod(batch if n is None else n for n in x.shape)

    if isinstance(t.op, MatMul):
        return size(t) * (t.inputs[0].shape[-1] or batch)
    if isinstance(t.op, Conv):
        return size(t) * size(t.inputs[1]) // (t.shape[-1] or 1)
    if isinstance(t.op, RunsOthers):
        return batch * max((size(x) for x in t.inputs if isinstance(x, Variable)), default=0)
    return 0
