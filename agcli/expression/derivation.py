"""One question about one formula -> its results: derivatives, and vectors, matrices and series of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from agcli.engine.frozen import changed, frozen
from agcli.engine.graph import Constant, Tensor, call, toposort
from agcli.engine.leaves import Placeholder
from agcli.engine.rewrite.rules import number
from agcli.expression.api import Formula, variable_named
from agcli.expression.assignments import assignments, constant
from agcli.expression.calculus import checked, differentiate, differentiate_all, elements, simplified, worst, zero
from agcli.expression.check import Claim
from agcli.expression.errors import ExpressionError, shorten
from agcli.expression.lift_shapes import vector_parts
from agcli.expression.lower import FLOAT, lower, stack
from agcli.expression.questions import Question, Result
from agcli.expression.substitution import substitute
from agcli.expression.tokens import canonical_name
from agcli.expression.values import values

MAX_ORDER = 50
MAX_TENSORS = 200_000  # of a derivative
MAX_CHAIN = 250  # tensors of a derivative that is differentiated again for a Taylor polynomial
MAX_RESULTS = 1_000  # elements of a Jacobian or Hessian
MAX_ANSWERS = 200  # derivatives that nobody named


@frozen
class Derivation:
    """The results of one question, before their last simplification."""

    formula: Formula
    function: Tensor
    question: Question
    given: tuple[str, ...]
    verdicts: dict[int, bool | None]  # by the ids of shorter forms

    def results(self) -> list[Result]:
        """The answers, each with what its check before printing found."""
        return [changed(r, proven=self.proven(r)) for r in self.found()]

    def proven(self, result: Result) -> bool | None:
        """Whether all shorter forms of a result have the values of what they were made of."""
        if result.kind == "taylor":  # whose terms are no claims
            return worst(self.verdicts.values())
        return worst(self.verdicts.get(claim.result.id, True) for claim in result.claims)

    def shorter(self, t: Tensor) -> Tensor:
        """The simplified formula; `t` itself if a comparison by numbers finds another value."""
        if not self.question.verify:
            return simplified(t)
        formula, same = checked(t)
        self.verdicts[formula.id] = same
        return formula

    def found(self) -> list[Result]:
        q = self.question
        kinds = {
            "gradient": q.gradient, "jacobian": q.jacobian, "hessian": q.hessian, "direction": q.direction,
            "implicit": q.implicit, "taylor": q.taylor,
        }  # fmt: skip
        chosen = [kind for kind, value in kinds.items() if value]
        if len(chosen) > 1:
            raise ExpressionError(f"--{chosen[0]} and --{chosen[1]} cannot be combined", hint="ask one after the other")
        if not 1 <= q.order <= MAX_ORDER:
            raise ExpressionError(f"--order: expected a number from 1 to {MAX_ORDER}, found {q.order}")
        if not self.formula.names:
            hint = "there is nothing to differentiate by"
            raise ExpressionError("the formula has no variables", self.formula.syntax.text, hint=hint)
        if not self.free:
            raise ExpressionError(
                "--given gives every variable a value", hint="leave out one, or write --at for values"
            )
        return getattr(self, chosen[0])() if chosen else self.derivatives()

    def known(self, name: str, option: str = "--wrt") -> Placeholder:
        if name in self.given:
            raise ExpressionError(f"{option}: `{shorten(name)}` has a value, from --given")
        return variable_named(name, self.formula.names, option)

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """The variables of each result: those of each --wrt, or each variable alone."""
        if not self.question.wrt:
            if len(self.free) > MAX_ANSWERS:
                raise ExpressionError(f"the formula has {len(self.free):,} variables", hint="name one: --wrt x")
            return [(name,) for name in self.free]
        return [tuple(canonical_name(word.strip()) for word in text.split(",")) for text in self.question.wrt]

    @property
    def free(self) -> list[str]:
        return sorted(set(self.formula.names) - set(self.given))

    @property
    def single(self) -> list[str]:
        """The variables of a gradient, Jacobian or Hessian."""
        return list(dict.fromkeys(name for group in self.groups for name in group))

    @cached_property
    def firsts(self) -> dict[str, Tensor]:
        """The first derivatives by every variable, from one pass."""
        names = [name for name in self.free if name in {n for group in self.groups for n in group}]
        xs = [self.formula.names[name] for name in names]
        return dict(zip(names, differentiate_all(self.function, xs), strict=True))

    def partial(self, f: Tensor, names: Sequence[str]) -> tuple[Tensor, tuple[Claim, ...]]:
        """The derivative by each name in turn, with a claim for every step."""
        claims = []
        for name in names:
            x = self.known(name)
            df = self.firsts[name] if f is self.function and name in self.firsts else differentiate(f, x)
            if len(toposort([df])) > MAX_TENSORS:
                message = f"the derivative by {', '.join(names)} has more than {MAX_TENSORS:,} operations"
                raise ExpressionError(message, hint="ask for a lower order")
            if not self.question.raw:
                df = self.shorter(df)
            claims.append(Claim(f, x, df))
            f = df
        return f, tuple(claims)

    def derivatives(self) -> list[Result]:
        results = []
        for group in self.groups:
            names = group * self.question.order
            if len(names) > MAX_ORDER:
                raise ExpressionError(f"expected at most {MAX_ORDER} differentiations, found {len(names)}")
            formula, claims = self.partial(self.function, names)
            results.append(Result("derivative", names, formula, claims))
        return results

    def vector(self, f: Tensor, names: Sequence[str]) -> tuple[Tensor, tuple[Claim, ...]]:
        """The row of derivatives by each name; by one vector, its own derivative."""
        parts = [self.partial(f, [name]) for name in names]
        row = parts[0][0] if len(names) == 1 and parts[0][0].shape else stack_all([p for p, _ in parts])
        return row, tuple(claim for _, claims in parts for claim in claims)

    def blocks(self, names: Sequence[str]) -> list[list[str]]:
        """The variables that share a result: numbers stand in one, each vector has its own."""
        shapes = [self.known(name).shape for name in names]
        found = [[name for name, shape in zip(names, shapes, strict=True) if not shape]]
        found += [[name] for name, shape in zip(names, shapes, strict=True) if shape]
        return [block for block in found if block]

    def gradient(self) -> list[Result]:
        if self.function.shape != ():
            raise ExpressionError(
                f"--gradient: expected a formula with one value, found one of shape {self.function.shape}",
                hint="write --jacobian for a vector",
            )
        results = []
        self.check_size(len(self.single))
        blocks = self.blocks(self.single)
        for names in blocks:
            formula, claims = self.vector(self.function, names)
            results.append(Result("gradient", tuple(names), formula, claims, block_name(names, blocks)))
        return results

    def jacobian(self) -> list[Result]:
        """The matrix by all numbers; by each vector, its own matrix with a column for each element."""
        results = []
        blocks = self.blocks(self.single)
        for names in blocks:
            if self.known(names[0]).shape and self.function.shape and vector_parts(self.function) is None:
                formula, claims = self.partial(self.function, names)
            else:
                rows = [self.vector(f, names) for f in elements(self.function)]
                self.check_size(len(rows) * len(names))
                formula = stack_all([row for row, _ in rows])
                claims = tuple(claim for _, row in rows for claim in row)
            results.append(Result("jacobian", tuple(names), formula, claims, block_name(names, blocks)))
        return results

    def hessian(self) -> list[Result]:
        """The matrix of second derivatives; with vectors, one matrix for each pair of variables."""
        names = self.single
        if self.function.shape != ():
            raise ExpressionError(f"--hessian: expected one value, found a formula of shape {self.function.shape}")
        for name in names:
            shape = self.known(name).shape
            if len(shape) > 1:
                vectors = [n for n in names if len(self.known(n).shape) < 2]
                hint = f"name the others: --wrt {','.join(vectors)}" if vectors else "write --wrt for first derivatives"
                message = f"--hessian: expected numbers and vectors, found `{shorten(name)}` of shape {shape}"
                raise ExpressionError(message, hint=hint)
        self.check_size(len(names) ** 2)
        found: dict[tuple[str, ...], tuple[Tensor, tuple[Claim, ...]]] = {}
        for i, a in enumerate(names):
            first, claims = self.partial(self.function, [a])
            for b in names[i:]:
                second, more = self.partial(first, [b])
                found[a, b] = second, (*claims, *more)
        if all(not self.known(name).shape for name in names):
            rows = [stack_all([found[(a, b) if (a, b) in found else (b, a)][0] for b in names]) for a in names]
            proof = tuple(claim for part in found.values() for claim in part[1])
            return [Result("hessian", tuple(names), stack_all(rows), proof)]
        if len(names) == 1:
            ((formula, proof),) = found.values()
            return [Result("hessian", tuple(names), formula, proof)]
        return [Result("hessian", pair, *part, about=", ".join(pair)) for pair, part in found.items()]

    def direction(self) -> list[Result]:
        """The sum of each derivative times that part of the direction."""
        parts = assignments([self.question.direction], "--direction")
        total: Tensor | None = None
        proof: list[Claim] = []
        for name, syntax in parts.items():
            x = self.known(name, "--direction")
            component = lower(syntax, {n: x for n, x in self.formula.names.items() if n not in self.given})[0]
            df, claims = self.partial(self.function, [name])
            product = df * component if x.shape == () else call("sum", df * component)
            total = product if total is None else total + product
            proof += claims
        about = self.question.direction
        final = self.shorter(total) if total is not None else zero(self.function)
        claims_of_sum = (Claim(total, None, final),) if total is not None else ()
        return [Result("direction", tuple(parts), final, (*proof, *claims_of_sum), about)]

    def implicit(self) -> list[Result]:
        """dy/dx = -F_x / F_y where F(x, y) = 0; higher orders by the total derivative."""
        name = self.question.implicit
        y = self.known(name, "--implicit")
        f_y, claims_y = self.partial(self.function, [name])
        if is_zero(f_y):
            raise ExpressionError(f"the equation does not determine `{name}`: its derivative by it is 0")
        others = [n for n in self.single if n != name] if self.question.wrt else [n for n in self.free if n != name]
        if not others:
            raise ExpressionError(f"the equation has no other variable than `{name}`")
        results = []
        for other in others:
            x = self.known(other)
            f_x, claims_x = self.partial(self.function, [other])
            raw = -f_x / f_y
            slope = total = self.shorter(raw)
            proof = [*claims_y, *claims_x, Claim(raw, None, slope)]
            for _ in range(self.question.order - 1):
                raw = differentiate(total, x) + differentiate(total, y) * slope
                total = self.shorter(raw)
                proof.append(Claim(raw, None, total))
            results.append(Result("implicit", (other,) * self.question.order, total, tuple(proof), name))
        return results

    def taylor(self) -> list[Result]:
        """f(a) + f'(a) (x - a) + ... + f^(n)(a) (x - a)^n / n!"""
        from agcli.expression.series import Centre

        name, centre, n = self.taylor_options()
        x = self.known(name, "--taylor")
        f = self.function
        total: Tensor | None = None
        proof: list[Claim] = []
        factorial = 1
        place = Centre(self.function, x, centre, self.formula.names)
        step = x if is_zero(centre) else x - centre
        series: list[Tensor] | None = None
        for k in range(n + 1):
            if k and series is None:
                series = self.series(f, x, centre, n)
            if series is None:
                if k:
                    f, claims = self.partial(f, [name])
                    proof += claims
                    factorial *= k
                    place.knows(k, f)
                try:
                    limit = place.limit(k)
                    coefficient = (substitute(f, {x: centre}) if limit is None else limit) / factorial
                    check_finite(coefficient, name, k)
                except ExpressionError:
                    series = self.series(None, x, centre, n)
                    if series is None:
                        raise
            if series is not None:
                coefficient = series[k]
            term = self.shorter(coefficient * power(step, k))
            if not is_zero(term):
                total = term if total is None else total + term
        final = zero(self.function) if total is None else total
        return [Result("taylor", (name,), final, tuple(proof), self.question.taylor, step=power(step, n + 1))]

    def series(self, f: Tensor | None, x: Placeholder, centre: Tensor, n: int) -> list[Tensor] | None:
        """The coefficients by arithmetic of power series, once a derivative `f` is large; None where that fails."""
        if f is not None and len(toposort([f])) <= MAX_CHAIN:
            return None
        from agcli.expression.jets import coefficients

        return coefficients(self.function, x, centre, n, self.shorter)

    def taylor_options(self) -> tuple[str, Tensor, int]:
        options = assignments([self.question.taylor], "--taylor")
        hint = "write --taylor x=0,n=5"
        given, order = options.pop("n", None) if len(options) > 1 else None, self.question.order
        if given is not None and order != 1:
            raise ExpressionError("--taylor: n and --order are the same thing", self.question.taylor, hint=hint)
        if len(options) != 1:
            raise ExpressionError("--taylor: expected one variable and n", self.question.taylor, hint=hint)
        n: float = 5 if order == 1 else order
        if given is not None:
            n = float(values([constant(given, "--taylor")], {})[0])
        if n != int(n) or not 0 <= n <= MAX_ORDER:
            raise ExpressionError(f"--taylor: expected n from 0 to {MAX_ORDER}, found {n:g}", hint=hint)
        ((name, syntax),) = options.items()
        others = {other: x for other, x in self.formula.names.items() if other != name}
        return name, lower(syntax, others)[0], int(n)

    def check_size(self, count: int) -> None:
        if count > MAX_RESULTS:
            raise ExpressionError(f"expected at most {MAX_RESULTS:,} derivatives, found {count:,}")


def block_name(names: Sequence[str], blocks: Sequence[object]) -> str:
    """The variables of one of several results; a result that is alone needs none."""
    return ", ".join(names) if len(blocks) > 1 else ""


def power(step: Tensor, k: int) -> Tensor:
    return step ** Constant(k, FLOAT) if k else Constant(1, FLOAT)


def stack_all(parts: Sequence[Tensor]) -> Tensor:
    shapes = {p.shape for p in parts}
    if len(shapes) > 1:
        found = ", ".join(map(str, sorted(shapes, key=str)))
        raise ExpressionError(f"derivatives of shapes {found} do not fit into one matrix", hint="name one with --wrt")
    return stack(list(parts))


def is_zero(t: Tensor) -> bool:
    return bool(number(t) == 0)


def check_finite(term: Tensor, name: str, k: int) -> None:
    """A coefficient that is a number must be finite."""
    if any(isinstance(t, Placeholder) for t in toposort([term])):
        return
    if not np.isfinite(values([term], {})[0]).all():
        what = "the formula" if k == 0 else f"its derivative of order {k}"
        raise ExpressionError(f"--taylor: {what} has no finite value at that {name}", hint="choose another point")
