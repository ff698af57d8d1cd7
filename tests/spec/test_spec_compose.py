"""`vars:` with `${name}`, and `include:`: what comes out, and what a reader of a broken one is told."""

from pathlib import Path

import pytest

from agcli.spec import SpecError, parse_spec, read_spec

MODEL = """\
data: digits
model:
  - dense: {units: ${hidden}, activation: ${act}}
  - dense: 10
loss: softmax_cross_entropy
"""
VARS = "vars: {hidden: 32, act: relu, drop: 0.1, sizes: [8, 8]}\n"


def told(text: str, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, overrides=overrides)
    return str(caught.value)


# Variables


def test_variables_are_typed() -> None:
    spec = parse_spec(f"{VARS}{MODEL}name: run-${{hidden}}\ntrain: {{epochs: ${{hidden}}, shuffle: true}}\n")
    dense = spec.model[0].fields
    assert (dense.units, dense.activation.name) == (32, "relu")
    assert (spec.name, spec.train.epochs) == ("run-32", 32)
    assert "vars" not in spec.dump()
    assert parse_spec(spec.dump()) == spec


@pytest.mark.parametrize("quotes", ["", "'", '"'])
def test_quotes_do_not_matter(quotes: str) -> None:
    text = VARS + MODEL.replace("${hidden}", f"{quotes}${{hidden}}{quotes}")
    assert parse_spec(text) == parse_spec(VARS + MODEL)


def test_a_variable_may_be_a_list_and_stand_in_a_formula() -> None:
    text = "vars: {n: [2, 2], k: 3}\ndata: iris\nvariables: {w: {shape: ${n}}}\nloss: ${k} * sum(w) + mean(x)\n"
    spec = parse_spec(text)
    assert spec.variables["w"].shape == (2, 2)
    assert spec.loss.fields.formula == "3 * sum(w) + mean(x)"


@pytest.mark.parametrize("power", ["${k}^2", "${k} ** 2"])
def test_a_negative_variable_is_the_base_of_a_power(power: str) -> None:
    text = f"vars: {{k: -3}}\ndata: iris\nvariables: {{w: {{shape: []}}}}\nloss: {power} + w - ${{k}}\n"
    assert parse_spec(text).loss.fields.formula == f"{power.replace('${k}', '(-3)')} + w - -3"


def test_variables_are_set_from_the_command_line() -> None:
    spec = parse_spec(VARS + MODEL, overrides=["vars.hidden=7", "train.epochs=9"])
    assert (spec.model[0].fields.units, spec.train.epochs) == (7, 9)


BROKEN_VARS = {
    f"{VARS}{MODEL.replace('hidden', 'hiden')}": "model[0].dense.units: expected a name of `vars`, got `hiden`; "
    "did you mean `hidden`?\n      - dense: {units: ${hiden}, activation: ${act}}\n                       ^^^^^^^^",
    MODEL: "expected a name of `vars`, got `hidden`; write it under `vars`",
    f"{VARS.replace('32', 'ten')}{MODEL}": '<spec>:4:20: model[0].dense.units: expected a positive integer, got "ten"',
    f"vars: [1]\n{MODEL}": "<spec>:1:7: vars: expected a mapping from names to values, got [1]",
    f"vars: {{1a: 2}}\n{MODEL}": "vars.1a: expected a name of letters, digits and `_`, got `1a`",
}


@pytest.mark.parametrize("text", BROKEN_VARS)
def test_wrong_variables_are_told_where_they_stand(text: str) -> None:
    assert BROKEN_VARS[text] in told(text)


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("vars.hiden=3", "expected `vars.NAME` with a name of `vars`, got `vars.hiden`; did you mean `hidden`?"),
        ("vars=3", "expected `vars.NAME` with a name of `vars`, got `vars`; known: `hidden`, `act`, `drop`, `sizes`"),
        ("vars.hidden=ten", 'model[0].dense.units: expected a positive integer, got "ten"'),
        ("include=x.yaml", "expected a path into the spec, got `include`; a file has to say what it includes"),
    ],
)
def test_wrong_overrides_are_told(override: str, text: str) -> None:
    assert text in told(VARS + MODEL, override)


def test_what_variables_make_of_a_spec_is_bounded() -> None:
    lists = ", ".join(f"n{i}: ${{a}}" for i in range(20))
    text = f"vars: {{a: [{', '.join(['1'] * 900)}]}}\ndata: iris\nlet: {{{lists}}}\nloss: x\n"
    assert "expected at most 10,000 values in a spec, variables written out, got more" in told(text)
    texts = ", ".join(f"n{i}: ${{a}}+${{a}}" for i in range(101))
    text = f"vars: {{a: '{'x' * 5000}'}}\ndata: iris\nlet: {{{texts}}}\nloss: x\n"
    assert "expected at most 1,000,000 characters, variables written out" in told(text)


def test_the_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("hidden", "3")
    assert "expected a name of `vars`, got `hidden`" in told(MODEL)


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "base.yaml").write_text(VARS + MODEL + "train: {epochs: 3, batch_size: 7}\n")
    (tmp_path / "top.yaml").write_text(
        "include: parts/base.yaml\nvars: {hidden: 5}\ntrain: {epochs: 9}\noptimizer: sgd\n"
    )
    return tmp_path


def test_a_file_completes_and_changes_what_it_includes(folder: Path) -> None:
    spec = read_spec(folder / "top.yaml")
    assert (spec.name, spec.data.name, spec.optimizer.name) == ("top", "digits", "sgd")
    assert (spec.train.epochs, spec.train.batch_size, spec.model[0].fields.units) == (9, 7, 5)
    assert spec.location(("model", 0)) == f"{folder}/parts/base.yaml:4:5"
    assert spec.location(("optimizer",)) == f"{folder}/top.yaml:4:12"
    assert "include" not in spec.dump()


def test_data_start_in_the_folder_of_the_file_that_names_them(folder: Path) -> None:
    assert read_spec(folder / "top.yaml").folder == folder / "parts"
    with (folder / "top.yaml").open("a") as file:
        file.write("data: iris\n")
    assert read_spec(folder / "top.yaml").folder == folder


def test_several_files_the_later_ones_win(folder: Path) -> None:
    (folder / "more.yaml").write_text("train: {epochs: 4, shuffle: false}\nloss: hinge\n")
    (folder / "top.yaml").write_text("include: [parts/base.yaml, more.yaml]\n")
    spec = read_spec(folder / "top.yaml")
    assert (spec.loss.name, spec.train.epochs, spec.train.shuffle, spec.train.batch_size) == ("hinge", 4, False, 7)


@pytest.mark.parametrize(
    ("top", "text"),
    [
        ("include: parts/bse.yaml\n", "top.yaml:1:10: include: expected a spec file, found none; did you mean"),
        ("include: [parts/base.yaml, top.yaml]\n", "got `top.yaml`, which includes this one"),
        ("include: 3\n", "include: expected a file, or a list of files, got 3"),
        ("include: parts/list.yaml\n", "include: expected a mapping in the file, got [1]"),
        (
            "include: parts/bad.yaml\ndata: iris\n",
            "parts/bad.yaml:1:7: loss: expected a loss, got `hinje`; did you mean",
        ),
        ("include: parts/broken.yaml\n", "parts/broken.yaml:2:1: expected a value, got the end of"),
    ],
)
def test_wrong_includes_are_told(folder: Path, top: str, text: str) -> None:
    (folder / "parts" / "list.yaml").write_text("[1]\n")
    (folder / "parts" / "bad.yaml").write_text("loss: hinje\n")
    (folder / "parts" / "broken.yaml").write_text("a: [\n")
    (folder / "top.yaml").write_text(top)
    with pytest.raises(SpecError) as caught:
        read_spec(folder / "top.yaml")
    assert text in str(caught.value)


def test_files_are_few(folder: Path) -> None:
    for i in range(20):
        (folder / f"f{i}.yaml").write_text(f"include: f{i + 1}.yaml\n")
    with pytest.raises(SpecError, match="expected at most 16 files in a spec, got more"):
        read_spec(folder / "f0.yaml")
