"""Roles: what they learn, encoding by hand-computed numbers, recipes as plain data, and the way back."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agcli.datasets import (
    Categorical,
    DataError,
    Date,
    Ignore,
    Image,
    Numeric,
    Recipe,
    Text,
    fitted,
)
from agcli.datasets.fitting import fit
from agcli.datasets.frame import Frame


def frame(**columns):
    import polars as pl

    made = {name: v if isinstance(v, np.ndarray) else pl.Series(name, v) for name, v in columns.items()}
    return Frame("t.csv", made)


def encoded(role, values, others=None):
    """What a role that learnt of `values` makes of `others`, or of the same."""
    learnt = frame(c=values, y=["0"] * len(values))
    recipe = fit([learnt], {"c": role, "y": Numeric(scale="none")}, ("y",))
    shown = frame(c=values if others is None else others)
    (found,) = recipe.encode(shown, target=False).values()
    return found


def signed_log(v):
    return math.copysign(math.log1p(abs(v)), v)


@pytest.mark.parametrize(
    ("role", "values", "others", "expected"),
    [
        (Numeric(), ["1", "3"], ["2", "5"], [[0], [3]]),
        (Numeric(), ["7", "7"], ["7", "8"], [[0], [1]]),
        (Numeric(), ["1", None, "3"], [None, "3"], [[0], [1]]),
        (Numeric(), [None, None], [None, "2"], [[0], [2]]),
        (Numeric(scale="minmax"), ["2", "6"], ["2", "4", "8"], [[0], [0.5], [1.5]]),
        (Numeric(scale="none"), ["2", "6"], ["-1.5"], [[-1.5]]),
        (Numeric(scale="none", log=True), ["0"], ["0", "9", "-9"], [[0], [signed_log(9)], [signed_log(-9)]]),
        (Numeric(scale="none", clip=(0, 5)), ["1"], ["-3", "3", "8"], [[0], [3], [5]]),
        (Numeric(scale="minmax", clip=(0, 10), log=True), ["0", "99"], ["50"], [[1]]),
        (Numeric(scale="none", missing="median"), ["1", "2", "30"], [None], [[2]]),
        (Numeric(scale="none", missing="mean"), ["1", "2", "30"], [None], [[11]]),
        (Numeric(scale="none", missing=-1), ["1"], [None], [[-1]]),
        (Numeric(scale="none"), [1, 2], [True, False], [[1], [0]]),
        (Numeric(), np.array([[1.0, 10], [3, 30]]), np.array([[2.0, 30]]), [[0, 1]]),
        (Categorical(), ["b", "a", "b"], ["a", "b", "c", None], [[1, 0], [0, 1], [0, 0], [0, 0]]),
        (Categorical(limit=1), ["b", "a", "b"], ["a", "b"], [[0], [1]]),
        (Categorical(strip=". "), ["b.", "a"], ["b", " a."], [[0, 1], [1, 0]]),
        (Categorical(encoding="index"), ["10", "9", "x"], ["9", "10", "x", "y", None], [1, 2, 3, 0, 0]),
        (Date(parts=("year",)), ["2019-01-01", "2021-06-01"], ["2020-12-31", None], [[0], [0]]),
        (Date(parts=("month",)), ["2020-01-01"], ["2020-04-01", "2020-07-01"], [[1, 0], [0, -1]]),
        (Date(parts=("weekday",)), ["2024-01-01"], ["2024-01-01 10:00"], [[0, 1]]),
        (Date(parts=("hour",), format="%d.%m.%Y %H h"), ["01.01.2020 05 h"], ["01.01.2020 06 h"], [[1, 0]]),
        (Date(parts=("hour",), format="%Y-%m-%d %I %p"), ["2020-01-01 05 AM"], ["2020-01-01 06 PM"], [[-1, 0]]),
        (Date(parts=("minute",)), ["2020-01-01"], ["2020-01-01 10:15", "2020-01-01T10:30:00"], [[1, 0], [0, -1]]),
        (Date(parts=("day", "day_of_year")), ["2020-01-01"], ["2020-01-01"], [[0, 1, 0, 1]]),
        (Date(parts=("hour",), format="%Y-%m-%dT%H:%M%z"), ["2020-01-01T08:00+0200"], None, [[1, 0]]),
        (Text(length=4), ["a b b"], ["b a c", "B b a a a", None], [[2, 3, 1, 0], [2, 2, 3, 3], [0, 0, 0, 0]]),
        (Text(length=2, unit="characters"), ["ab", "b"], ["ba", "ü"], [[2, 3], [1, 0]]),
        (Text(length=3, unit="bytes"), ["ab"], ["ü", "abcd"], [[195, 188, 0], [97, 98, 99]]),
        (Text(length=3, unit="bytes"), ["ab"], ["a\0b"], [[97, 98, 0]]),
        (Text(length=3, padding="left"), ["a b b"], ["b z", "b b a a", None], [[0, 2, 1], [2, 2, 3], [0, 0, 0]]),
        (Text(length=2, vocabulary=3), ["a b b"], ["b a"], [[2, 1]]),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_role_encodes_as_its_statistics_say(role, values, others, expected):
    np.testing.assert_allclose(encoded(role, values, others), expected, atol=1e-6)


@pytest.mark.parametrize("role", [Text(length=3), Categorical(encoding="index")])
def test_numbers_of_tokens_are_stored_small_and_fed_as_int64(role):
    recipe = fit([frame(c=["a", "b"], y=["0", "1"])], {"c": role, "y": Numeric()}, ("y",))
    column = recipe.columns(recipe.encode(frame(c=["a"]), target=False))["c"]
    assert (column.stored.dtype, column.dtype, column.values.dtype) == (np.uint8, np.int64, np.int64)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    st.integers(1, 7),
    st.sampled_from([Numeric(missing="median"), Numeric(log=True), Numeric(scale="minmax", missing="median")]),
)
def test_statistics_do_not_depend_on_the_pieces(values, size, role):
    whole = np.array(values)
    pieces = [frame(c=whole[i : i + size], y=whole[i : i + size]) for i in range(0, len(whole), size)]
    roles = {"c": role, "y": Numeric()}
    found, expected = (fit(frames, roles, ("y",)).inputs[0].stats for frames in (pieces, [frame(c=whole, y=whole)]))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6 * max(1, np.abs(whole).max()))


@pytest.mark.parametrize(
    ("role", "values"),
    [
        (Numeric(), [1.0, 5, 6]),
        (Numeric(scale="minmax"), [1.0, 5, 6]),
        (Numeric(log=True), [-10.0, 0, 1e6]),
        (Numeric(scale="none"), [3.0, 4, 5]),
    ],
)
def test_predictions_go_back_into_units_of_the_target(role, values):
    samples = frame(x=np.arange(3.0), y=np.array(values))
    recipe = fit([samples], {"x": Numeric(), "y": role}, ("y",))
    y = recipe.encode(samples)["y"]
    assert y.shape == (3,)
    np.testing.assert_allclose(recipe.restore(y), values, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(recipe.restore(y[:, None]), values, rtol=1e-5, atol=1e-5)


def test_several_numbers_can_be_the_target():
    samples = frame(x=np.arange(3.0), a=np.array([1.0, 2, 3]), b=np.array([10.0, 0, 5]))
    recipe = fit([samples], dict.fromkeys("xab", Numeric()), ("a", "b"))
    y = recipe.encode(samples)["y"]
    assert y.shape == (3, 2)
    np.testing.assert_allclose(recipe.restore(y), np.stack([[1, 2, 3], [10, 0, 5]], 1), atol=1e-5)
    with pytest.raises(DataError, match="expected outputs for a, b, found 3 numbers a sample"):
        recipe.restore(np.zeros((4, 3)))


def test_scores_become_names_of_classes():
    samples = frame(x=np.arange(3.0), y=["no", "yes", "no"])
    recipe = fit([samples], {"x": Numeric(), "y": Categorical()}, ("y",))
    assert recipe.classes == ("no", "yes")
    assert recipe.encode(samples)["y"].tolist() == [0, 1, 0]
    assert recipe.restore(np.array([[0.1, 0.2], [3, 1]])).tolist() == ["yes", "no"]
    assert recipe.restore(np.array([0.3, -2])).tolist() == ["yes", "no"]
    assert recipe.encode(frame(x=np.zeros(2), y=["maybe", "yes"]))["y"].tolist() == [2, 1]  # behind all that are known


def test_columns_go_to_their_inputs():
    samples = frame(a=["1", "2"], kind=["u", "v"], note=["one two", "two"], extra=["5", "6"], y=["0", "1"])
    roles = {
        "a": Numeric(),
        "kind": Categorical(),
        "note": Text(length=3),
        "extra": Numeric(input="side"),
        "y": Numeric(),
    }
    split = fit([samples], roles, ("y",)).split(samples)
    assert {name: column.shape for name, column in split.columns.items()} == {
        "x": (3,),
        "note": (3,),
        "side": (1,),
        "y": (),
    }
    assert split.inputs == ("x", "note", "side")
    assert fit([samples], roles, ("y",)).features == ("a", "kind=u", "kind=v", "note", "extra")


@pytest.mark.parametrize(
    ("roles", "target", "text"),
    [
        ({"a": Ignore(), "y": Numeric()}, ("y",), "at least one column as an input"),
        ({"a": Numeric(), "y": Text()}, ("y",), 'target "y": expected the role numeric or categorical, found text'),
        ({"a": Categorical(), "y": Numeric()}, ("y", "a"), 'target "a": expected the role numeric, found categorical'),
        ({"a": Text(input="x"), "b": Numeric(), "y": Numeric()}, ("y",), 'expected columns of numbers, found "a"'),
        ({"a": Numeric(input="y"), "y": Numeric()}, ("y",), "y is the target's name"),
    ],
)
def test_roles_that_do_not_fit_together_are_refused(roles, target, text):
    samples = frame(a=["1", "2"], b=["3", "4"], y=["5", "6"])
    with pytest.raises(DataError, match=text):
        fit([samples], roles, target).encode(samples)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Numeric(scale="standrad"), 'unknown scale "standrad"; did you mean "standard"?'),
        (lambda: Numeric(missing="men"), 'unknown missing "men"; did you mean "mean"?'),
        (lambda: Numeric(missing="refused"), 'did you mean "refuse"?'),
        (lambda: Numeric(clip=(2, 1)), "clip: expected a lower and a higher bound"),
        (lambda: Categorical(encoding="onehot"), 'did you mean "one_hot"?'),
        (lambda: Text(unit="word"), 'did you mean "words"?'),
        (lambda: Date(parts=("yaer",)), 'found "yaer"'),
    ],
)
def test_options_of_roles_are_checked(make, text):
    with pytest.raises(DataError) as caught:
        make()
    assert text in str(caught.value)


def test_the_year_is_standardised_and_parts_have_names():
    role = Date(parts=("year", "hour"))
    days = ["2018-01-01", "2020-01-01", "2022-01-01 12:00"]
    np.testing.assert_allclose(encoded(role, days)[:, 0], np.array([-1, 0, 1]) * math.sqrt(1.5), atol=1e-6)
    assert role.features("when", {}) == ["when.year", "when.hour.sin", "when.hour.cos"]


@pytest.mark.parametrize(
    ("role", "value", "text"),
    [
        (Date(), "soon", 'row 1: column "c": expected a date such as 2024-12-31, found "soon"; `format` says how'),
        (Date(format="%d.%m.%Y"), "2020-01-01", "expected a date such as %d.%m.%Y"),
        (
            Date(format="%Y-%m-%d %M"),
            "2020-01-01 10",
            'expected a pattern of strptime, found "%Y-%m-%d %M"',
        ),
    ],
)
def test_what_is_no_date_is_named(role, value, text):
    with pytest.raises(DataError) as caught:
        encoded(role, [value])
    assert text in str(caught.value)


@pytest.mark.parametrize(("text", "expected"), [("inf", "a finite number"), ("-1e200", "a number to 1e150")])
def test_infinite_numbers_are_named(text, expected):
    with pytest.raises(DataError, match=f'row 2: column "c": expected {expected}, found "{text}"'):
        encoded(Numeric(), ["1", text])


# What a training says of its figures


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("numeric", '1 is 1.965 of "y"'),
        ("{numeric: minmax}", '1 is 4 of "y"'),
        ("{numeric: {log: true}}", "the loss is of the scaled target"),
        ("{numeric: none}", ""),
    ],
)
def test_the_unit_of_scaled_figures_is_said(tmp_path, role, said):
    from agcli.data.section import load_data, scales
    from agcli.spec import parse_spec

    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i},{1 + 4 * (i % 2)}\n" for i in range(40)))
    data = f"{{file: {tmp_path}/t.csv, target: y, columns: {{a: numeric, y: {role}}}}}"
    found = " ".join(scales(load_data(parse_spec(f"data: {data}\nmodel: [{{dense: 1}}]\nloss: mse\n")).fitted))
    assert said in found
    assert bool(said) == bool(found)


# Plain data


def everything():
    samples = frame(
        n=["1", None, "5"],
        k=["u", "v", "u"],
        i=["u", "v", "w"],
        d=["2020-01-01", "2021-02-03", None],
        t=["one two", "two", "three"],
        p=np.arange(12, dtype=np.uint8).reshape(3, 2, 2),
        y=["10", "20", "40"],
    )
    roles = {
        "n": Numeric(clip=(0, 4), missing="median"),
        "k": Categorical(strip="."),
        "i": Categorical(encoding="index"),
        "d": Date(),
        "t": Text(length=2),
        "p": Image(normalise=True, shift=1.0),
        "y": Numeric(log=True),
    }
    return samples, fit([samples], roles, ("y",))


def test_a_recipe_survives_as_plain_data():
    samples, recipe = everything()
    again = fitted(json.loads(json.dumps(recipe.to_json())))
    assert isinstance(again, Recipe)
    assert [part.role for part in again.inputs] == [part.role for part in recipe.inputs]
    for name, array in recipe.encode(samples).items():
        np.testing.assert_array_equal(again.encode(samples)[name], array)
        np.testing.assert_array_equal(again.split(samples)[name], recipe.split(samples)[name])


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"kind": "tabel"},
        {"kind": "table"},
        {"kind": "table", "inputs": [1], "target": []},
        {"kind": "table", "inputs": [{"column": "a", "role": "numbers", "stats": {}}], "target": []},
        {"kind": "table", "inputs": [{"column": "a", "role": "numeric", "size": 3, "stats": {}}], "target": []},
        {"kind": "corpus"},
    ],
)
def test_other_plain_data_is_refused(plain):
    with pytest.raises(DataError):
        fitted(plain)
