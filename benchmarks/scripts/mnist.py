"""What the scripts in this folder share: MNIST from its files, and the result as a line of JSON."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

BATCH = 200


def images(folder: str, name: str) -> np.ndarray:
    raw = gzip.decompress(Path(folder, f"{name}-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / np.float32(255)


def labels(folder: str, name: str) -> np.ndarray:
    raw = gzip.decompress(Path(folder, f"{name}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=8).astype(np.int64)


def start() -> list[np.ndarray]:
    """Weight and bias (Glorot and Bengio, 2010)."""
    limit = (6 / (784 + 10)) ** 0.5
    return [np.random.default_rng(0).uniform(-limit, limit, (784, 10)).astype(np.float32), np.zeros(10, np.float32)]


def report(accuracy: float) -> None:
    print(json.dumps({"accuracy": float(accuracy)}))
