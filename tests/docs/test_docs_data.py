"""docs/datasets.md: its programs run and give what they say, its specs read, its names exist."""

import re

import numpy as np
import pytest
from conftest import ROOT

from agcli import datasets
from agcli.data.section import load_data
from agcli.datasets.date_layouts import layouts_of
from agcli.spec import parse_spec

PAGE = (ROOT / "docs" / "datasets.md").read_text("utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SPLITS = re.findall(r"`(\{(?:group|time|fold|stratified|tail): [^`]+\})`", PAGE)


def test_the_programs_run_and_give_what_they_say():
    names = {letter: np.arange(6.0) for letter in "abc"}
    said = 0
    for program in PROGRAMS:
        exec(compile(program, "docs/datasets.md", "exec"), names)  # noqa: S102  # the project's own page
        for expression, value in re.findall(r"^(\S.*?)  # (\(.*\))$", program, re.MULTILINE):
            found, said = repr(eval(expression, names)), said + 1  # noqa: S307
            assert re.fullmatch(re.escape(value).replace(r"\.\.\.", ".*"), found), expression
    assert said == 2


@pytest.mark.parametrize("split", [*SPLITS, "tail", "shuffled"])
def test_every_split_of_the_page_reads(split, tmp_path):
    rows = (f"{i % 7},p{i % 9},2024-01-{1 + i % 28:02},{'uv'[i % 2]}\n" for i in range(90))
    (tmp_path / "t.csv").write_text("a,patient,date,k\n" + "".join(rows))
    data = f"{{file: {tmp_path}/t.csv, target: k, columns: {{a: numeric}}, split: {split}}}"
    spec = parse_spec(f"data: {data}\nmodel: [{{dense: 2}}]\nloss: softmax_cross_entropy\n")
    found = load_data(spec)
    assert sum(map(len, found.splits.values())) == 90
    assert "validation: 0" in split or found.has_validation


@pytest.mark.parametrize(
    "cell",
    [
        cell
        for row in re.findall(
            r"^\| (`[^|]*) \|", PAGE.partition("### Dates")[2].partition("### Kinds")[0], re.MULTILINE
        )
        for cell in re.findall(r"`([^`]+)`", row)
        if not cell.isdigit()
    ],
)
def test_dates_of_the_page_are_dates(cell):
    import polars as pl

    assert layouts_of(pl.Series([cell])).all_of


def test_the_table_names_sets_with_their_sizes_and_options():
    rows = re.findall(r"^\| `([\w-]+)` \| ([\d,]+) / ([\d,]+) \|.*\| (`.*`) \|", PAGE, re.MULTILINE)
    assert {row[0] for row in rows} == {"digits", "iris", "mnist", "fashion-mnist"}
    for name, train, test, options in rows:
        known = datasets.options(name)
        assert {f"{key}={value}" for key, value in known.items()} >= set(re.findall(r"`(\w+=\w+)`", options))
        if name in ("digits", "iris"):
            found = datasets.load(name)
            assert (f"{len(found.train):,}", f"{len(found.test):,}") == (train, test)
