"""Large sets with a name that are read on a thread before they are asked for."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from agcli.datasets import DataError, catalog
from agcli.datasets.mnist import Images
from agcli.datasets.remote import RemoteFile, Source


def packed(array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A set of the form of MNIST under the name `tiny`, in $AG_DATA; the files by name."""
    pixels, labels = np.arange(5 * 28 * 28).reshape(5, 28, 28) % 256, np.arange(5)
    contents = {"images.gz": packed(pixels), "labels.gz": packed(labels)}
    files = [RemoteFile(name, len(c), hashlib.sha256(c).hexdigest()) for name, c in contents.items()]
    images = Images(Source("tiny", ()), {"train": (files[0], files[1]), "test": (files[0], files[1])})
    entry = catalog.Entry(
        catalog.Info("tiny", "", "", "", ()),
        images.read,
        {"flatten": False, "raw": False, "augment": None},
        "downloaded once",
        images.is_at_hand,
    )
    monkeypatch.setitem(catalog._BY_NAME, "tiny", entry)
    monkeypatch.setenv("AG_DATA", str(tmp_path))
    monkeypatch.setenv("AG_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_what_was_begun_is_what_is_loaded(tiny, monkeypatch):
    plain = catalog.load("tiny")
    reads = []
    monkeypatch.setattr(catalog, "_load", lambda *asked, real=catalog._load: reads.append(asked) or real(*asked))
    catalog.begin("tiny", "float32", flatten=False)
    data = catalog.load("tiny", "float32", flatten=False)
    assert len(reads) == 1
    for name in "xy":
        np.testing.assert_array_equal(data.train[name], plain.train[name])
    assert catalog.load("tiny", flatten=True).train.x.shape == (5, 784)
    assert len(reads) == 2


def test_other_options_are_read_anew(tiny):
    catalog.begin("tiny", "float32", flatten=False)
    assert catalog.load("tiny", "float32", flatten=True).train.x.shape == (5, 784)


def test_a_fault_is_said_when_the_set_is_asked_for(tiny):
    (tiny / "labels.gz").write_bytes(b"other")
    catalog.begin("tiny")
    with pytest.raises(DataError, match=r"labels\.gz: expected the published file"):
        catalog.load("tiny")


def test_nothing_is_downloaded_ahead_of_need(tiny, monkeypatch):
    (tiny / "images.gz").unlink()
    monkeypatch.setattr(catalog, "_load", lambda *_: pytest.fail("read on a thread"))
    catalog.begin("tiny")
    catalog.begin("digits")
    catalog.begin("no such set")
    assert catalog._begun is None
