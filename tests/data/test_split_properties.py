"""What holds of every kind of split, whatever the samples, the shares and the seed are."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agcli.data.section import load_data
from agcli.datasets import RULES, DataError, Fold
from agcli.datasets.frame import Frame
from agcli.datasets.splits import PARTS
from agcli.spec import SpecError, read_spec
from agcli.training import Trainer

SHARES = st.sampled_from([None, 0.0, 0.05, 0.15, 0.3, 0.5])
KINDS = [*RULES, "fold of groups"]


@st.composite
def samples(draw):
    """A table with groups of any sizes, moments with ties, and classes, one of them rare."""
    count = draw(st.integers(12, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = {
        "who": pl.Series([f"p{i}" for i in rng.integers(0, draw(st.integers(1, count)), count)]),
        "when": pl.Series(rng.integers(0, draw(st.integers(1, count)), count).astype(float)),
    }
    labels = rng.choice(3, count, p=[0.6, 0.35, 0.05]) if draw(st.booleans()) else None
    return Frame("t.csv", columns), labels


@st.composite
def rules(draw, kind):
    """A split of a kind with any shares and seed."""
    options = {"validation": draw(SHARES), "seed": draw(st.integers(0, 5))}
    if kind.startswith("fold"):
        of = draw(st.integers(2, 6))
        group = "who" if kind == "fold of groups" else None
        return Fold(of=of, number=draw(st.integers(1, of)), group=group, **options)
    column = {"group": {"column": "who"}, "time": {"column": "when"}}.get(kind, {})
    return RULES[kind](test=draw(SHARES), **column, **options)


def parted(rule, frame, labels):
    """The parts, or None where the samples are too few for them, or of no kind that the rule looks at."""
    try:
        return rule.parts(frame, labels)
    except DataError as error:
        assert error.path == ("split",)  # noqa: PT017  # the line to be mended
        return None


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_each_sample_is_in_one_part(kind, data):
    frame, labels = data.draw(samples())
    rule = data.draw(rules(kind))
    parts = parted(rule, frame, labels)
    if parts is None:
        assert kind not in ("shuffled", "tail", "fold")
        return
    train, validation, test = parts
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(frame)))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert len(train)
    assert all(map(np.array_equal, parted(rule, frame, labels), parts))
    assert not len(validation) or rule.validation != 0
    assert not len(test) or getattr(rule, "test", None) != 0
    near(rule, frame, labels, parts)
    if rule.by == "who":
        names = frame["who"].values.to_numpy()
        whole = [set(names[part]) for part in parts]
        assert sum(map(len, whole)) == len(set(names))
    if rule.by == "when":
        moments = frame["when"].values.to_numpy()
        borders = [(moments[part].min(), moments[part].max()) for part in parts if len(part)]
        assert all(last < first for (_, last), (first, _) in pairwise(borders))


def near(rule, frame, labels, parts):
    """Each part has its share, to a sample, or to a group or a moment that is not cut."""
    _, validation, test = parts
    unit = 1
    if rule.by is not None:
        unit = int(np.unique(frame[rule.by].values.to_numpy(), return_counts=True)[1].max())
    held = {"test": (test, len(frame), rule.tested_count(len(frame)) / len(frame))}
    usual = 0.15 if rule.validation is None else rule.validation
    held["validation"] = validation, len(frame) - len(test), usual
    for name, (part, of, share) in held.items():
        wide = of if rule.by is not None and share else 0  # few groups or moments: one at least, and one stays
        assert abs(len(part) - of * share) <= max(unit, 1) or (wide and len(part) <= unit), (name, len(part), of, share)
    if rule.name == "stratified" and labels is not None:
        for label in np.unique(labels):
            share = len(test) / len(frame)
            assert abs(np.sum(labels[test] == label) - np.sum(labels == label) * share) <= 1


@pytest.mark.parametrize("kind", ["shuffled", "stratified", "group", "fold"])
def test_another_seed_draws_other_samples(kind):
    frame = Frame("t.csv", {"who": pl.Series([f"p{i % 40}" for i in range(200)])})
    labels, column = np.arange(200) % 3, {"column": "who"} if kind == "group" else {}
    drawn = [RULES[kind](seed=seed, **column).parts(frame, labels) for seed in (1, 2)]
    assert not any(map(np.array_equal, *drawn))


# What cannot be split, at its line

HEAD = "model: [{dense: 1}]\nloss: mean_squared_error\n"
ALL = "`split: {shuffled: {test: 0, validation: 0}}` takes all samples for training"
GOES_WITHOUT = "`validation: 0` in `split` goes without"
TOO_FEW = {
    "split: {time: {column: t}}": ((1, 1, 1, 1), f'expected 3 moments or more in "t", found 1; {ALL}'),
    "split: {time: {column: t, validation: 0}}": ((1, 1, 1), f'expected 2 moments or more in "t", found 1; {ALL}'),
    " split: {time: {column: t}}": ((1, 1, 2, 2), "found 2; with `validation: 0`, 2 suffice"),
    "split: {group: {column: t}}": ((7, 7), f'expected 3 groups or more in "t", found 1; {ALL}'),
    "split: {shuffled: {test: 0.5}}": ((1,), f"expected at least 2 samples to split, found 1; {ALL}"),
    "stream: true": ((1, 2, 3, 4, 5), f"the validation split has no samples; {GOES_WITHOUT}"),
}


@pytest.mark.parametrize("option", TOO_FEW)
def test_too_few_samples_are_an_error_at_the_line_of_the_split(tmp_path, option):
    times, text = TOO_FEW[option]
    (tmp_path / "t.csv").write_text(
        "\n".join(["a,t,y", *(f"{i * 7 % 13 + 0.5},{t},{i * i}" for i, t in enumerate(times))])
    )
    (tmp_path / "s.yaml").write_text(f"{HEAD}data:\n  file: t.csv\n  target: y\n  {option.strip()}\n")
    with pytest.raises(SpecError) as caught:
        load_data(read_spec(tmp_path / "s.yaml"))
    assert f"s.yaml:{6 if 'split' in option else 3}:" in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize("option", ["split: {time: {column: t}}", "stream: true"])
def test_the_mended_line_trains(tmp_path, option):
    (tmp_path / "t.csv").write_text("\n".join(["a,t,y", *(f"{i * 7 % 13 + 0.5},{i // 3},{i * i}" for i in range(5))]))
    mended = {"stream: true": "stream: true\n  split: {shuffled: {test: 0, validation: 0}}"}
    line = mended.get(option, "split: {time: {column: t, validation: 0}}")
    (tmp_path / "s.yaml").write_text(f"{HEAD}data:\n  file: t.csv\n  target: y\n  {line}\n")
    done = Trainer(read_spec(tmp_path / "s.yaml"), tmp_path / "run").finish()
    assert done.validation_loss is None


def test_files_of_their_own_are_taken_whole(tmp_path):
    for name, start, count in (("t", 0, 40), ("v", 100, 7), ("x", 200, 9)):
        lines = [f"{i * 7 % 13 + 0.5},{i}" for i in range(start, start + count)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,y", *lines]))
    files = "data: {file: t.csv, validation_file: v.csv, test_file: x.csv, target: y}\n"
    (tmp_path / "s.yaml").write_text(files + HEAD)
    found = load_data(read_spec(tmp_path / "s.yaml")).splits
    assert [len(found[name]) for name in PARTS] == [40, 7, 9]
