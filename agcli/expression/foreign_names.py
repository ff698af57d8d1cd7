"""What people type who come from other systems, books and countries: other names of functions, and commands that are
not here, with what to use instead."""

from __future__ import annotations

import re

ALIASES = {  # read as functions where parentheses follow; elsewhere they are variables
    "tg": "tan",
    "ctg": "cot",
    "sen": "sin",
    "arcsen": "arcsin",
    "cotg": "cot",
    "cotan": "cot",
    "ctan": "cot",
    "cosec": "csc",
    "arctg": "arctan",
    "arcctg": "arccot",
    "arccotan": "arccot",
    "arccosec": "arccsc",
    "sh": "sinh",
    "ch": "cosh",
    "th": "tanh",
    "cth": "coth",
    "sqroot": "sqrt",
    "squareroot": "sqrt",
    "cuberoot": "cbrt",
    "ceiling": "ceil",
    "product": "prod",
    "signum": "sign",
    "fabs": "abs",
    "modulo": "mod",
    "log_2": "log2",
    "log_10": "log10",
    "Γ": "gamma",
    "besselj": "jv",
    "bessely": "yv",
    "besseli": "iv",
    "besselk": "kv",
    "Ai": "airyai",
    "Bi": "airybi",
    "Si": "sinint",
    "Ci": "cosint",
    "Ei": "expi",
    "E1": "exp1",
    "LambertW": "lambertw",
    "Heaviside": "heaviside",
    "elliptic_k": "ellipk",
    "elliptic_e": "ellipe",
    "inverse_sigmoid": "logit",
    "normcdf": "ndtr",
    "ncdf": "ndtr",
    "probit": "ndtri",
}

_ONLY = "`ag grad` differentiates only"
_INTEGRAL = (
    f"{_ONLY}: an integral is `sympy.integrate(f, x)` in SymPy, a number `scipy.integrate.quad(f, a, b)` in SciPy"
)
_SOLVE = 'equations are solved by another command, as in ag solve "x^2 = 2"; for formulas as roots, `sympy.solve(f, x)`'
_SHORTER = "results are simplified as they are; type the formula alone, and see `--steps` and `--raw`"
_FORM = f"{_ONLY}, and chooses the shortest form itself; this form is `sympy.{{}}(f)` in SymPy"
_DERIVATIVE = 'type the formula alone and name the variable: ag grad "x^2" --wrt x'
_ROOT = "write `sqrt(x)`, `cbrt(x)`, or `x^(1/n)`"
_ORDER = "write `jv(n, x)`, `yv(n, x)`; the order comes first"
_REAL = "formulas are of real numbers"
_PIECES = "write `where(condition, a, b)`"
_CHOOSE = "write `gamma(n + 1)/(gamma(k + 1)*gamma(n - k + 1))`, or `n!/(k!*(n - k)!)`"
_STEP = "write `heaviside(x)`, which is 1/2 at 0, or `where(x > 0, 1, 0)`"

INSTEAD = {
    **dict.fromkeys(["integrate", "integral", "int", "Integrate", "Int", "antiderivative", "quad"], _INTEGRAL),
    **dict.fromkeys(["solve", "Solve", "nsolve", "fsolve", "dsolve", "linsolve", "roots", "zeros_of"], _SOLVE),
    **dict.fromkeys(
        ["diff", "Diff", "differentiate", "derivative", "Derivative", "derive", "deriv", "ddx", "grad", "nabla"],
        _DERIVATIVE,
    ),
    "gradient": 'type the formula alone: ag grad "x^2*y" --gradient',
    "jacobian": 'type the formula alone: ag grad "[x*y, x + y]" --jacobian',
    "hessian": 'type the formula alone: ag grad "x^2*y" --hessian',
    **dict.fromkeys(["taylor", "series", "Series", "maclaurin"], 'write ag grad "sin(x)" --taylor x=0,n=5'),
    **dict.fromkeys(["limit", "lim", "Limit"], f"{_ONLY}: a limit is `sympy.limit(f, x, 0)` in SymPy"),
    **{name: _FORM.format(name) for name in ("factor", "expand", "collect", "cancel", "together", "apart")},
    **dict.fromkeys(["factorise", "factorize", "Factor"], _FORM.format("factor")),
    **dict.fromkeys(["simplify", "Simplify", "FullSimplify", "trigsimp", "ratsimp", "reduce"], _SHORTER),
    **dict.fromkeys(["plot", "graph", "draw"], 'write ag grad "x^2" --plot'),
    **dict.fromkeys(["eval", "evaluate", "subs", "evalf"], 'write ag grad "x^2" --at x=2'),
    **dict.fromkeys(["root", "nthroot", "nroot", "surd", "radical"], _ROOT),
    **dict.fromkeys(["jn", "yn", "jve", "yve"], _ORDER),
    **dict.fromkeys(["airy", "airye"], "write `airyai(x)`, `airybi(x)`, and `airyaiprime(x)`, `airybiprime(x)`"),
    **dict.fromkeys(["sici", "shichi"], "write `sinint(x)` for Si, `cosint(x)` for Ci"),
    **dict.fromkeys(["fresnel"], "write `fresnels(x)` or `fresnelc(x)`"),
    **dict.fromkeys(["expint", "expn"], "write `exp1(x)` for E1, which is expint(1, x), or `expi(x)` for Ei"),
    **dict.fromkeys(["lowergamma", "gammainc_lower"], "write `gammainc(a, x)*gamma(a)`: `gammainc` is regularized"),
    **dict.fromkeys(["uppergamma", "gammainc_upper"], "write `gammaincc(a, x)*gamma(a)`: `gammaincc` is regularized"),
    **dict.fromkeys(
        ["elliptic_f", "ellipkinc", "ellipeinc"], "only complete elliptic integrals, `ellipk(m)`, `ellipe(m)`"
    ),
    "hurwitz": "write `zeta(s, q)`",
    "hyper": "write `hyp2f1(a, b, c, x)`",
    **dict.fromkeys(["real", "imag", "re", "im", "conj", "conjugate", "arg", "cis", "Re", "Im"], _REAL),
    **dict.fromkeys(["piecewise", "Piecewise", "cases", "ifelse", "iif", "If", "ITE"], _PIECES),
    **dict.fromkeys(["binom", "binomial", "nCr", "choose", "comb"], _CHOOSE),
    **dict.fromkeys(["step", "unitstep", "UnitStep"], _STEP),
    "trigamma": "write `polygamma(1, x)`",
    "tetragamma": "write `polygamma(2, x)`",
    "sinus": "write `sin(x)`",
    **dict.fromkeys(["cosine", "cosinus"], "write `cos(x)`"),
    **dict.fromkeys(["tangent", "tangens"], "write `tan(x)`"),
    "Phi": "write `ndtr(x)` for the distribution function of the normal distribution",
    "normpdf": "write `exp(-x^2/2)/sqrt(2*pi)`",
    **dict.fromkeys(["average", "avg"], "write `mean(x)`"),
    "variance": "write `var(x)`",
    "remainder": "write `mod(a, b)`",
    "odeint": "the section `odeint` of a spec, or `ag.odeint` in Python, solves differential equations",
    **dict.fromkeys(["frac", "fract"], "write `x - floor(x)`"),
    "softmin": "write `softmax(-x)`",
    **dict.fromkeys(["median", "quantile", "percentile"], "write an element of `sort(x)`, as `sort(x)[1]`"),
    **dict.fromkeys(["summation", "Sum", "sigma_sum"], "write out the terms, or `sum([a, b, c])`"),
    "Shi": "write `(expi(x) + exp1(x))/2`",
    "Chi": "write `(expi(x) - exp1(x))/2`",
    **dict.fromkeys(["li", "Li"], "write `expi(log(x))`"),
    **dict.fromkeys(["sqr", "squared"], "write `x^2`"),
    **dict.fromkeys(["cubed", "cube"], "write `x^3`"),
    "rad": "write `x*pi/180` for degrees in radians",
    "deg": "write `x*180/pi` for radians in degrees",
    **dict.fromkeys(["sind", "cosd", "tand"], "angles are in radians: write `sin(x*pi/180)`"),
}

INFINITIES = {"inf", "infty", "infinity", "oo", "nan", "NaN", "Infinity"}
WORDS = {"mod": "mod(a, b)", "div": "floor_divide(a, b)", "xor": "logical_xor(a, b)"}  # that stand between values

_OPERATOR = re.compile(
    r"""^\s*(?:[d∂D](?P<n>\^\d+|[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?\s*/\s*[d∂](?P<x>[^\W\d]\w*?)(?:\^\d+|[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?
    (?P<rest>\s*\(.*\)|\s*\[.*\]|\s+[^\s*/+^=)].*)
    |[d∂]\s*\((?P<inner>.*)\)\s*/\s*[d∂](?P<by>[^\W\d]\w*))\s*$""",
    re.VERBOSE | re.DOTALL,
)
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_DEFINED = re.compile(r"^\s*(?:let\s+)?([^\W\d]\w*)\s*(?:\(\s*([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s*\))?\s*:?=(?!=)")
_NAMES = re.compile(r"[^\W\d]\w*")


def derivative_written(text: str) -> str:
    """The line to type for `d/dx x^2`, `d(x^2)/dx` or `∂/∂x (x*y)`; empty for other texts."""
    found = _OPERATOR.match(text)
    if found is None:
        return ""
    formula, name = found["rest"] or found["inner"], found["x"] or found["by"]
    formula = formula.strip()
    if formula[:1] == "(" and closing(formula) == len(formula) - 1:
        formula = formula[1:-1].strip()
    order = (found["n"] or "").lstrip("^").translate(_DIGITS)
    return f'ag grad "{formula}" --wrt {name}{f" --order {order}" if order not in ("", "1") else ""}'


def closing(text: str) -> int:
    """Where the parenthesis that opens a text is closed; -1 if nowhere."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place
    return -1


def defined(text: str) -> tuple[str, int]:
    """The left side of `y = x^2` or `f(x) = x^2` and where the right side starts; "" and 0 for other texts.

    A side that stands on the right as well is no definition: `y = x*y` is an equation.
    """
    found = _DEFINED.match(text)
    if found is None or text.count("=") != 1:
        return "", 0
    name, arguments = found[1], found[2]
    right = text[found.end() :]
    names = set(_NAMES.findall(right))
    if name in names or not right.strip() or not names:
        return "", 0
    if arguments is not None and not set(re.split(r"\s*,\s*", arguments)) <= names:
        return "", 0
    return text[: found.end()].strip(" =:"), found.end()
