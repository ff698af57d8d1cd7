"""Defaults beside those of the libraries that docs/optimizers.md names: the same, but for the ones in its table."""

import inspect
import math
import re

import numpy as np
import pytest
from conftest import ROOT

from agcli.engine.initializers import initial
from agcli.model.optimizers import OPTIMIZERS
from agcli.spec.nouns import SCHEDULES

DOCS = ROOT / "docs" / "optimizers.md"
MISSING = inspect.Parameter.empty
# Where a default of the peer stands: its parameter, or a function of all of its parameters.
BETAS = {"beta1": lambda theirs: theirs["betas"][0], "beta2": lambda theirs: theirs["betas"][1]}
DECAY = {"lr": "lr", "weight_decay": "weight_decay"}
OF_ADAM = {**DECAY, **BETAS, "eps": "eps"}
OF_OPTAX = {"lr": "learning_rate", "weight_decay": "weight_decay", "beta1": "b1", "beta2": "b2"}

TORCH = {
    "sgd": ("SGD", {**DECAY, "momentum": "momentum", "nesterov": "nesterov"}),
    "adagrad": ("Adagrad", {**DECAY, "eps": "eps"}),
    "rmsprop": ("RMSprop", {**DECAY, "decay": "alpha", "eps": "eps", "momentum": "momentum", "centered": "centered"}),
    "adadelta": ("Adadelta", {**DECAY, "decay": "rho", "eps": "eps"}),
    "adam": ("Adam", OF_ADAM),
    "adamw": ("AdamW", OF_ADAM),
    "amsgrad": ("Adam", OF_ADAM),
    "nadam": ("NAdam", {**OF_ADAM, "momentum_decay": "momentum_decay"}),
    "radam": ("RAdam", OF_ADAM),
    "lbfgs": ("LBFGS", {"iterations": "max_iter", "memory": "history_size", "tolerance": "tolerance_grad"}),
}
OPTAX = {"lion": OF_OPTAX, "lamb": {**OF_OPTAX, "eps": "eps"}}
RATES = {
    "step": ("StepLR", {"factor": "gamma"}),
    "exponential": ("ExponentialLR", {"factor": "gamma"}),
    "polynomial": ("PolynomialLR", {"degree": "power"}),
    "cosine": ("CosineAnnealingLR", {"end": "eta_min"}),
    "cosine_restarts": ("CosineAnnealingWarmRestarts", {"growth": "T_mult", "end": "eta_min"}),
    "one_cycle": ("OneCycleLR", {
        "rising": "pct_start", "start": lambda theirs: 1 / theirs["div_factor"],
        "end": lambda theirs: 1 / theirs["final_div_factor"],
    }),
    "plateau": ("ReduceLROnPlateau", {
        "factor": "factor", "patience": "patience", "threshold": "threshold", "cooldown": "cooldown", "least": "min_lr",
    }),
}  # fmt: skip
OWN = {"no_decay", "clip", "accumulate", "average"}  # of every optimizer, around its rule


def documented():
    """The table of differences: name.field -> (ours, theirs)."""
    row = r"^\| `(\w+\.\w+)` \| ([\d.]+) \| ([\d.]+|none) \|"
    return {
        name: (float(a), None if b == "none" else float(b)) for name, a, b in re.findall(row, DOCS.read_text(), re.M)
    }


def differences(table, name, peer, fields):
    """The defaults of a row that are not the peer's."""
    ours = {key: field.default for key, field in table.rows[name].fields.model_fields.items()}
    theirs = {key: p.default for key, p in inspect.signature(peer).parameters.items()}
    for field, place in fields.items():
        other = place(theirs) if callable(place) else theirs[place]
        if other is MISSING or not math.isclose(ours[field], other):
            yield f"{name}.{field}", (float(ours[field]), None if other is MISSING else float(other))


def test_the_defaults_are_those_of_torch_and_optax_but_for_the_documented_ones():
    torch, optax = pytest.importorskip("torch"), pytest.importorskip("optax")
    rates = torch.optim.lr_scheduler
    found = {}
    for name, (peer, fields) in TORCH.items():
        found |= differences(OPTIMIZERS, name, getattr(torch.optim, peer), fields)
    for name, fields in OPTAX.items():
        found |= differences(OPTIMIZERS, name, getattr(optax, name), fields)
    for name, (peer, fields) in RATES.items():
        found |= differences(SCHEDULES, name, getattr(rates, peer), fields)
    assert found == documented()


def test_the_documented_defaults_are_ours():
    """Without the peers: half of the table can be checked anywhere."""
    table = documented()
    assert "lion.weight_decay" in table
    for place, (ours, _) in table.items():
        name, field = place.split(".")
        rows = OPTIMIZERS.rows if name in OPTIMIZERS.rows else SCHEDULES.rows
        assert rows[name].fields.model_fields[field].default == ours, place


@pytest.mark.parametrize("name", [*TORCH, *OPTAX])
def test_every_field_of_an_optimizer_is_compared(name):
    fields = TORCH[name][1] if name in TORCH else OPTAX[name]
    assert set(OPTIMIZERS.rows[name].fields.model_fields) - OWN == set(fields)


@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("glorot_uniform", "xavier_uniform_", {}),
        ("glorot_normal", "xavier_normal_", {}),
        ("he_uniform", "kaiming_uniform_", {}),
        ("he_normal", "kaiming_normal_", {}),
        ("lecun_uniform", "kaiming_uniform_", {"nonlinearity": "linear"}),
        ("lecun_normal", "kaiming_normal_", {"nonlinearity": "linear"}),
        ("orthogonal", "orthogonal_", {}),
    ],
)
def test_weights_are_drawn_as_wide_as_torch_draws_them(name, theirs, options):
    """60,000 numbers: 2 % are five standard errors of the ratio of two spreads; the largest is all but the limit."""
    torch = pytest.importorskip("torch")
    ours = initial(name, (300, 200), np.random.default_rng(0))
    weight = torch.empty(200, 300)  # torch has the outputs first
    torch.manual_seed(0)
    getattr(torch.nn.init, theirs)(weight, **options)
    other = weight.numpy().T
    assert np.std(ours) == pytest.approx(np.std(other), rel=0.02)
    if name.endswith("uniform"):
        assert np.abs(ours).max() == pytest.approx(np.abs(other).max(), rel=0.01)
