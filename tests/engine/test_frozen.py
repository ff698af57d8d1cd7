"""Records without dataclasses: the same behaviour where it is used."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from agcli.engine.frozen import changed, frozen


@frozen
class Base:
    axes: tuple[int, ...]
    keep: "bool" = False
    name: "ClassVar[str]" = "base"


class Plain(Base):
    name = "plain"


@frozen
class More(Base):
    extra: int = 3


@frozen
class Nothing:
    pass


@frozen(eq=False)
class Alone:
    value: int


@dataclass(frozen=True)
class Twin:
    axes: tuple[int, ...]
    keep: bool = False


def test_fields_are_given_by_place_or_name_and_have_defaults():
    made = [Base((1,)), Base((1,), False), Base(axes=(1,)), Base((1,), keep=False)]
    assert {(r.axes, r.keep) for r in made} == {((1,), False)}
    assert More((1,), True).extra == 3
    assert More.__match_args__ == ("axes", "keep", "extra")


def test_equal_records_compare_hash_and_print_alike():
    assert Base((1,)) == Base((1,), False)
    assert len({Base((1,)), Base((1,)), Base((2,)), Plain((1,)), More((1,)), Nothing(), Nothing()}) == 5
    assert Base((1,)) != Plain((1,))
    assert repr(Base((1,))) == repr(Twin((1,))).replace("Twin", "Base")
    assert repr(Nothing()) == "Nothing()"


def test_without_eq_each_is_one_object():
    one = Alone(1)
    assert len({one, one, Alone(1)}) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Base, "Base needs axes"),
        (lambda: Base((1,), True, 3), "takes 2 attributes, got 3"),
        (lambda: Base((1,), axes=(2,)), "axes"),
        (lambda: Base((1,), wrong=2), "no attribute wrong"),
    ],
)
def test_wrong_arguments_are_refused(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_records_do_not_change():
    record = Base((1,))
    with pytest.raises(AttributeError, match="frozen: keep"):
        record.keep = True
    with pytest.raises(AttributeError, match="frozen: keep"):
        del record.keep
    assert changed(record, keep=True) == Base((1,), True)
    assert changed(More((1,)), extra=4) == More((1,), False, 4)
