"""Cross-validation from a spec, and what `train:` says of batches: balanced classes, prefetching."""

import json
import statistics

import numpy as np
import pytest

from agcli.data.section import folds, load_data
from agcli.spec import SpecError, parse_spec
from agcli.training.folds import CrossValidation
from agcli.training.session import batches

ROWS = "width,who,kind\n" + "".join(f"{i % 7}.5,p{i % 9},{('a', 'b')[i % 7 > 3]}\n" for i in range(90))
SPEC = """
data: {{file: {folder}/t.csv, target: kind, columns: {{who: ignore}}{more}}}
model: [{{dense: 2}}]
loss: softmax_cross_entropy
optimizer: {{adam: 0.05}}
train: {{epochs: 2, batch_size: 20{train}}}
"""


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(ROWS)
    return tmp_path


@pytest.fixture
def spec(table):
    def made(more="", train=""):
        return parse_spec(SPEC.format(folder=table, more=more, train=train))

    return made


def test_folds_are_runs_of_their_own(ag, spec, tmp_path):
    (tmp_path / "s.yaml").write_text(spec().dump())
    args = ("train", tmp_path / "s.yaml", "--folds", 3, "--json", "--out", tmp_path / "cv")
    events = [json.loads(line) for line in ag(*args, check=0).stdout.splitlines()]
    done = [event for event in events if event["event"] == "done"]
    last = events[-1]
    assert (len(done), last["event"], len(last["runs"])) == (3, "folds", 3)
    losses = [event["test_loss"] for event in done]
    assert last["mean"]["loss"] == pytest.approx(statistics.fmean(losses))
    assert last["deviation"]["loss"] == pytest.approx(statistics.stdev(losses))
    assert last["mean"]["accuracy"] == pytest.approx(np.mean([event["metrics"]["accuracy"] for event in done]))
    assert json.loads((tmp_path / "cv/folds.json").read_text())["mean"] == last["mean"]
    second = json.loads(ag("eval", tmp_path / "cv/fold-2", "--json", check=0).stdout)
    assert (second["samples"], second["loss"]) == (30, pytest.approx(losses[1], rel=1e-5))
    assert "exists and is not an empty folder" in ag(*args, check=2).stderr


def test_figures_are_shown_together(ag, spec, tmp_path):
    (tmp_path / "s.yaml").write_text(spec().dump())
    done = ag("train", tmp_path / "s.yaml", "--folds", 2, "--quiet", "--out", tmp_path / "cv", check=0)
    assert "test data of 2 folds" in done.stdout
    assert "deviation" in done.stdout
    assert "to be resumed by itself" in ag("train", "--folds", 2, "--resume", tmp_path / "cv/fold-1", check=2).stderr


def test_every_sample_is_tested_by_one_fold(spec):
    found = [load_data(one) for one in folds(spec(), 4)]
    assert sum(len(data.test) for data in found) == 90
    assert {sum(map(len, data.splits.values())) for data in found} == {90}
    assert all(data.has_validation for data in found)


@pytest.mark.parametrize("more", [", split: {group: who}", ", split: {fold: {of: 2, group: who, seed: 4}}"])
def test_groups_and_seeds_stay(more, spec):
    parts = [one.data.fields.split.fields for one in folds(spec(more), 3)]
    assert [(part.of, part.number, part.group) for part in parts] == [(3, 1, "who"), (3, 2, "who"), (3, 3, "who")]
    assert {part.seed for part in parts} == {4 if "seed" in more else 0}


@pytest.mark.parametrize(
    ("text", "of", "message"),
    [
        ("data: {file: t.txt}", 3, "expected samples to part into folds; windows of a text follow each other"),
        ("data: {file: t.csv, target: y, test_file: u.csv}", 3, "folds take their test samples from `file`"),
        ("data: {file: t.csv, target: y, split: {time: when}}", 3, "a `time` split has no folds"),
        ("data: {file: t.csv, target: y, split: tail}", 3, "choose shuffled or stratified or group or fold"),
    ],
)
def test_data_without_folds_is_refused_at_its_place(text, of, message):
    made = parse_spec(f"{text}\nmodel: [{{dense: 2}}]\nloss: softmax_cross_entropy\n")
    with pytest.raises(SpecError) as caught:
        folds(made, of)
    assert message in str(caught.value)
    assert ":1:" in str(caught.value)


@pytest.mark.parametrize(("data", "samples"), [("iris", 150), ("{name: digits, flatten: false}", 1797), ("sine", 1000)])
def test_a_set_by_name_has_folds_of_all_its_samples(data, samples):
    made = parse_spec(f"data: {data}\nmodel: [{{dense: 2}}]\nloss: mean_squared_error\n")
    whole = load_data(made)
    parts = [load_data(one) for one in folds(made, 4)]
    assert [len(part.test) for part in parts] == [samples // 4 + (n < samples % 4) for n in range(4)]
    assert {sum(map(len, part.splits.values())) for part in parts} == {samples}
    assert all(len(part.validation) == round((samples - len(part.test)) * 0.15) for part in parts)
    tested = np.concatenate([part.test.columns["x"].stored for part in parts]).reshape(samples, -1)
    given = np.concatenate([part.columns["x"].stored for part in whole.splits.values()]).reshape(samples, -1)
    assert np.array_equal(np.sort(tested, axis=0), np.sort(given, axis=0))
    if whole.classes:
        assert all(np.ptp(np.bincount(part.test.y)) <= np.ptp(np.bincount(whole.train.y)) + 3 for part in parts)


def test_a_number_that_no_fold_has_is_told_at_its_place():
    made = parse_spec("data: {name: iris, fold: {of: 3, number: 4}}\nmodel: [{dense: 3}]\nloss: hinge\n")
    with pytest.raises(SpecError, match=r":1:26: data.fold: fold: expected 2 parts or more, .* found 4 of 3"):
        load_data(made)


def test_a_fold_of_iris_is_standardised_by_the_samples_it_trains_on():
    data = load_data(parse_spec("data: {name: iris, fold: {of: 3, number: 2}}\nmodel: [{dense: 3}]\nloss: hinge\n"))
    assert np.allclose(data.train.x.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(data.train.x.std(axis=0), 1, atol=1e-5)
    assert not np.allclose(data.test.x.mean(axis=0), 0, atol=1e-5)


def test_a_stop_ends_all_folds(spec, tmp_path):
    trainings = CrossValidation(spec(), 3, tmp_path / "cv")
    kinds = []
    for event in trainings:
        kinds.append(type(event).__name__)
        if kinds[-1] == "EpochDone":
            trainings.stop(15)
    assert kinds[-1] == "Interrupted"
    assert kinds.count("Started") == 1


def test_train_says_how_batches_are_drawn(spec):
    made = spec(train=", balanced: true, prefetch: 3, drop_last: true")
    drawn = batches(made, load_data(made))
    assert (drawn.prefetch, drawn.drop_last, drawn.augment) == (3, True, True)
    labels = np.concatenate([batch.y.copy() for batch in drawn.epoch()])
    assert abs(int(labels.sum()) * 2 - len(labels)) <= 8


@pytest.mark.parametrize(
    ("target", "train", "text"),
    [
        ("width", ", balanced: true", "train.balanced: expected one class a sample"),
        ("kind", ", balanced: true, shuffle: false", "train.balanced: expected `shuffle: true` beside it"),
        ("kind", ", batch_size: 500, drop_last: true", "train.batch_size: no batch: the split has"),
    ],
)
def test_what_batches_cannot_do_is_told_at_its_place(target, train, text, table):
    written = SPEC.format(folder=table, more="", train=train).replace("target: kind", f"target: {target}")
    written = written.replace("softmax_cross_entropy", "mean_squared_error") if target == "width" else written
    made = parse_spec(written.replace("batch_size: 20, batch_size", "batch_size"))
    with pytest.raises(SpecError) as caught:
        batches(made, load_data(made))
    assert text in str(caught.value)
