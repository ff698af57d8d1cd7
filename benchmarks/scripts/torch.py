"""Softmax regression on MNIST in torch, as a script: FOLDER OUT EPOCHS."""

from __future__ import annotations

import sys

import torch
from torch.nn import functional

from benchmarks.scripts.mnist import BATCH, images, labels, report, start

folder, out, epochs = sys.argv[1:]
x, y = torch.from_numpy(images(folder, "train")), torch.from_numpy(labels(folder, "train"))
test_x, test_y = torch.from_numpy(images(folder, "t10k")), torch.from_numpy(labels(folder, "t10k"))
w, b = (torch.nn.Parameter(torch.from_numpy(a)) for a in start())
optimizer = torch.optim.Adam([w, b], lr=1e-3, fused=True)
for _ in range(int(epochs)):
    for rows in torch.randperm(len(x)).split(BATCH):
        loss = functional.cross_entropy(torch.addmm(b, x[rows], w), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        scores = torch.addmm(b, test_x, w)
        loss, accuracy = functional.cross_entropy(scores, test_y), (scores.argmax(1) == test_y).float().mean().item()
    torch.save({"w": w, "b": b, "optimizer": optimizer.state_dict()}, out)
report(accuracy)
