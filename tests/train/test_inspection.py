"""`ag check` and `ag show`: layers with their numbers, gradients that are right or wrong, costs, pictures."""

import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from agcli.cli import show as command
from agcli.data.section import load_data
from agcli.engine.custom import custom_gradient
from agcli.inspection import FORMATS, STAGES, check, draw
from agcli.inspection.gradients import check_gradients
from agcli.inspection.layers import Layer, parents_first, table
from agcli.inspection.pictures import Node, Picture, svg
from agcli.model.build import build
from agcli.report.checks import short
from agcli.spec import SpecError, parse_spec

DENSE = """
name: small
data: digits
model:
  - dense: {units: 20, activation: relu}
  - dropout: 0.2
  - dense: 10
loss: softmax_cross_entropy
train: {batch_size: 16, epochs: 3}
"""
RICH = """
data: {name: digits, flatten: false}
model:
  - reshape: [8, 8, 1]
  - conv2d: {filters: 4, kernel: 3, activation: relu}
  - batch_norm
  - max_pool: 2
  - flatten
  - residual: [{dense: 36}, {residual: [{dense: {units: 36, activation: gelu}}]}]
  - {dense: 10, l2: 0.01}
loss: softmax_cross_entropy
"""
FREE = """
data: digits
variables:
  w: {shape: [64, 10], init: glorot_uniform}
  b: {shape: [10], init: zeros}
let: {z: x @ w + b}
loss: mean(sparse_softmax_cross_entropy(z, y))
"""
RECURRENT = """
data: {name: digits, flatten: false}
model: [{lstm: 6}, {dense: 10}]
loss: softmax_cross_entropy
"""


def model_of(text):
    spec = parse_spec(text)
    data = load_data(spec)
    return build(spec, data), data


def columns(data, count=12):
    return {name: np.array(data.train[name][:count]) for name in data.train.columns}


# Layers


def test_layers_have_the_numbers_of_arithmetic():
    rows = {row.name: row for row in table(model_of(DENSE)[0], 16)}
    first, last = rows["dense_1"], rows["dense_2"]
    assert (first.shape, first.parameters, first.bytes) == ((20,), 64 * 20 + 20, 16 * 20 * 4)
    assert first.flops == 16 * (2 * 64 * 20 + 20 + 20)  # product, bias, relu
    assert last.flops == 16 * (2 * 20 * 10 + 10)


def test_layers_within_layers_follow_them():
    rows = table(model_of(RICH)[0], 8)
    assert [(row.name, row.depth) for row in rows][5:9] == [
        ("residual_1", 0),
        ("residual_1.dense_1", 1),
        ("residual_1.residual_1", 1),
        ("residual_1.residual_1.dense_1", 2),
    ]
    named = {row.name: row for row in rows}
    assert named["residual_1"].parameters == 2 * (36 * 36 + 36)
    assert named["conv2d_1"].flops == 8 * 36 * 4 * (2 * 9 + 2)
    assert named["flatten_1"].flops == 0


def test_a_loop_counts_every_turn():
    row = table(model_of(RECURRENT)[0], 4)[0]
    assert row.parameters == 4 * 6 * (8 + 6 + 1)
    assert row.flops > 8 * 4 * 2 * (8 + 6) * 4 * 6


def test_a_formula_does_not_count_the_layers_that_it_names():
    text = "data: digits\nmodel: {first: {dense: 4, input: x}, second: {dense: 4, input: x}, "
    text += "both: {lambda: x + first, input: second}, last: {dense: 10, input: both}}\nloss: softmax_cross_entropy\n"
    rows = {row.name: row for row in table(model_of(text)[0], 4)}
    assert [rows[name].parameters for name in ("first", "second", "both", "last")] == [260, 260, 0, 50]
    assert rows["both"].flops == 4 * 4


def test_parents_come_first():
    made = [Layer(name, "", depth, (), 0, 0, 0.0) for name, depth in (("b", 1), ("d", 2), ("c", 1), ("a", 0), ("e", 0))]
    assert "".join(row.name for row in parents_first(made)) == "abcde"


# Gradients


@pytest.mark.parametrize("text", [DENSE, RICH, FREE, RECURRENT], ids=["dense", "rich", "free", "recurrent"])
def test_a_right_gradient_is_found_right(text):
    model, data = model_of(text)
    before = {name: v.value.copy() for name, v in model.parameters.items()}
    found = check_gradients(model, columns(data))
    assert found.right
    assert found.precision == "float64"
    assert max(c.error for c in found.checked) < 1e-5
    assert len(found.checked) == len(list(model.parameters.trainable))
    assert found.norm > 0
    assert all(np.array_equal(before[name], v.value) for name, v in model.parameters.items())


def test_a_wrong_gradient_is_found_wrong():

    wrong = custom_gradient(lambda t: t * 1.0, lambda g, y, t: g * 1.5)
    model, data = model_of(DENSE)
    object.__setattr__(model.train, "loss", wrong(model.train.loss))
    found = check_gradients(model, columns(data))
    assert not found.right
    assert all(c.error == pytest.approx(1 / 3, rel=1e-3) for c in found.checked)


def test_dead_parameters_and_units_are_named():
    dead = check(parse_spec(DENSE.replace("activation: relu", "activation: relu, bias_init: {constant: -100}")))
    assert set(dead.gradients.dead) >= {"dense_1.weight", "dense_1.bias"}
    assert any(text.startswith("dense_1.weight: no gradient for 16 samples") for text in dead.warnings)
    half = model_of(FREE.replace("x @ w + b", "x @ w + b + 0 * sum(w)"))
    assert not check_gradients(half[0], columns(half[1])).dead


def test_a_parameter_that_the_loss_does_not_use_is_an_error_at_its_place():
    text = FREE.replace("let:", "  lost: {shape: [3], init: zeros}\nlet:")
    with pytest.raises(SpecError) as caught:
        check(parse_spec(text))
    assert "variables.lost: the loss does not depend on `lost`; use it there, or take it out" in str(caught.value)
    assert ":6:" in str(caught.value)
    assert check(parse_spec(text + "freeze: [lost]\n")).gradients.right


# The whole


def test_a_check_knows_what_training_takes():
    found = check(parse_spec(DENSE))
    assert (found.parameters, found.batch, found.samples) == (
        1_510,
        16,
        {"train": 1221, "validation": 216, "test": 360},
    )
    assert found.cost.parameters == 4 * 1_510
    assert 2 * found.cost.parameters <= found.cost.optimizer <= 2 * found.cost.parameters + 100
    assert found.cost.steps == math.ceil(1221 / 16)
    assert found.cost.memory > found.cost.data == 1797 * (64 + 8)
    assert found.cost.evaluating > 216 * 10 * 4
    assert found.cost.total > found.cost.epochs * found.cost.epoch > 0
    assert not found.problems
    json.dumps(found.to_json(), default=str)


def test_strange_data_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{i % 5},1,{'uv'[i % 2]}\n" for i in range(40)))
    data = f"{{file: {tmp_path}/t.csv, target: y, columns: {{a: numeric, b: numeric}}}}"
    found = check(parse_spec(f"data: {data}\nmodel: [{{dense: 2}}]\nloss: softmax_cross_entropy\n"))
    assert any("the same value in all training samples" in text for text in found.warnings)


def test_ag_check_prints_a_table(ag, tmp_path):
    (tmp_path / "s.yaml").write_text(DENSE)
    out = ag("check", tmp_path / "s.yaml", check=0).stdout
    assert re.search(r"dense_1 +dense +\(20\) +1,300", out)
    assert re.search(r"gradient +right: \d+ coordinates in float64", out)
    for word in ("data", "batch", "memory", "time"):
        assert re.search(rf"^{word} ", out, re.MULTILINE)
    plain = json.loads(ag("check", "iris", "--json", check=0).stdout)
    assert (plain["name"], plain["gradients"]["right"]) == ("iris", True)
    assert "did you mean `iris`?" in ag("check", "irsi", check=2).stderr


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (640, "640"), (12_500, "12.5 k"), (3.2e6, "3.20 M"), (999_900, "1000 k"), (7e21, "7000000 P")],
)
def test_large_numbers_are_short(number, text):
    assert short(number) == text


# Pictures


def test_the_command_knows_all_stages_and_formats():
    assert tuple(command.STAGES) == tuple(STAGES)
    assert tuple(command.FORMATS) == FORMATS


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_every_picture(stage):
    spec = parse_spec(RICH if stage == "spec" else DENSE)
    tree, mermaid, dot, drawing = (draw(spec, stage, form) for form in FORMATS)
    assert "dense" in tree
    assert mermaid.startswith("graph TD\n")
    assert mermaid.count("-->") == dot.count(" -> n")
    assert dot.startswith("digraph {")
    assert dot.endswith("}")
    root = ElementTree.fromstring(drawing)
    texts = [element.text for element in root if element.tag.endswith("text")]
    assert any("dense_1" in text for text in texts)
    assert len(texts) == len(re.findall(r"^  \w+[\[(]", mermaid, re.MULTILINE))


def test_the_layers_are_drawn_from_input_to_loss():
    text = draw(parse_spec(DENSE), "spec", "tree")
    assert text.splitlines() == [
        "x: float32(None, 64)",
        "y: int64(None,)",
        "├─ dense_1 (dense): (20), 1,300 parameters",
        "├─ dropout_1 (dropout): (20)",
        "└─ dense_2 (dense): (10), 210 parameters",
        "loss: softmax_cross_entropy",
    ]
    assert draw(parse_spec(FREE)).splitlines()[2:] == [
        "w: float64(64, 10), a variable",
        "b: float64(10,), a variable",
        "loss: mean(sparse_softmax_cross_entropy(z, y))",
    ]


def test_boxes_do_not_overlap_and_stand_below_their_inputs():
    nodes = [Node(i, "x" * (5 + 7 * i % 11)) for i in range(12)]
    edges = [(a, b) for b in range(3, 12) for a in (b // 2, b - 3)]
    root = ElementTree.fromstring("\n".join(svg(Picture(nodes, edges))))
    boxes = [{k: float(r.get(k)) for k in ("x", "y", "width", "height")} for r in root if r.get("rx") == "8"]
    assert len(boxes) == 12
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"] or a["y"] != b["y"]
    assert all(boxes[a]["y"] < boxes[b]["y"] for a, b in edges)


def test_markup_in_names_stays_text():
    picture = Picture([Node(0, '<b>"x"</b> & [y]')], [])
    root = ElementTree.fromstring("\n".join(svg(picture)))
    assert root[-1].text == '<b>"x"</b> & [y]'


def test_ag_show_writes_a_file(ag, tmp_path):
    ag("show", "iris", "--format", "svg", "--out", tmp_path / "iris.svg", check=0)
    ElementTree.parse(tmp_path / "iris.svg")
    assert "steps" in ag("show", "iris", "--stage", "plan", check=0).stdout
    assert "is not one of" in ag("show", "iris", "--stage", "plans", check=2).stderr
