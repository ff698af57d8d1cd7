"""The ops of the table under their public names; written by `python -m agcli.reference`."""

# fmt: off
# isort: off

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.engine import functional as functional
from agcli.engine import ops as ops
from agcli.engine.table import OPS

if TYPE_CHECKING:
    from agcli.engine.ops.activations import (
        elu, gelu, hard_sigmoid, leaky_relu, log_sigmoid, mish, relu, relu6, selu, sigmoid, silu, softplus, softsign,
    )
    from agcli.engine.ops.arrays import (
        astype, broadcast_to, expand_like, flatten, moveaxis, reshape, reshape_like, sum_like, swapaxes, transpose,
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
        diag, diagonal, inner, kron, outer, trace, tril, triu,
    )
    from agcli.engine.ops.einsum import (
        dot, einsum, multi_dot, tensordot, vdot,
    )
    from agcli.engine.ops.elementwise import (
        abs, add, add_n, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, cbrt, ceil, clip, cos, cosh,
        divide, exp, exp10, exp2, expm1, floor, floor_divide, fmod, hypot, log, log10, log1p, log2, logaddexp, maximum,
        minimum, mod, multiply, negative, power, reciprocal, round, rsqrt, sign, sin, sinh, sqrt, square, subtract, tan,
        tanh, trunc, xlogy,
    )
    from agcli.engine.functional import (
        batch_norm, batch_norm_train, dropout, embedding, group_norm, instance_norm, layer_norm, moments, normalize,
        rms_norm, scaled_dot_product_attention,
    )
    from agcli.engine.ops.indexing import (
        argwhere, nonzero, one_hot, scatter_add, segment_sum, take, take_along_axis,
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
        equal, greater, greater_equal, isfinite, isinf, isnan, less, less_equal, logical_and, logical_not, logical_or,
        logical_xor, not_equal, select, stop_gradient, where,
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
    from agcli.engine.ops.pooling import (
        avg_pool1d, avg_pool2d, global_avg_pool, global_max_pool, max_pool1d, max_pool2d,
    )
    from agcli.engine.ops.random import (
        bernoulli, categorical, exponential, log_normal, normal, permutation, randint, gamma as random_gamma,
        standard_exponential, standard_normal, standard_uniform, truncated_normal, uniform,
    )
    from agcli.engine.ops.reductions import (
        all, any, argmax, argmin, logsumexp, max, mean, min, prod, sum,
    )
    from agcli.engine.ops.repeating import (
        pad, repeat, roll, tile,
    )
    from agcli.engine.ops.scans import (
        cummax, cummin, cumprod, cumsum, logcumsumexp,
    )
    from agcli.engine.ops.slicing import (
        access_elem, expand_dims, flip, getitem, split, squeeze,
    )
    from agcli.engine.ops.sorting import (
        argsort, searchsorted, setdiff1d, sort, top_k, unique,
    )
    from agcli.engine.ops.special import (
        digamma, erf, erfc, erfinv, gamma, lgamma, polygamma, sinc,
    )
    from agcli.engine.ops.spectral import (
        eigh, eigvalsh, matrix_norm, svd, svdvals,
    )
    from agcli.engine.ops.statistics import (
        norm, std, var,
    )

globals().update({name: entry.public for name, entry in OPS.items()})

__all__ = [  # noqa: RUF022  sorted as Python sorts
    "abs", "access_elem", "add", "add_n", "all", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere", "astype", "avg_pool1d", "avg_pool2d", "batch_norm",
    "batch_norm_train", "bernoulli", "broadcast_to", "categorical", "cbrt", "ceil", "cholesky", "clip", "concatenate",
    "conv1d", "conv1d_transpose", "conv2d", "conv2d_transpose", "convert_to_tensor", "cos", "cosh", "cosine_similarity",
    "cummax", "cummin", "cumprod", "cumsum", "det", "diag", "diagonal", "digamma", "divide", "dot", "dropout", "eigh",
    "eigvalsh", "einsum", "elu", "embedding", "equal", "erf", "erfc", "erfinv", "exp", "exp10", "exp2", "expand_dims",
    "expand_like", "expm", "expm1", "exponential", "eye", "flatten", "flip", "floor", "floor_divide", "fmod", "fold_in",
    "full", "full_like", "gamma", "gaussian_nll", "gelu", "getitem", "global_avg_pool", "global_max_pool", "greater",
    "greater_equal", "group_norm", "hard_sigmoid", "hinge", "huber", "hypot", "inner", "instance_norm", "inv",
    "isfinite", "isinf", "isnan", "kl_divergence", "kron", "layer_norm", "leaky_relu", "less", "less_equal", "lgamma",
    "linspace", "log", "log10", "log1p", "log2", "log_cosh", "log_normal", "log_sigmoid", "log_softmax", "logaddexp",
    "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor", "logsumexp", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "max", "max_pool1d", "max_pool2d", "maximum", "mean", "mean_absolute_error",
    "mean_squared_error", "meshgrid", "min", "minimum", "mish", "mod", "moments", "moveaxis", "multi_dot", "multiply",
    "negative", "negative_log_likelihood", "nonzero", "norm", "normal", "normalize", "not_equal", "one_hot", "ones",
    "ones_like", "outer", "pad", "permutation", "pinv", "poisson_nll", "polygamma", "power", "prod", "qr", "randint",
    "random_gamma", "rank", "reciprocal", "relu", "relu6", "repeat", "reshape", "reshape_like", "rms_norm", "roll",
    "round", "rsqrt", "scaled_dot_product_attention", "scatter_add", "searchsorted", "segment_sum", "select", "selu",
    "setdiff1d", "shape", "sigmoid", "sigmoid_cross_entropy", "sigmoid_focal_loss", "sign", "silu", "sin", "sinc",
    "sinh", "size", "slogdet", "softmax", "softmax_cross_entropy", "softplus", "softsign", "solve", "solve_triangular",
    "sort", "sparse_softmax_cross_entropy", "split", "sqrt", "square", "squeeze", "stack", "standard_exponential",
    "standard_normal", "standard_uniform", "std", "stop_gradient", "subtract", "sum", "sum_like", "svd", "svdvals",
    "swapaxes", "take", "take_along_axis", "tan", "tanh", "tensordot", "tile", "top_k", "trace", "transpose", "tril",
    "triu", "trunc", "truncated_normal", "uniform", "unique", "var", "vdot", "where", "xlogy", "zeros", "zeros_like",
]
