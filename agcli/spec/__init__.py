"""YAML specs: read, validated, and exact about what is wrong where."""

from .errors import Place, Problem, SpecError
from .fields import Fields
from .reader import parse_spec, read_spec, spec_in
from .schema import bring_plugins, json_schema
from .spec import Spec
from .tables import Choice
from .training import Train

__all__ = [
    "Choice",
    "Fields",
    "Place",
    "Problem",
    "Spec",
    "SpecError",
    "Train",
    "bring_plugins",
    "json_schema",
    "parse_spec",
    "read_spec",
    "spec_in",
]
