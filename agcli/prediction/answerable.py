"""Whether a model gives an answer to samples whose target nobody knows, and if not, what to write into its spec."""

from __future__ import annotations

from agcli.datasets.dataset import KNOWN
from agcli.engine.graph import Tensor, toposort
from agcli.model.build import Answering
from agcli.model.formula_metrics import fed_ids, is_per_sample
from agcli.model.graph import OUTPUT


def why_not(model: Answering) -> str:
    """Why the output says nothing of a sample, and what to do about it; empty if it does."""
    output = model.test.output
    if not (model.spec.model or OUTPUT in model.spec.let):
        return f"the spec defines no `output` in `let`, what the model predicts{suggestion(model)}"
    if needs_target(output, model):
        own = "`output` is made of the target, which nobody knows of new samples"
        return f"{own}; define `output` in `let` by the inputs alone{suggestion(model)}"
    if output.shape[:1] != (None,):
        return f"`output` has the shape {output.shape}; expected a row for each sample"
    if model.spec.is_formulas and mixes_samples(output, model):
        return "`output` of a sample depends on the other samples; expected a formula of each sample by itself"
    return ""


def suggestion(model: Answering) -> str:
    """The last formula of `let` that could be the output."""
    fitting = [n for n, t in model.test.let.items() if n != OUTPUT and t.dtype.kind == "f" and is_answer(t, model)]
    return f", as in `output: {fitting[-1]}`" if fitting else ", as in `let: {output: a * x[:, 0] + b}`"


def row_outputs(model: Answering) -> dict[str, Tensor]:
    """The spec's own `outputs` that have a row a sample and follow from its inputs alone."""
    return {name: t for name, t in model.test.outputs.items() if is_answer(t, model)}


def is_answer(t: Tensor, model: Answering) -> bool:
    """Whether a tensor has a row a sample, which follows from the inputs of that sample."""
    known = t.shape[:1] == (None,) and not needs_target(t, model)
    return known and not (model.spec.is_formulas and mixes_samples(t, model))


def needs_target(t: Tensor, model: Answering) -> bool:
    """Whether a tensor depends on the target, or on its standard deviation."""
    known = [p for name, p in model.inputs.items() if name in KNOWN]
    return any(x is p for x in toposort([t]) for p in known)


def mixes_samples(t: Tensor, model: Answering) -> bool:
    """Whether a row of a tensor is made of several samples, such as of their mean."""
    return not is_per_sample(t, fed_ids(toposort([t])), set())
