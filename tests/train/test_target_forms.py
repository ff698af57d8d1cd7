"""Targets of several values a sample: lists from Parquet, and a class for each place of an array."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import agcli as ag
from agcli.spec import SpecError, parse_spec


def test_lists_of_pairs_in_parquet_are_told_what_to_write(tmp_path):
    tags = [[{"name": "red"}], [], [{"name": "green"}]] * 20
    pl.DataFrame({"a": range(60), "tags": tags}).write_parquet(tmp_path / "t.parquet")
    text = f"data: {{file: {tmp_path}/t.parquet, target: tags}}\nmodel: [dense: 3]\nloss: sigmoid_cross_entropy"
    with pytest.raises(SpecError, match=r'target "tags": .*write a set of names into one cell, as `a;b`'):
        ag.train(parse_spec(text), tmp_path / "run")


def test_an_array_has_a_class_for_each_place(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, (160, 5))
    x = (3 * np.eye(3)[y] + rng.normal(0, 0.3, (160, 5, 3))).astype("float32")
    np.savez(tmp_path / "t.npz", x=x, y=y)
    text = f"""
data: {{file: {tmp_path}/t.npz}}
model: [dense: 3]
loss: softmax_cross_entropy
optimizer: {{adam: 0.2}}
train: {{epochs: 40, batch_size: 40}}
"""
    run = ag.train(parse_spec(text), tmp_path / "run")
    assert run.evaluate().metrics["accuracy"] > 0.95
    eye = np.stack([np.eye(3)[[0, 1, 2, 1, 0]] * 9]).astype("float32")
    assert np.asarray(run.predict(eye)).astype(int).tolist() == [[0, 1, 2, 1, 0]]
    assert run.evaluate().metrics["accuracy"] == pytest.approx(run.evaluate().figures["accuracy"].value)
