"""The zoo by name, its list, and the JSON Schema that editors check specs by."""

import json

import pytest

from agcli.spec import SpecError, json_schema, parse_spec, read_spec
from agcli.spec.document import read_document
from agcli.spec.source import ZOO, read_source
from agcli.zoo import entries, measured

MODELS = sorted(path.stem for path in ZOO.glob("*.yaml"))


# By name


def test_a_model_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_spec("digits") == read_spec(ZOO / "digits.yaml")
    assert read_spec("digits", ["train.epochs=3"]).train.epochs == 3
    (tmp_path / "digits").write_text("data: iris\nmodel: [{dense: 3}]\nloss: softmax_cross_entropy\n")
    assert read_spec("digits").data.name == "iris"  # a file here comes first


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("digit", "digit: expected a spec file, found none; did you mean `digits`?"),
        ("quite-another", "quite-another: expected a spec file, found none"),
        ("../digits", "expected a spec file, found none"),
    ],
)
def test_a_name_that_nobody_has_is_an_error(name, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        read_spec(name)
    assert text in str(caught.value)


def test_every_model_says_what_it_is():
    found = entries()
    assert [entry.name for entry in found] == MODELS
    for entry in found:
        assert entry.about.endswith("."), entry.name
        assert entry.data


def test_the_table_of_results_is_read_as_it_is_written():
    text = "# Zoo\n\n| model | accuracy |\n|---|--:|\n| [`a`](a) | **0.98** |\n| `b` | 1 |\n\n| other |\n|---|\n"
    assert dict(measured(text)) == {"a": {"accuracy": "0.98"}, "b": {"accuracy": "1"}}


def test_ag_models_lists_all(ag, tmp_path):
    out = ag("models", check=0, cwd=tmp_path).stdout
    assert all(f"\n{name} " in out for name in MODELS)
    lines = [json.loads(line) for line in ag("models", "--json", check=0).stdout.splitlines()]
    assert [line["name"] for line in lines] == MODELS
    done = ag("train", "iris", "--set", "train.epochs=1", "--quiet", "--out", "run", check=0, cwd=tmp_path)
    assert "accuracy" in done.stdout


# The schema


def test_ag_schema_prints_it(ag):
    assert json.loads(ag("schema", check=0).stdout) == json.loads(json.dumps(json_schema()))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_fits_the_schema(name, validator):
    source = read_source(ZOO / f"{name}.yaml")
    assert not list(validator.iter_errors(read_document(source).data))
    whole = parse_spec(read_spec(ZOO / f"{name}.yaml").dump())
    assert not list(validator.iter_errors(json.loads(json.dumps(_plain(whole.dump())))))


def _plain(text):
    import yaml

    return yaml.safe_load(text)


RIGHT = {"data": "digits", "model": [{"dense": 10}], "loss": "softmax_cross_entropy"}


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"train": None}, True),
        ({"optimizer": "adam"}, True),
        ({"optimizer": {"adam": 0.1}}, True),
        ({"optimizer": {"adam": {"lr": {"cosine": {"lr": 0.1, "steps": 5}}}}}, None),
        ({"data": {"name": "digits", "flatten": False}}, True),
        ({"data": {"file": "a.csv", "target": "y", "columns": {"k": {"categorical": "index"}}}}, True),
        ({"data": {"file": "a.csv", "target": ["y"], "split": {"group": "who"}}}, True),
        ({"data": {"file": "a.csv"}}, False),
        ({"data": "digit"}, False),
        ({"data": {"file": "a.xls", "target": "y"}}, True),
        ({"data": {"file": "a.ods", "target": "y"}}, False),
        ({"model": []}, False),
        ({"model": [{"dens": 10}]}, False),
        ({"model": [{"dense": {"units": 10, "unit": 3}}]}, False),
        ({"model": [{"dense": -1}]}, False),
        ({"train": {"epochs": "ten"}}, False),
        ({"train": {"epoch": 1}}, False),
        ({"seeds": 1}, False),
    ],
    ids=str,
)
def test_the_schema_agrees_with_the_reader(change, fits, validator):
    spec = {**RIGHT, **change}
    try:
        parse_spec(json.dumps(spec))
    except SpecError:
        reads = False
    else:
        reads = True
    if fits is not None:
        assert reads is fits
    assert validator.is_valid(spec) is reads
