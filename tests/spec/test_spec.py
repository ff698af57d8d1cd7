"""Specs as a whole: defaults, shorthands, round trips, overrides, places, the JSON Schema and the reference page."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agcli.spec import Choice, Spec, SpecError, Train, parse_spec, read_spec
from agcli.spec.data import DATA, UNNAMED
from agcli.spec.document import read_document
from agcli.spec.nouns import LOSSES, METRICS
from agcli.spec.schema import TABLES
from agcli.spec.source import Source
from tools.spec_reference import refreshed

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "models").glob("*.yaml"))
SMALL = "data: digits\nmodel:\n  - dense: 10\nloss: softmax_cross_entropy\n"


def plain(text: str) -> Any:
    return read_document(Source("f.yaml", text)).data


def told(text: str, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, overrides=overrides)
    return str(caught.value)


def test_ten_lines_are_enough() -> None:
    spec = parse_spec(SMALL, "small")
    assert (spec.name, spec.seed, spec.data.name) == ("small", 0, "digits")
    assert (spec.optimizer.name, spec.train) == ("adam", Train())
    assert [metric.name for metric in spec.metrics] == ["accuracy"]
    assert spec.dump() == (
        "name: small\n"
        "seed: 0\n"
        "dtype: float32\n"
        "data: {name: digits, fold: null, validation: null, flatten: true, raw: false, augment: null}\n"
        "model:\n"
        "  - dense: {units: 10, activation: null, use_bias: true, init: glorot_uniform, bias_init: zeros}\n"
        "loss: {softmax_cross_entropy: {class_weights: null, label_smoothing: 0.0}}\n"
        "metrics: [accuracy]\n"
        "freeze: []\n"
        "optimizer:\n"
        "  adam:\n"
        "    lr: 0.001\n"
        "    weight_decay: 0.0\n"
        "    no_decay: []\n"
        "    clip: null\n"
        "    accumulate: 1\n"
        "    average: 0.0\n"
        "    beta1: 0.9\n"
        "    beta2: 0.999\n"
        "    eps: 1.0e-08\n"
        "train:\n"
        "  epochs: 10\n"
        "  max_steps: null\n"
        "  max_time: null\n"
        "  batch_size: 32\n"
        "  shuffle: true\n"
        "  drop_last: false\n"
        "  balanced: false\n"
        "  prefetch: 0\n"
        "  eval_every: 1\n"
        '  checkpoint_every: "60 s"\n'
        "  watch: loss\n"
        "  patience: null\n"
        "  shards: auto\n"
        "  min_delta: 0.0\n"
    )


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("model: [dense: 3]", "model: [dense: {units: 3}]"),
        ("model: [dropout]", "model: [dropout: {rate: 0.5}]"),
        ("model: [dropout: ]", "model: [dropout: {}]"),
        ("model: [dropout: 0]", "model: [dropout: {rate: 0.0}]"),
        ("model: [relu]", "model: [relu: {}]"),
        ("model: [leaky_relu: 0.2]", "model: [leaky_relu: {slope: 0.2}]"),
        ("model: [activation: tanh]", "model: [activation: {name: {tanh: {}}}]"),
        ("model: [reshape: [2, -1]]", "model: [reshape: {shape: [2, -1]}]"),
        ("model: [dense: {units: 3, activation: elu}]", "model: [dense: {units: 3, activation: {elu: 1}}]"),
        ("model: [dense: {units: 3, init: {normal: 1}}]", "model: [dense: {units: 3, init: {normal: {std: 1.0}}}]"),
        ("loss: mse", "loss: {mean_squared_error: {}}"),
        ("metrics: [mae, rmse]", "metrics: [mean_absolute_error, root_mean_squared_error: ]"),
        ("optimizer: adam", "optimizer: {adam: 0.001}"),
        ("optimizer: {sgd: 1}", "optimizer: {sgd: {lr: 1, momentum: 0, nesterov: false}}"),
        ("optimizer: {sgd: {lr: {cosine: 1}}}", "optimizer: {sgd: {lr: {cosine: {lr: 1, steps: null, end: 0}}}}"),
        ("optimizer: {sgd: {lr: {linear: 1}}}", "optimizer: {sgd: {lr: {polynomial: {lr: 1.0, degree: 1}}}}"),
        ("optimizer: {sgd: {clip: {norm: 2}}}", "optimizer: {sgd: {clip: {norm: {limit: 2.0}}}}"),
        ("data: mnist", "data: {name: mnist, flatten: false}"),
        ("train:", "train: {}"),
    ],
)
def test_shorthand_means_the_long_form(short: str, long: str) -> None:
    assert with_section(short) == with_section(long)


def with_section(line: str) -> Spec:
    sections = {**plain(SMALL), **plain(line)}
    return parse_spec(json.dumps(sections))


@pytest.mark.parametrize("loss", LOSSES.rows)
def test_metrics_not_given_are_those_of_the_loss(loss: str) -> None:
    written = loss if loss != "expression" else "mean(output)"
    usual = parse_spec(SMALL.replace("softmax_cross_entropy", written))
    assert tuple(metric.name for metric in usual.metrics) == LOSSES.rows[loss].fields.metrics
    assert set(LOSSES.rows[loss].fields.metrics) <= set(METRICS.rows)
    assert parse_spec(SMALL.replace("softmax_cross_entropy", written) + "metrics: []").metrics == ()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model_of_the_zoo_reads_and_reads_back(path: Path) -> None:
    spec = read_spec(path)
    again = parse_spec(spec.dump())
    assert again == spec
    assert again.dump() == spec.dump()
    assert spec.name == path.stem


def test_specs_differ_in_content_only() -> None:
    assert parse_spec(SMALL) == parse_spec(f"# elsewhere\n\n{SMALL}")
    assert parse_spec(SMALL) != parse_spec(f"{SMALL}seed: 1")


@given(st.text())
def test_any_text_is_dumped_as_itself(text: str) -> None:
    from agcli.spec.dump import quoted

    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert plain(f"a: [{quoted(text)}, {{{quoted(text)}: 1}}]") == {"a": [text, {text: 1}]}


def test_words_of_yaml_1_1_are_dumped_in_quotes() -> None:
    assert 'name: "no"\n' in parse_spec(f"name: no\n{SMALL}").dump()


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_any_number_is_dumped_as_itself(lr: float) -> None:
    spec = parse_spec(f"{SMALL}optimizer: {{sgd: {lr!r}}}")
    assert parse_spec(spec.dump()) == spec


@pytest.mark.parametrize(
    ("stem", "name"), [("a b", "a-b"), ("x.y", "x-y"), ("模型", "model"), ("_a_", "_a_"), ("a" * 99, "a" * 80)]
)
def test_name_comes_from_the_file(stem: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{stem}.yaml"
    path.write_text(SMALL)
    assert read_spec(path).name == name


# Places


def test_later_errors_can_name_the_line() -> None:
    spec = parse_spec(SMALL, overrides=["train.epochs=3"])
    assert spec.location(("model", 0)) == "<spec>:3:5"
    assert spec.location(("model", 0, "dense", "units")) == "<spec>:3:12"
    assert spec.location(("train", "epochs")) == "--set train.epochs=3"
    assert str(spec.error(("model", 0), "expected 2 dimensions, got 3")) == (
        "<spec>:3:5: model[0]: expected 2 dimensions, got 3\n      - dense: 10\n        ^^^^^"
    )


def test_spec_made_in_python_has_no_place() -> None:
    spec = Spec(
        name="made",
        data=DATA.read("iris"),
        model=parse_spec(SMALL).model,
        loss=LOSSES.read("softmax_cross_entropy"),
    )
    assert spec.location(("model", 0)) == "model[0]"
    assert str(spec.error(("model", 0), "too wide")) == "made: model[0]: too wide"


def test_problems_as_json() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(SMALL + "seed: -1")
    message = "expected an integer of 0 or more, got -1"
    problem = {"file": "<spec>", "line": 5, "column": 7, "path": "seed", "message": message}
    assert caught.value.to_json() == {"problems": [problem]}


# The tables, the schema, the page


def test_tables_agree_with_the_data_sets() -> None:
    datasets = pytest.importorskip("agcli.datasets")
    options = {
        name: {
            key: field.default for key, field in row.fields.model_fields.items() if key not in ("fold", "validation")
        }
        for name, row in DATA.rows.items()
        if name not in UNNAMED
    }
    assert options == {name: datasets.options(name) for name in datasets.names()}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.noun)
def test_every_row_explains_itself(table: Any) -> None:
    for name, row in table.rows.items():
        assert row.sentence.endswith("."), name
        assert row.fields.main in ("", *row.fields.model_fields), name
        for field_name, field in row.fields.model_fields.items():
            assert field.description, (name, field_name)


def test_schema_accepts_the_zoo_and_what_is_dumped(validator: Any) -> None:
    for path in MODELS:
        validator.validate(plain(path.read_text()))
        validator.validate(plain(read_spec(path).dump()))


RATES = (
    *("1", "{cosine: 1}", "{cosine: {lr: 1, steps: 5 epochs}}", "{step: {lr: 1, every: 500 steps}}"),
    *("{warmup: {lr: {one_cycle: 1}}}", "{plateau: {lr: {warmup: {lr: 1}}}}", '{expression: "0.1/(1 + step)"}'),
)
NO_RATES = ("0", "fast", "cosine", "{cosine: 0}", "{cosine: {lr: 1, steps: 5 weeks}}", "{cosine: {lr: 1, steps: 0}}")
FORMULAS = {"": True, ", better: low": True, ", better: high": True, ", better: up": False, ", name: own": False}


@pytest.mark.parametrize(
    ("section", "is_valid"),
    [
        *[(f"model: [{layer}]", True) for layer in ("relu", "relu: ", "dropout", "dense: 3", "dense: {units: 3}")],
        *[(f"model: [{layer}]", True) for layer in ("reshape: [2, -1]", "activation: tanh", "elu: 2", "flatten: {}")],
        *[
            (f"model: [{layer}]", False)
            for layer in ("dense", "dense: ", "dense: 0", "dense: ten", "dens: 3", "relu: 3")
        ],
        *[(f"model: [{layer}]", False) for layer in ("{dense: 3, relu: }", "dense: {unit: 3}", "3", "reshape: [x]")],
        *[(f"loss: {loss}", True) for loss in ("mse", "{mse: }", "softmax_cross_entropy")],
        *[(f"data: {data}", True) for data in ("iris", "{name: mnist, flatten: true}", "fashion-mnist")],
        *[
            (f"data: {data}", False)
            for data in ("irs", "{flatten: true}", "{name: iris, flatten: true}", "3", "[iris]")
        ],
        *[(f"optimizer: {optimizer}", True) for optimizer in ("sgd", "{sgd: 0.1}", "{adam: {beta1: 0}}", "{adam: }")],
        *[(f"optimizer: {{adam: {{lr: {lr}}}}}", True) for lr in RATES],
        *[(f"optimizer: {{adam: {{lr: {lr}}}}}", False) for lr in NO_RATES],
        *[(f"optimizer: {{adam: {{clip: {clip}}}}}", True) for clip in ("null", "2", "norm", "{value: 0.5}")],
        *[(f"optimizer: {optimizer}", False) for optimizer in ("", "{sgd: 0}", "{adam: 1, sgd: 1}", "{adam: {lr: x}}")],
        *[(f"train: {train}", True) for train in ("", "{}", "{epochs: 3}")],
        *[(f"train: {train}", False) for train in ("{epochs: 0}", "{epoch: 3}", "fast", "{shuffle: 1}")],
        *[(f"metrics: {{own: {{formula: mean(output){more}}}}}", is_valid) for more, is_valid in FORMULAS.items()],
        ("metrics: {own: {better: low}}", False),
        *[("metrics: []", True), ("metrics: accuracy", False), ("metrics: [acc]", False), ("extra: 1", False)],
        *[("seed: -1", False), ("name: a/b", False), ("name: a b", True)],
    ],
)
def test_schema_and_reader_agree(section: str, is_valid: bool, validator: Any) -> None:
    sections = {**plain(SMALL), **plain(section)}
    try:
        parse_spec(json.dumps(sections))
    except SpecError:
        assert not is_valid
    else:
        assert is_valid
    assert validator.is_valid(sections) == is_valid


def test_page_holds_the_tables_of_today() -> None:
    page = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    assert page == refreshed(page), "run: python -m tools.spec_reference docs/spec.md"
    assert page.count("<!-- generated: ") == len(TABLES) + 6


def test_examples_of_the_page_are_specs() -> None:
    blocks = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8").split("```yaml\n")[1:]
    first, second, *_ = (block.split("```")[0] for block in blocks)
    assert parse_spec(first).model[0].name == "dense"
    assert [layer.name for layer in parse_spec(SMALL.split("model", maxsplit=1)[0] + second + "loss: mse").model] == [
        "relu",
        "dropout",
        "dense",
    ]


def test_page_shows_the_errors_of_today() -> None:
    page = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    text = SMALL.replace("  - dense: 10", "  # layers\n  - dense: {unit: 64, activation: relu}\n  - dense: ten")
    assert told(text).replace("<spec>", "models/mlp.yaml") in page


def test_reading_needs_no_numpy() -> None:
    program = "import sys, agcli.spec as s; s.json_schema(); print({'numpy', 'click', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_choice_shows_what_it_is() -> None:
    assert repr(LOSSES.read("mse")) == "Choice(name='mean_squared_error', fields=MeanSquaredError())"
    assert LOSSES.read("mse") == Choice("mean_squared_error", LOSSES.read("mse").fields)
