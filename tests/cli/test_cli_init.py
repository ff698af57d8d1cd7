"""`ag init`: a spec that trains for every kind of file, with models that fit its columns."""

import json
import re

import numpy as np
import polars as pl
import pytest

N = 60
RNG = np.random.default_rng(1)
A = RNG.random(N)
Y = RNG.integers(0, 3, N)
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
TEXTS = [" ".join(RNG.choice(WORDS, 8)) for _ in range(N)]
KINDS = ["red", "green", "blue"]
TABLE = pl.DataFrame({"id": range(N), "width": A, "note": TEXTS, "kind": [KINDS[i] for i in Y]})
PROSE = "the quick brown fox jumps over the lazy dog, and goes home. " * 120


def arrays(folder, **named):
    np.savez(folder / "a.npz", **named)
    return "a.npz"


def pair(folder):
    np.save(folder / "x_train.npy", RNG.random((N, 4)).astype(np.float32))
    np.save(folder / "y_train.npy", Y)
    return "x_train.npy"


def table(folder, write):
    write(folder)
    return next(folder.iterdir()).name


FILES = {
    "csv": lambda f: table(f, lambda f: TABLE.write_csv(f / "t.csv")),
    "tsv": lambda f: table(f, lambda f: TABLE.write_csv(f / "t.tsv", separator="\t")),
    "jsonl": lambda f: table(f, lambda f: TABLE.write_ndjson(f / "t.jsonl")),
    "parquet": lambda f: table(f, lambda f: TABLE.write_parquet(f / "t.parquet")),
    "text": lambda f: table(f, lambda f: (f / "t.txt").write_text(PROSE)),
    "numbers": lambda f: arrays(f, x=RNG.random((N, 4)), y=Y),
    "a number": lambda f: arrays(f, x=RNG.random((N, 4)), y=RNG.random(N)),
    "vectors": lambda f: arrays(f, x=RNG.random((N, 4)), y=RNG.random((N, 2))),
    "several": lambda f: arrays(f, a=RNG.random((N, 4)), b=RNG.random(N), y=Y),
    "grey pictures": lambda f: arrays(f, x=RNG.integers(0, 255, (N, 12, 12), np.uint8), y=Y),
    "pictures": lambda f: arrays(f, x=RNG.integers(0, 255, (N, 6, 6, 3), np.uint8), y=Y),
    "pictures and numbers": lambda f: arrays(f, p=RNG.integers(0, 255, (N, 9, 9), np.uint8), n=A, y=Y),
    "sequences": lambda f: arrays(f, x=RNG.random((N, 5, 3)), y=Y),
    "sides": lambda f: arrays(f, x_train=RNG.random((N, 4)), y_train=Y, x_test=RNG.random((9, 4)), y_test=Y[:9]),
    "pair": pair,
}  # fmt: skip


@pytest.mark.sampled(3)  # the full check tries all
@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file_gets_a_spec_that_trains(ag, tmp_path, kind):
    file = FILES[kind](tmp_path)
    ag("init", file, "--out", "s.yaml", cwd=tmp_path, check=0)
    text = (tmp_path / "s.yaml").read_text()
    assert "patience: " in text
    assert "validation: 0.15" in text
    ag("train", "s.yaml", "--set", "train.epochs=1", "--out", "run", cwd=tmp_path, check=0)
    ag("eval", "run", cwd=tmp_path, check=0)


def init(ag, folder, *options):
    ag("init", "t.csv", "--out", "s.yaml", *options, cwd=folder, check=0)
    return (folder / "s.yaml").read_text()


def test_a_text_stands_beside_numbers_and_names_with_the_vocabulary_that_it_has(ag, tmp_path):
    TABLE.with_columns(color=pl.Series([KINDS[(i + 1) % 3] for i in range(N)])).write_csv(tmp_path / "t.csv")
    text = init(ag, tmp_path, "--target", "kind")
    assert "note: {text: {length: 8}}" in text
    assert "- {embedding: {width: 32}, input: note, name: note_words} # a vector for each of 10 words" in text
    assert "- {concat: {}, input: [x, note_mean]}" in text
    assert "10000" not in text
    shown = ag("check", "s.yaml", cwd=tmp_path, check=0).stdout
    assert re.search(r"note_words\s+.*12.?32|384", shown)  # ten words, the padding, and what is unknown, of 32 numbers


def test_a_text_alone_is_an_input_of_its_own_name(ag, tmp_path):
    TABLE.select("note", "kind").write_csv(tmp_path / "t.csv")
    text = init(ag, tmp_path)
    assert "- embedding: {width: 32} # a vector for each of 10 words" in text
    (tmp_path / "s.yaml").write_text(
        text.replace("- embedding: {width: 32}", "- {embedding: {width: 32}, input: note}")
    )
    ag("train", "s.yaml", "--set", "train.epochs=1", "--out", "run", cwd=tmp_path, check=0)
    ag("predict", "run", "t.csv", cwd=tmp_path, check=0)


def test_what_gives_the_target_away_stays_in_a_comment(ag, tmp_path):
    pl.DataFrame({"celsius": A, "other": RNG.random(N), "price": 1.8 * A + 32}).write_csv(tmp_path / "t.csv")
    text = init(ag, tmp_path)
    assert "celsius: ignore # says the target: the same numbers up to a factor and an offset" in text
    assert "# warning: left out: celsius (the target follows from it)" in text
    assert "other: numeric" in text


def test_the_only_input_is_kept_though_it_gives_the_target_away(ag, tmp_path):
    pl.DataFrame({"celsius": A, "price": 1.8 * A + 32}).write_csv(tmp_path / "t.csv")
    assert "celsius: numeric" in init(ag, tmp_path)


@pytest.mark.parametrize("rare", [1, 2, 3])
def test_a_class_of_few_samples_does_not_stop_a_first_training(ag, tmp_path, rare):
    kinds = ["rare"] * rare + [KINDS[i % 2] for i in range(N - rare)]
    pl.DataFrame({"a": A, "b": RNG.random(N), "kind": kinds}).write_csv(tmp_path / "t.csv")
    assert "split: {stratified:" in init(ag, tmp_path)
    ag("train", "s.yaml", "--set", "train.epochs=1", "--out", "run", cwd=tmp_path, check=0)
    ag("eval", "run", cwd=tmp_path, check=0)


def test_comments_end_behind_a_word(ag, tmp_path):
    long = [f"{'wonderful ' * 9}number{i % 6:03}" for i in range(N)]
    pl.DataFrame({"long": long, "a": A, "y": RNG.random(N)}).write_csv(tmp_path / "t.csv")
    comment = next(line for line in init(ag, tmp_path).splitlines() if line.startswith("    long: "))
    words = re.findall(r"\w+", comment.partition("different: ")[2])
    assert {"wonderful"} <= set(words) <= {"wonderful", *(f"number{i:03}" for i in range(6))}


def test_lone_arrays_and_nothing_to_learn_from_are_told(ag, tmp_path):
    np.save(tmp_path / "alone.npy", RNG.random((N, 4)))
    assert "holds one array" in ag("init", "alone.npy", cwd=tmp_path, check=2).stderr
    (tmp_path / "t.txt").write_text("short")
    ag("init", "t.txt", cwd=tmp_path, check=2)
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize(("shape", "written"), [((3, 8, 8), "{image: {channels: first}}"), ((8, 8, 3), "image")])
def test_pictures_whose_channels_stand_first_are_written_so(ag, tmp_path, shape, written):
    x = RNG.integers(0, 256, (N, *shape)).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x=x, y=np.arange(N) % 2)
    ag("init", "pictures.npz", cwd=tmp_path, check=0)
    assert f"    x: {written} #" in (tmp_path / "pictures.yaml").read_text("utf-8")
    ag("train", "pictures.yaml", "--set", "train.epochs=1", "--out", "run", cwd=tmp_path, check=0)
    ag("predict", "run", "pictures.npz", cwd=tmp_path, check=0)


def test_rows_without_a_target_are_told_at_every_turn(ag, tmp_path):
    kinds = ["" if i % 6 == 0 else KINDS[i % 3] for i in range(N)]
    pl.DataFrame({"a": A, "b": RNG.random(N), "kind": kinds}).write_csv(tmp_path / "t.csv")
    told = '10 of 60 rows have no "kind" and are left out'
    assert told in init(ag, tmp_path)
    assert told in ag("data", "info", "t.csv", cwd=tmp_path, check=0).stdout
    done = ag("train", "s.yaml", "--set", "train.epochs=1", "--out", "run", cwd=tmp_path, check=0)
    assert told in done.stdout + done.stderr
    for options in ((), ("--data", "t.csv")):
        found = json.loads(ag("eval", "run", "--json", *options, cwd=tmp_path, check=0).stdout)
        assert any(note.startswith(told) for note in found["notes"])


def test_a_model_that_is_no_better_than_a_constant_is_called_so(ag, tmp_path):
    kinds = ["red" if i % 10 else "blue" for i in range(N)]
    pl.DataFrame({"a": [i * 7 % 10 / 10 + 0.05 for i in range(N)], "kind": kinds}).write_csv(tmp_path / "t.csv")
    init(ag, tmp_path, "--target", "kind")
    told = "no better than a constant answer"
    ag("train", "s.yaml", "--set", "optimizer.adam=1e-9", "--out", "run", cwd=tmp_path, check=0)
    found = json.loads(ag("eval", "run", "--json", cwd=tmp_path, check=0).stdout)
    figure = found["figures"]["accuracy"]
    assert figure["value"] <= figure["baseline"]
    assert any(told in note for note in found["notes"])
    ag("report", "run", cwd=tmp_path, check=0)
    assert f"The model is {told}" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "value", "baseline", "is_told"),
    [
        ("accuracy", 0.7, 0.6, False),
        ("accuracy", 0.6, 0.6, True),
        ("accuracy", 0.5, 0.6, True),
        ("root_mean_squared_error", 2.0, 3.0, False),
        ("root_mean_squared_error", 3.0, 2.0, True),
        ("accuracy", float("nan"), 0.6, False),
        ("accuracy", 0.5, None, False),
        ("bias", 3.0, 2.0, False),
    ],
)
def test_figures_are_held_against_a_constant(name, value, baseline, is_told):
    from agcli.evaluation.bootstrap import Figure
    from agcli.evaluation.evaluate import no_better

    assert bool(list(no_better({name: Figure(value, None, None, baseline)}))) == is_told


@pytest.mark.parametrize("name", ["count", "counts", "x", "y", "index", "weights"])
def test_the_name_of_a_column_stands_in_nobodys_way(ag, tmp_path, name):
    pl.DataFrame({"a": A, name: [KINDS[i % 3] for i in range(N)], "kind": [WORDS[i] for i in Y]}).write_csv(
        tmp_path / "t.csv"
    )
    init(ag, tmp_path, "--target", "kind")
    ag("train", "s.yaml", "--set", "train.epochs=1", "--out", "run", cwd=tmp_path, check=0)
