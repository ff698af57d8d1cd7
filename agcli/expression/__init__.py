"""The expression language: text -> syntax."""

from agcli.expression.errors import ExpressionError, nearest
from agcli.expression.parser import parse_syntax
from agcli.expression.reading import reading
from agcli.expression.syntax import Doubt, Syntax
from agcli.expression.tokens import canonical_name

__all__ = ["Doubt", "ExpressionError", "Syntax", "canonical_name", "nearest", "parse_syntax", "reading"]
