"""`ag data`, `ag init`, and runs on files: trained, evaluated by what training learnt, and told what is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest

from agcli.datasets import Ignore, Table, TableFile
from agcli.runs.contents import STATISTICS

FLOWERS = "width,color,kind\n" + "".join(f"{i % 7}.5,{'rgb'[i % 3]},{('a', 'b')[i % 7 > 3]}\n" for i in range(120))


def spec(folder, data, units=2):
    text = f"data: {data}\nmodel: [{{dense: {units}}}]\nloss: softmax_cross_entropy\nmetrics: [accuracy]\n"
    (folder / "s.yaml").write_text(text + "optimizer: {adam: 0.05}\ntrain: {epochs: 2, batch_size: 20}\n")
    return folder / "s.yaml"


def trained(ag, path, out):
    return json.loads(ag("train", path, "--json", "--out", out, check=0).stdout.splitlines()[-1])


def evaluated(ag, run, *options):
    return json.loads(ag("eval", run, "--json", *options, check=0).stdout)


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(FLOWERS)
    return tmp_path


@pytest.mark.parametrize("more", ["", ", stream: true", ", split: {time: width}"])
def test_a_run_on_a_file_is_evaluated_as_it_was_trained(ag, table, more):
    done = trained(ag, spec(table, f"{{file: t.csv, target: kind{more}}}"), table / "run")
    result = evaluated(ag, table / "run")
    assert result["metrics"] == done["metrics"]
    assert result["loss"] == pytest.approx(done["test_loss"], rel=1e-6)
    resolved = (table / "run" / "spec.yaml").read_text()
    assert "width: {numeric:" in " ".join(resolved.split()).replace("width: numeric:", "width: {numeric:")
    assert "color: {categorical:" in resolved
    again = trained(ag, table / "run" / "spec.yaml", table / "again")
    assert again["test_loss"] == done["test_loss"]


def test_evaluation_takes_its_statistics_from_the_run(ag, table):
    trained(ag, spec(table, "{file: t.csv, target: kind}"), table / "run")
    before = evaluated(ag, table / "run")
    learnt = table / "run" / "data.json"
    plain = json.loads(learnt.read_text())
    width = next(part for part in plain["inputs"] if part["column"] == "width")
    width["stats"]["mean"] += 100
    learnt.write_text(json.dumps(plain))
    assert "data.json: is not what the training of this run wrote" in ag("eval", table / "run", check=2).stderr
    about = table / "run" / "environment.json"
    kept = json.loads(about.read_text())
    about.write_text(json.dumps({name: value for name, value in kept.items() if name != STATISTICS}))
    assert evaluated(ag, table / "run", "--anyway")["loss"] != before["loss"]
    learnt.write_text("[")
    assert "data.json: expected the statistics that training wrote" in ag("eval", table / "run", check=2).stderr


@pytest.mark.parametrize(
    "data",
    [
        "{file: iris/iris.csv, target: species}",
        "{file: adult/adult-train.csv, test_file: adult/adult-test.csv, target: column_15, "
        "columns: {column_15: {categorical: {strip: .}}}}",
    ],
)
def test_real_files_train_and_evaluate_the_same(ag, tmp_path, real_data, data):
    done = trained(ag, spec(tmp_path, data, units=3), tmp_path / "run")
    assert done["metrics"]["accuracy"] > 0.3
    result = evaluated(ag, tmp_path / "run")
    assert (result["metrics"], result["samples"] in (30, 16_281)) == (done["metrics"], True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("{file: t.csv, target: kidn}", 'data.target: t.csv: unknown column "kidn"; did you mean "kind"?'),
        ("{file: u.csv, target: kind}", "data.file: u.csv: cannot be read: No such file or directory; did you mean"),
        ("{file: t.csv, target: kind, columns: {widht: numeric}}", 'unknown column "widht"; did you mean "width"?'),
        ("{file: t.csv, target: kind, columns: {color: numeric}}", 'column "color": expected a number, found "'),
        (
            "{file: t.csv, target: kind, columns: {color: {categorical: index}}}",
            "an `input` of the first layer, as there are several: `x`, `color`",
        ),
        ("{file: t.ods, target: kind}", "expected a table (CSV, TSV, "),
        ("{file: t.csv, target: kind, split: {group: tint}}", 'unknown column "tint"'),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(ag, table, data, text):
    done = ag("train", spec(table, data), "--out", table / "run", check=2)
    assert text in done.stderr.replace(f"{table}/t.csv", "t.csv").replace(f"{table}/u.csv", "u.csv")
    assert ("s.yaml:2:" if "input" in text else "s.yaml:1:") in done.stderr
    assert not (table / "run").exists()


def test_training_warns_of_strange_data_once(ag, table):
    (table / "t.csv").write_text(FLOWERS.replace("\n", ",1\n").replace("kind,1", "kind,same"))
    path = spec(table, "{file: t.csv, target: kind, columns: {same: numeric}}")
    done = ag("train", path, "--out", table / "run", check=0)
    assert done.stderr.count('note: column "same": the same value in all training samples') == 1
    assert "same value" not in ag("eval", table / "run", check=0).stderr


# ag data


def test_the_list_has_every_set(ag):
    rows = [json.loads(line) for line in ag("data", "list", "--json", check=0).stdout.splitlines()]
    assert [row["name"] for row in rows] == [
        "digits",
        "iris",
        "moons",
        "spirals",
        "blobs",
        "sine",
        "lotka_volterra",
        "mnist",
        "fashion-mnist",
    ]
    assert "moons           generated        two half circles" in ag("data", "list", check=0).stdout


def test_a_file_is_described(ag, table):
    facts = json.loads(ag("data", "info", table / "t.csv", "--json", check=0).stdout)
    assert (facts["samples"], facts["target"], facts["split"]) == (120, ["kind"], "stratified")
    assert [(c["name"], c["role"]) for c in facts["columns"]] == [
        ("width", "numeric"),
        ("color", "categorical"),
        ("kind", "categorical"),
    ]
    shown = ag("data", "info", table / "t.csv", check=0).stdout
    assert "0.5 to 6.5" in shown
    assert "3 different" in shown


def test_the_first_samples_are_shown(ag, table):
    assert ag("data", "head", table / "t.csv", "-n", "2", check=0).stdout.splitlines()[1:] == [
        "0.5    r      a",
        "1.5    g      a",
    ]
    row = json.loads(ag("data", "head", "iris", "-n", "1", "--json", check=0).stdout)
    assert set(row) == {"x", "y"}


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("info", "moons"), "samples: 1000, noise: 0.1, seed: 0"),
        (("head", "sine", "-n", "3"), "x"),
        (("fetch", "iris"), "iris: 120 train, 30 test"),
    ],
)
def test_named_sets_are_shown(ag, arguments, shown):
    assert shown in ag("data", *arguments, check=0).stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("info", "mnits"), 'unknown data set "mnits"; did you mean "mnist"?'),
        (("fetch", "mnits"), 'unknown data set "mnits"; did you mean "mnist"?'),
        (("head", "absent.csv"), "absent.csv: cannot be read: No such file or directory"),
        (("info", "x.pdf"), "x.pdf: expected a table (CSV, "),
        (("info", "."), "expected a file, or a folder with tables, found a folder without one"),
        (("head", "iris", "-n", "0"), "0 is not in the range"),
        (("info", "iris", "--target", "species"), "--target: is for a file; iris has its own target"),
        (("init",), "No such command"),
    ],
)
def test_wrong_questions_are_answered(ag, arguments, text, tmp_path):
    assert text in ag("data", *arguments, cwd=tmp_path, check=2).stderr


# ag init


def test_a_first_spec_trains(ag, table):
    said = ag("init", "t.csv", cwd=table, check=0).stdout
    assert "wrote t.yaml" in said
    text = (table / "t.yaml").read_text()
    assert "target: kind # 2 different: a, b" in text
    assert "loss: softmax_cross_entropy" in text
    assert "exists; name another with --out" in ag("init", "t.csv", cwd=table, check=2).stderr
    ag("init", "t.csv", "--force", cwd=table, check=0)
    ag("train", "t.yaml", "--set", "train.epochs=1", "--out", "run", cwd=table, check=0)


def test_a_spec_never_replaces_its_data(ag, table):
    before = (table / "t.csv").read_bytes()
    done = ag("init", "t.csv", "--out", "t.csv", "--force", cwd=table, check=2)
    assert "holds the data, which a spec would replace" in done.stderr
    assert (table / "t.csv").read_bytes() == before


def test_a_first_spec_for_a_number_is_a_regression(ag, table):
    shown = ag("init", "t.csv", "--target", "width", "--out", "-", cwd=table, check=0).stdout
    assert "loss: mean_squared_error" in shown
    assert not (table / "t.yaml").exists()


def test_what_is_in_a_file_cannot_write_a_spec(ag, table):
    (table / "t.csv").write_text('"a: [","b # x",y\n1,"\x1b[31m\n}",p\n2,z,q\n' + "3,z,q\n" * 30)
    text = ag("init", "t.csv", "--out", "-", "--target", "y", cwd=table, check=0).stdout
    assert "\x1b" not in text
    from agcli.spec import read_spec

    (table / "t.yaml").write_text(text)
    assert read_spec(table / "t.yaml").data.fields.target == ("y",)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("absent.csv",), "absent.csv: cannot be read"),
        (("t.csv", "--target", "kidn"), 'did you mean "kind"?'),
        (("t.csv", "--out", "no/such/s.yaml"), "no such folder"),
        (("t.pdf",), "t.pdf: expected a table (CSV, "),
        (("t.txt", "--target", "x"), "--target names a column, and this is running text"),
    ],
)
def test_init_refuses_what_it_cannot_read(ag, table, arguments, text):
    assert text in ag("init", *arguments, cwd=table, check=2).stderr


WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
TEXTS = [" ".join(np.random.default_rng(i).choice(WORDS, 8)) for i in range(40)]
STRANGE = {
    "constant": (
        "a,k,y\n" + "".join(f"{i % 7},same,{i % 5}.5\n" for i in range(30)),
        'left out: "k" (the same in every row); a role in `columns` brings a column back',
    ),
    "counted": ("n,a,y\n" + "".join(f"{i},{i % 7},{i % 5}.5\n" for i in range(30)), 'left out: "n" (counts the rows)'),
    "nothing": ("a,b,y\n" + "".join(f"{i % 7},,{i % 5}.5\n" for i in range(30)), 'left out: "b" (empty)'),
    "no target": (
        "a,y\n" + "".join(f"{i % 7},{['', 'NA', 'low', 'high'][i % 4]}\n" for i in range(40)),
        '20 of 40 rows have no "y" and are left out (10 "NA", 10 empty); if one of these is a class',
    ),
}
IMPOSSIBLE = {
    "one row": ("a,y\n1,2\n", "expected at least 2 samples to split, found 1"),
    "inf": ("a,y\n1,2\n2,3\ninf,4\n5,6\n", 'row 3: column "a": expected a finite number, found "inf"; name it in'),
    "only constants": ("a,y\n" + "1,2\n" * 30, "expected at least one column as an input"),
    "one column": ("y\n" + "1\n2\n" * 30, 'has one column, "y": expected a target and a column to predict it from'),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_init_warns_on_the_screen_and_in_the_spec(ag, tmp_path, kind):
    content, warning = STRANGE[kind]
    (tmp_path / "t.csv").write_text(content)
    done = ag("init", "t.csv", cwd=tmp_path, check=0)
    assert warning in done.stderr
    assert warning in (tmp_path / "t.yaml").read_text()
    ag("train", "t.yaml", "--set", "train.epochs=1", "--out", "run", cwd=tmp_path, check=0)
    assert warning in ag("data", "info", "t.csv", cwd=tmp_path, check=0).stdout


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_init_writes_nothing_where_nothing_can_be_trained(ag, tmp_path, kind):
    content, reason = IMPOSSIBLE[kind]
    (tmp_path / "t.csv").write_text(content)
    done = ag("init", "t.csv", cwd=tmp_path, check=2)
    assert reason in done.stderr
    assert "train with" not in done.stdout.lower()
    assert not (tmp_path / "t.yaml").exists()
    if kind != "one column":
        assert reason in ag("data", "info", "t.csv", cwd=tmp_path, check=0).stdout


def test_a_column_that_a_guess_leaves_out_is_said_and_one_that_the_spec_ignores_is_not(tmp_path):
    (tmp_path / "t.csv").write_text(STRANGE["counted"][0])
    table = Table(source=TableFile(tmp_path / "t.csv"), target=("y",))
    assert table.read().warnings == ('left out: "n" (counts the rows); a role in `columns` brings a column back',)
    assert replace(table, columns={"n": Ignore()}).read().warnings == ()


def test_another_file_is_judged_without_the_one_that_was_trained_on(ag, table):
    trained(ag, spec(table, "{file: t.csv, target: kind}"), table / "run")
    before = json.loads(ag("eval", table / "run", "--data", table / "t.csv", "--json", check=0).stdout)
    (table / "t.csv").rename(table / "other.csv")
    after = json.loads(ag("eval", table / "run", "--data", table / "other.csv", "--json", check=0).stdout)
    assert before["samples"] == 120
    assert "these are the rows of the file that this run was trained on" in before["notes"][0]
    assert {**before, "data": "", "notes": []} == {**after, "data": "", "notes": []}
    assert "t.csv: cannot be read" in ag("eval", table / "run", check=2).stderr
