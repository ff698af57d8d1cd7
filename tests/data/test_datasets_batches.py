"""Batches: every sample once, in an order that (seed, epoch) decides, out of reused buffers."""

import hashlib
from itertools import islice

import numpy as np
import pytest

from agcli.datasets import Batches, Column, DataError, Scaling, Split, order

N = 103


def split(n: int = N) -> Split:
    rows = np.arange(n)
    return Split(
        {
            "x": Column(np.stack([rows, rows + 1], 1).astype(np.uint8), Scaling.by(4)),
            "z": Column(rows.astype(np.float64).reshape(n, 1, 1)),
            "y": Column(rows),
        }
    )


def taken(batches: Batches, epoch: int = 0, start: int = 0) -> np.ndarray:
    return np.concatenate([batch.rows.copy() for batch in batches.epoch(epoch, start)])


@pytest.mark.parametrize("count", [0, 1, 500, 501, 2**12, 2**16 - 1, 2**16 + 1])
def test_sorting_twice_gives_the_order_of_sorting_once(count, monkeypatch):
    orders = [order.shuffled(count, 3, epoch) for epoch in (0, 1)]
    monkeypatch.setattr(order, "_PRESORTED", count)
    for epoch, found in enumerate(orders):
        np.testing.assert_array_equal(found, order.shuffled(count, 3, epoch))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("size", [1, 7, 50, N - 1, N, N + 1, 10**6])
def test_an_epoch_has_every_sample_once_with_its_values(size, shuffle):
    data, seen = split(), []
    batches = Batches(data, size, seed=3, shuffle=shuffle)
    for batch in batches.epoch(2):
        seen.append(batch.rows.copy())
        assert len(batch) == len(batch.rows) <= size
        for name in data.columns:
            np.testing.assert_array_equal(batch[name], data[name][batch.rows])
            assert batch[name].dtype == data.columns[name].dtype
    assert len(seen) == len(batches) == batches.steps_per_epoch
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(N))


@pytest.mark.parametrize(("size", "steps"), [(10, 10), (50, 2), (N, 1)])
def test_drop_last_leaves_only_whole_batches(size, steps):
    batches = Batches(split(), size, drop_last=True)
    assert [len(batch) for batch in batches.epoch()] == [size] * steps
    assert len(batches) == steps


def test_the_order_is_a_function_of_seed_and_epoch():
    orders = {
        (seed, epoch): taken(Batches(split(), 8, seed), epoch).tobytes()
        for seed in (0, 1, 2**64 - 1)
        for epoch in (0, 1, 2**64 - 1)
    }
    assert len(set(orders.values())) == len(orders)
    assert taken(Batches(split(), 50, 1), 1).tobytes() == orders[1, 1], "the batch size does not change the order"


def test_the_order_is_the_same_on_every_machine():
    order = Batches(split(1000), 1, seed=7).order(5)
    assert order[:8].tolist() == [941, 505, 720, 706, 310, 937, 958, 878]
    assert hashlib.sha256(order.astype("<i8").tobytes()).hexdigest().startswith("c2fb8366511db6f3")


def test_the_order_is_random():
    """Where a sample goes does not depend on where it stands: chi-square over 10 x 10 blocks, 81 degrees."""
    table = np.zeros((10, 10))
    for epoch in range(100):
        order = Batches(split(100), 1, seed=11).order(epoch)
        np.add.at(table, (np.arange(100) // 10, order // 10), 1)
    chi_square = ((table - 100) ** 2 / 100).sum()
    assert 40 < chi_square < 140


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("start", [0, 1, 9, 14, 15])
def test_an_epoch_goes_on_from_any_batch(start, shuffle):
    batches = Batches(split(), 7, seed=5, shuffle=shuffle)
    fresh = Batches(split(), 7, seed=5, shuffle=shuffle)
    left = list(batches.epoch(4, start))
    assert len(left) == 15 - start
    np.testing.assert_array_equal(
        np.concatenate([batch.rows for batch in left]) if left else [], fresh.order(4)[start * 7 :]
    )


def test_a_batch_lives_until_the_next_but_one():
    walk = Batches(split(), 7).epoch()
    first = next(walk)
    kept = first.x.copy(), first["z"].copy()
    second = next(walk)
    np.testing.assert_array_equal(first.x, kept[0])
    np.testing.assert_array_equal(first["z"], kept[1])
    third = next(walk)
    assert np.shares_memory(first.x, third.x)
    assert not np.shares_memory(second.x, third.x)


def test_two_walks_do_not_disturb_each_other():
    batches = Batches(split(), 7)
    for left, right in zip(batches.epoch(0), batches.epoch(1), strict=True):
        np.testing.assert_array_equal(left.y, left.rows)
        np.testing.assert_array_equal(right.y, right.rows)


def test_unshuffled_unscaled_columns_are_views():
    data = split()
    for batch in Batches(data, 7, shuffle=False).epoch():
        assert np.shares_memory(batch.y, data.y)
        assert not np.shares_memory(batch.x, data.columns["x"].stored)


def test_data_cannot_be_written_through():
    data = split()
    view = next(Batches(data, 7, shuffle=False).epoch()).y
    for array in (view, data.x, data.y, data.columns["x"].stored):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_the_callers_array_stays_writable():
    mine = np.arange(4)
    Column(mine)
    mine[0] = 9


def test_batches_of_a_selection_count_its_own_rows():
    part = split().select(np.array([5, 3, 50]))
    batch = next(Batches(part, 3, shuffle=False).epoch())
    assert batch.rows.tolist() == [0, 1, 2]
    assert batch.y.tolist() == [5, 3, 50]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"batch_size": 0}, "batch size: expected a whole number of 1 to .*, got 0"),
        ({"batch_size": 2.0}, r"batch size: .* got 2\.0"),
        ({"batch_size": True}, "batch size: .* got True"),
        ({"batch_size": 5, "seed": -1}, "seed: expected a whole number of 0 to 18,446,744,073,709,551,615, got -1"),
        ({"batch_size": 5, "seed": 2**64}, "seed: "),
        ({"batch_size": N + 1, "drop_last": True}, "no batch: the split has 103 samples, batch size 104 and drop_last"),
    ],
)
def test_wrong_arguments_are_refused(arguments, text):
    with pytest.raises(DataError, match=text):
        Batches(split(), **arguments)


def test_an_empty_split_has_no_batch():
    with pytest.raises(DataError, match="no batch: the split has 0 samples, batch size 5"):
        Batches(split().select(slice(0)), 5)


@pytest.mark.parametrize(
    ("epoch", "start", "text"), [(-1, 0, "epoch"), (0, 16, "start.*0 to 15, got 16"), (0, -1, "start")]
)
def test_wrong_places_are_refused_at_once(epoch, start, text):
    with pytest.raises(DataError, match=text):
        Batches(split(), 7).epoch(epoch, start)


def test_an_unknown_column_names_the_nearest():
    batch = next(islice(Batches(Split({"labels": Column(np.arange(3))}), 2).epoch(), 1))
    with pytest.raises(DataError, match='unknown column "label"; did you mean "labels"'):
        batch["label"]
