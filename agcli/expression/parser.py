"""Tokens -> Syntax: an operator-precedence parser with explicit stacks, so that no input exhausts Python's own.

It is in one of two states: where a value is expected, `_VALUES` says what each token does; where a value has just
ended, `_AFTER` does. Operators wait until a weaker one or the end of their bracket comes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet

from agcli.expression.cursor import Cursor
from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.foreign_names import ALIASES, INFINITIES, WORDS
from agcli.expression.names import (
    CONSTANTS,
    LITERALS,
    NOUNS,
    RESERVED,
    SHY,
    inverse_hint,
    is_letter,
    is_word,
    other_reading,
    unknown_function,
)
from agcli.expression.syntax import (
    BINARY,
    COMPARISON,
    EQUATION,
    POSTFIX,
    POSTFIX_FUNCTIONS,
    PREFIX,
    PRODUCT,
    Call,
    Constant,
    Literal,
    Name,
    Syntax,
)
from agcli.expression.tokens import Token

_OPENERS = {"group": "(", "call": "(", "vector": "[", "index": "[", "bars": "|"}
_CLOSERS = {"(": ")", "[": "]", "|": "|"}


def parse_syntax(text: str, functions: AbstractSet[str], variables: Collection[str] = ()) -> Syntax:
    """The syntax of a formula, or of an equation `left = right`.

    `functions` are the names that can be called. `variables` are names that are variables although they look like
    constants or functions; any other unknown name is a variable too. Raises ExpressionError.
    """
    return _Parser(text, functions, variables).parse()


class _Parser(Cursor):
    def __init__(self, text: str, functions: AbstractSet[str], variables: Collection[str]) -> None:
        super().__init__(text)
        self.functions = functions
        self.variables = variables

    def parse(self) -> Syntax:
        while self.frames:
            token = self.tokens[self.at]
            self.at += 1
            handlers = _VALUES if self.expects_value else _AFTER
            handlers.get(token.kind, _Parser.unexpected)(self, token)
        return Syntax(self.text, tuple(self.nodes), tuple(sorted(self.doubts.values())))

    # Where a value is expected

    def number(self, token: Token) -> None:
        mantissa, _, exponent = token.text.partition("e")
        if exponent[:1] in ("+", "-") and mantissa.isdigit() and mantissa != "1":
            other = f"{mantissa}*e {exponent[0]} {exponent[1:]}"
            self.doubt(token.start, token.end, f"one number; write `{other}` for the constant e")
        self.add_number(token)

    def name(self, token: Token) -> None:
        name, start, end = token.text, token.start, token.end
        called = self.following.kind == "("
        if self.following.kind == "=" and self.starts_argument("call"):
            self.keyword(token)
        elif name in ALIASES and called and self.is_free(name):
            self.doubt(start, end, f"the function `{ALIASES[name]}`")
            self.function(token._replace(text=ALIASES[name]))
        elif name in self.functions and (self.is_free(name) if name in SHY else called or name not in self.variables):
            self.function(token)
        elif name in self.variables:
            self.add(Name(start, end, name))
        elif name in CONSTANTS:
            self.add(Constant(start, end, CONSTANTS[name]))
        elif name in LITERALS:
            self.add(Literal(start, end, LITERALS[name]))
        elif name in RESERVED:
            raise self.error(f"`{name}` has no meaning in a formula", start, end, RESERVED[name])
        elif called and not is_letter(name) and name not in SHY:
            hint = unknown_function(name, self.functions)
            raise self.error(f"there is no function `{shorten(name)}`", start, end, hint)
        else:
            self.variable(token)

    def variable(self, token: Token) -> None:
        """A name that is no function and no constant; it may have been meant as one."""
        name = token.text
        other = other_reading(name, self.functions)
        if name in ALIASES and self.following.kind in ("name", "number"):
            raise self.unbracketed(token, ALIASES[name])
        if name in INFINITIES:
            self.doubt(token.start, token.end, "a variable; a formula has no infinity, only large numbers as 1e300")
        elif other:
            self.doubt(token.start, token.end, f"one variable; write {other}")
        self.add(Name(token.start, token.end, name))

    def is_free(self, name: str) -> bool:
        """Whether a name that looks like a variable is called, and nothing says that it is one."""
        shy = name in SHY or is_letter(name)
        return self.following.kind == "(" and name not in self.variables and not (shy and self.is_bare(name))

    def keyword(self, token: Token) -> None:
        keywords = self.frames[-1].keywords
        if token.text in keywords:
            raise self.error(f"`{shorten(token.text)}=` is given twice", token.start, token.end)
        keywords.append(token.text)
        self.at += 1

    def function(self, token: Token) -> None:
        """The name of a function: a call, a power of a call, or a name that is a variable as well."""
        following = self.following
        if following.kind == "(":
            if token.text in SHY and is_letter(token.text) and not self.opens_several():
                self.doubt(token.start, token.end, f"the function; write `{token.text}*(...)` for a product")
            self.at += 1
            self.open("call", token.start, following.end, token.text)
        elif self.is_power_of_call():
            self.power_of_call(token)
        elif token.text in NOUNS and following.kind not in ("name", "number"):
            self.doubt(token.start, token.end, f"a variable; write `{token.text}(x)` for the function")
            self.add(Name(token.start, token.end, token.text))
        else:
            raise self.unbracketed(token, token.text)

    def unbracketed(self, token: Token, function: str) -> ExpressionError:
        """The error of `sin 2x`, of `x mod 3`, and of `exp^x`."""
        word, following = token.text, self.following
        start, behind = following.start, self.end_of_argument()
        if word in WORDS and self.at > 1 and self.before.kind in ("name", "number", ")", "]"):
            left, right = self.source(self.before.start, self.before.end), self.source(start, behind)
            simple = self.before.kind in ("name", "number") and right
            call = f"{function}({left}, {right})" if simple else WORDS[word]
            return self.error(f"`{word}` is a function of two values", token.start, token.end, f"write `{call}`")
        argument, power = self.source(start, behind) or "x", ""
        if following.kind in ("^", "power"):
            place = self.at + (following.kind == "^")
            exponent, behind_it = self.tokens[place], self.tokens[min(place + 1, len(self.tokens) - 1)]
            of_call = exponent.kind in ("number", "power") or behind_it.kind == "("
            power = f"^{exponent.text}" if of_call else ""
            argument = "x" if power or exponent.kind != "name" else exponent.text
        message = f"the argument of the function `{word}` stands in parentheses"
        return self.error(message, token.start, token.end, f"write `{function}({argument}){power}`")

    def end_of_argument(self) -> int:
        """Where the `2x` of `sin 2x` ends."""
        last = self.at
        while self.tokens[last].kind in ("number", "name") and last < self.at + 4:
            if self.tokens[last].text in self.functions:
                break
            last += 1
        return self.tokens[last - 1].end

    def is_power_of_call(self) -> bool:
        kinds = [token.kind for token in self.tokens[self.at : self.at + 4]]
        return kinds[:2] == ["power", "("] or kinds[:3] == ["^", "number", "("] or kinds == ["^", "-", "number", "("]

    def power_of_call(self, token: Token) -> None:
        """`sin^2(x)` is read, `sin^-1(x)` is refused."""
        negative = self.tokens[self.at + 1].kind == "-"
        while self.following.kind in ("^", "-"):
            self.at += 1
        power, opener = self.tokens[self.at : self.at + 2]
        if negative or power.text.startswith("-"):
            message = f"a negative power of `{token.text}` could be the inverse function or the reciprocal"
            raise self.error(message, token.start, power.end, inverse_hint(token.text, power.text.removeprefix("-")))
        self.at += 2
        self.open("call", token.start, opener.end, token.text, power)

    def prefix(self, token: Token) -> None:
        self.push(PREFIX[token.kind], token.start)

    def sign(self, token: Token) -> None:
        """`-`, or the `+` that changes nothing; not after a root, where people read `√-x^2` in two ways."""
        if self.before.kind in ("√", "∛"):
            raise self.error("a root of a signed value needs parentheses", token.start, token.end, "write `√(-x)`")
        if token.kind == "-":
            self.prefix(token)

    def string(self, token: Token) -> None:
        self.add(Literal(token.start, token.end, token.text))
        self.check_argument()

    def opener(self, token: Token) -> None:
        kind = {"(": "group", "[": "vector", "|": "bars"}[token.kind]
        self.open(kind, token.start, token.end, self.before.text if self.before.kind == "name" else "")

    def dots(self, token: Token) -> None:
        if not self.starts_argument("index") or self.following.kind not in (",", "]"):
            raise self.error("`...` stands only for whole axes of an index, as in `x[..., 0]`", token.start, token.end)
        self.add(Literal(token.start, token.end, ...))

    def left_out(self, token: Token) -> None:
        """`:`, `,` or `]` where a part of a slice is left out."""
        if not self.starts_argument("index") or (token.kind != ":" and self.before.kind != ":"):
            raise self.value_expected(token)
        self.add_nothing(token.start)
        _AFTER[token.kind](self, token)

    def close_early(self, token: Token) -> None:
        """A closing bracket where a value could stand: after no arguments, after a comma, or after a colon."""
        frame, before = self.frames[-1], self.before.kind
        empty = before == "(" and frame.kind in ("call", "group")
        if before == ":":
            self.left_out(token)
        elif (empty or before == ",") and _CLOSERS.get(_OPENERS.get(frame.kind, "")) == token.kind:
            self.close(token.end)
            self.check_argument(frame.name)
        else:
            raise self.value_expected(token)

    # Where a value has just ended

    def binary(self, token: Token) -> None:
        operator = BINARY[token.kind]
        self.reduce(operator.precedence + (operator.precedence == COMPARISON))
        newest = next(self.waiting(), None)
        if newest and newest.operator.precedence == operator.precedence == COMPARISON:
            hint = "write `logical_and(a < b, b < c)`"
            raise self.error("comparisons are not chained", token.start, token.end, hint)
        self.push(operator, token.start)

    def power(self, token: Token) -> None:
        doubt = "`({left})^{right}`" if self.after_bare_root() else ""
        newest = next(self.waiting(), None)
        if newest and newest.operator.symbol == "^":
            newest.doubt = "`{left}^({right})`"
        elif newest and newest.operator is PREFIX["-"] and self.before.kind == "number":
            newest.doubt = "`-({right})`"
        operator = BINARY["^"]
        self.reduce(operator.precedence, operator.right)
        self.push(operator, token.start, doubt)

    def juxtaposed(self, token: Token) -> None:
        """A value right after a value: a product."""
        doubt = self.doubt_of_product(token) or ("`{left}*{right}`" if self.is_prose(token) else "")
        self.reduce(PRODUCT)
        self.push(BINARY["*"], token.start, doubt)
        _VALUES[token.kind](self, token)

    def is_prose(self, token: Token) -> bool:
        """Whether a product is one of words, as `derive x` and `arc tan(x)`."""
        before = self.before
        if token.kind != "name" or before.kind != "name":
            return False
        known = token.text in self.functions or (token.text in ALIASES and self.tokens[self.at].kind == "(")
        return is_word(before.text) or (is_word(token.text) and not known)

    def number_after_value(self, token: Token) -> None:
        number = self.source(token.start, token.end)
        in_vector = self.frames[-1].kind == "vector"
        hint = "write commas between the values of a vector" if in_vector else f"write `*{number}` or `^{number}`"
        raise self.error(f"expected an operator before `{number}`", token.start, token.end, hint)

    def superscript(self, token: Token) -> None:
        bare_root = self.after_bare_root()
        self.reduce(POSTFIX)
        if bare_root:
            _, start, end = self.operands[-1]
            self.doubt(start, token.end, f"`({self.source(start, end)})^{token.text}`")
        self.add_power(token)

    def postfix(self, token: Token) -> None:
        if token.kind == self.before.kind == "!":
            hint = "write `(n!)!` for the factorial of a factorial"
            raise self.error("the double factorial is not known", token.start, token.end, hint)
        self.reduce(POSTFIX)
        index, start, _ = self.operands.pop()
        self.add(Call(start, token.end, POSTFIX_FUNCTIONS[token.kind], (index,)))

    def bracket(self, token: Token) -> None:
        """`[` opens an index, but after a number a vector."""
        if self.before.kind == "number":
            self.juxtaposed(token)
        elif self.before.kind == "name" and self.meant(self.before.text):
            before, function = self.before, self.meant(self.before.text)
            message = f"the argument of a function stands in parentheses, not in `[ ]`: `{before.text}` is a variable"
            raise self.error(message, before.start, token.end, f"write `{function}(...)`")
        else:
            self.reduce(POSTFIX)
            self.open("index", token.start, token.end)

    def meant(self, name: str) -> str:
        """The function that a variable in front of `[` was meant to be, as in `Sin[x]`; empty for others."""
        lower = name.lower()
        known = name != lower and name not in self.variables and lower in self.functions
        return lower if known else ""

    def bar(self, token: Token) -> None:
        """`|` closes the innermost bracket if that is a `|`, and opens one if not."""
        if self.frames[-1].kind == "bars":
            self.closer(token)
        else:
            self.juxtaposed(token)

    def equals(self, token: Token) -> None:
        frame = self.frames[-1]
        if frame.kind != "formula":
            message = "`=` stands between the sides of an equation, not within brackets"
            raise self.error(message, token.start, token.end, self.hint_for_equals(frame.kind, frame.name))
        self.reduce(EQUATION + 1)
        if next(self.waiting(), None):
            raise self.error("an equation has one `=`", token.start, token.end, "write `==` to compare")
        self.push(BINARY["="], token.start)

    def comma(self, token: Token) -> None:
        frame = self.frames[-1]
        if frame.kind in ("formula", "bars"):
            hint = "write decimals with a point, as in `1.5`, and vectors as `[a, b]`"
            raise self.error("a comma stands only between values in brackets", token.start, token.end, hint)
        self.end_item()
        frame.comma = True
        self.expects_value = True

    def colon(self, token: Token) -> None:
        frame = self.frames[-1]
        if frame.kind != "index":
            raise self.error("`:` stands only in an index, as in `x[1:3]`", token.start, token.end)
        if len(frame.parts) == 2:
            raise self.error("a slice has at most three parts, `start:stop:step`", token.start, token.end)
        self.reduce(EQUATION)
        frame.parts.append(self.operands.pop())
        self.expects_value = True

    def closer(self, token: Token) -> None:
        frame = self.frames[-1]
        opener = _OPENERS.get(frame.kind, "")
        if not opener:
            hint = "remove it, or open it before"
            raise self.error(f"`{token.kind}` closes nothing", token.start, token.end, hint)
        if _CLOSERS[opener] != token.kind:
            message = f"expected `{_CLOSERS[opener]}` to close `{opener}`, found `{token.kind}`"
            raise self.error(message, token.start, token.end)
        self.end_item()
        self.close(token.end)
        self.check_argument(frame.name)

    def end(self, token: Token) -> None:
        frame = self.frames[-1]
        if frame.kind != "formula":
            opener = _OPENERS[frame.kind]
            hint = f"add `{_CLOSERS[opener]}` where it ends"
            raise self.error(f"`{opener}` is never closed", frame.start, frame.end, hint)
        self.reduce(EQUATION)
        self.frames.pop()

    def unexpected(self, token: Token) -> None:
        if self.expects_value:
            raise self.value_expected(token)
        raise self.error(f"expected an operator, found `{self.source(token.start, token.end)}`", token.start, token.end)


_Handlers = dict[str, Callable[[_Parser, Token], None]]

_VALUES: _Handlers = {
    "number": _Parser.number,
    "name": _Parser.name,
    "string": _Parser.string,
    "...": _Parser.dots,
    **dict.fromkeys("+-", _Parser.sign),
    **dict.fromkeys("√∛", _Parser.prefix),
    **dict.fromkeys("([|", _Parser.opener),
    **dict.fromkeys(":,", _Parser.left_out),
    **dict.fromkeys(")]", _Parser.close_early),
}
_AFTER: _Handlers = {
    **dict.fromkeys(BINARY, _Parser.binary),
    **dict.fromkeys(["name", "(", "√", "∛"], _Parser.juxtaposed),
    **dict.fromkeys(POSTFIX_FUNCTIONS, _Parser.postfix),
    **dict.fromkeys(")]", _Parser.closer),
    "^": _Parser.power,
    "=": _Parser.equals,
    "number": _Parser.number_after_value,
    "power": _Parser.superscript,
    "[": _Parser.bracket,
    "|": _Parser.bar,
    ",": _Parser.comma,
    ":": _Parser.colon,
    "end": _Parser.end,
}
