"""Units that become one: only where no way leads out of both and back, and their order holds."""

import numpy as np
import pytest

from agcli.engine.backends.jit import units
from agcli.engine.backends.jit.groups import Group
from agcli.engine.backends.jit.units import Units, read_by
from agcli.engine.graph import Tensor
from agcli.engine.types import TensorType

TYPE = TensorType((), np.dtype("float32"))


def grown(rng, n):
    """Tensors of a random graph, inputs first, each a group of its own or by itself."""
    known, tensors = Units(), []
    for i in range(n):
        picked = rng.integers(max(0, i - 12), i, 2) if i else []
        t = Tensor(TYPE, None, tuple(tensors[k] for k in dict.fromkeys(picked.tolist() if i else [])))
        tensors.append(t)
        if rng.random() < 0.8:
            group = Group(0, [t], {x.id: x for x in t.inputs})
            known.add(group)
            known.enter(t, group)
        else:
            known.add(t)
    return known, tensors


def unit_of(known, t):
    """The group that a tensor is in, or the tensor itself."""
    return known.home.get(t.id, t)


def leads(known, low, high):
    """Whether a way leads from the one to the other through a third, looked for everywhere."""
    todo, seen = [unit_of(known, x) for x in read_by(high) if unit_of(known, x) is not low], set()
    while todo:
        unit = todo.pop()
        if unit is low:
            return True
        if unit not in seen:
            seen.add(unit)
            todo += [unit_of(known, x) for x in read_by(unit)]
    return False


def in_order(known):
    return all(known.precedes(unit_of(known, x), unit) for unit in known.labels for x in read_by(unit))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("longest", [2, 32])
def test_units_become_one_where_no_way_leads_out_and_back(seed, longest, monkeypatch):
    monkeypatch.setattr(units, "MAX_LABEL", longest)
    rng = np.random.default_rng(seed)
    known, tensors = grown(rng, 60)
    answers = []
    for _ in range(300):
        a, b = (unit_of(known, tensors[k]) for k in rng.integers(0, 60, 2))
        if a is b or not (isinstance(a, Group) and isinstance(b, Group)):
            continue
        low, high = (a, b) if known.precedes(a, b) else (b, a)
        between = known.between(low, high)
        assert (between is None) == leads(known, low, high)
        answers.append(between is None)
        if between is not None:
            low.outside = {
                n: x for g in (low, high) for n, x in g.outside.items() if unit_of(known, x) not in (low, high)
            }
            low.members += high.members
            for t in high.members:
                known.enter(t, low)
            known.merge(low, high, between, low)
            assert in_order(known)
    assert len(set(answers)) == 2


def test_a_way_that_is_not_found_soon_may_be_there(monkeypatch):
    known, tensors = Units(), []
    for i in range(10):
        t = Tensor(TYPE, None, (tensors[0], *tensors[-1:]) if i > 1 else ())
        tensors.append(t)
        known.add(t)
    apart = Tensor(TYPE, None, (tensors[-1], tensors[0]))
    known.add(apart)
    assert known.between(tensors[1], apart) is None
    assert known.between(tensors[-1], apart) == []
    fresh, other = Units(), Tensor(TYPE)
    for t in (other, *tensors, apart):
        fresh.add(t)
    assert fresh.between(other, apart) == tensors
    monkeypatch.setattr(units, "MAX_UNITS", 9)
    assert fresh.between(other, apart) is None
