"""Exponential, logarithm and their kin as polynomials, in formulas that run on all lanes at once.

Coefficients are minimax fits (Remez, 50 digits) on the reduced intervals. Largest errors that were measured, in units
in the last place, for float32 over all exponents and for float64 against 80-bit arithmetic: see ``ULP``, which the
tests hold them to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Context, Decimal
from struct import pack, unpack
from typing import TYPE_CHECKING

from ....frozen import frozen
from . import fits

if TYPE_CHECKING:
    from .values import Value

ULP = {"exp": 2.0, "expm1": 3.0, "log": 2.0, "log1p": 3.0, "tanh": 4.0, "sigmoid": 3.0, "sin": 2.0, "cos": 2.0}


@frozen
class Format:
    """What a float format brings: its bits, split constants, limits, coefficients."""

    bits: str
    mantissa: int  # stored bits
    bias: int
    ln2: tuple[float, float]  # the first with so few bits that small multiples are exact
    exp: tuple[float, float]  # below: 0; above: infinity
    expm1: float  # below: -1
    tail: tuple[float, ...]  # (e^r - 1 - r) / r^2 in powers of r
    series: tuple[float, ...]  # (2 artanh(s) / s - 2) / s^2 in powers of s^2
    tiny: float  # smallest normal number
    quarter: tuple[float, ...]  # pi / 2 in parts with so few bits that small multiples are exact
    far: float  # beyond, angles are left to the C library
    sine: tuple[float, ...]  # (sin(r) / r - 1) / r^2 in powers of r^2
    cosine: tuple[float, ...]  # (cos(r) - 1 + r^2 / 2) / r^4 in powers of r^2

    @property
    def magic(self) -> float:
        """Added to a small number, it leaves the nearest integer in the last bits."""
        return 1.5 * 2.0**self.mantissa

    @property
    def lift(self) -> int:
        """2^lift makes denormals normal."""
        return self.mantissa + 2


FORMATS = {
    "float": Format(
        "i32", 23, 127, (0.693359375, -2.1219444005469057e-4), (-104.5, 89.0), -18.0,
        (0.50000000466657391803, 0.16666666817921500472, 0.041666353536241184467, 0.008333272827649891713,
         0.0013941102418524947091, 0.00019914303469302427031),
        (0.66666777053174826739, 0.39977449532695872489, 0.29874419134919979966),
        2.0**-126,
        (1.5703125, 0.00048351287841796875, 3.1385570764541626e-7, 6.07710062827671e-11), 8192.0,
        (-0.16666666641225113412, 0.0083333293385395732238, -0.000198393194061547115, 2.7181628872599170862e-6),
        (0.041666646628928684033, -0.0013887355384086221309, 0.000024437009656528990335),
    ),
    "double": Format(
        "i64", 52, 1023, (0.6931471803691238, 1.9082149292705877e-10), (-746.0, 710.0), -38.0,
        (0.49999999999999999986, 0.16666666666666676688, 0.041666666666666701579, 0.0083333333333215314134,
         0.001388888888886671932, 0.0001984126988640109132, 2.4801587360810282754e-5, 2.7557243911665554156e-6,
         2.7557242528493911553e-7, 2.5109147388477752486e-8, 2.0924518267455848822e-9),
        (0.66666666666667353793, 0.39999999999407498142, 0.28571428744140238264, 0.22222198378509839567,
         0.18183575167033638775, 0.15313755658269743102, 0.14799067597905581079),
        2.0**-1022,
        (1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32), 5e5,
        (-0.1666666666666663123, 0.0083333333333222047796, -0.00019841269829632813375, 2.7557313628724775359e-6,
         -2.5050747860228956972e-8, 1.5896181683852189178e-10),
        (0.041666666666666597939, -0.0013888888888873842757, 0.000024801587289298036158, -2.7557314296850894639e-7,
         2.0875715442380419944e-9, -1.1359228299756749841e-11),
    ),
}  # fmt: skip
LOG2E, LN2 = 1.4426950408889634, 0.6931471805599453


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule."""
    *rest, last = coefficients
    total = x.like(last)
    for c in reversed(rest):
        total = total.fma(x, c)
    return total


def reduced(x: Value, form: Format, rest: Value | None = None) -> tuple[Value, Value]:
    """The integer n next to x / ln 2, and e^r - 1 for r = x - n ln 2 + ``rest``, which is small."""
    shifted = x.fma(LOG2E, form.magic)
    n = shifted - form.magic
    high, low = form.ln2
    r = n.fma(-low, n.fma(-high, x))
    r = r if rest is None else r + rest
    return shifted.bitcast(form.bits), (r * r).fma(polynomial(r, form.tail), r)


def power_of_two(n: Value, form: Format) -> Value:
    """2^n for integers n, which may carry the bits of ``magic``: they are shifted out."""
    biased = n + form.bias
    return biased.instruction("shl", biased.like(form.mantissa)).bitcast("float" if form.bits == "i32" else "double")


def form_of(x: Value) -> Format:
    return FORMATS[x.only_float().kind]


def within(x: Value, low: float, high: float) -> Value:
    """Cut off at two limits; NaN stays."""
    y = (x < low).choose(x.like(low), x)
    return (y > high).choose(y.like(high), y)


def exp(x: Value) -> Value:
    """e^x; 2^n is applied in two steps, so that denormal results are rounded once."""
    form = form_of(x)
    n, p = reduced(within(x, *form.exp), form)
    return scaled(p + 1.0, n - magic_bits(form), form)


def scaled(y: Value, n: Value, form: Format) -> Value:
    """y 2^n in two steps."""
    half = n.instruction("ashr", n.like(1))
    return y * power_of_two(half, form) * power_of_two(n - half, form)


def rounding_of_product(x: Value, factor: float, product: Value) -> Value:
    """x * factor - product, exactly, on processors that round a * b + c twice too.

    Halves of the digits have exact products (Dekker, A floating-point technique for extending the available precision,
    1971). NaN where x is so large that it cannot be halved.
    """
    digits = form_of(x).mantissa + 1
    half = digits // 2
    rough = x * (2.0 ** (digits - half) + 1)
    high = rough - (rough - x)
    low = x - high
    fraction, exponent = math.frexp(factor)
    first = math.ldexp(round(math.ldexp(fraction, half)), exponent - half)
    second = factor - first
    return ((high * first - product) + high * second + low * first) + low * second


def power_of(base: float, x: Value) -> Value:
    """base^x = e^(x log base), with log base in two numbers, as the rounding of x log base would be multiplied by x."""
    exact = Context(prec=50).ln(Decimal(base))
    high = float(exact) if x.kind == "double" else unpack("f", pack("f", exact))[0]
    whole = x * high
    rest = rounding_of_product(x, high, whole) + x * float(exact - Decimal(high))
    y = whole.exp()
    better = y.fma(rest, y)
    return better.isnan().choose(y, better)  # infinity


def expm1(x: Value) -> Value:
    """e^x - 1 as 2 (2^(n-1) (e^r - 1) + 2^(n-1) - 1/2), which neither cancels nor overflows early."""
    form = form_of(x)
    n, p = reduced(within(x, form.expm1, form.exp[1]), form)
    scale = power_of_two(n - 1, form)
    return (scale.fma(p, scale - 0.5) * 2.0).copysign(x)


def tanh(x: Value) -> Value:
    """t / (t + 2) with t = e^2x - 1 of the absolute value, which is cut off where tanh is 1."""
    form = form_of(x)
    t = (within(x.abs(), 0.0, -form.expm1) * 2.0).expm1()
    return (t / (t + 2.0)).copysign(x)


def lifted(x: Value, form: Format) -> tuple[Value, Value]:
    """``parted`` of positive numbers, denormal ones too, with the exponent as a float."""
    small = x < form.tiny
    exponent, f = parted(small.choose(x * 2.0**form.lift, x))
    return small.choose(exponent - form.lift, exponent).to(x.kind), f


def log(x: Value) -> Value:
    """log(2^e (1 + f)) = e ln 2 + 2 artanh(f / (2 + f)), in the summation order of fdlibm's e_log.c."""
    form = form_of(x)
    e, f = lifted(x, form)
    square, tail = log_terms(f, form)
    high, low = form.ln2
    y = e.fma(high, f - (square - e.fma(low, tail)))
    y = x.equals(0.0).choose(y.like(float("-inf")), y)
    y = (x > LARGEST[x.kind]).choose(x, y)
    return (x >= 0.0).choose(y, y.like(float("nan")))


def parted(x: Value) -> tuple[Value, Value]:
    """The integer e and the number f for x = 2^e (1 + f), with 1 + f between sqrt(1/2) and sqrt(2); x is normal."""
    form = form_of(x)
    moved = x.bitcast(form.bits) + ((form.bias << form.mantissa) - HALF_ROOT[form.bits])
    exponent = moved.instruction("lshr", moved.like(form.mantissa)) - form.bias
    m = moved.instruction("and", moved.like((1 << form.mantissa) - 1)) + HALF_ROOT[form.bits]
    return exponent, m.bitcast(x.kind) - 1.0


def log_terms(f: Value, form: Format) -> tuple[Value, Value]:
    """f^2/2, and by how much log(1 + f) is larger than f - f^2/2."""
    s = f / (f + 2.0)
    z = s * s
    square = f * f * 0.5
    return square, s * (z.fma(polynomial(z, form.series), square))


def short_log(x: Value) -> Value:
    """log of positive normal numbers of float64 to 33 bits, for what becomes float32."""
    exponent, f = parted(x)
    s = f / (f + 2.0)
    z = s * s
    return exponent.to(x.kind).fma(LN2, s.fma(z * polynomial(z, fits.LOG_SHORT), s + s))


def log1p(x: Value) -> Value:
    """log(u) for u = 1 + x, plus what the rounding of u lost, divided by u."""
    u = x + 1.0
    lost = (x - (u - 1.0)) / u
    usual = (u > 0.0) & (u <= LARGEST[x.kind])
    return x.equals(0.0).choose(x, u.log() + usual.choose(lost, 0.0))


def sine(x: Value, name: str) -> Value:
    """sin or cos: by the quarter turns n next to x, with the sine or the cosine of what is left, and a sign."""
    form = form_of(x)
    shifted = x.fma(2 / math.pi, form.magic)
    n, r = shifted - form.magic, x
    for part in form.quarter:
        r = n.fma(-part, r)
    turn = shifted.bitcast(form.bits) + (name == "cos")
    z = r * r
    half = z * 0.5
    first = 1.0 - half
    cosine = first + (z * z).fma(polynomial(z, form.cosine), (1.0 - first) - half)
    odd = (r * z).fma(polynomial(z, form.sine), r)
    y = bit(turn, 1).choose(cosine, odd)
    return elsewhere(x, bit(turn, 2).choose(-y, y), x.abs() > form.far, name)


def bit(n: Value, value: int) -> Value:
    """Whether a bit of an integer is set."""
    return n.instruction("and", n.like(value)).differs(0)


def elsewhere(x: Value, y: Value, far: Value, name: str) -> Value:
    """``y``, but the C library's function of ``x`` in the lanes that are ``far``; a branch that is rarely taken."""
    code, vector, flags = x.code, x.code.vector(x.kind), x.code.vector("i1")
    function = name + "f" * (x.kind == "float")
    code.declared[function] = f"declare {x.kind} @{function}({x.kind})"
    some = code.call(f"llvm.vector.reduce.or.v{code.lanes}i1", "i1", (flags, far.ref))
    before, count = code.block, code.count
    slow, done = f"slow{count}", f"done{count}"
    code.do(f"br i1 {some}, label %{slow}, label %{done}")
    code.label(slow, f"%lane{count} = phi i64 [0, %{before}], [%next{count}, %{slow}]")
    code.do(f"%acc{count} = phi {vector} [{y.ref}, %{before}], [%sum{count}, %{slow}]")
    given = code.emit(f"extractelement {vector} {x.ref}, i64 %lane{count}")
    value = code.emit(f"call {x.kind} @{function}({x.kind} {given})")
    old = code.emit(f"extractelement {vector} %acc{count}, i64 %lane{count}")
    wanted = code.emit(f"extractelement {flags} {far.ref}, i64 %lane{count}")
    new = code.emit(f"select i1 {wanted}, {x.kind} {value}, {x.kind} {old}")
    code.do(f"%sum{count} = insertelement {vector} %acc{count}, {x.kind} {new}, i64 %lane{count}")
    code.do(f"%next{count} = add i64 %lane{count}, 1")
    more = code.emit(f"icmp slt i64 %next{count}, {code.lanes}")
    code.do(f"br i1 {more}, label %{slow}, label %{done}")
    code.label(done)
    result = code.emit(f"phi {vector} [{y.ref}, %{before}], [%sum{count}, %{slow}]")
    return type(x)(code, result, x.kind)


HALF_ROOT = {"i32": 0x3F3504F3, "i64": 0x3FE6A09E667F3BCD}  # the bits of sqrt(1/2)
LARGEST = {"float": 3.4028234663852886e38, "double": 1.7976931348623157e308}


def magic_bits(form: Format) -> int:
    """The bits of ``magic`` as an integer."""
    return (form.bias + form.mantissa << form.mantissa) + (1 << form.mantissa - 1)
