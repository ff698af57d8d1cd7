"""The gradients of a spec's loss by its parameters, as matrix formulas, and their proof on a random batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agcli.data.section import load_data
from agcli.datasets import Dataset
from agcli.engine.function import Function
from agcli.engine.gradient import grad
from agcli.engine.graph import Tensor, toposort
from agcli.engine.leaves import Placeholder, Variable, placeholder
from agcli.engine.ops.words import Draw
from agcli.engine.substitution import substitute
from agcli.engine.types import Array, TensorType
from agcli.expression.check import Check, relative_size
from agcli.expression.errors import ExpressionError, nearest, shorten
from agcli.expression.gradients import gradients
from agcli.expression.matrix import Lengths, Parts, factored, fixed, parts, shortened
from agcli.expression.matrix.lengths import LETTERS, PRIMES, lettered
from agcli.expression.printers.letters import identifiers
from agcli.model.build import Model, build
from agcli.model.formulas import tensor_of
from agcli.spec import read_spec

SHORT_NAMES = {"weight": "W", "kernel": "W", "bias": "b"}
BATCHES, ROWS = 3, 5  # of a check
CLOSE = 1e-3  # largest relative error: the engine computes in float32
UNNAMED = "--wrt: name a parameter of the model:"


@dataclass(frozen=True)
class Symbol:
    """A name of a formula: what it stands for, and its shape."""

    name: str
    meaning: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class ModelGradients:
    """The gradients of a model's loss: formulas in parts. `wrt` are full names in order."""

    path: str
    wrt: tuple[str, ...]
    names: dict[str, str]  # of parameters: full -> short
    parts: Parts
    symbols: tuple[Symbol, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


def model_gradients(path: str, wrt: Sequence[str], check: bool = False) -> ModelGradients:
    """The gradients of the loss of the spec in the file `path`. Raises ExpressionError at an unknown name."""
    spec = read_spec(Path(path))
    data = load_data(spec)
    model = build(spec, data)
    loss, notes = loss_of(model)
    leaves: list[Tensor] = [t for t in toposort([loss]) if isinstance(t, Variable | Placeholder)]
    inputs = [t for t in leaves if isinstance(t, Placeholder)]
    full: dict[Tensor, str] = {t: name for name, t in model.parameters.items()}
    full |= {t: t.name or "value" for t in leaves if t not in full}
    short = short_names([name for t, name in full.items() if t not in inputs], [full[t] for t in inputs])
    chosen = [known(name, full, short) for name in words(wrt)]
    if not chosen:
        raise ExpressionError(f"{UNNAMED}{listing(full, short)}")
    names = {t: short[name] for t, name in full.items()}
    found = gradients(loss, chosen)  # type: ignore[arg-type]
    steps = [t for t in toposort([loss]) if t.op is not None and isinstance(t.type, TensorType)]
    short_forms = factored(fixed([*found, *steps], names), Lengths())
    values = short_forms[len(chosen) :]
    tensors = shortened(short_forms[: len(chosen)], values)
    formulas = parts(tensors, values, [*names.values(), *LETTERS])
    proofs = proof(chosen, loss, formulas, data, names) if check else ()
    return ModelGradients(
        path, tuple(full[t] for t in chosen), {full[t]: names[t] for t in full}, formulas,
        tuple(symbols(formulas, full, names)), tuple(proofs), tuple(notes),
    )  # fmt: skip


def loss_of(model: Model) -> tuple[Tensor, list[str]]:
    """The loss that is trained; that of evaluation, and a note, where training is random."""
    if any(isinstance(t.op, Draw) for t in toposort([model.train.loss])):
        return model.test.loss, ["random layers, such as dropout, are left out"]
    return model.train.loss, []


def short_names(parameters: Sequence[str], inputs: Sequence[str]) -> dict[str, str]:
    """Full name -> name in formulas: `dense_2.weight` is W2, of the second layer that has parameters."""
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in parameters if "." in name))
    plain: dict[str, str] = {}
    for name in parameters:
        layer, _, field = name.rpartition(".")
        number = str(layers.index(layer) + 1) if layer and len(layers) > 1 else ""
        plain[name] = SHORT_NAMES.get(field, field) + number
    found: dict[str, str] = {}
    taken = list(LETTERS)
    for name in [*inputs, *parameters]:
        found[name] = identifiers([plain.get(name, name)], taken)[plain.get(name, name)]
        taken.append(found[name])
    return found


def words(wrt: Sequence[str]) -> list[str]:
    return [word.strip() for text in wrt for word in text.split(",") if word.strip()]


def known(name: str, full: Mapping[Tensor, str], short: Mapping[str, str]) -> Tensor:
    """The tensor of a full or short name."""
    for t, long in full.items():
        if name in (long, short[long]):
            if t.dtype.kind != "f":
                raise ExpressionError(f"--wrt: `{name}` holds {t.dtype}; only floats have a derivative")
            return t
    near = nearest(name, [*full.values(), *short.values()])
    hint = f"did you mean `{near}`?" if near else ""
    raise ExpressionError(f"--wrt: the model has no `{shorten(name)}`; it has:{listing(full, short)}", hint=hint)


def listing(full: Mapping[Tensor, str], short: Mapping[str, str]) -> str:
    rows = [(long, short[long], t) for t, long in full.items() if t.dtype.kind == "f"]
    width = max((len(long) for long, _, _ in rows), default=0)
    return "".join(f"\n  {long:<{width}}  {name:<4} {shape_words(axes(t))}" for long, name, t in rows)


def axes(t: Tensor) -> tuple[int | str, ...]:
    return tuple(lettered(tuple(PRIMES[i] if d is None else d for i, d in enumerate(t.shape))))


def shape_words(shape: Sequence[int | str]) -> str:
    """As in `(n, 10)` and `(10,)`."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def symbols(formulas: Parts, full: Mapping[Tensor, str], names: Mapping[Tensor, str]) -> list[Symbol]:
    """What the formulas are made of, in the order of the model."""
    used = set(formulas.variables)
    found: list[Symbol] = []
    for t, name in names.items():
        if name in used:
            own = "a parameter" if full[t] == name else full[t]
            meaning = "a batch of the data" if isinstance(t, Placeholder) else own
            found.append(Symbol(name, meaning if t.dtype.kind == "f" else f"{meaning}, {t.dtype}", axes(t)))
    counted = "samples of a batch", *(f"length of axis {axis}" for axis in range(1, len(LETTERS)))
    shapes = [*(p.shape for p in (*formulas.named, *formulas.results)), *(s.shape for s in found)]
    shown = {d for shape in shapes for d in shape} | used
    meanings = zip(LETTERS, counted, strict=True)
    return [*found, *(Symbol(letter, meaning, ()) for letter, meaning in meanings if letter in shown)]


# Proof: the formulas as they are printed, read back, against the engine's reverse mode


def proof(
    chosen: Sequence[Tensor], loss: Tensor, formulas: Parts, data: Dataset, names: Mapping[Tensor, str]
) -> list[Check]:
    """The largest relative error of each formula on random batches, with every parameter moved a little."""
    rng = np.random.default_rng(0)
    inputs = [t for t in names if isinstance(t, Placeholder)]
    states = [t for t in names if isinstance(t, Variable)]
    fetched = grad(loss, list(chosen), allow_unused=True)
    values = [placeholder(f"value of {names[t]}", t.shape, t.dtype) for t in states]
    sources: dict[Tensor, Tensor] = dict(zip(states, values, strict=True))
    engine = Function(substitute(fetched, sources))
    errors = [0.0] * len(chosen)
    for _ in range(BATCHES):
        rows = rng.integers(0, len(data.train), ROWS)
        fed: dict[Tensor, Array] = {t: data.train.select(rows)[t.name or ""] for t in inputs}
        fed |= {t: moved(t.value, rng) for t in states}
        used = {sources.get(t, t): v for t, v in fed.items()}
        exact = engine({t: v for t, v in used.items() if t in engine.inputs})
        try:
            read = evaluate(formulas, {names[t]: v for t, v in fed.items()})
        except ExpressionError:  # an op that the engine has and the language of formulas has not
            return [Check(None, 0, 0.0) for _ in chosen]
        for i, (value, found) in enumerate(zip(exact, read, strict=True)):
            errors[i] = max(errors[i], relative_size(found, value) if found.shape == value.shape else float("inf"))
    return [Check(error <= CLOSE, BATCHES, error) for error in errors]


def moved(value: Array, rng: np.random.Generator) -> Array:
    if value.dtype.kind != "f":
        return value
    return (value + 0.1 * rng.standard_normal(value.shape)).astype(value.dtype)


def evaluate(formulas: Parts, values: Mapping[str, Any]) -> list[Array]:
    """The values of the formulas' texts, part by part."""
    inputs = {
        name: placeholder(name, v.shape, "float64" if v.dtype.kind == "f" else v.dtype) for name, v in values.items()
    }
    batch = next(iter(values.values()))
    names: dict[str, Tensor | int] = {**inputs, **dict(zip(LETTERS, batch.shape, strict=False))}
    for part in formulas.named:
        names[part.name] = tensor_of(part.text, names)
    function = Function([tensor_of(part.text, names) for part in formulas.results])
    return [np.asarray(v) for v in function({t: values[n] for n, t in inputs.items() if t in function.inputs})]
