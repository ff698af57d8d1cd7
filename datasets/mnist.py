"""MNIST and Fashion-MNIST: four IDX files each, of one shape."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from .dataset import Array, Column, Scaling, Split
from .idx import read_idx
from .remote import RemoteFile, Source, is_at_hand, locate


@dataclass(frozen=True)
class Images:
    """A set of labelled images: where it is published, and (images, labels) of each split."""

    source: Source
    splits: dict[str, tuple[RemoteFile, RemoteFile]]

    def is_at_hand(self) -> bool:
        """Whether nothing has to be downloaded."""
        return all(is_at_hand(self.source, file) for pair in self.splits.values() for file in pair)

    def read(self, *, flatten: bool, raw: bool, dtype: str = "float32") -> dict[str, Split]:
        """x: (n, 28, 28) bytes fed as floats in [0, 1], or (n, 784) flat, or bytes if raw; y: (n,) int64."""
        files = [locate(self.source, file) for pair in self.splits.values() for file in pair]
        with ThreadPoolExecutor(2) as threads:  # unpacking needs no Python
            images, labels = (threads.map(read_idx, files[i::2]) for i in (0, 1))
            rows = zip(self.splits, images, labels, strict=True)
            return {name: split(x, y, flatten=flatten, raw=raw, dtype=dtype) for name, x, y in rows}


def split(pixels: Array, labels: Array, *, flatten: bool, raw: bool, dtype: str = "float32") -> Split:
    """Images and their labels."""
    x = pixels.reshape(len(pixels), -1) if flatten else pixels
    return Split({"x": Column(x, None if raw else Scaling.by(255, dtype)), "y": Column(labels.astype(np.int64))})


MNIST = Images(
    Source(
        "mnist",
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
    ),
    {
        "train": (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
        ),
        "test": (
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    },
)

FASHION_MNIST = Images(
    Source(
        "fashion-mnist",
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # has no https; the SHA-256 protects
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
    ),
    {
        "train": (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
        ),
        "test": (
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    },
)
