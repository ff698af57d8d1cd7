"""The stacks of the parser: operands, waiting operators and open brackets, and how they become nodes."""

from __future__ import annotations

from collections.abc import Iterator

from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.syntax import (
    BAR_FUNCTION,
    EQUATION,
    MAX_DEPTH,
    AnyNode,
    Call,
    Doubt,
    Form,
    Literal,
    Number,
    Operator,
)
from agcli.expression.tokens import Token, exact

MAX_DOUBTS = 20  # an echo is to be read

Operand = tuple[int, int, int]  # index of its node; start and end in the text, with its parentheses


class Pending:
    """An operator that waits for its right operand; `doubt` is a template of its plain reading, if that is needed."""

    __slots__ = ("doubt", "operator", "start")

    def __init__(self, operator: Operator, start: int, doubt: str) -> None:
        self.operator = operator
        self.start = start
        self.doubt = doubt


class Frame:
    """An open bracket (or the whole formula), the items in it that are complete, and the keywords of the last ones."""

    __slots__ = ("base", "comma", "end", "items", "keywords", "kind", "name", "parts", "positional", "power", "start")

    def __init__(self, kind: str, place: tuple[int, int], base: int, name: str, power: Token | None) -> None:
        self.kind = kind  # formula, group, call, vector, index or bars
        self.start, self.end = place  # where it was opened
        self.base = base  # this many operators were waiting then
        self.name = name  # of the function
        self.power = power  # of a call: the 2 of sin^2(x)
        self.items: list[Operand] = []
        self.keywords: list[str] = []
        self.positional = 0
        self.comma = False  # whether it had one
        self.parts: list[Operand] = []  # of the slice that is being read


class Stacks:
    """Operands, operators and brackets go in; nodes come out in postfix order."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.nodes: list[AnyNode] = []
        self.operands: list[Operand] = []
        self.operators: list[Pending] = []
        self.frames = [Frame("formula", (0, 0), 0, "", None)]
        self.doubts: dict[str, Doubt] = {}
        self.expects_value = True

    def add(self, node: AnyNode) -> None:
        """A complete node becomes the newest operand."""
        self.operands.append((len(self.nodes), node.start, node.end))
        self.nodes.append(node)
        self.expects_value = False

    def add_number(self, token: Token) -> None:
        """A number becomes the newest operand."""
        self.add(Number(token.start, token.end, exact(self.text, token), token.text))

    def add_nothing(self, place: int) -> None:
        """A part of a slice that is left out becomes the newest operand."""
        self.add(Literal(place, place, None))

    def add_power(self, exponent: Token) -> None:
        """The newest operand is raised to the power of a number: `x²`, `x⁻¹`."""
        base, start, end = self.operands.pop()
        self.add_number(exponent._replace(text=exponent.text.removeprefix("-")))
        if exponent.text.startswith("-"):
            self.add(Call(exponent.start, exponent.end, "negative", (self.operands.pop()[0],)))
        self.add(Call(start, max(end, exponent.end), "power", (base, self.operands.pop()[0])))

    # Operators

    def push(self, operator: Operator, start: int, doubt: str = "") -> None:
        """An operator waits for its right operand."""
        self.operators.append(Pending(operator, start, doubt))
        self.check_depth(start)
        self.expects_value = True

    def waiting(self) -> Iterator[Pending]:
        """The operators that wait within the innermost bracket, the newest first."""
        for place in range(len(self.operators) - 1, self.frames[-1].base - 1, -1):
            yield self.operators[place]

    def reduce(self, precedence: int, right: bool = False) -> None:
        """Apply the waiting operators of this bracket that bind at least so tightly (tighter, before a `right` one)."""
        operators, base, lowest = self.operators, self.frames[-1].base, precedence + right
        while len(operators) > base and operators[-1].operator.precedence >= lowest:
            self.apply(operators.pop())

    def apply(self, pending: Pending) -> None:
        """The operator takes the newest operands, and its node becomes one."""
        operator = pending.operator
        right, right_start, end = self.operands.pop()
        start, left_source = pending.start, ""
        args: tuple[int, ...] = (right,)
        if operator.arity == 2:
            left, start, left_end = self.operands.pop()
            args, left_source = (left, right), self.source(start, left_end)
        if pending.doubt:
            reading = pending.doubt.format(left=left_source, right=self.source(right_start, end))
            self.doubt(start, end, reading)
        if operator.precedence == EQUATION:
            self.add(Form(start, end, "equation", args))
        else:
            self.add(Call(start, end, operator.function, args))

    # Brackets

    def open(self, kind: str, start: int, end: int, name: str = "", power: Token | None = None) -> None:
        """A bracket that `text[start:end]` opens."""
        self.frames.append(Frame(kind, (start, end), len(self.operators), name, power))
        self.check_depth(start)
        self.expects_value = True

    def end_item(self) -> None:
        """What stands before a comma or a closing bracket is complete."""
        frame = self.frames[-1]
        self.reduce(EQUATION)
        if frame.parts:
            self.end_slice(frame)
        item = self.operands.pop()
        frame.items.append(item)
        if not frame.keywords:
            frame.positional += 1
        elif len(frame.items) > frame.positional + len(frame.keywords):
            message = "a value without a name follows one with a name"
            raise self.error(message, *item[1:], f"write it before `{frame.keywords[0]}=`")

    def end_slice(self, frame: Frame) -> None:
        """`start:stop` or `start:stop:step` is complete."""
        parts = [*frame.parts, self.operands.pop()]
        frame.parts = []
        if len(parts) == 2:
            self.add_nothing(parts[-1][2])
            parts.append(self.operands.pop())
        start, end = parts[0][1], parts[-1][2]
        self.add(Form(start, end, "slice", tuple(index for index, _, _ in parts)))

    def close(self, end: int) -> None:
        """The innermost bracket becomes an operand; its items are complete."""
        frame = self.frames.pop()
        start = frame.start
        args = tuple(index for index, _, _ in frame.items)
        if frame.kind == "call":
            self.add(Call(start, end, frame.name, args, tuple(frame.keywords)))
            if frame.power:
                inside, power = self.source(frame.end, end - 1), frame.power.text
                self.doubt(start, end, f"`{frame.name}({inside})^{power}`")
                self.add_power(frame.power)
        elif frame.kind == "bars":
            self.add(Call(start, end, BAR_FUNCTION, args))
        elif frame.kind == "index":
            base, start, _ = self.operands.pop()
            self.add(Form(start, end, "index", (base, *args)))
        elif frame.kind == "vector":
            self.check_rows(args)
            self.doubt_single(frame, end)
            self.add(Form(start, end, "vector", args))
        elif frame.comma or not args:
            self.add(Form(start, end, "tuple", args))
        else:
            self.operands.append((args[0], start, end))
            self.expects_value = False

    # Checks, doubts and errors

    def check_depth(self, place: int) -> None:
        """Raise ExpressionError where too many brackets and operators wait."""
        if len(self.operators) + len(self.frames) > MAX_DEPTH:
            message = f"brackets, powers and signs are nested more than {MAX_DEPTH:,} deep"
            raise self.error(message, place, place + 1)

    def check_rows(self, args: tuple[int, ...]) -> None:
        """Raise ExpressionError where the rows of a matrix that are written out differ in length."""
        rows = [node for node in map(self.nodes.__getitem__, args) if isinstance(node, Form) and node.kind == "vector"]
        for row in rows:
            expected, found = len(rows[0].args), len(row.args)
            if expected != found:
                message = f"the rows of a matrix have the same length: expected {expected} values, found {found}"
                raise self.error(message, row.start, row.end)

    def doubt_single(self, frame: Frame, end: int) -> None:
        """`[x + 1]` where someone may have meant parentheses."""
        outer = self.frames[-1]
        argument = outer.kind in ("call", "vector") and outer.base == len(self.operators)
        item = self.nodes[frame.items[0][0]]
        matrix = isinstance(item, Form) and item.kind == "vector"
        if len(frame.items) == 1 and not (frame.comma or matrix or argument):
            self.doubt(frame.start, end, "a vector with one value; write `( )` to group")

    def doubt(self, start: int, end: int, reading: str) -> None:
        """Note how a place was read that people read in two ways."""
        message = f"`{self.source(start, end)}` is read as {reading}"
        if len(self.doubts) < MAX_DOUBTS:
            self.doubts.setdefault(message, Doubt(start, end, message))

    def source(self, start: int, end: int) -> str:
        """A piece of the formula, shortened where it is long."""
        return shorten(self.text[start:end].strip())

    def error(self, message: str, start: int, end: int, hint: str = "") -> ExpressionError:
        """An error at a place of the formula."""
        return ExpressionError(message, self.text, start, end, hint)
