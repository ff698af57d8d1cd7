"""Every key of the schema, set to every wrong type: what is said of it are our own words at a place of the spec."""

import pytest
from pydantic import ValidationError

from agcli.spec import Spec
from agcli.spec import columns as spec_columns
from agcli.spec import data as spec_data
from agcli.spec import nouns as spec_nouns
from agcli.spec.fields import Fields
from agcli.spec.tables import Table
from agcli.spec.validation_errors import said

pytestmark = pytest.mark.sampled(5)  # each takes a while; the full check runs all

TABLES = {
    table.noun: table
    for module in (spec_nouns, spec_data, spec_columns)
    for table in vars(module).values()
    if isinstance(table, Table)
}
WRONG = [
    "hi", "", True, -3, 3, 0.5, float("inf"), float("nan"), 10**400, None,
    [], ["hi"], [[1]], [{}], [True], [None], {}, {"hi": "hi"}, {"hi": {"there": [1]}}, {"file": 3},
]  # fmt: skip
WORDS_OF_PYDANTIC = ("expected something else", "Input should", "validation error", "function-", "tuple[", "literal[")


def classes(cls=Fields):
    """All sections and rows that the package has; not those of plug-ins in other tests."""
    for table in TABLES.values():
        assert table.rows  # loads them
    below = [found for each in cls.__subclasses__() for found in (each, *classes(each))]
    return [each for each in dict.fromkeys(below) if each.__module__.startswith("agcli.")]


def faults(read):
    """The places and the sentences of what is wrong."""
    try:
        read()
    except ValidationError as error:
        return [(item["loc"], said(item)[0]) for item in error.errors(include_url=False)]
    return []


def is_ours(place, sentence):
    steps = [step for step in place if isinstance(step, str)]
    plain = all(step.replace("_", "").isalnum() or step == "" for step in steps)
    return plain and not any(word in sentence for word in WORDS_OF_PYDANTIC) and len(sentence) < 1000


KEYS = [(cls, name) for cls in classes() for name in cls.model_fields]


def test_all_sections_are_there():
    names = {cls.__name__ for cls in classes()}
    assert len(KEYS) > 300
    assert {"Train", "SigmoidCrossEntropy", "TableData", "Dense", "Adam", "Deviation", "Beside", "OnePart"} <= names


@pytest.mark.parametrize(("cls", "name"), KEYS, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_a_key_of_a_wrong_type_is_answered_in_our_words(cls, name):
    read = 0
    for value in WRONG:
        found = faults(lambda v=value: cls.model_validate({name: v}))
        of_key = [fault for fault in found if fault[0][:1] == (name,)]
        read += not of_key
        wrong = [fault for fault in found if not is_ours(*fault)]
        assert not wrong, (value, wrong)
        repeated = [place for place, sentence in found if sentence and [p for p, _ in found].count(place) > 1]
        assert not repeated, (value, found)  # one place, one sentence
    assert read < len(WRONG)  # some of them are wrong for every key


@pytest.mark.parametrize("noun", TABLES)
def test_a_choice_of_a_wrong_type_is_answered_in_our_words(noun):
    table = TABLES[noun]
    for value in WRONG:
        found = faults(lambda v=value: table.read(v))
        assert found, value
        assert all(is_ours(*fault) for fault in found), (value, found)


@pytest.mark.parametrize("name", Spec.model_fields)
def test_a_section_of_a_wrong_type_is_answered_in_our_words(name):
    whole = {"data": "iris", "model": [{"dense": 3}], "loss": "softmax_cross_entropy"}
    for value in WRONG:
        found = faults(lambda v=value: Spec.model_validate({**whole, name: v}))
        assert all(is_ours(*fault) for fault in found), (value, found)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("hi", 'got "hi"'),
        (-1, "got -1"),
        ([1, -1], "got [1, -1]"),
        ({"yes": "x"}, "got a mapping with the key `yes`"),
    ],
)
def test_a_weight_of_labels_is_one_sentence(value, told):
    form = spec_nouns.LOSSES.rows["sigmoid_cross_entropy"].fields
    expected = (
        "expected a number of 0 or more, a list of such, one for each label, a mapping from names to such, "
        f"or `balanced`, {told}"
    )
    assert faults(lambda: form.model_validate({"pos_weight": value})) == [(("pos_weight",), expected)]
