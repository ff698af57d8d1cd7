"""JSON lines as strict readers take them: no key twice, late keys found, and of bad lines an empty answer each."""

from __future__ import annotations

import json

import pytest

import agcli as ag
from agcli.data.formats import table_file
from agcli.datasets import DataError
from agcli.prediction.files import predict_file
from agcli.spec import parse_spec


def written(folder, *lines, name="s.jsonl"):
    path = folder / name
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    written(folder, *({"a": i * 0.5, "b": i % 7 * 0.25, "y": i * 1.5} for i in range(40)), name="t.jsonl")
    spec = f"data: {{file: '{folder}/t.jsonl', target: y}}\nmodel: [{{dense: 1}}]\nloss: mean_squared_error\n"
    ag.train(parse_spec(spec + "train: {epochs: 1}\n"), out=folder / "run")
    return folder / "run"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1, "b": 2, "a": 3}', 'expected each key once, found "a" twice'),
        ('{"a": 1, "b": 2, "\\u0061" :null}', 'expected each key once, found "a" twice'),
        ('{"a": 1, "c": {"d": 1, "d": 2}, "b": 2}', 'expected each key once, found "d" twice'),
    ],
)
@pytest.mark.parametrize("read", ["frames", "streamed"])
def test_a_key_that_comes_twice_is_an_error_with_its_line(tmp_path, line, said, read):
    path = written(tmp_path, {"a": 1, "b": 2}, "", line, {"a": 1, "b": 2})
    with pytest.raises(DataError, match=rf"s\.jsonl: line 3: {said}"):
        list(getattr(table_file(path), read)())


def test_the_same_key_in_two_objects_of_a_line_is_no_fault(tmp_path):
    path = written(tmp_path, '{"a": {"n": 1}, "b": {"n": 2}, "c": "x\\"a\\": 1"}')
    assert len(table_file(path).read()) == 1


def test_a_key_may_come_late(tmp_path, run):
    pad = {"pad": "x" * 100_000}  # more than a piece of the file
    path = written(tmp_path, *({"a": i, **pad} for i in range(90)), {"a": 1, "b": 0.5})
    first, *_, last = table_file(path).streamed()
    assert first["b"].missing().all()
    assert not last["b"].missing()[-1]
    assert predict_file(run, path, tmp_path / "out.csv").samples == 91


@pytest.mark.parametrize(
    ("lines", "bad", "said"),
    [
        (['{"a": 1, "a": 2, "b": 1}', {"a": 1, "b": 1}], [0], 'row 1: expected each key once, found "a" twice'),
        ([{"a": True, "b": 1}, {"a": 1, "b": 1}], [0], 'row 1: column "a": expected a number, found true'),
        ([{"a": 1, "b": 1}, {"a": [1], "b": 1}], [1], 'row 2: column "a": expected a number, found [1]'),
        (["x", "[1]", "3"], [0, 1, 2], "row 1: expected a JSON object, found broken JSON"),
    ],
    ids=["a key twice", "a truth", "a list", "no object at all"],
)
def test_bad_lines_have_an_empty_answer(tmp_path, run, lines, bad, said):
    path, out = written(tmp_path, *lines), tmp_path / "out.jsonl"
    with pytest.raises(DataError):
        predict_file(run, path, out)
    summary = predict_file(run, path, out, skip_bad=True)
    answers = [json.loads(line)["predicted"] for line in out.read_text().splitlines()]
    assert [row for row, answer in enumerate(answers) if answer is None] == bad
    assert len(answers) == len(lines)
    (note,) = summary.notes
    assert f"{len(bad)} of {len(lines)} samples were skipped" in note
    assert said in note
