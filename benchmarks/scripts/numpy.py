"""Softmax regression on MNIST by hand, as a script: FOLDER OUT EPOCHS."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.by_hand import Adam, CrossEntropy
from benchmarks.scripts.mnist import BATCH, images, labels, report, start

folder, out, epochs = sys.argv[1:]
x, y = images(folder, "train"), labels(folder, "train")
test_x, test_y = images(folder, "t10k"), labels(folder, "t10k")
adam, rng = Adam(start()), np.random.default_rng(0)
(w, b), (gw, gb) = adam.params, adam.grads
entropy, judge, ones = CrossEntropy(BATCH, 10), CrossEntropy(len(test_x), 10), np.ones(BATCH, np.float32)
xb, z = np.empty((BATCH, 784), np.float32), np.empty((BATCH, 10), np.float32)
for _ in range(int(epochs)):
    for rows in rng.permutation(len(x)).reshape(-1, BATCH):
        np.take(x, rows, 0, out=xb, mode="clip")
        np.matmul(xb, w, out=z)
        z += b
        entropy(z, y[rows])
        np.matmul(xb.T, z, out=gw)
        np.matmul(ones, z, out=gb)
        adam.step()
    scores = test_x @ w + b
    accuracy = (scores.argmax(1) == test_y).mean()
    judge(scores, test_y)
    np.savez(out, w=w, b=b, m=adam.m, v=adam.v)
report(accuracy)
