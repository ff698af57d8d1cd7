"""Plug-ins: real distributions, installed by pip, whose rows a spec names; broken ones are one message each."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import jsonschema
import pytest
from conftest import ROOT
from pages import blocks, page

from agcli.spec import SpecError, parse_spec

PAGE = {language: [text for known, text in blocks(page("plugins.md")) if known == language] for language in
        ("toml", "python", "yaml")}  # fmt: skip
SPEC = PAGE["yaml"][0]

BROKEN = """
import agcli as ag
from pydantic import Field


class Silent(ag.Loss):
    "A loss that is not computed."


class Raises(ag.Loss):
    "A loss that fails."

    def of(self, output, target):
        return {}["nothing"]


class Odd(ag.Loss):
    target = ("fruit",)

    def of(self, output, target):
        return output


class Untyped(ag.Loss):
    main = "q"

    def of(self, output, target):
        return output


class Unknown(ag.Loss):
    q: object.__class__.__subclasses__ = Field(default=None)

    def of(self, output, target):
        return output


class Late(ag.Metric):
    "A metric that fails at its end."

    def parts(self, output, target):
        return {"sum": ag.sum(output)}

    def finish(self, sums, samples):
        raise RuntimeError("no figure\\ntoday")


class Stuck(ag.Layer):
    "A layer that fails."

    def build(self, x, scope):
        return x.nothing


def function(output, target):
    return output


def reader(path):
    raise KeyError("column")


from agcli.data.formats import Format

FAILS = Format(name="fails", kind="table", endings=(".fails",), reader="broken_rows:reader")
"""
ENTRIES = {
    "agcli.losses": {
        "gone": "nowhere:Loss", "absent": "broken_rows:Absent", "plain": "broken_rows:function",
        "alien": "broken_rows:Late", "silent": "broken_rows:Silent", "raises": "broken_rows:Raises",
        "odd": "broken_rows:Odd", "untyped": "broken_rows:Untyped", "unknown": "broken_rows:Unknown",
        "huber": "broken_rows:Raises", "tilted": "broken_rows:Raises",
    },
    "agcli.metrics": {"late": "broken_rows:Late", "lost": "nowhere:Metric"},
    "agcli.layers": {"stuck": "broken_rows:Stuck", "missing": "nowhere:Layer"},
    "agcli.formats": {"gone": "nowhere:Format", "fails": "broken_rows:FAILS"},
}  # fmt: skip


def install(place, name, files):
    """A distribution of these files, built and installed by pip into a folder of its own."""
    for tool in ("pip", "setuptools"):
        if find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed")
    source, target = place / name, place / "site"
    source.mkdir(parents=True)
    for file, text in files.items():
        (source / file).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "--target", target, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def tilted(tmp_path_factory):
    """The distribution of docs/plugins.md, installed."""
    files = {"pyproject.toml": PAGE["toml"][0], "tilted.py": PAGE["python"][0]}
    return install(tmp_path_factory.mktemp("plugins"), "agcli-tilted", files)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A distribution of rows that cannot be used, installed."""
    head = PAGE["toml"][0].partition("[project.entry-points")[0].replace("agcli-tilted", "broken-rows")
    groups = [
        f'[project.entry-points."{group}"]\n' + "".join(f'{name} = "{place}"\n' for name, place in entries.items())
        for group, entries in ENTRIES.items()
    ]
    text = "\n".join([head, *groups, '[tool.setuptools]\npy-modules = ["broken_rows"]\n'])
    return install(tmp_path_factory.mktemp("broken"), "broken-rows", {"pyproject.toml": text, "broken_rows.py": BROKEN})


@pytest.fixture
def ag(tmp_path):
    """Run `ag` with distributions on its path: ag(sites, *words) -> exit code, output, errors."""

    def run(sites, *words):
        path = os.pathsep.join(map(str, [*sites, ROOT]))
        program = "from agcli.cli import main; main()"
        environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "100"}
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def wear(count):
    """Hours until something is worn, at some loads, with a scatter that is never the same twice."""
    loads = [i % 100 / 100 for i in range(count)]
    hours = [3 - 2 * x + (i * 0.6180339887 % 1) for i, x in enumerate(loads)]
    return f"load = {loads}\nhours = {hours}\n"


def test_a_loss_a_metric_a_layer_and_a_format_of_another_distribution_train(ag, tilted, tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "wear.toml").write_text(wear(1000))
    code, out, err = ag([tilted], "train", "spec.yaml", "--out", "run", "--json")
    assert code == 0, err
    epochs = [e for e in map(json.loads, out.splitlines()) if e["event"] == "epoch"]
    assert epochs[-1]["metrics"]["covered"] == pytest.approx(0.9, abs=0.09)
    assert epochs[-1]["loss"] < 0.7 * epochs[0]["loss"]
    stored = next((tmp_path / "run").glob("environment.json"))
    assert json.loads(stored.read_text())["packages"]["agcli-tilted"] == "1.0"
    code, out, err = ag([tilted], "eval", "run", "--json")
    assert code == 0, err
    assert "covered" in out
    (tmp_path / "new.toml").write_text(wear(5))
    code, _, err = ag([tilted], "predict", "run", "new.toml", "--out", "answers.csv")
    assert code == 0, err
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 6
    code, _, err = ag([], "eval", "run")
    assert code == 2
    assert "expected a loss, got `tilted`" in err


def test_the_schema_knows_the_fields_of_plug_ins_without_the_engine(ag, tilted):
    code, out, err = ag([tilted], "schema")
    assert (code, err) == (0, "")
    schema = json.loads(out)
    check = jsonschema.Draft202012Validator(schema).is_valid
    spec = {"data": "sine", "model": [{"gate": 3}, {"dense": 1}], "loss": {"tilted": 0.9}, "metrics": ["covered"]}
    assert check(spec)
    assert check({**spec, "loss": "tilted"})
    assert not check({**spec, "loss": {"tilted": 1.5}})
    assert not check({**spec, "loss": {"tilted": {"share": 0.5}}})
    assert not check({**spec, "model": [{"gate": {}}]})
    assert not jsonschema.Draft202012Validator(json.loads(ag([], "schema")[1])).is_valid(spec)
    program = (
        "import sys; from agcli.spec import bring_plugins, json_schema; "
        "assert not bring_plugins(); json_schema(); print('numpy' in sys.modules)"
    )
    path = os.pathsep.join(map(str, [tilted, ROOT]))
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True,
                          text=True)  # fmt: skip
    assert (done.stdout, done.stderr) == ("False\n", "")


HEAD = "data: {name: sine, samples: 100}\n"
FIELDS = [
    ("loss: {tilted: 1.5}", "3:16: loss.tilted.quantile: expected a number from 0 to below 1, got 1.5"),
    ("loss: {tilted: {share: 1}}", "3:17: loss.tilted.share: expected a known key, got `share`"),
    ("loss: tiltet", "3:7: loss: expected a loss, got `tiltet`; did you mean `tilted`?"),
    ("loss: mse\nmetrics: [coverd]", "4:11: metrics[0]: expected a metric, got `coverd`; did you mean `covered`?"),
]


@pytest.mark.parametrize(("text", "said"), FIELDS, ids=[text for text, _ in FIELDS])
def test_a_spec_that_writes_a_plug_in_wrongly_is_answered_like_any_other(text, said, ag, tilted, tmp_path):
    (tmp_path / "spec.yaml").write_text(f"{HEAD}model: [dense: 1]\n{text}\n")
    code, out, err = ag([tilted], "check", "spec.yaml")
    assert (code, out) == (2, "")
    assert f"spec.yaml:{said}" in err


LOSS, METRIC, LAYER = (
    "model: [dense: 1]\nloss: {}",
    "model: [dense: 1]\nloss: mse\nmetrics: [{}]",
    "model: [{}: , dense: 1]\nloss: mse",
)
WRONG = [
    (LOSS, "gone", "3:7: loss", "ModuleNotFoundError: No module named 'nowhere'"),
    (LOSS, "absent", "3:7: loss", "AttributeError: module 'broken_rows' has no attribute 'Absent'"),
    (LOSS, "plain", "3:7: loss", "expected a class made of agcli.Loss, found an object of the class function"),
    (LOSS, "alien", "3:7: loss", "expected a class made of agcli.Loss, found the class Late"),
    (LOSS, "silent", "3:7: loss", "Silent has no method `of`"),
    (LOSS, "raises", "3:7: loss", "KeyError: 'nothing'"),
    (LOSS, "odd", "3:7: loss", "Odd.target = ('fruit',): Input should be 'classes', "),
    (LOSS, "untyped", "3:7: loss", "Untyped.main is `q`, which is none of its fields"),
    (LOSS, "unknown", "3:7: loss", "PydanticSchemaGenerationError: "),
    (METRIC, "late", "4:11: metrics[0]", "RuntimeError: no figure today"),
    (METRIC, "lost", "4:11: metrics[0]", "ModuleNotFoundError: No module named 'nowhere'"),
    (LAYER, "stuck", "2:9: model[0]", "AttributeError: "),
    (LAYER, "missing", "2:9: model[0].missing", "ModuleNotFoundError: No module named 'nowhere'"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "name", "place", "problem"), WRONG, ids=[name for _, name, _, _ in WRONG])
def test_a_broken_plug_in_is_one_message_at_its_line(form, name, place, problem, ag, broken, tmp_path):
    (tmp_path / "spec.yaml").write_text(HEAD + form.format(name) + "\n")
    code, _, err = ag([broken], "train", "spec.yaml", "--out", "run")
    group = {LOSS: "losses", METRIC: "metrics", LAYER: "layers"}[form]
    whose = f"the plug-in `{name}` of broken-rows 1.0 (agcli.{group}: {ENTRIES[f'agcli.{group}'][name]}) is broken: "
    assert code == 2, err
    assert f"spec.yaml:{place}: {whose}{problem}" in err
    assert "repair the distribution, or uninstall it" in err
    assert "Traceback" not in err
    assert err.count("is broken") == 1


OF_A_PROGRAM = """
from agcli.data.section import load_data
from agcli.spec import parse_spec
from agcli.training import Session

spec = parse_spec('''
data: iris
model: [dense: 3]
loss: softmax_cross_entropy
optimizer: {sgd: {lr: {inverse_root: 0.5}}}
train: {batch_size: 10}
''')
session = Session(spec, load_data(spec))
for _ in range(4):
    print(session.rate)
    session.advance(session.next_batch())
"""


def test_a_schedule_of_a_program_is_one_class():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PAGE["python"][1] + OF_A_PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert [float(line) for line in done.stdout.split()] == pytest.approx([0.5 / n**0.5 for n in range(1, 5)], rel=1e-5)


AN_OPTIMIZER = """
import numpy as np

import agcli as ag
from agcli.spec.nouns import OPTIMIZERS
from agcli.engine.optimizers import Optimizer, narrow
from agcli.model.optimizers import Shared


@OPTIMIZERS.row("sign")
class Sign(Shared):
    "A step of `lr` against the sign of the gradient."

    def with_rate(self, lr):
        return Optimizer("sign", lambda g, p, state: narrow(state.rate, p) * ag.sign(g), lr)


from agcli.data.section import load_data
from agcli.spec import parse_spec
from agcli.training import Session

spec = parse_spec("{data: iris, model: [dense: 3], loss: softmax_cross_entropy, optimizer: {sign: {lr: 0.125}}}")
session = Session(spec, load_data(spec))
before = [p.value.copy() for p in session.model.parameters.trainable]
session.advance(session.next_batch())
for p, old in zip(session.model.parameters.trainable, before):
    print(*np.unique(np.abs(np.round(p.value - old, 5))))
"""


def test_an_optimizer_of_a_program_is_one_class():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", AN_OPTIMIZER], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == ["0.125", "0.125"]


def test_broken_plug_ins_leave_the_schema_and_others_alone(ag, tilted, broken, tmp_path):
    code, out, err = ag([tilted, broken], "schema")
    assert code == 0
    left = [line.split("`")[1] for line in err.splitlines()]
    fails_when_built = {"raises", "late", "stuck", "huber"}  # whose fields are as they should be
    rows = [name for group in ("losses", "metrics", "layers") for name in ENTRIES[f"agcli.{group}"]]
    assert sorted(left) == sorted(set(rows) - fails_when_built)
    assert all(line.startswith("left out: the plug-in `") for line in err.splitlines())
    loss = json.loads(out)["$defs"]["loss"]["anyOf"][-1]["properties"]
    assert {"raises", "mse"} <= loss.keys()
    assert not {"gone", "tilted", "silent"} & loss.keys()
    (tmp_path / "spec.yaml").write_text(f"{HEAD}model: [dense: 1]\nloss: huber\ntrain: {{epochs: 1}}\n")
    assert ag([tilted, broken], "train", "spec.yaml", "--quiet")[0] == 0  # a name that `ag` has stays its own


FORMATS = [("gone", "ModuleNotFoundError: No module named 'nowhere'"), ("fails", "KeyError: 'column'")]


@pytest.mark.parametrize(("ending", "problem"), FORMATS, ids=[ending for ending, _ in FORMATS])
def test_a_broken_format_is_one_message(ending, problem, ag, broken, tmp_path):
    (tmp_path / f"x.{ending}").write_text("1")
    (tmp_path / "spec.yaml").write_text(f"data: {{file: x.{ending}, target: y}}\nmodel: [dense: 1]\nloss: mse\n")
    code, _, err = ag([broken], "train", "spec.yaml")
    assert code == 2
    place = ENTRIES["agcli.formats"][ending]
    whose = f"the plug-in `{ending}` of broken-rows 1.0 (agcli.formats: {place}) is broken: "
    assert f"spec.yaml:1:14: data.file: {whose}{problem}" in err
    assert "repair the distribution, or uninstall it" in err
    assert "Traceback" not in err


def test_metadata_in_ruins_is_said(monkeypatch, tmp_path):
    (tmp_path / "ruin.dist-info").mkdir()
    (tmp_path / "ruin.dist-info" / "entry_points.txt").write_text("[agcli.losses]\nlost = ???\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SpecError, match=r"the plug-in `lost` of an unknown distribution .* is broken: "):
        parse_spec("data: iris\nmodel: [dense: 3]\nloss: lost\n")


def test_a_name_of_two_distributions_is_refused(ag, tilted, broken, tmp_path):
    (tmp_path / "spec.yaml").write_text(f"{HEAD}model: [dense: 1]\nloss: tilted\n")
    code, _, err = ag([tilted, broken], "train", "spec.yaml")
    assert code == 2
    assert "the plug-in `tilted` of agcli-tilted 1.0 (agcli.losses: tilted:Tilted) is broken: " in err
    assert "broken-rows 1.0 has one of the same name; uninstall one of them" in err
