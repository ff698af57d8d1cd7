"""Databases: a query that can do nothing but read, and leaves nothing behind."""

import json
import sqlite3
from contextlib import closing, suppress

import pytest
from click.testing import CliRunner

from agcli.cli import ag
from agcli.data.formats import table_file
from agcli.datasets import DataError, sqlite
from agcli.spec import SpecError, parse_spec

MODEL = "model: [{dense: 2}]\nloss: softmax_cross_entropy\ntrain: {epochs: 2}\n"


@pytest.fixture
def base(tmp_path):
    """A database with one table, and a function that sends it statements."""
    path = tmp_path / "folder" / "x.db"
    path.parent.mkdir()

    def send(*statements):
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    send("create table t (n, word, raw)")
    send(
        "insert into t with recursive i(n) as (select 0 union all select n + 1 from i where n < 39) "
        "select n, iif(n < 20, 'no', 'yes'), x'00' from i"
    )
    return path, send


def told(call):
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


def cells(path, query=None, **options):
    file = table_file(path, query=query, **options)
    return {name: values.to_list() for name, values in file.read().columns.items()}, file.notes


def state(path):
    return {
        each.name: (each.read_bytes(), each.stat().st_mtime_ns, each.stat().st_mode) for each in path.parent.iterdir()
    }


def test_the_only_table_needs_no_query(base):
    path, send = base
    before = state(path)
    found, notes = cells(path)
    assert found["n"] == list(range(40))
    assert found["word"][::39] == ["no", "yes"]
    assert notes == ['left out: "raw" (bytes); a column holds one value a sample']
    assert state(path) == before
    send('create view "other rows" as select n from t')
    text = 'expected one of 2 tables to be named: t, other rows; write `query: "select * from t"`, or --query'
    assert text in told(lambda: cells(path))


def test_a_query_chooses_and_joins(base):
    path, send = base
    send("create table w (word, size)", "insert into w values ('no', 1.5), ('yes', null)")
    query = (
        "with few as (select * from t where n % 10 = 0) select n, t.word, w.word, size from few t join w using (word)"
    )
    found, notes = cells(path, query)
    assert found == {
        "n": [0, 10, 20, 30], "word": ["no", "no", "yes", "yes"], "word_2": ["no", "no", "yes", "yes"],
        "size": [1.5, 1.5, None, None],
    }  # fmt: skip
    assert notes == ['the query gives several columns "word"; column 3 is called "word_2"']
    assert cells(path, "select count(*) as n, max(n) as m, upper(word) as w from t group by word")[0]["n"] == [20, 20]
    assert told(lambda: cells(path, "select n from t where n > 99")) == f"{path}: expected samples, found none"


def test_cells_of_several_types_are_text_and_large_numbers_stay(base):
    path, _ = base
    query = "select 1 as a, 9007199254740993 as b, 1 as c union all select 'x', 2, 2.5"
    assert cells(path, query)[0] == {"a": ["1", "x"], "b": [9007199254740993, 2], "c": [1.0, 2.5]}


WRITES = {
    "attach database 'other.db' as other": "ATTACH",
    "pragma journal_mode = wal": "PRAGMA",
    "pragma user_version": "PRAGMA",
    "insert into t values (1, 2, 3)": "INSERT",
    "update t set n = 0": "UPDATE",
    "delete from t": "DELETE",
    "create table u (x)": "CREATE",
    "create temp table u (x)": "CREATE",
    "drop table t": "DROP",
    "alter table t rename to u": "ALTER",
    "vacuum": "VACUUM",
    "vacuum into 'copy.db'": "VACUUM",
    "begin": "BEGIN",
    "analyze": "ANALYZE",
    "explain select 1": "EXPLAIN",
    "select load_extension('x')": "the function load_extension",
    "with a as (select 1) insert into t select 1, 2, 3 from a": "INSERT",
    "select * from pragma_table_info('t')": "",
}


@pytest.mark.parametrize("query", WRITES)
def test_nothing_but_reading_is_allowed(query, base, monkeypatch):
    path, _ = base
    monkeypatch.chdir(path.parent)
    before = state(path)
    text = told(lambda: cells(path, query))
    assert "expected a SELECT, which only reads; found " + WRITES[query] in text
    assert state(path) == before


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("select 1; select 2", "query: expected one statement, found several"),
        ("select", "query: incomplete input"),
        ("-- nothing", "query: expected a SELECT, found nothing that gives rows"),
        ("select * from nope", "query: no such table: nope"),
        ("select nope from t", "query: no such column: nope"),
        ("select zeroblob(100000000)", "query: takes too much memory"),
        ("select n from t where n = ?", "query: "),
    ],
)
def test_what_is_wrong_with_a_query_is_said(query, text, base):
    path, _ = base
    assert text in told(lambda: cells(path, query))


ENDLESS = "with recursive r(n) as (select 1 union all select n + 1 from r) select "


def test_time_and_rows_are_bounded(base, monkeypatch):
    path, _ = base
    with pytest.raises(DataError, match="expected at most 100,000 bytes of rows; a `where` or a `limit` in the query"):
        table_file(path, query=ENDLESS + "n from r").read(100_000)
    monkeypatch.setattr(sqlite, "MAX_SECONDS", 0)
    assert "expected an answer within 0 seconds, found none" in told(lambda: cells(path, ENDLESS + "max(n) from r"))


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_database_in_use_is_read_and_left_alone(journal, base):
    path, _ = base
    with closing(sqlite3.connect(path)) as writer:
        writer.execute(f"pragma journal_mode = {journal}")
        writer.execute("insert into t values (99, 'new', null)")
        writer.commit()
        before = state(path)
        assert cells(path, "select n from t where n > 38")[0] == {"n": [39, 99]}
        assert state(path) == before
    before = state(path)
    assert cells(path, "select n from t where n > 38")[0] == {"n": [39, 99]}
    assert state(path) == before


def test_a_log_without_its_writer_is_read_too(base, tmp_path):
    path, _ = base
    left = tmp_path / "left" / "x.db"
    left.parent.mkdir()
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("insert into t values (99, 'new', null)")
        writer.commit()
        for name in ("x.db", "x.db-wal"):
            (left.parent / name).write_bytes((path.parent / name).read_bytes())
    before = state(left)
    assert cells(left, "select n from t where n > 38")[0] == {"n": [39, 99]}
    assert state(left) == before


@pytest.mark.parametrize("content", [b"", b"junk" * 99, b"SQLite format 3\0" + bytes(900)])
def test_what_is_no_database_is_one_message(content, base):
    path, _ = base
    path.write_bytes(content)
    assert told(lambda: cells(path)).startswith(f"{path}: ")


def test_no_damage_is_more_than_a_message(base):
    path, _ = base
    whole = path.read_bytes()
    for place in range(16, len(whole), 41):
        path.write_bytes(whole[:place] + b"\xff\x00\xff" + whole[place + 3 :])
        with suppress(DataError):
            table_file(path).read()
        assert [each.name for each in path.parent.iterdir()] == ["x.db"]


def test_a_spec_names_a_database_of_any_name(base, tmp_path):
    path, send = base
    send("create table u (z)")
    path = path.rename(path.with_name("stock.dat"))
    data = json.dumps({"sqlite": str(path), "query": "select n * n as n, word from t", "target": "word"})
    (tmp_path / "s.yaml").write_text(f"data: {data}\n{MODEL}")
    run, call = tmp_path / "run", CliRunner().invoke
    for args in (["train", tmp_path / "s.yaml", "--out", run, "--quiet"], ["eval", run]):
        done = call(ag, list(map(str, args)))
        assert done.exit_code == 0, done.output
    assert f'sqlite: "{path}"' in (run / "spec.yaml").read_text()
    path = path.rename(path.with_suffix(".db"))
    found = call(ag, ["predict", str(run), str(path)])  # by the query of the training
    assert len(found.stdout.splitlines()) == 41
    assert call(ag, ["data", "info", str(path)]).output.split()[:5] == ["name", "stock.db", "tables", "t,", "u"]
    assert "n " in call(ag, ["data", "info", str(path), "--query", "select n from t"]).output


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("{sqlite: x.db, file: t.csv, target: y}", "expected `sqlite` or `file`, got both"),
        ("{name: table, target: y}", "data.file: expected a table (CSV, "),
        ("{sqlite: 3, target: y}", "data.sqlite: expected the name of a SQLite database, got 3"),
    ],
)
def test_what_a_spec_may_say_of_databases(data, text):
    with pytest.raises(SpecError) as caught:
        parse_spec(f"data: {data}\n{MODEL}")
    assert text in str(caught.value)
