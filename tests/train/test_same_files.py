"""Samples that stand in two parts, or are judged though the model was trained on them: that is said."""

import numpy as np
import polars as pl
import pytest
from samples import rows

import agcli
from agcli.spec import parse_spec
from agcli.training import Trainer

MODEL = "model: [dense: 1]\nloss: sigmoid_cross_entropy\ntrain: {epochs: 1}\n"
NAMES = {"same name": "t.csv", "same content": "copy.csv", "other": "e.csv"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.csv").write_text(rows())
    (tmp_path / "copy.csv").write_text(rows())
    (tmp_path / "e.csv").write_text(rows(60, seed=1))
    (tmp_path / "e2.csv").write_text(rows(60, seed=1))
    return tmp_path


def spec(folder, more=""):
    return parse_spec(f"data:\n  file: {folder}/t.csv\n  target: kind\n  columns: {{who: ignore}}\n{more}{MODEL}")


def notes(made):
    return [note.text for note in Trainer(made).notes if "the same samples" in note.text]


@pytest.mark.parametrize("part", ["test", "validation"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_part_of_the_training_samples_is_told_at_its_line(folder, part, name):
    told = notes(spec(folder, f"  {part}_file: {folder}/{name}\n"))
    if name == "e.csv":
        assert told == []
    else:
        (text,) = told
        assert text.startswith(f"<spec>:5:{len(part) + 10}: data.{part}_file: the same samples as `file`")
        assert f"leave `{part}_file` out" in text


def test_a_test_file_that_chooses_the_weights_is_told(folder):
    (text,) = notes(spec(folder, f"  test_file: {folder}/e.csv\n  validation_file: {folder}/e2.csv\n"))
    assert "data.test_file: the same samples as `validation_file`: the test figures are of samples that chose" in text


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_an_evaluation_by_the_training_file_is_told(ag, folder, name):
    run = agcli.train(spec(folder, f"  validation_file: {folder}/e2.csv\n"), folder / "run")
    told = {
        "t.csv": "the rows of the file that this run was trained on",
        "copy.csv": "the rows of the file that this run was trained on",
        "e.csv": "these are the samples that chose the weights",
    }[name]
    assert told in run.evaluate(data=folder / name).notes[0]
    assert told in " ".join(ag("eval", run.folder, "--data", folder / name, check=0).stdout.split())
    (folder / "new.csv").write_text(rows(40, seed=5))
    assert not any("these are the" in note for note in run.evaluate(data=folder / "new.csv").notes)


def test_files_of_a_spec_that_samples_from_python_replace_are_told(folder):
    made = spec(folder, f"  test_file: {folder}/e.csv\n  validation_file: {folder}/e2.csv\n")
    frame = pl.read_csv(folder / "t.csv")
    run = agcli.Trainer(made, folder / "run", data=frame)
    told = [note.text for note in run.notes if "is not read: the samples came from Python" in note.text]
    assert [text.partition("` is not read")[0].partition("`")[2] for text in told] == ["validation_file", "test_file"]
    assert all(text.startswith("<spec>:") for text in told)
    plain = agcli.Trainer(spec(folder), folder / "other", data=frame)
    assert not any("is not read" in note.text for note in plain.notes)
    assert np.isfinite(run.session.evaluate(run.data.train).mean_loss)
