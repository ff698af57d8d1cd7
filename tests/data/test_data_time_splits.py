"""Splits by time: in order across training, validation and test, equal times on one side, whatever times look like."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from agcli.datasets import DataError, Date, Ignore, Table, TableFile, guess
from agcli.datasets.errors import AmbiguousError
from agcli.datasets.frame import Frame
from agcli.datasets.splits import Time


def series(*cells):
    import polars as pl

    return pl.Series("c", list(cells))


def parts(cells, **options):
    frame = Frame("t.csv", {"day": cells})
    rule = Time(column="day", **options)
    return rule.settled(frame, guess.role(frame["day"])).parts(frame, None)


def test_the_latest_of_dates_with_two_digit_years_are_held_out():
    """By text or with the day as the year, others would be: the rows of the last days of months."""
    days = [date(2021, 11, 20) + timedelta(days=10 * i) for i in range(10)]
    order = [3, 7, 0, 9, 5, 1, 8, 2, 6, 4]
    texts = [days[i].strftime("%d/%m/%y") for i in order]
    train, validation, test = parts(series(*texts), test=0.2, validation=0.25)
    assert [order[i] for i in test] == [9, 8]
    assert test.tolist() == [3, 6]
    assert validation.tolist() == [1, 8]
    assert train.tolist() == [0, 2, 4, 5, 7, 9]
    assert sorted(texts)[-2:] != sorted(texts[i] for i in test)


@pytest.mark.parametrize(
    "write",
    [
        lambda d: d.strftime("%d/%m/%y"),
        lambda d: d.strftime("%b %d, %Y"),
        lambda d: d.isoformat() + "T00:00:00Z",
        lambda d: f"{(d - timedelta(days=1)).isoformat()}T22:00:00-02:00" if d.day % 2 else f"{d.isoformat()}T00:00Z",
        lambda d: d,
        lambda d: datetime(d.year, d.month, d.day, tzinfo=UTC),
        lambda d: str(d.toordinal() * 7 - 5_000_000),
        lambda d: (d.toordinal() - 738_000) / 4,
        lambda d: f"{(d.toordinal() - 738_000) // 60}:{(d.toordinal() - 738_000) % 60:02}:00",
    ],
    ids=["day first", "names", "ISO", "zones", "date", "datetime", "integers", "floats", "times"],
)
def test_equal_times_stay_on_one_side_of_both_borders(write):
    draw = random.Random(3)
    for each in (1, 3, 10, 25):
        days = [date(2022, 1, 20) + timedelta(days=i // each) for i in range(100)]
        draw.shuffle(days)
        held = [[days[i] for i in part] for part in parts(series(*map(write, days)))]
        assert max(held[0]) < min(held[1])
        assert max(held[1]) < min(held[2])
        assert sum(map(len, held)) == 100


def test_what_a_split_cannot_read_is_told():
    with pytest.raises(DataError, match='row 2: column "day": expected a date or a number to split by, found none'):
        parts(series("2022-01-01", None, "2022-01-03"))
    with pytest.raises(AmbiguousError, match=r"write `split: {time: {column: day, format: \"%d/%m/%y\"}}` or `split"):
        Time(column="day").settled(Frame("t.csv", {"day": series("01/02/22", "03/04/22")}), Ignore())
    frame = Frame("t.csv", {"day": series("01/02/22", "03/01/22", "02/01/22")})
    kept = Time(column="day", format="%m/%d/%y", validation=0.0).settled(frame, Date())
    assert kept.parts(frame, None)[2].tolist() == [1]
    assert Time(column="day", format="%d/%m/%y", validation=0.0).parts(frame, None)[2].tolist() == [0]


def test_the_format_of_a_split_is_that_of_its_column(tmp_path):
    rows = [f"{1 + i % 12:02}/{1 + i // 12:02}/22,{i % 7}.5,{i % 5}.25" for i in range(60)]
    file = tmp_path / "t.csv"
    file.write_text("\n".join(["day,a,y", *rows]) + "\n")
    data = Table(source=TableFile(file), target=("y",), split=Time(column="day", format="%m/%d/%y")).read()
    assert data.settled.columns["day"].format == data.settled.split.format == "%m/%d/%y"
    with pytest.raises(AmbiguousError):
        Table(source=TableFile(file), target=("y",), split=Time(column="day")).read()
