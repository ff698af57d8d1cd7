"""What a person reads about a file names the file, and says what to write."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

import agcli as ag
from agcli.data.first_spec import draft
from agcli.data.formats import table_file
from agcli.data.section import load_data
from agcli.datasets import DataError
from agcli.spec import parse_spec


def table(folder, rows, name="t.csv"):
    (folder / name).write_text("\n".join(rows) + "\n")
    return folder / name


def test_columns_that_are_no_inputs_are_named_with_the_file(tmp_path):
    path = table(tmp_path, ["a,b,y", *["1,2,3"] * 30])
    with pytest.raises(DataError) as caught:
        draft(str(path))
    said = "expected at least one column as an input, found none"
    assert str(caught.value) == f'{path}: {said} ("a", "b": the same in every row)'


@pytest.mark.parametrize(("comments", "note"), [((9,), "1 row begins with #, row 9"), ((9, 20), "2 rows begin with #")])
def test_comments_between_rows_are_told_with_what_to_write(tmp_path, comments, note):
    rows = [f"{i},{i * 2}" for i in range(40)]
    for place in comments:
        rows.insert(place - 1, "# a note")
    path = table(tmp_path, ["a,y", *rows])
    file = table_file(path)
    file.read()
    (said,) = file.notes
    assert said.startswith(note)
    assert said.endswith('if these are comments, write `comment: "#"` in `data`')
    file = table_file(path, comment="#")
    assert len(file.read()) == 40
    assert not file.notes


def test_a_class_of_one_sample_is_told_with_what_to_write(tmp_path):
    rows = [f"{i * 0.5},{'rare' if i == 5 else 'xz'[i % 2]}" for i in range(60)]
    table(tmp_path, ["a,c", *rows])
    spec = f"data: {{file: '{tmp_path}/t.csv', target: c, split: stratified}}\n"
    model = "model: [{dense: 3}]\nloss: softmax_cross_entropy\n"
    said = " ".join(load_data(parse_spec(spec + model)).warnings)
    assert 'classes of too few samples to test any: "rare"; collect more' in said
    assert '`missing: ["rare"]` in `data`' in said
    assert "gives each its share" not in said
    kept = load_data(parse_spec(spec.replace("target", 'missing: ["rare"], target') + model.replace("3", "2")))
    assert kept.classes == ("x", "z")


def test_pictures_of_another_shape_are_told_by_their_shape(tmp_path):
    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 255, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "t.npz", x=x, y=y)
    spec = f"data: {{file: '{tmp_path}/t.npz', target: y, columns: {{x: image}}}}\nmodel: [flatten, {{dense: 2}}]\n"
    run = ag.train(parse_spec(spec + "loss: softmax_cross_entropy\ntrain: {epochs: 1}\n"), out=tmp_path / "run")
    np.savez(tmp_path / "s.npz", x=x[:, :7])
    with pytest.raises(DataError) as caught:
        run.predict(tmp_path / "s.npz")
    assert 's.npz: column "x": expected samples of shape (8, 8) as in training, found (7, 8)' in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "note"),
    [
        ([7], 'column "a": 1 of 40 cells hold bytes, row 8; such a cell is read as text, "<2 bytes>"'),
        (range(30), 'column "a": 30 of 40 cells hold bytes, rows 1, 2, 3, 4, 5, ...; the other cells are left out'),
    ],
)
def test_bytes_among_other_cells_are_told_with_their_rows(tmp_path, bad, note):
    with closing(sqlite3.connect(tmp_path / "t.db")) as base, base:
        base.execute("create table t (a, y)")
        base.executemany("insert into t values (?, ?)", [(b"\0\1" if i in bad else i * 0.5, i) for i in range(40)])
    file = table_file(tmp_path / "t.db")
    found = file.read()["a"]
    assert any(said.startswith(note) for said in file.notes)
    assert found.missing().sum() == (0 if len(bad) == 1 else 40)
    if len(bad) == 1:
        with pytest.raises(DataError, match='row 8: column "a": expected a number, found "<2 bytes>"'):
            found.numbers()
