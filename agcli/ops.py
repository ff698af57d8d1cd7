"""The ops of the table under their public names; written by `python -m tools.ops_reference`."""

# fmt: off
# isort: off

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.engine import functional as functional
from agcli.engine import ops as ops
from agcli.engine.table import OPS

if TYPE_CHECKING:
    from agcli.engine.graph import Like, Tensor
    from agcli.engine.ops.activations import (
        celu, elu, gelu, glu, hard_sigmoid, hard_swish, hard_tanh, leaky_relu, mish, quick_gelu, relu6, selu, silu,
    )
    from agcli.engine.ops.arrays import (
        astype, broadcast_to, expand_like, flatten, moveaxis, reshape, reshape_like, sum_like, swapaxes, transpose,
    )
    from agcli.engine.ops.binary_cross_entropy import (
        sigmoid_cross_entropy,
    )
    from agcli.engine.ops.bitwise import (
        bitwise_and, bitwise_not, bitwise_or, bitwise_xor, left_shift, right_shift,
    )
    from agcli.engine.ops.convolution import (
        conv1d, conv1d_transpose, conv2d, conv2d_transpose,
    )
    from agcli.engine.ops.creation import (
        arange, convert_to_tensor, eye, full, full_like, linspace, ones, ones_like, rank, shape, size, zeros,
        zeros_like,
    )
    from agcli.engine.ops.cross_entropy import (
        softmax_cross_entropy, sparse_softmax_cross_entropy,
    )
    from agcli.engine.ops.decompositions import (
        cholesky, qr,
    )
    from agcli.engine.ops.diagonals import (
        cross, diag, diagonal, inner, kron, outer, trace, tril, triu,
    )
    from agcli.engine.ops.differences import (
        diff, gradient, trapezoid,
    )
    from agcli.engine.ops.einsum import (
        dot, einsum, multi_dot, tensordot, vdot,
    )
    from agcli.engine.ops.elementwise import (
        add_n, clip,
    )
    from agcli.engine.ops.fourier import (
        fft, ifft, irfft, rfft,
    )
    from agcli.engine.functional import (
        batch_norm, batch_norm_train, dropout, embedding, group_norm, instance_norm, layer_norm, moments, normalize,
        rms_norm, scaled_dot_product_attention,
    )
    from agcli.engine.ops.indexing import (
        argwhere, nonzero, one_hot, segment_sum, take, take_along_axis,
    )
    from agcli.engine.ops.interpolation import (
        adaptive_avg_pool, adaptive_max_pool, interpolate,
    )
    from agcli.engine.ops.inverses import (
        det, expm, inv, matrix_power, pinv, slogdet,
    )
    from agcli.engine.ops.joining import (
        concatenate, meshgrid, stack,
    )
    from agcli.engine.ops.keys import (
        fold_in,
    )
    from agcli.engine.ops.linalg import (
        lstsq, solve, solve_triangular,
    )
    from agcli.engine.ops.logic import (
        select, stop_gradient, where,
    )
    from agcli.engine.ops.losses import (
        cosine_similarity, gaussian_nll, hinge, huber, kl_divergence, log_cosh, mean_absolute_error, mean_squared_error,
        negative_log_likelihood, poisson_nll, sigmoid_focal_loss,
    )
    from agcli.engine.ops.matmul import (
        matmul,
    )
    from agcli.engine.ops.nn import (
        log_softmax, softmax,
    )
    from agcli.engine.ops.numbers import (
        allclose, isclose, lerp, nan_to_num,
    )
    from agcli.engine.ops.pooling import (
        avg_pool1d, avg_pool2d, global_avg_pool, global_max_pool, max_pool1d, max_pool2d,
    )
    from agcli.engine.ops.putting import (
        put_along_axis, setitem,
    )
    from agcli.engine.ops.random import (
        bernoulli, categorical, exponential, log_normal, normal, permutation, randint, random_gamma,
        standard_exponential, standard_normal, standard_uniform, truncated_normal, uniform,
    )
    from agcli.engine.ops.reductions import (
        all, any, argmax, argmin, logsumexp, max, mean, min, prod, sum,
    )
    from agcli.engine.ops.repeating import (
        pad, repeat, roll, tile,
    )
    from agcli.engine.ops.scans import (
        cumargmax, cumargmin, cummax, cummin, cumprod, cumsum, logcumsumexp,
    )
    from agcli.engine.ops.scatter import (
        scatter_add, scatter_max, scatter_min, scatter_multiply, scatter_set,
    )
    from agcli.engine.ops.selection import (
        argpartition, partition,
    )
    from agcli.engine.ops.slicing import (
        access_elem, expand_dims, flip, getitem, split, squeeze,
    )
    from agcli.engine.ops.sorting import (
        argsort, searchsorted, setdiff1d, sort, top_k, unique,
    )
    from agcli.engine.ops.special import (
        polygamma, sinc,
    )
    from agcli.engine.ops.special_elliptic import (
        lambertw,
    )
    from agcli.engine.ops.special_probability import (
        heaviside,
    )
    from agcli.engine.ops.special_zeta import (
        zeta,
    )
    from agcli.engine.ops.spectral import (
        eigh, eigvalsh, matrix_norm, svd, svdvals,
    )
    from agcli.engine.ops.stacking import (
        array_split, atleast_1d, atleast_2d, atleast_3d, column_stack, dsplit, dstack, fliplr, flipud, hsplit, hstack,
        rot90, vsplit, vstack,
    )
    from agcli.engine.ops.statistics import (
        lp_normalize, norm, std, var,
    )
    from agcli.engine.ops.unfolding import (
        fold, unfold,
    )
    from agcli.engine.ops.unpooling import (
        max_pool1d_indices, max_pool2d_indices, max_unpool1d, max_unpool2d,
    )
    from agcli.engine.ops.volumes import (
        avg_pool3d, conv3d, conv3d_transpose, max_pool3d, max_pool3d_indices, max_unpool3d,
    )

    def abs(x: Like) -> Tensor:
        """Absolute value; derivative 0 at 0."""
    def add(a: Like, b: Like) -> Tensor:
        """Sum of two tensors."""
    def airyai(x: Like) -> Tensor:
        """Airy function Ai (DLMF 9.2.2); SciPy's ``airy(x)[0]``."""
    def airyaiprime(x: Like) -> Tensor:
        """Derivative of the Airy function Ai; SciPy's ``airy(x)[1]``."""
    def airybi(x: Like) -> Tensor:
        """Airy function Bi (DLMF 9.2.2); SciPy's ``airy(x)[2]``."""
    def airybiprime(x: Like) -> Tensor:
        """Derivative of the Airy function Bi; SciPy's ``airy(x)[3]``."""
    def arccos(x: Like) -> Tensor:
        """Inverse cosine."""
    def arccosh(x: Like) -> Tensor:
        """Inverse hyperbolic cosine."""
    def arcsin(x: Like) -> Tensor:
        """Inverse sine."""
    def arcsinh(x: Like) -> Tensor:
        """Inverse hyperbolic sine."""
    def arctan(x: Like) -> Tensor:
        """Inverse tangent."""
    def arctan2(a: Like, b: Like) -> Tensor:
        """Angle of the point (b, a), in all four quadrants."""
    def arctanh(x: Like) -> Tensor:
        """Inverse hyperbolic tangent."""
    def beta(a: Like, b: Like) -> Tensor:
        """Beta function, gamma(a) gamma(b) / gamma(a + b) (DLMF 5.12.1)."""
    def betainc(a: Like, b: Like, x: Like) -> Tensor:
        """Regularized incomplete beta function I, for a, b > 0 and 0 <= x <= 1 (DLMF 8.17.2)."""
    def betaln(a: Like, b: Like) -> Tensor:
        """Logarithm of the absolute value of the beta function, without overflow and underflow."""
    def cbrt(x: Like) -> Tensor:
        """Cube root, also of x < 0."""
    def ceil(x: Like) -> Tensor:
        """Smallest integer not below x; derivative 0."""
    def copysign(a: Like, b: Like) -> Tensor:
        """The size of a with the sign of b, also of -0; derivative 0 at a = 0, and in b."""
    def cos(x: Like) -> Tensor:
        """Cosine of an angle in radians."""
    def cosh(x: Like) -> Tensor:
        """Hyperbolic cosine."""
    def cosint(x: Like) -> Tensor:
        """Cosine integral Ci for x > 0, minus the integral of cos(t)/t from x to infinity (DLMF 6.2.11)."""
    def digamma(x: Like) -> Tensor:
        """Derivative of lgamma."""
    def divide(a: Like, b: Like) -> Tensor:
        """True quotient."""
    def ellipe(m: Like) -> Tensor:
        """Complete elliptic integral of the second kind E of the parameter m = k^2 <= 1 (DLMF 19.2.8)."""
    def ellipk(m: Like) -> Tensor:
        """Complete elliptic integral of the first kind K of the parameter m = k^2 <= 1 (DLMF 19.2.8)."""
    def entr(x: Like) -> Tensor:
        """Entropy -x log(x), which is 0 at 0 and -infinity for x < 0."""
    def equal(a: Like, b: Like) -> Tensor:
        """Whether a == b."""
    def erf(x: Like) -> Tensor:
        """Error function."""
    def erfc(x: Like) -> Tensor:
        """1 - erf(x), without cancellation for large x."""
    def erfcinv(x: Like) -> Tensor:
        """Inverse of ``erfc``, without cancellation for small x: erfcinv(1 - x) = erfinv(x)."""
    def erfcx(x: Like) -> Tensor:
        """exp(x^2) erfc(x), which is not 0 for large x."""
    def erfi(x: Like) -> Tensor:
        """Imaginary error function, -i erf(i x): the integral of exp(t^2) from 0 to x by sqrt(pi)/2."""
    def erfinv(x: Like) -> Tensor:
        """Inverse of the error function."""
    def exp(x: Like) -> Tensor:
        """Exponential function."""
    def exp1(x: Like) -> Tensor:
        """Exponential integral E1 for x > 0, the integral of exp(-t)/t from x to infinity (DLMF 6.2.1)."""
    def exp10(x: Like) -> Tensor:
        """10^x."""
    def exp2(x: Like) -> Tensor:
        """2^x."""
    def expi(x: Like) -> Tensor:
        """Exponential integral Ei, the principal value of the integral of exp(t)/t from -infinity to x (DLMF 6.2.5)."""
    def expm1(x: Like) -> Tensor:
        """exp(x) - 1, exact for small x."""
    def floor(x: Like) -> Tensor:
        """Largest integer not above x; derivative 0."""
    def floor_divide(a: Like, b: Like) -> Tensor:
        """Floor of the quotient; derivative 0."""
    def fmod(a: Like, b: Like) -> Tensor:
        """Remainder with the sign of the dividend."""
    def fresnelc(x: Like) -> Tensor:
        """Fresnel integral C, the integral of cos((pi/2) t^2) from 0 to x (DLMF 7.2.7); SciPy's ``fresnel(x)[1]``."""
    def fresnels(x: Like) -> Tensor:
        """Fresnel integral S, the integral of sin((pi/2) t^2) from 0 to x (DLMF 7.2.8); SciPy's ``fresnel(x)[0]``."""
    def gamma(x: Like) -> Tensor:
        """Gamma function."""
    def gammainc(a: Like, x: Like) -> Tensor:
        """Regularized lower incomplete gamma function P, for a > 0 and x >= 0 (DLMF 8.2.4)."""
    def gammaincc(a: Like, x: Like) -> Tensor:
        """Regularized upper incomplete gamma function Q = 1 - P, without cancellation (DLMF 8.2.4)."""
    def greater(a: Like, b: Like) -> Tensor:
        """Whether a > b."""
    def greater_equal(a: Like, b: Like) -> Tensor:
        """Whether a >= b."""
    def hyp2f1(a: Like, b: Like, c: Like, x: Like) -> Tensor:
        """Hypergeometric function of Gauss F(a, b; c; x) for real x <= 1 (DLMF 15.2.1)."""
    def hypot(a: Like, b: Like) -> Tensor:
        """sqrt(a^2 + b^2) without overflow; derivative 0 at the origin."""
    def i0(x: Like) -> Tensor:
        """Modified Bessel function of the first kind of order 0, iv(0, x)."""
    def i1(x: Like) -> Tensor:
        """Modified Bessel function of the first kind of order 1, iv(1, x)."""
    def isfinite(x: Like) -> Tensor:
        """Whether it is neither NaN nor infinite."""
    def isinf(x: Like) -> Tensor:
        """Whether it is an infinity of either sign."""
    def isnan(x: Like) -> Tensor:
        """Whether it is NaN."""
    def iv(v: Like, x: Like) -> Tensor:
        """Modified Bessel function of the first kind I of real order v (DLMF 10.25.2)."""
    def ive(v: Like, x: Like) -> Tensor:
        """exp(-abs(x)) I(v, x), without overflow."""
    def j0(x: Like) -> Tensor:
        """Bessel function of the first kind of order 0, jv(0, x)."""
    def j1(x: Like) -> Tensor:
        """Bessel function of the first kind of order 1, jv(1, x)."""
    def jv(v: Like, x: Like) -> Tensor:
        """Bessel function of the first kind J of real order v (DLMF 10.2.2)."""
    def k0(x: Like) -> Tensor:
        """Modified Bessel function of the second kind of order 0, kv(0, x), for x > 0."""
    def k1(x: Like) -> Tensor:
        """Modified Bessel function of the second kind of order 1, kv(1, x), for x > 0."""
    def kv(v: Like, x: Like) -> Tensor:
        """Modified Bessel function of the second kind K of real order v, for x > 0 (DLMF 10.25.3)."""
    def kve(v: Like, x: Like) -> Tensor:
        """exp(x) K(v, x) for x > 0, which is not 0 for large x."""
    def less(a: Like, b: Like) -> Tensor:
        """Whether a < b."""
    def less_equal(a: Like, b: Like) -> Tensor:
        """Whether a <= b."""
    def lgamma(x: Like) -> Tensor:
        """Logarithm of the absolute value of the gamma function."""
    def log(x: Like) -> Tensor:
        """Natural logarithm."""
    def log10(x: Like) -> Tensor:
        """Logarithm to base 10."""
    def log1mexp(x: Like) -> Tensor:
        """log(1 - exp(-x)) for x > 0, exact for small and for large x."""
    def log1p(x: Like) -> Tensor:
        """log(1 + x), exact for small x."""
    def log2(x: Like) -> Tensor:
        """Logarithm to base 2."""
    def log_ndtr(x: Like) -> Tensor:
        """Logarithm of ``ndtr``, exact in both tails."""
    def log_sigmoid(x: Like) -> Tensor:
        """log(sigmoid(x)), without overflow."""
    def logaddexp(a: Like, b: Like) -> Tensor:
        """log(exp(a) + exp(b)), without overflow."""
    def logaddexp2(a: Like, b: Like) -> Tensor:
        """log2(2^a + 2^b), without overflow."""
    def logical_and(a: Like, b: Like) -> Tensor:
        """Whether both are true."""
    def logical_not(x: Like) -> Tensor:
        """Whether it is false."""
    def logical_or(a: Like, b: Like) -> Tensor:
        """Whether at least one is true."""
    def logical_xor(a: Like, b: Like) -> Tensor:
        """Whether exactly one is true."""
    def logit(x: Like) -> Tensor:
        """log(x / (1 - x)), the inverse of ``sigmoid``."""
    def maximum(a: Like, b: Like) -> Tensor:
        """The larger of two; at a tie each gets half of the cotangent."""
    def minimum(a: Like, b: Like) -> Tensor:
        """The smaller of two; at a tie each gets half of the cotangent."""
    def mod(a: Like, b: Like) -> Tensor:
        """Remainder with the sign of the divisor, as Python's %."""
    def multiply(a: Like, b: Like) -> Tensor:
        """Product."""
    def ndtr(x: Like) -> Tensor:
        """Distribution function of the standard normal distribution, erfc(-x/sqrt(2))/2."""
    def ndtri(x: Like) -> Tensor:
        """Quantile of the standard normal distribution, the inverse of ``ndtr``."""
    def negative(x: Like) -> Tensor:
        """Negation."""
    def not_equal(a: Like, b: Like) -> Tensor:
        """Whether a != b."""
    def power(a: Like, b: Like) -> Tensor:
        """Power a^b; 0^0 is 1, and a negative base takes integers b."""
    def reciprocal(x: Like) -> Tensor:
        """One over x."""
    def relu(x: Like) -> Tensor:
        """max(x, 0); derivative 0 at 0."""
    def round(x: Like) -> Tensor:
        """Nearest integer, halves to the even one; derivative 0."""
    def rsqrt(x: Like) -> Tensor:
        """One over the square root."""
    def sigmoid(x: Like) -> Tensor:
        """1 / (1 + exp(-x)), without overflow."""
    def sign(x: Like) -> Tensor:
        """-1, 0 or 1; derivative 0."""
    def signbit(x: Like) -> Tensor:
        """Whether the sign is minus, also that of -0."""
    def sin(x: Like) -> Tensor:
        """Sine of an angle in radians."""
    def sinh(x: Like) -> Tensor:
        """Hyperbolic sine."""
    def sinint(x: Like) -> Tensor:
        """Sine integral Si, the integral of sin(t)/t from 0 to x (DLMF 6.2.9); SciPy's ``sici(x)[0]``."""
    def softplus(x: Like) -> Tensor:
        """log(1 + exp(x)), without overflow."""
    def softsign(x: Like) -> Tensor:
        """x / (1 + abs(x))."""
    def sqrt(x: Like) -> Tensor:
        """Square root."""
    def square(x: Like) -> Tensor:
        """Square."""
    def subtract(a: Like, b: Like) -> Tensor:
        """Difference of two tensors."""
    def tan(x: Like) -> Tensor:
        """Tangent of an angle in radians."""
    def tanh(x: Like) -> Tensor:
        """Hyperbolic tangent."""
    def trunc(x: Like) -> Tensor:
        """The integer part of x; derivative 0."""
    def xlog1py(a: Like, b: Like) -> Tensor:
        """a log(1 + b), exact for small b, which is 0 where a is 0."""
    def xlogy(a: Like, b: Like) -> Tensor:
        """a log(b), which is 0 where a is 0."""
    def y0(x: Like) -> Tensor:
        """Bessel function of the second kind of order 0, yv(0, x), for x > 0."""
    def y1(x: Like) -> Tensor:
        """Bessel function of the second kind of order 1, yv(1, x), for x > 0."""
    def yv(v: Like, x: Like) -> Tensor:
        """Bessel function of the second kind Y of real order v, for x > 0 (DLMF 10.2.3)."""

globals().update({name: entry.public for name, entry in OPS.items()})

__all__ = [  # noqa: RUF022  sorted as Python sorts
    "abs", "access_elem", "adaptive_avg_pool", "adaptive_max_pool", "add", "add_n", "airyai", "airyaiprime", "airybi",
    "airybiprime", "all", "allclose", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "argmax", "argmin", "argpartition", "argsort", "argwhere", "array_split", "astype", "atleast_1d",
    "atleast_2d", "atleast_3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "batch_norm_train", "bernoulli",
    "beta", "betainc", "betaln", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "broadcast_to",
    "categorical", "cbrt", "ceil", "celu", "cholesky", "clip", "column_stack", "concatenate", "conv1d",
    "conv1d_transpose", "conv2d", "conv2d_transpose", "conv3d", "conv3d_transpose", "convert_to_tensor", "copysign",
    "cos", "cosh", "cosine_similarity", "cosint", "cross", "cumargmax", "cumargmin", "cummax", "cummin", "cumprod",
    "cumsum", "det", "diag", "diagonal", "diff", "digamma", "divide", "dot", "dropout", "dsplit", "dstack", "eigh",
    "eigvalsh", "einsum", "ellipe", "ellipk", "elu", "embedding", "entr", "equal", "erf", "erfc", "erfcinv", "erfcx",
    "erfi", "erfinv", "exp", "exp1", "exp10", "exp2", "expand_dims", "expand_like", "expi", "expm", "expm1",
    "exponential", "eye", "fft", "flatten", "flip", "fliplr", "flipud", "floor", "floor_divide", "fmod", "fold",
    "fold_in", "fresnelc", "fresnels", "full", "full_like", "gamma", "gammainc", "gammaincc", "gaussian_nll", "gelu",
    "getitem", "global_avg_pool", "global_max_pool", "glu", "gradient", "greater", "greater_equal", "group_norm",
    "hard_sigmoid", "hard_swish", "hard_tanh", "heaviside", "hinge", "hsplit", "hstack", "huber", "hyp2f1", "hypot",
    "i0", "i1", "ifft", "inner", "instance_norm", "interpolate", "inv", "irfft", "isclose", "isfinite", "isinf",
    "isnan", "iv", "ive", "j0", "j1", "jv", "k0", "k1", "kl_divergence", "kron", "kv", "kve", "lambertw", "layer_norm",
    "leaky_relu", "left_shift", "lerp", "less", "less_equal", "lgamma", "linspace", "log", "log10", "log1mexp", "log1p",
    "log2", "log_cosh", "log_ndtr", "log_normal", "log_sigmoid", "log_softmax", "logaddexp", "logaddexp2",
    "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logsumexp", "lp_normalize",
    "lstsq", "matmul", "matrix_norm", "matrix_power", "max", "max_pool1d", "max_pool1d_indices", "max_pool2d",
    "max_pool2d_indices", "max_pool3d", "max_pool3d_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d", "maximum",
    "mean", "mean_absolute_error", "mean_squared_error", "meshgrid", "min", "minimum", "mish", "mod", "moments",
    "moveaxis", "multi_dot", "multiply", "nan_to_num", "ndtr", "ndtri", "negative", "negative_log_likelihood",
    "nonzero", "norm", "normal", "normalize", "not_equal", "one_hot", "ones", "ones_like", "outer", "pad", "partition",
    "permutation", "pinv", "poisson_nll", "polygamma", "power", "prod", "put_along_axis", "qr", "quick_gelu", "randint",
    "random_gamma", "rank", "reciprocal", "relu", "relu6", "repeat", "reshape", "reshape_like", "rfft", "right_shift",
    "rms_norm", "roll", "rot90", "round", "rsqrt", "scaled_dot_product_attention", "scatter_add", "scatter_max",
    "scatter_min", "scatter_multiply", "scatter_set", "searchsorted", "segment_sum", "select", "selu", "setdiff1d",
    "setitem", "shape", "sigmoid", "sigmoid_cross_entropy", "sigmoid_focal_loss", "sign", "signbit", "silu", "sin",
    "sinc", "sinh", "sinint", "size", "slogdet", "softmax", "softmax_cross_entropy", "softplus", "softsign", "solve",
    "solve_triangular", "sort", "sparse_softmax_cross_entropy", "split", "sqrt", "square", "squeeze", "stack",
    "standard_exponential", "standard_normal", "standard_uniform", "std", "stop_gradient", "subtract", "sum",
    "sum_like", "svd", "svdvals", "swapaxes", "take", "take_along_axis", "tan", "tanh", "tensordot", "tile", "top_k",
    "trace", "transpose", "trapezoid", "tril", "triu", "trunc", "truncated_normal", "unfold", "uniform", "unique",
    "var", "vdot", "vsplit", "vstack", "where", "xlog1py", "xlogy", "y0", "y1", "yv", "zeros", "zeros_like", "zeta",
]
