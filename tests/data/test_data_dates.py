"""Dates and times: told by the whole column how they are written, and never guessed where several ways are left."""

import itertools
import json
import random
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from agcli.datasets import DataError, Date, Numeric, Recipe, Table, TableFile, guess
from agcli.datasets.clocks import clocks_of
from agcli.datasets.date_layouts import layouts_of, order_of
from agcli.datasets.date_patterns import PatternError, compiled, moments
from agcli.datasets.errors import AmbiguousError
from agcli.datasets.fitting import fit
from agcli.datasets.frame import Frame

pytestmark = pytest.mark.sampled(3)  # each takes a while; the full check runs all


def series(*cells):
    import polars as pl

    return pl.Series("c", list(cells))


def cells_of(*values, name="c"):
    return Frame("t.csv", {name: series(*values)})[name]


def read(pattern, *cells):
    return moments(series(*cells), pattern).to_list()


# Cells and how they are read


@pytest.mark.parametrize(
    ("pattern", "cell", "expected"),
    [
        ("", "2022-01-05", datetime(2022, 1, 5)),
        ("", "2022/1/5", datetime(2022, 1, 5)),
        ("", "2022-01-05 03:04", datetime(2022, 1, 5, 3, 4)),
        ("", "2022-01-05T03:04:05.25", datetime(2022, 1, 5, 3, 4, 5, 250_000)),
        ("", "2022-01-05T03:04:05,123456789", datetime(2022, 1, 5, 3, 4, 5, 123_456)),
        ("", "2022-01-05T00:00:00Z", datetime(2022, 1, 5)),
        ("", "2022-01-05T00:30:00+02:00", datetime(2022, 1, 4, 22, 30)),
        ("", "2022-01-05 00:30-0330", datetime(2022, 1, 5, 4)),
        ("", "2022-01-05 10:00:00 UTC", datetime(2022, 1, 5, 10)),
        ("", "2024-02-29", datetime(2024, 2, 29)),
        ("", "2023-02-29", None),
        ("", "22-01-05", None),
        ("", "01/01/22", None),
        ("", "2022-01/05", None),
        ("", "2022-01-05 24:00", None),
        ("", "2022-13-01", None),
        ("%d/%m/%y", "01/02/69", datetime(1969, 2, 1)),
        ("%d/%m/%y", "01/02/99", datetime(1999, 2, 1)),
        ("%d/%m/%y", "1/2/68", datetime(2068, 2, 1)),
        ("%d/%m/%y", "1/2/00", datetime(2000, 2, 1)),
        ("%d/%m/%y", "01/02/2022", None),
        ("%d/%m/%Y", "01/02/22", None),
        ("%d.%m.%Y", "01.02.2022", datetime(2022, 2, 1)),
        ("%d %b %Y", "01 Jan 2022", datetime(2022, 1, 1)),
        ("%d %b %Y", "1 SEPTEMBER 2022", datetime(2022, 9, 1)),
        ("%d %B %Y", "3 Sept 2022", datetime(2022, 9, 3)),
        ("%d %b %Y", "3 may 2022", datetime(2022, 5, 3)),
        ("%d %b %Y", "3 Janus 2022", None),
        ("%b %d, %Y", "Jan 31, 2022", datetime(2022, 1, 31)),
        ("%d%b%Y", "31DEC1999", datetime(1999, 12, 31)),
        ("%Y%m%d", "20220131", datetime(2022, 1, 31)),
        ("%Y%m%d", "2022131", None),
        ("%Y %j", "2024 366", datetime(2024, 12, 31)),
        ("%Y %j", "2023 366", None),
        ("%m/%d/%Y %I:%M %p", "1/31/2022 12:30 AM", datetime(2022, 1, 31, 0, 30)),
        ("%m/%d/%Y %I:%M %p", "1/31/2022 1:30 p.m.", datetime(2022, 1, 31, 13, 30)),
        ("%m/%d/%Y %I:%M %p", "1/31/2022 13:30 PM", None),
        ("%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", datetime(2000, 10, 10, 20, 55, 36)),
        ("%Y-%m-%d %H:%M:%S.%f", "2022-01-01 10:00:00.5", datetime(2022, 1, 1, 10, 0, 0, 500_000)),
        ("%F %T", "2022-01-01 10:00:00", datetime(2022, 1, 1, 10)),
        ("%Y", "2022", PatternError),
        ("%H:%M", "10:30", PatternError),
        ("%Y-%m-%d %q", "", PatternError),
        ("%Y %Y %m", "", PatternError),
        ("%Y-%m-%d %I", "", PatternError),
    ],
)
def test_a_cell_is_read_by_its_pattern(pattern, cell, expected):
    if expected is PatternError:
        with pytest.raises(PatternError):
            compiled(pattern)
    else:
        assert read(pattern, cell, None) == [expected, None]


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("epoch_s", "1640995200", datetime(2022, 1, 1)),
        ("epoch_s", "1640995200.5", datetime(2022, 1, 1, 0, 0, 0, 500_000)),
        ("epoch_ms", "1640995200000", datetime(2022, 1, 1)),
        ("epoch_ms", 1640995200000, datetime(2022, 1, 1)),
        ("%Y%m%d", 20220131, datetime(2022, 1, 31)),
        ("%Y%m%d", 20220131.0, datetime(2022, 1, 31)),
    ],
)
def test_numbers_are_dates_where_the_format_says_so(form, value, expected):
    assert cells_of(value, None).dates(form).to_list() == [expected, None]


def test_a_number_beyond_all_years_is_named():
    with pytest.raises(DataError, match='row 2: column "c": expected a number of seconds since 1970, found "1e30"'):
        cells_of("1", "1e30").dates("epoch_s")


# Columns


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["01/02/2022", "13/01/2022"], "%d/%m/%Y"),
        (["01/02/2022", "01/13/2022"], "%m/%d/%Y"),
        (["01/02/22", "13/01/22"], "%d/%m/%y"),
        (["1-2-2022", "31-1-2022"], "%d-%m-%Y"),
        (["01.02.2022", "02.03.2022"], "%d.%m.%Y"),
        (["01.31.2022", "02.03.2022"], "%m.%d.%Y"),
        (["01 Jan 2022", "1 February 2022"], "%d %b %Y"),
        (["Jan 31, 2022", "March 1, 2022"], "%b %d, %Y"),
        (["1-Jan-22", "31-Dec-99"], "%d-%b-%y"),
        (["1/31/2022, 10:30:00 AM"], "%m/%d/%Y, %I:%M:%S %p"),
        (["31/12/2021 10:00:00.5"], "%d/%m/%Y %H:%M:%S"),
        (["Mon Jan 31 10:00:00 2022"], "%a %b %d %H:%M:%S %Y"),
        (["Mon, 31 Jan 2022 10:00:00 +0000"], "%a, %d %b %Y %H:%M:%S %z"),
        (["20220131T101112Z"], "%Y%m%dT%H%M%S%z"),
        (["2022-01", "2022-02"], "%Y-%m"),
        (["2022-01-31", "2022-02-01 10:00", "2022-02-01T10:00:00Z"], ""),
    ],
)
def test_a_column_is_recognized_whichever_row_decides(cells, expected):
    for order in itertools.permutations(cells):
        assert layouts_of(series(*order, None)).all_of == (expected,)


def test_one_cell_decides_wherever_it_stands():
    usual = [f"{1 + i % 12:02}/{1 + i % 11:02}/2022" for i in range(5_000)]
    for place in (0, 2_500, 4_999):
        cells = [*usual]
        cells[place] = "25/01/2022"
        assert guess.role(cells_of(*cells)) == Date(format="%d/%m/%Y")


@pytest.mark.parametrize("mark", "/.")
def test_a_year_that_changes_with_every_date_is_a_day(mark):
    assert layouts_of(cells_of(f"13{mark}01{mark}22", f"14{mark}02{mark}22").values).all_of == (f"%d{mark}%m{mark}%y",)


@pytest.mark.parametrize(
    ("cells", "readings"),
    [
        (["01/01/22", "04/01/22"], ("2022-01-04 (day first)", "2022-04-01 (month first)")),
        (["01/02/2022 10:30"], ("2022-02-01 10:30:00 (day first)", "2022-01-02 10:30:00 (month first)")),
        (["01/01/22", "02/02/22"], ("2022-01-01 (day first)", "2022-01-01 (month first)")),
        (["13-01-22", "14-02-22"], ("2022-01-13 (day first)", "2013-01-22 (year first)")),
        (["22/01/03", "22/02/05"], ("2003-01-22 (day first)", "2022-01-03 (year first)")),
        (["22.01.03", "22.02.05"], ("2003-01-22 (day first)", "2022-01-03 (year first)")),
        (
            ["01-02-03", "04-05-06"],
            ("2003-02-01 (day first)", "2003-01-02 (month first)", "2001-02-03 (year first)"),
        ),
    ],
)
def test_what_can_be_read_in_several_ways_is_told_in_all_of_them(cells, readings):
    found = cells_of(*cells, name="day")
    with pytest.raises(AmbiguousError) as caught:
        Date().settled(found)
    assert caught.value.readings == readings
    assert caught.value.path == ("columns", "day")
    for line in caught.value.lines:
        assert f"`columns: {{{line}}}`" in str(caught.value)


LAYOUTS = {
    "%d/%m/%Y": "%m/%d/%Y", "%m/%d/%Y": "%d/%m/%Y", "%d/%m/%y": "%m/%d/%y", "%m/%d/%y": "%d/%m/%y",
    "%d-%m-%Y": "%m-%d-%Y", "%m-%d-%Y": "%d-%m-%Y", "%d.%m.%Y": "", "%d.%m.%y": "", "%d %b %Y": "", "%d %B %Y": "",
    "%b %d, %Y": "", "%B %d, %Y": "", "%d-%b-%y": "", "%d%b%Y": "", "%Y-%m-%d": "", "%Y/%m/%d": "", "%Y.%m.%d": "",
    "%Y-%m-%dT%H:%M:%S": "", "%Y-%m-%d %H:%M:%S.%f": "", "%d/%m/%Y %H:%M": "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p": "%d/%m/%Y %I:%M:%S %p", "%a, %d %b %Y %H:%M:%S": "", "%Y%m%dT%H%M%S": "",
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_written_is_read_back(layout):
    """2,000 dates in columns of one to sixty: read back as they were, or told in two ways where both read all cells."""
    draw = random.Random(layout)
    first, last = datetime(1969, 1, 1), datetime(2068, 12, 31)
    seconds = int((last - first).total_seconds())
    left = 2_000
    while left > 0:
        count = draw.choice((1, 2, 3, 20, 60))
        left -= count
        written = [first + timedelta(seconds=draw.randrange(seconds)) for _ in range(count)]
        texts = [moment.strftime(layout) for moment in written]
        expected = [datetime.strptime(text, layout) for text in texts]
        wanted = {layout, *years_first(layout, texts, expected)}
        if LAYOUTS[layout] and all(moment.day <= 12 for moment in written):
            wanted.add(LAYOUTS[layout])
        found = layouts_of(series(*texts))
        assert len(found.all_of) == len(wanted), (texts, found)
        if len(wanted) > 1:
            assert {order_of(each) for each in found.all_of} == {order_of(each) for each in wanted}
        else:
            assert read(found.all_of[0], *texts) == expected


def years_first(layout, texts, expected):
    """The layout of two digits a part that begins with the year, where it reads all texts as dates of fewer years."""
    if layout not in ("%d/%m/%y", "%m/%d/%y", "%d.%m.%y"):
        return
    other = layout[2].join(("%y", "%m", "%d"))
    with suppress(ValueError):
        years = {datetime.strptime(text, other).year for text in texts}
        if len(years) < len({moment.year for moment in expected}):
            yield other


@pytest.mark.parametrize(
    "cells",
    [
        ["hello 1", "room 2"],
        ["1.2.3", "4.5.6"],
        ["127.0.0.1", "10.0.0.1"],
        ["01/02/22", "2022-01-02"],
        ["31/02/2022", "32/01/2022"],
        ["13/13/2022"],
        ["", "x"],
    ],
)
def test_what_is_no_date_is_none(cells):
    assert layouts_of(series(*cells)).all_of == ()


def test_dates_with_strays_are_left_out_with_the_first_stray():
    days = [f"{1 + i % 28:02}/{1 + i // 28:02}/2022" for i in range(60)]
    days[7] = "soon"
    frame = Frame("t.csv", {"day": series(*days)})
    assert guess.role(frame["day"]).name == "ignore"
    (reason,) = guess.reasons(frame, ["day"])
    assert reason.startswith('59 of 60 cells are dates, "soon" in row 8 is none')


@pytest.mark.parametrize(
    ("name", "cells", "role"),
    [
        ("date", ["20220131", "20220201"], Date(format="%Y%m%d")),
        ("order_date", [20220131, 20220201], Date(format="%Y%m%d")),
        ("code", ["20220131", "20220201"], Numeric()),
        ("date", ["20221331", "20220201"], Numeric()),
        ("timestamp", ["1640995200", "1640995300"], Numeric()),
    ],
)
def test_whole_numbers_are_dates_only_where_the_column_is_called_so(name, cells, role):
    assert guess.role(cells_of(*cells, name=name)) == role


# Notes


def noted(tmp_path, header, *rows, **options):
    file = tmp_path / "t.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return Table(source=TableFile(file), target=("y",), **options).read()


@pytest.mark.parametrize(
    ("name", "cell", "text"),
    [
        ("day", "{d:02}/01/22", "dates as in `%d/%m/%y`, day first; years of two digits are 1969 to 2068"),
        ("day", "2022-01-{d:02}T10:00:00+02:00", "times are in UTC, and those of another zone were converted"),
        ("code", "202201{d:02}", '`columns: {code: {date: {format: "%Y%m%d"}}}` reads them so'),
        ("timestamp", "16409{d:02}200", '`columns: {timestamp: {date: {format: "epoch_s"}}}` reads them so'),
        ("timestamp", "16409{d:02}200000", '`columns: {timestamp: {date: {format: "epoch_ms"}}}` reads them so'),
        ("at", "{d}:30", "times are numbers of seconds; 12:30 is 12 hours and 30 minutes"),
    ],
)
def test_what_was_found_out_is_noted(tmp_path, name, cell, text):
    days = [1, 5, 2, 9, 17, 3, 20, 11, 12, 21, 4, 22]
    rows = [f"{cell.format(d=d)},{d * d % 7}.5,{d % 5}.25" for d in days]
    warnings = noted(tmp_path, f"{name},a,y", *rows).warnings
    assert any(note.startswith(f'column "{name}": ') and note.endswith(text) for note in warnings), warnings


def test_cells_without_a_zone_beside_others_are_in_utc(tmp_path):
    rows = [f"2022-01-{1 + i:02}T10:00:00{'Z' if i else ''},{i % 3}.5,{i % 5}.25" for i in range(20)]
    assert any("those without a zone are taken as UTC" in note for note in noted(tmp_path, "day,a,y", *rows).warnings)


# Durations and times of day


@pytest.mark.parametrize(
    ("cells", "clocks", "seconds"),
    [
        (["12:30", "1:05", None], ("h:m",), [45_000, 3_900, np.nan]),
        (["1:02:03.5"], ("h:m",), [3_723.5]),
        (["PT1H", "PT1H30M", "P1DT2.5S", "-PT1M", "P2W"], ("h:m",), [3_600, 5_400, 86_402.5, -60, 1_209_600]),
        (["2 days 03:04:05", "1 day, 2:03:04"], ("h:m",), [183_845, 93_784]),
        (["1:30 PM", "12:00 am"], ("h:m",), [48_600, 0]),
        (["-1:30"], ("h:m",), [-5_400]),
        (["3:45.5", "12:30"], ("m:s",), [225.5, 750]),
        (["59:30", "1:02:03"], ("h:m", "m:s"), [214_200, 3_723]),
        (["45:30"], ("h:m", "m:s"), [163_800]),
        (["12:75"], (), []),
        (["12:30", "soon"], (), []),
        (["P", "PT"], (), []),
    ],
)
def test_times_are_seconds(cells, clocks, seconds):
    assert clocks_of(series(*cells)) == clocks
    if clocks:
        np.testing.assert_allclose(cells_of(*cells).seconds(clocks[0]), seconds)


def test_times_of_parquet_are_the_same_seconds_as_their_text():
    import polars as pl

    frame = Frame(
        "t.parquet",
        {"lasts": pl.Series([timedelta(seconds=1.5), None]), "at": pl.Series([time(12, 30), time(0, 0, 0, 500)])},
    )
    np.testing.assert_allclose(frame["lasts"].numbers(), [1.5, np.nan])
    np.testing.assert_allclose(frame["at"].numbers(), [45_000, 0.0005])
    assert guess.role(frame["at"]) == Numeric(clock="h:m")


def test_minutes_and_seconds_beside_hours_are_never_guessed():
    with pytest.raises(AmbiguousError) as caught:
        Numeric().settled(cells_of("1:02:03", "59:30", name="finish"))
    assert str(caught.value) == (
        't.csv: column "finish": "59:30" in row 2 can be read in 2 ways, and no cell decides: hours and minutes, or '
        'minutes and seconds; write `columns: {finish: {numeric: {clock: "h:m"}}}` or '
        '`columns: {finish: {numeric: {clock: "m:s"}}}`'
    )


def test_a_target_of_times_comes_back_in_seconds(tmp_path):
    rows = [f"{i},{i}.5,{i // 60}:{i % 60:02}" for i in (61, 75, 200, 130, 400, 77, 83, 119, 250, 90, 300, 333)]
    data = noted(tmp_path, "k,a,y", *rows)
    recipe = data.fitted
    restored = recipe.restore(data.train.columns["y"].stored)
    expected = [60.0 * int(row.split(",")[0]) for row in rows]
    assert set(np.round(restored).tolist()) <= set(expected)
    known = Frame("later.csv", {"k": series("1"), "a": series("1.5"), "y": series("2:30")})
    assert recipe.restore(recipe.encode(known)["y"]).tolist() == pytest.approx([9_000])
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))).target[0].role.clock == "h:m"


# What training found out is kept


def test_a_later_file_is_read_as_training_was():
    frame = Frame("t.csv", {"day": series("25/01/22", "01/02/22"), "y": series("1", "2")})
    roles = {"day": Date().settled(frame["day"]), "y": Numeric()}
    recipe = Recipe.from_json(json.loads(json.dumps(fit([frame], roles, ("y",)).to_json())))
    assert recipe.inputs[0].role.format == "%d/%m/%y"
    later = Frame("later.csv", {"day": series("01/02/22")})
    known = Frame("known.csv", {"day": series(date(2022, 2, 1))})
    np.testing.assert_array_equal(recipe.encode(later, target=False)["x"], recipe.encode(known, target=False)["x"])
    wrong = Frame("later.csv", {"day": series("01/02/22", "2022-02-01")})
    with pytest.raises(DataError, match=r'later.csv: row 2: column "day": expected a date such as %d/%m/%y, found'):
        recipe.encode(wrong, target=False)


def test_dates_with_a_zone_are_the_same_in_text_and_in_parquet():
    moment = datetime(2022, 5, 6, 23, 30, tzinfo=UTC)
    texts = cells_of("2022-05-07T01:30:00+02:00", "2022-05-06T23:30:00.000Z")
    stored = Frame("t.parquet", {"c": series(moment, moment)})["c"]
    assert texts.dates().to_list() == stored.dates().to_list() == [moment.replace(tzinfo=None)] * 2
