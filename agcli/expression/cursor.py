"""Where the parser is in its tokens: what stands around, what that makes doubtful, and what may not stand there."""

from __future__ import annotations

from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.foreign_names import INSTEAD
from agcli.expression.names import CONSTANTS
from agcli.expression.stacks import Stacks
from agcli.expression.syntax import PREFIX, ROOT, Form, Literal
from agcli.expression.tokens import Token, tokenize


class Cursor(Stacks):
    """The tokens of a text and the place of the next one to be read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.tokens = tokenize(text)
        self.at = 0

    @property
    def before(self) -> Token:
        """The token before the one that is being read."""
        return self.tokens[self.at - 2] if self.at > 1 else Token("start", "", 0, 0)

    @property
    def following(self) -> Token:
        """The token after the one that is being read."""
        return self.tokens[self.at]

    def is_bare(self, name: str) -> bool:
        """Whether a name stands somewhere without parentheses behind it."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return any(token.kind == "name" and token.text == name and behind.kind != "(" for token, behind in pairs)

    def opens_several(self) -> bool:
        """Whether the parentheses that open here hold several values."""
        depth = 0
        for token in self.tokens[self.at :]:
            depth += (token.kind in ("(", "[")) - (token.kind in (")", "]"))
            if depth == 0 or (depth == 1 and token.kind == ","):
                return depth == 1
        return False

    def starts_argument(self, kind: str) -> bool:
        """Whether an item of such a bracket starts at the token that is being read."""
        frame = self.frames[-1]
        return frame.kind == kind and len(self.operators) == frame.base and self.before.kind in ("(", "[", ",", ":")

    def check_argument(self, name: str = "") -> None:
        """Raise ExpressionError where a tuple or a text is no argument: neither can be calculated with.

        `name` is the variable before the parentheses, which may have been meant as a function.
        """
        index, start, end = self.operands[-1]
        node, frame = self.nodes[index], self.frames[-1]
        if isinstance(node, Form) and node.kind == "tuple":
            what = "several values in parentheses" if node.args else "an empty pair of parentheses"
            hint = f"`{shorten(name)}` is a variable, not a function" if name else "write a vector as `[a, b]`"
        elif isinstance(node, Literal) and isinstance(node.value, str):
            what, hint = "a text", "write names without quotes"
        else:
            return
        alone = len(self.operators) == frame.base and self.following.kind in (",", ")", "]")
        if not alone or frame.kind not in ("call", "group", "vector"):
            raise self.error(f"{what} can only be an argument of a function", start, end, hint)

    def hint_for_equals(self, kind: str, name: str) -> str:
        """What to type instead of an `=` within brackets."""
        if kind == "call" and self.before.kind == "name":
            return f"write a comma before `{shorten(self.before.text)}=`, or `==` to compare"
        if name in INSTEAD:
            return INSTEAD[name]
        if kind == "group" and name:
            return f"`{shorten(name)}` is a variable, not a function"
        return "write `==` to compare"

    def value_expected(self, token: Token) -> ExpressionError:
        """The error of a token that cannot start a value."""
        found = f"`{self.source(token.start, token.end)}`" if token.kind != "end" else "the end of the text"
        before = self.before
        if before.kind == "start":
            return self.error(f"expected a formula, found {found}", token.start, token.end)
        hint = "write `abs(x)` where bars could be read in two ways" if self.frames[-1].kind == "bars" else ""
        after = self.source(before.start, before.end)
        return self.error(f"expected a value after `{after}`, found {found}", token.start, token.end, hint)

    def doubt_of_product(self, token: Token) -> str:
        """The plain reading of a product without a sign, where it could be read otherwise."""
        before = self.before
        adjacent_name = before.end == token.start and token.kind == "name"
        grouped = "`({left})*{right}`"
        symbols = [pending.operator.symbol for pending in self.waiting() if pending.operator is not PREFIX["-"]]
        if "/" in symbols:
            return grouped
        if adjacent_name and (self.after_bare_root() or (symbols[:1] == ["^"] and before.kind in ("number", "name"))):
            return grouped
        if token.kind == "(" and before.kind == "name" and CONSTANTS.get(before.text) != "pi":
            return "`{left}*{right}`"
        if token.kind == "|" and self.after_bars():
            return "`{left}*{right}`"
        if self.frames[-1].kind == "vector" and before.end < token.start:
            return "`{left}*{right}`; write commas between the values of a vector"
        return ""

    def after_bare_root(self) -> bool:
        """Whether the value that has just ended is `√x` rather than `√(x)`."""
        newest = next(self.waiting(), None)
        return newest is not None and newest.operator.precedence == ROOT and self.before.kind in ("number", "name")

    def after_bars(self) -> bool:
        """Whether only numbers and names stand between the last `|` and here, as in `|x|y|z|`."""
        at = self.at - 2
        while self.tokens[at].kind in ("number", "name") and at:
            at -= 1
        return at < self.at - 2 and self.tokens[at].kind == "|"
