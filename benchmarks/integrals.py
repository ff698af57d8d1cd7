"""Formulas like those of tables of integrals, 30 to 200 operators long: our derivative beside SymPy's, in turn.

    python -m benchmarks.integrals [--count 300] [--seed 14] [--turns 1]

The formulas are made by the rules below, as antiderivatives look: sums of products of powers, roots, logarithms and
inverse functions of what powers of linear and quadratic sums, sines and exponentials leave. Ours reads the text,
differentiates by x, simplifies and prints, with and without the comparison of both forms that `derivative` makes
before it answers; SymPy's is `diff` alone of an expression that was read before, with an empty cache. Processor time,
means.
"""

import argparse
import gc
import random
import statistics
import time
import warnings

from benchmarks.formulas import operators, sympy_reader

SHORTEST, LONGEST = 30, 200
WARM_UP = "x^2*sin(x) + log(sqrt(x) + 1)/arctan(2*x + a)^3 - exp(-x^2)*tan(b*x)"


class Table:
    """The rules, which draw from one generator of random numbers."""

    def __init__(self, rng):
        self.rng = rng

    def pick(self, *rules):
        """What one of the rules gives, or one of the texts."""
        chosen = self.rng.choice(rules)
        return chosen() if callable(chosen) else chosen

    def whole(self):
        return str(self.rng.randint(2, 9))

    def letter(self):
        return self.rng.choice("abcd")

    def letters(self):
        """A product of constants, as it stands before a term or below it."""
        n, a = self.whole(), self.letter()
        return self.pick(n, a, f"{n}*{a}", f"{a}^2*{n}")

    def linear(self):
        n, m = self.whole(), self.whole()
        return self.pick("x", "(a + b*x)", "(c + d*x)", f"({n} + {m}*x)", f"(1 - {self.letter()}*x)")

    def quadratic(self):
        a, b, n = self.letter(), self.letter(), self.whole()
        squares = f"({a}^2 + x^2)", f"(1 - {a}*x^2)", f"({a} + {b}*x^2)"
        return self.pick("(a + b*x + c*x^2)", *squares, f"(x^2 - {n}*x + {a})", f"(1 + x^{n})")

    def sum(self):
        return self.pick(self.linear, self.quadratic)

    def root(self):
        power = self.rng.choice((3, 5, 7))
        return self.pick(f"sqrt({self.sum()})", f"{self.sum()}^({power}/2)", f"{self.sum()}^(1/3)")

    def power(self):
        n = self.whole()
        return self.pick("x^m", "x^(n + 1)", f"{self.sum()}^{n}", f"{self.linear()}^n", f"x^{n}")

    def angle(self):
        return self.pick("x", "(a + b*x)", "(c + d*x)", f"({self.whole()}*x)", "(x/2)", "(a*x^2)")

    def trigonometric(self):
        f = self.rng.choice(("sin", "cos", "tan", "sin", "cos", "sinh", "cosh", "tanh"))
        return f"{f}({self.angle()})"

    def trigonometric_sum(self):
        return f"(a + b*{self.rng.choice(('sin', 'cos', 'cosh', 'tan'))}({self.angle()}))"

    def exponential(self):
        inner = self.angle, f"{self.letter()}*x", "-x^2", "1/x", f"-{self.angle()}/c"
        return self.pick(*(f"exp({self.pick(i)})" for i in inner), "2^x")

    def ratio(self):
        """What logarithms and inverse functions are taken of."""
        a = self.letter()
        return self.pick(
            f"{self.linear()}/{self.linear()}",
            f"sqrt({a})*{self.root()}/{self.letters()}",
            f"{a}*x/{self.root()}",
            f"{self.trigonometric()}/(1 + {self.trigonometric()})",
            f"({self.root()} + {self.root()})/{self.linear()}",
            f"{a}*{self.trigonometric()}/sqrt(a^2 - b^2)",
            self.linear,
            f"x/{a}",
        )

    def logarithm(self):
        sums = self.sum, self.trigonometric_sum, f"x + {self.root()}", f"1 + {self.exponential()}"
        return f"log({self.pick(*sums, self.ratio, self.trigonometric)})"

    def inverse(self):
        names = "arctan", "arctan", "arcsin", "arctanh", "arccos", "arcsinh"
        return f"{self.rng.choice(names)}({self.ratio()})"

    def factor(self):
        powers = f"{self.trigonometric()}^{self.whole()}", f"{self.logarithm()}^2"
        functions = self.trigonometric, self.exponential, self.logarithm, self.inverse
        return self.pick(self.power, self.root, *functions, *powers, self.sum, self.sum)

    def bracket(self):
        """A sum of multiples of powers, as reductions leave them."""
        parts = "x", "x^2", "x^3", self.trigonometric, self.letter
        text = ""
        for i in range(self.rng.randint(2, 4)):
            text += (self.rng.choice((" + ", " - ")) if i else "") + f"{self.letters()}*{self.pick(*parts)}"
        return f"({text})"

    def term(self):
        above = [self.factor() for _ in range(self.rng.choice((1, 1, 2, 2, 3)))]
        if self.rng.random() < 0.5:
            above.insert(0, self.pick(self.letters, self.bracket))
        below = [self.letters()] if self.rng.random() < 0.6 else []
        if self.rng.random() < 0.4:
            below.append(self.pick(self.sum, self.root, self.trigonometric_sum, self.power, f"{self.bracket()}"))
        text = "*".join(above)
        return f"{text}/({'*'.join(below)})" if below else text

    def formula(self, length):
        """A sum of terms with about so many operators."""
        text = self.term()
        while operators(text) < length:
            text += self.rng.choice((" + ", " - ")) + self.term()
        return text


def formulas(count=300, seed=14):
    """Texts whose numbers of operators are spread over the whole range, longer ones rarer."""
    rng = random.Random(seed)
    table = Table(rng)
    made = []
    while len(made) < count:
        text = table.formula(SHORTEST * (LONGEST / SHORTEST) ** rng.random() * 0.9)
        if SHORTEST <= operators(text) <= LONGEST and "x" in text:
            made.append(text)
    return made


def ours(check):
    from agcli.expression.api import derivative, parse, to_text

    return lambda text: to_text(derivative(parse(text), "x", check=check))


def clocked(function, argument):
    gc.collect()
    start = time.process_time()
    function(argument)
    return time.process_time() - start


def measure(texts, turns):
    """Name of a side -> the least processor time of each formula."""
    import sympy as sp

    read, x = sympy_reader(), sp.Symbol("x", real=True)
    expressions = {text: read(text) for text in (*texts, WARM_UP)}

    def diff(text):
        return sp.diff(expressions[text], x)

    sides = {"ours": ours(False), "ours, checked": ours(True), "sympy.diff": diff}
    for side in sides.values():
        side(WARM_UP)
    found = {name: [] for name in sides}
    for text in texts:
        least = dict.fromkeys(sides, float("inf"))
        for _ in range(turns):
            for name, side in sides.items():
                sp.core.cache.clear_cache()
                least[name] = min(least[name], clocked(side, text))
        for name, seconds in least.items():
            found[name].append(seconds)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="formulas [300]")
    parser.add_argument("--seed", type=int, default=14, help="of the formulas [14]")
    parser.add_argument("--turns", type=int, default=1, help="times that each is differentiated; the least counts [1]")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    texts = formulas(options.count, options.seed)
    lengths = sorted(map(operators, texts))
    print(f"{len(texts)} formulas of {lengths[0]} to {lengths[-1]} operators, median {statistics.median(lengths):g}")
    found = measure(texts, options.turns)
    theirs = statistics.mean(found["sympy.diff"])
    for name, seconds in found.items():
        mean, median = statistics.mean(seconds), statistics.median(seconds)
        print(f"{name:<14} mean {1000 * mean:7.2f} ms  median {1000 * median:7.2f}  of sympy.diff {mean / theirs:.2f}")


if __name__ == "__main__":
    main()
