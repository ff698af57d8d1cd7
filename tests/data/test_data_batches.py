"""What batches do beyond order: augmentation, balanced classes, prefetching, and samples that lie on disk."""

import threading
import time

import numpy as np
import pytest

from agcli.datasets import Augment, Batches, Column, DataError, Split
from agcli.datasets.order import Windowed
from agcli.datasets.prefetch import Foreseen, ahead

IMAGES = np.random.default_rng(0).random((40, 6, 6)).astype(np.float32)


def pictures(augment, images=IMAGES):
    return Split({"x": Column(images, augment=augment), "y": Column(np.arange(len(images)))})


def epoch(split, number=0, **options):
    """All images of an epoch in the order of the split."""
    found = np.empty_like(split.columns["x"].stored)
    for batch in Batches(split, 16, **options).epoch(number):
        found[batch.rows] = batch.x
    return found


# Augmentation


def test_images_change_while_training_and_only_then():
    split = pictures(Augment(flip=True, shift=1.0, rotate=20, noise=0.1))
    np.testing.assert_array_equal(epoch(split), IMAGES)
    np.testing.assert_array_equal(split.x, IMAGES)
    assert (epoch(split, augment=True) != IMAGES).any(axis=(1, 2)).all()


def test_changes_follow_from_seed_epoch_and_sample():
    split = pictures(Augment(flip=True, shift=1.0, noise=0.1))
    first = epoch(split, augment=True, seed=5)
    np.testing.assert_array_equal(epoch(split, augment=True, seed=5), first)
    np.testing.assert_array_equal(epoch(split, augment=True, seed=5, shuffle=True, prefetch=3), first)
    assert (epoch(split, augment=True, seed=6) != first).any()
    assert (epoch(split, 1, augment=True, seed=5) != first).any()
    np.testing.assert_array_equal(epoch(split, augment=True, seed=5, shuffle=False), first)


def test_half_of_the_images_are_mirrored():
    images = np.random.default_rng(1).random((400, 4, 4)).astype(np.float32)
    found = epoch(pictures(Augment(flip=True), images), augment=True)
    mirrored = (found == images[:, :, ::-1]).all(axis=(1, 2))
    same = (found == images).all(axis=(1, 2))
    assert (mirrored ^ same).all()
    assert 150 < mirrored.sum() < 250


def test_shifts_stay_within_their_bound_and_noise_has_its_deviation():
    ramp = np.broadcast_to(np.arange(20, dtype=np.float32), (200, 20, 20)).copy()
    moved = epoch(pictures(Augment(shift=3.0), ramp), augment=True) - ramp
    inner = moved[:, :, 4:-4]
    assert np.abs(inner).max() <= 3.0 + 1e-4
    assert np.abs(inner).max() > 2.5
    flat = np.zeros((200, 20, 20), np.float32)
    noisy = epoch(pictures(Augment(noise=0.5), flat), augment=True)
    assert noisy.std() == pytest.approx(0.5, rel=0.02)


def test_a_turn_keeps_what_is_round():
    y, x = np.mgrid[-10:11, -10:11]
    ball = np.exp(-(x**2 + y**2) / 20).astype(np.float32)
    turned = epoch(pictures(Augment(rotate=180), np.stack([ball] * 20)), augment=True)
    assert np.abs(turned - ball).max() < 0.03  # what bilinear sampling costs


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (np.zeros((3, 8), np.float32), r"expected images of shape \(height, width\)"),
        (np.zeros((3, 8, 8), np.uint8), "expected images fed as floats, found uint8"),
    ],
)
def test_only_images_change(stored, text):
    with pytest.raises(DataError, match=text):
        Column(stored, augment=Augment(flip=True))


# Balanced classes


def test_balanced_batches_have_every_class_equally_often():
    labels = np.repeat([0, 1, 2], [90, 8, 2]).astype(np.uint8)
    batches = Batches(Split({"x": Column(np.arange(100.0)), "y": Column(labels)}), 10, balanced=True)
    epochs = [np.concatenate([batch.rows for batch in batches.epoch(e)]) for e in range(3)]
    for rows in epochs:
        assert sorted(np.bincount(labels[rows]).tolist()) == [33, 33, 34]
        assert set(rows[labels[rows] == 1]) == set(range(90, 98))
    assert not np.array_equal(epochs[0], epochs[1])
    seen = set(np.concatenate(epochs)[labels[np.concatenate(epochs)] == 0])
    assert len(seen) > 50  # another part of the large class in each epoch


@pytest.mark.parametrize(
    ("y", "options", "text"),
    [
        (np.zeros(4), {}, "balanced: expected one class a sample as the target, found float64"),
        (np.zeros((4, 2), int), {}, "balanced: expected one class a sample"),
        (np.zeros(4, int), {"shuffle": False}, "balanced: expected `shuffle: true` beside it, found false"),
    ],
)
def test_what_cannot_be_balanced_is_refused(y, options, text):
    with pytest.raises(DataError) as caught:
        Batches(Split({"x": Column(np.zeros(4)), "y": Column(y)}), 2, balanced=True, **options)
    assert text in str(caught.value)


# Prefetching


@pytest.mark.parametrize("count", [1, 2, 7])
def test_batches_made_ahead_are_the_same(count):
    split = Split({"x": Column(np.arange(230, dtype=np.float32)), "y": Column(np.arange(230))})
    plain, early = (Batches(split, 16, seed=1, prefetch=n) for n in (0, count))
    assert len(plain) == len(early) == 15
    previous = None
    for one, other in zip(plain.epoch(2), early.epoch(2), strict=True):
        assert np.array_equal(one.x, other.x)
        if previous is not None:  # a batch is valid until the next but one
            assert np.array_equal(previous.x, previous.rows)
        previous = other


@pytest.mark.parametrize(("lasting", "prefetch"), [(1, 0), (2, 0), (3, 0), (1, 2), (2, 1)])
def test_how_long_batches_last(lasting, prefetch):
    x = Column(np.arange(1600, dtype=np.float32))
    walk = Batches(Split({"x": x}), 16, prefetch=prefetch, lasting=lasting).epoch()
    last = []
    for batch in walk:
        last = [*last, batch][-lasting:]
        assert all(np.array_equal(b.x, b.rows) for b in last)
    if not prefetch:
        places = {id(b.x) for b in Batches(Split({"x": x}), 16, lasting=lasting).epoch()}
        assert len(places) == lasting  # whole batches are the same arrays again and again


def test_the_next_order_is_made_early():
    made, ready, own = [], threading.Event(), threading.get_ident()

    def make(n):
        made.append((n, threading.get_ident() == own))
        if len(made) > 1:
            ready.set()
        return n * n

    order = Foreseen(make)
    assert order(3) == 9
    assert ready.wait(300)
    while order._made is None:
        time.sleep(0.001)
    assert order(4) == 16
    assert made[:2] == [(3, True), (4, False)]
    assert order(9) == 81  # whatever was foreseen


def test_errors_come_at_their_place():
    def source():
        yield 1
        yield 2
        raise DataError("third")

    walk = ahead(source(), 5)
    assert [next(walk), next(walk)] == [1, 2]
    with pytest.raises(DataError, match="third"):
        next(walk)


def test_a_reader_that_leaves_takes_the_thread_along():
    before = threading.active_count()
    walk = ahead(iter(range(10**9)), 2)
    assert next(walk) == 0
    walk.close()
    assert threading.active_count() == before


def test_the_next_batch_is_made_while_the_last_is_used():
    made = [threading.Event() for _ in range(4)]

    def batches():
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in ahead(batches(), 2):
        assert number == 3 or made[number + 1].wait(300)  # while this one is in use


# On disk


@pytest.mark.parametrize("count", [1, 100, 2_048, 5_000])
def test_windows_of_blocks_hold_every_sample_once(count):
    order = Windowed(count, seed=3, epoch=1, block=64, blocks=8)
    rows = np.concatenate([order[slice(i, i + 100)] for i in range(0, count, 100)])
    assert sorted(rows) == list(range(count))
    assert np.array_equal(order[slice(count // 2, count)], rows[count // 2 :])
    if count > 1_000:
        assert not np.array_equal(rows, Windowed(count, seed=3, epoch=2, block=64, blocks=8)[slice(0, count)])


def test_a_window_reads_near_rows_in_random_order():
    order = Windowed(10_000, seed=0, epoch=0, block=100, blocks=5)
    windows = [order[slice(start, start + 500)] for start in range(0, 10_000, 500)]
    for rows in windows:
        assert len({row // 100 for row in rows}) == 5
        assert not np.array_equal(rows, np.sort(rows))
    assert [int(min(rows)) for rows in windows] != sorted(int(min(rows)) for rows in windows)
