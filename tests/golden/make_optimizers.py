"""Writes optimizers.json: what other libraries make of the problem in `problem` below, step by step, in float64.

Run it with torch, then with optax, each in an environment of its own: python make_optimizers.py torch|optax
"""

import json
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("optimizers.json")
A = [[1.0, -0.5], [0.3, 2.0], [-1.2, 0.7]]
B = [0.9, -0.4, 1.5, -1.1]
STEPS = 30
SHOWN = (1, 2, 3, 10, 30)
RATE = 0.05

TORCH = {
    "sgd": ("SGD", {}),
    "sgd momentum": ("SGD", {"momentum": 0.9}),
    "sgd nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "sgd decay": ("SGD", {"momentum": 0.5, "weight_decay": 0.1}),
    "adagrad": ("Adagrad", {}),
    "adagrad decay": ("Adagrad", {"weight_decay": 0.1}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop momentum": ("RMSprop", {"momentum": 0.9, "weight_decay": 0.1}),
    "rmsprop centered": ("RMSprop", {"centered": True}),
    "adadelta": ("Adadelta", {}),
    "adadelta decay": ("Adadelta", {"weight_decay": 0.1}),
    "adam": ("Adam", {}),
    "adam decay": ("Adam", {"weight_decay": 0.1}),
    "adamw": ("AdamW", {}),
    "adamw decay": ("AdamW", {"weight_decay": 0.1}),
    "amsgrad": ("Adam", {"amsgrad": True}),
    "nadam": ("NAdam", {}),
    "nadam decay": ("NAdam", {"weight_decay": 0.1}),
    "radam": ("RAdam", {}),
    "radam decay": ("RAdam", {"weight_decay": 0.1}),
}
OPTAX = {
    "lion": ("lion", {"weight_decay": 0.0}),
    "lion decay": ("lion", {"weight_decay": 0.1}),
    "lamb": ("lamb", {}),
    "lamb decay": ("lamb", {"weight_decay": 0.1}),
}
SCHEDULES = {
    "steps": ("StepLR", {"step_size": 4, "gamma": 0.3}),
    "exponential": ("ExponentialLR", {"gamma": 0.8}),
    "polynomial": ("PolynomialLR", {"total_iters": 12, "power": 2.0}),
    "cosine": ("CosineAnnealingLR", {"T_max": 20, "eta_min": 0.01}),
    "cosine_restarts": ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    "cosine_restarts even": ("CosineAnnealingWarmRestarts", {"T_0": 5}),
    "one_cycle": ("OneCycleLR", {"max_lr": 0.1, "total_steps": 20, "cycle_momentum": False}),
}
METRIC = [5, 4, 4, 4.1, 4, 3.9, 3.9, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 2.9999, 3, 3, 3, 3, 3, 3, 3]


def problem(lib, a, b):
    """A smooth loss without symmetry, whose gradients change sign on the way."""
    return lib.log(lib.cosh(a * 1.5 - 0.2)).sum() + 0.25 * (b**4).sum() + 0.3 * (a.sum() - 2 * b.sum() - 1) ** 2


def by_torch():
    import torch

    torch.set_default_dtype(torch.float64)  # NAdam keeps a product in the default type

    def run(make):
        params = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (A, B)]
        optimizer, seen = make(params), {}
        for step in range(1, STEPS + 1):

            def loss():
                optimizer.zero_grad()
                value = problem(torch, *params)
                value.backward()
                return value

            optimizer.step(loss)
            if step in SHOWN:
                seen[step] = [p.detach().numpy().tolist() for p in params]
        return seen

    found = {}
    for name, (cls, options) in TORCH.items():
        found[name] = run(lambda ps, c=cls, o=options: getattr(torch.optim, c)(ps, lr=RATE, **o))
    options = {"lr": 1.0, "max_iter": 1, "history_size": 5, "line_search_fn": "strong_wolfe", "tolerance_change": 0.0}
    path = run(lambda ps: torch.optim.LBFGS(ps, **options))
    found["lbfgs"] = {step: path[step] for step in path if step <= 10}  # where the valley is flat, searches differ
    rates = {}
    for name, (cls, options) in SCHEDULES.items():
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        schedule = getattr(torch.optim.lr_scheduler, cls)(optimizer, **options)
        rates[name] = []
        for _ in range(20):
            rates[name].append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    options = {"factor": 0.5, "patience": 2, "cooldown": 1, "min_lr": 0.02}
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    rates["plateau"] = []
    for metric in METRIC:
        schedule.step(metric)
        rates["plateau"].append(optimizer.param_groups[0]["lr"])
    return {"parameters": found, "rates": rates}, f"torch {torch.__version__}"


def by_optax():
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)
    found = {}
    for name, (maker, options) in OPTAX.items():
        optimizer = getattr(optax, maker)(RATE, **options)
        params = [jax.numpy.array(x) for x in (A, B)]
        state, seen = optimizer.init(params), {}
        for step in range(1, STEPS + 1):
            g = jax.grad(lambda ps: problem(jax.numpy, *ps))(params)
            change, state = optimizer.update(g, state, params)
            params = optax.apply_updates(params, change)
            if step in SHOWN:
                seen[step] = [p.tolist() for p in params]
        found[name] = seen
    return {"parameters": found}, f"optax {optax.__version__}"


if __name__ == "__main__":
    page = json.loads(PAGE.read_text()) if PAGE.exists() else {"sources": {}, "parameters": {}, "rates": {}}
    numbers, source = {"torch": by_torch, "optax": by_optax}[sys.argv[1]]()
    for section, values in numbers.items():
        page[section].update(values)
    page["sources"][sys.argv[1]] = source
    PAGE.write_text(json.dumps(page) + "\n")
