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
        sigmoid_cross_entropy, softmax_cross_entropy, sparse_softmax_cross_entropy,
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

    def abs(x: Like) -> Tensor:
        """Absolute value; derivative 0 at 0."""
    def add(a: Like, b: Like) -> Tensor:
        """Sum of two tensors."""
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
    def digamma(x: Like) -> Tensor:
        """Derivative of lgamma."""
    def divide(a: Like, b: Like) -> Tensor:
        """True quotient."""
    def equal(a: Like, b: Like) -> Tensor:
        """Whether a == b."""
    def erf(x: Like) -> Tensor:
        """Error function."""
    def erfc(x: Like) -> Tensor:
        """1 - erf(x), without cancellation for large x."""
    def erfinv(x: Like) -> Tensor:
        """Inverse of the error function."""
    def exp(x: Like) -> Tensor:
        """Exponential function."""
    def exp10(x: Like) -> Tensor:
        """10^x."""
    def exp2(x: Like) -> Tensor:
        """2^x."""
    def expm1(x: Like) -> Tensor:
        """exp(x) - 1, exact for small x."""
    def floor(x: Like) -> Tensor:
        """Largest integer not above x; derivative 0."""
    def floor_divide(a: Like, b: Like) -> Tensor:
        """Floor of the quotient; derivative 0."""
    def fmod(a: Like, b: Like) -> Tensor:
        """Remainder with the sign of the dividend."""
    def gamma(x: Like) -> Tensor:
        """Gamma function."""
    def greater(a: Like, b: Like) -> Tensor:
        """Whether a > b."""
    def greater_equal(a: Like, b: Like) -> Tensor:
        """Whether a >= b."""
    def hypot(a: Like, b: Like) -> Tensor:
        """sqrt(a^2 + b^2) without overflow; derivative 0 at the origin."""
    def isfinite(x: Like) -> Tensor:
        """Whether it is neither NaN nor infinite."""
    def isinf(x: Like) -> Tensor:
        """Whether it is an infinity of either sign."""
    def isnan(x: Like) -> Tensor:
        """Whether it is NaN."""
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
    def log1p(x: Like) -> Tensor:
        """log(1 + x), exact for small x."""
    def log2(x: Like) -> Tensor:
        """Logarithm to base 2."""
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
    def maximum(a: Like, b: Like) -> Tensor:
        """The larger of two; at a tie each gets half of the cotangent."""
    def minimum(a: Like, b: Like) -> Tensor:
        """The smaller of two; at a tie each gets half of the cotangent."""
    def mod(a: Like, b: Like) -> Tensor:
        """Remainder with the sign of the divisor, as Python's %."""
    def multiply(a: Like, b: Like) -> Tensor:
        """Product."""
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
    def xlogy(a: Like, b: Like) -> Tensor:
        """a log(b), which is 0 where a is 0."""

globals().update({name: entry.public for name, entry in OPS.items()})

__all__ = [  # noqa: RUF022  sorted as Python sorts
    "abs", "access_elem", "add", "add_n", "all", "allclose", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh",
    "arctan", "arctan2", "arctanh", "argmax", "argmin", "argpartition", "argsort", "argwhere", "array_split", "astype",
    "atleast_1d", "atleast_2d", "atleast_3d", "avg_pool1d", "avg_pool2d", "batch_norm", "batch_norm_train", "bernoulli",
    "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "broadcast_to", "categorical", "cbrt", "ceil", "celu",
    "cholesky", "clip", "column_stack", "concatenate", "conv1d", "conv1d_transpose", "conv2d", "conv2d_transpose",
    "convert_to_tensor", "copysign", "cos", "cosh", "cosine_similarity", "cross", "cumargmax", "cumargmin", "cummax",
    "cummin", "cumprod", "cumsum", "det", "diag", "diagonal", "diff", "digamma", "divide", "dot", "dropout", "dsplit",
    "dstack", "eigh", "eigvalsh", "einsum", "elu", "embedding", "equal", "erf", "erfc", "erfinv", "exp", "exp10",
    "exp2", "expand_dims", "expand_like", "expm", "expm1", "exponential", "eye", "fft", "flatten", "flip", "fliplr",
    "flipud", "floor", "floor_divide", "fmod", "fold_in", "full", "full_like", "gamma", "gaussian_nll", "gelu",
    "getitem", "global_avg_pool", "global_max_pool", "glu", "gradient", "greater", "greater_equal", "group_norm",
    "hard_sigmoid", "hard_swish", "hard_tanh", "hinge", "hsplit", "hstack", "huber", "hypot", "ifft", "inner",
    "instance_norm", "inv", "irfft", "isclose", "isfinite", "isinf", "isnan", "kl_divergence", "kron", "layer_norm",
    "leaky_relu", "left_shift", "lerp", "less", "less_equal", "lgamma", "linspace", "log", "log10", "log1p", "log2",
    "log_cosh", "log_normal", "log_sigmoid", "log_softmax", "logaddexp", "logaddexp2", "logcumsumexp", "logical_and",
    "logical_not", "logical_or", "logical_xor", "logsumexp", "lp_normalize", "lstsq", "matmul", "matrix_norm",
    "matrix_power", "max", "max_pool1d", "max_pool2d", "maximum", "mean", "mean_absolute_error", "mean_squared_error",
    "meshgrid", "min", "minimum", "mish", "mod", "moments", "moveaxis", "multi_dot", "multiply", "nan_to_num",
    "negative", "negative_log_likelihood", "nonzero", "norm", "normal", "normalize", "not_equal", "one_hot", "ones",
    "ones_like", "outer", "pad", "partition", "permutation", "pinv", "poisson_nll", "polygamma", "power", "prod",
    "put_along_axis", "qr", "quick_gelu", "randint", "random_gamma", "rank", "reciprocal", "relu", "relu6", "repeat",
    "reshape", "reshape_like", "rfft", "right_shift", "rms_norm", "roll", "rot90", "round", "rsqrt",
    "scaled_dot_product_attention", "scatter_add", "scatter_max", "scatter_min", "scatter_multiply", "scatter_set",
    "searchsorted", "segment_sum", "select", "selu", "setdiff1d", "setitem", "shape", "sigmoid",
    "sigmoid_cross_entropy", "sigmoid_focal_loss", "sign", "signbit", "silu", "sin", "sinc", "sinh", "size", "slogdet",
    "softmax", "softmax_cross_entropy", "softplus", "softsign", "solve", "solve_triangular", "sort",
    "sparse_softmax_cross_entropy", "split", "sqrt", "square", "squeeze", "stack", "standard_exponential",
    "standard_normal", "standard_uniform", "std", "stop_gradient", "subtract", "sum", "sum_like", "svd", "svdvals",
    "swapaxes", "take", "take_along_axis", "tan", "tanh", "tensordot", "tile", "top_k", "trace", "transpose",
    "trapezoid", "tril", "triu", "trunc", "truncated_normal", "uniform", "unique", "var", "vdot", "vsplit", "vstack",
    "where", "xlogy", "zeros", "zeros_like",
]
