"""Whatever is typed: a spec is read, or what is wrong with it is told; nothing else ever happens."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agcli.spec import Spec, SpecError, parse_spec
from agcli.spec.document import read_document
from agcli.spec.source import Source

DIGITS = (Path(__file__).parents[2] / "models" / "digits.yaml").read_text(encoding="utf-8")

FORMULAS = """
vars: {hidden: 8, rate: 0.5}
data: digits
model:
  code: {dense: {units: ${hidden}}, l2: 1e-3, input: x}
  again: {dense: ${hidden}, weights: code, input: x}
  output: {lambda: "code + again"}
variables: {w: {shape: [8, 10]}, b: 0}
let: {z: output @ w + b}
loss: mean(sparse_softmax_cross_entropy(z, y)) + ${rate} * mean(square(w))
metrics: {accuracy: "mean(argmax(z, -1) == y)", best: {top_k: 2}}
outputs: {s: "svd(w)"}
freeze: [code*]
"""

WORDS = st.sampled_from(
    [
        *"[]{}:,-?&*!|>'\"%@`#~\n\t ",
        *("- ", ": ", "\n  ", "\n    ", "<<", "&a ", "*a", "!!int ", "---\n", "...\n", "\\x", "\ufeff", "層", "\x00"),
        *("null", "true", ".inf", "1", "-1", "0.5", "0x1", "1e-3", "nothing"),
        *("name", "seed", "data", "model", "loss", "metrics", "optimizer", "train", "dense", "units", "reshape"),
        *("digits", "relu", "mse", "accuracy", "adam", "sgd", "lr"),
        *(
            "vars",
            "${a}",
            "${",
            "variables",
            "let",
            "outputs",
            "freeze",
            "include",
            "lambda",
            "input",
            "x @ w",
            "grad(",
            "w",
        ),
    ]
)


def is_told_or_read(text: str, *overrides: str) -> None:
    try:
        spec = parse_spec(text, overrides=overrides)
    except SpecError as error:
        told = error
    else:
        assert parse_spec(spec.dump()) == spec
        return
    assert told.problems
    assert str(told).replace("\n", "").isprintable()
    json.dumps(told.to_json()).encode()


@given(st.lists(st.one_of(WORDS, st.text(max_size=3)), max_size=40).map("".join))
@settings(max_examples=150, deadline=None)
def test_random_text_is_told_or_read(text: str) -> None:
    is_told_or_read(text)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_spec_is_told_or_read(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([DIGITS, FORMULAS]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 8)))
        text = text[:start] + data.draw(WORDS) + text[end:]
    is_told_or_read(text)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.sampled_from([DIGITS, FORMULAS]), st.sampled_from(list(Spec.model_fields)), VALUES)
@settings(max_examples=200, deadline=None)
def test_any_value_in_any_section_is_told_or_read(text: str, section: str, value: Any) -> None:
    sections = {**read_document(Source("spec", text)).data, section: value}
    is_told_or_read(json.dumps(sections).replace("NaN", ".nan").replace("Infinity", ".inf"))


@given(st.lists(WORDS, max_size=6).map("".join), st.lists(WORDS, max_size=6).map("".join))
@settings(max_examples=150, deadline=None)
def test_any_override_is_told_or_read(path: str, value: str) -> None:
    is_told_or_read(DIGITS, f"{path}={value}", f"model[0].{path}={value}")
    is_told_or_read(FORMULAS, f"vars.rate={value}", f"model.code.{path}={value}", f"let.{path}={value}")
