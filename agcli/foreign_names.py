"""Names that people bring from other libraries, and where they find the same here; for docs/ops.md."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

RUST_AUTOGRAD = {
    "grad": "`grad(ys, xs)`",
    "grad_with_default": "`grad(ys, xs, cotangents)`; also `vjp`",
    "jacobians": "`jacobian`",
    "hessian_vector_product": "`hvp`; a whole `hessian`",
    "stop_gradient": "`stop_gradient`",
    "add": "`add`, `a + b`",
    "sub": "`subtract`, `a - b`",
    "mul": "`multiply`, `a * b`",
    "div": "`divide`, `a / b`",
    "neg": "`negative`, `-a`",
    "abs": "`abs`",
    "sign": "`sign`",
    "floor": "`floor`",
    "ceil": "`ceil`",
    "square": "`square`",
    "sqrt": "`sqrt`",
    "inv": "`reciprocal` (`inv` is the inverse of a matrix)",
    "inv_sqrt": "`rsqrt`",
    "pow": "`power`, `a ** b`",
    "exp": "`exp`",
    "exp2": "`exp2`",
    "exp10": "`exp10`",
    "ln": "`log`",
    "log2": "`log2`",
    "log10": "`log10`",
    "sin": "`sin`",
    "cos": "`cos`",
    "tan": "`tan`",
    "asin": "`arcsin`",
    "acos": "`arccos`",
    "atan": "`arctan`",
    "sinh": "`sinh`",
    "cosh": "`cosh`",
    "tanh": "`tanh`",
    "asinh": "`arcsinh`",
    "acosh": "`arccosh`",
    "atanh": "`arctanh`",
    "lgamma": "`lgamma`",
    "digamma": "`digamma`",
    "maximum": "`maximum`",
    "minimum": "`minimum`",
    "clip": "`clip`",
    "equal": "`equal`",
    "not_equal": "`not_equal`",
    "greater": "`greater`, `a > b`",
    "greater_equal": "`greater_equal`, `a >= b`",
    "lesser": "`less`, `a < b`",
    "lesser_equal": "`less_equal`, `a <= b`",
    "sigmoid": "`sigmoid`",
    "relu": "`relu`",
    "leaky_relu": "`leaky_relu`",
    "elu": "`elu`",
    "softplus": "`softplus`",
    "add_n": "`add_n`",
    "reduce_sum": "`sum`",
    "reduce_mean": "`mean`",
    "reduce_prod": "`prod`",
    "reduce_max": "`max`",
    "reduce_min": "`min`",
    "reduce_variance": "`var`",
    "reduce_logsumexp": "`logsumexp`",
    "sum_all": "`sum`",
    "mean_all": "`mean`",
    "argmax": "`argmax`",
    "argmin": "`argmin`",
    "shape": "`shape`",
    "size": "`size`",
    "rank": "`rank`",
    "reshape": "`reshape`",
    "flatten": "`flatten`",
    "expand_dims": "`expand_dims`",
    "squeeze": "`squeeze`",
    "transpose": "`transpose`",
    "tile": "`tile`",
    "split": "`split`",
    "slice": "`x[...]`, `getitem`",
    "concat": "`concatenate`",
    "gather": "`take`",
    "gather_common": "`take`",
    "access_elem": "`access_elem`",
    "setdiff1d": "`setdiff1d`",
    "identity": "`convert_to_tensor`; the matrix: `eye`",
    "convert_to_tensor": "`convert_to_tensor`, `constant`",
    "zeros": "`zeros`",
    "ones": "`ones`",
    "matmul": "`matmul`, `a @ b`",
    "batch_matmul": "`matmul`",
    "batch_matmul_t": "`matmul` of `swapaxes(b, -1, -2)`, which is not copied",
    "tensordot": "`tensordot`",
    "softmax": "`softmax`",
    "log_softmax": "`log_softmax`",
    "sigmoid_cross_entropy": "`sigmoid_cross_entropy`",
    "softmax_cross_entropy": "`softmax_cross_entropy`",
    "sparse_softmax_cross_entropy": "`sparse_softmax_cross_entropy`",
    "mean_squared_error": "`mean_squared_error`",
    "normalize": "`normalize`",
    "batch_norm": "`batch_norm`, `batch_norm_train`",
    "dropout": "`dropout`",
    "conv2d": "`conv2d`",
    "dilated_conv2d": "`conv2d(dilation=)`",
    "conv2d_transpose": "`conv2d_transpose`",
    "dilated_conv2d_transpose": "`conv2d_transpose(dilation=)`",
    "max_pool2d": "`max_pool2d`",
    "random_normal": "`normal`",
    "random_uniform": "`uniform`",
    "standard_normal": "`standard_normal`",
    "standard_uniform": "`standard_uniform`",
    "bernoulli": "`bernoulli`",
    "random_exp": "`exponential`",
    "random_gamma": "`random_gamma`",
    "log_normal": "`log_normal`",
    "map": "`apply`",
    "print": "`print_value`",
    "show_shape": "`print_shape`",
    "raw_hook": "`tap`",
    "control_dependencies": "`with_dependencies`",
    "assign": "`assign`",
    "placeholder": "`placeholder`",
    "variable": "`variable`",
    "VariableEnvironment": "`Variables`",
    "namespace": "`Variables.namespace`",
    "save": "`save_arrays`",
    "load": "`load_arrays`",
    "Op": "`Op`; without a class: `custom_gradient`, `apply`",
    "check_theoretical_grads": "`check_grads`",
}

OTHERS = {
    "NumPy `np.random.default_rng(seed)`": "`function(..., seed=)`, or `random_key(seed)` and `key=`",
    "NumPy `x[i] = v`": "`x.at[i].set(v)`, `setitem(x, v, index=i)`, `where`: tensors do not change",
    "NumPy `linalg.*`, `special.*`": "without the prefix: `solve`, `svd`, `erf`",
    "NumPy `argmax(x)`": "`x.argmax()`, `argmax(x, axis=None)`; `argmax(x)` goes along the last axis",
    "NumPy `np.add.at`, `bincount`": "`scatter_add`, `segment_sum`",
    "NumPy `np.multiply.at`, `np.maximum.at`": "`scatter_multiply`, `scatter_max`",
    "NumPy `invert`, `bitwise_left_shift`": "`bitwise_not`, `left_shift`",
    "NumPy `row_stack`, `trapz`, `rollaxis`": "`vstack`, `trapezoid`, `moveaxis`",
    "NumPy `clip(x, a_min, a_max)`": "`clip(x, low, high)`; None is no bound",
    "PyTorch `cat`, `unsqueeze`, `permute`, `t`": "`concatenate`, `expand_dims`, `transpose`, `x.T`",
    "PyTorch `clamp`, `pow`, `neg`": "`clip`, `power`, `negative`",
    "PyTorch `sub`, `mul`, `div`": "`subtract`, `multiply`, `divide`",
    "PyTorch `gather`, `index_select`": "`take_along_axis`, `take`",
    "PyTorch `scatter`, `scatter_reduce`": "`put_along_axis(x, index, values, axis, mode)`",
    "PyTorch `index_add`, `index_copy`, `index_put`": "`scatter_add`, `scatter_set`, `setitem`",
    "PyTorch `cummax`, `cummin`": "`cummax` and `cumargmax`, `cummin` and `cumargmin`; of equal elements the first",
    "PyTorch `topk`, `movedim`, `swapdims`": "`top_k`, `moveaxis`, `swapaxes`",
    "PyTorch `transpose(a, b)`": "`swapaxes(a, b)`; `transpose` takes all axes, as in NumPy",
    "PyTorch `tensor_split`": "`array_split`",
    "PyTorch `F.normalize(x, p)`": "`lp_normalize(x, ord)`; `normalize` gives mean 0 and variance 1",
    "PyTorch `hardswish`, `hardsigmoid`, `hardtanh`": "`hard_swish`, `hard_sigmoid`, `hard_tanh`",
    "PyTorch `dim=`, `keepdim=`": "`axis=`, `keepdims=`",
    "PyTorch `detach`": "`stop_gradient`",
    "PyTorch `cross_entropy`": "`sparse_softmax_cross_entropy`",
    "PyTorch `binary_cross_entropy_with_logits`, `nll_loss`": "`sigmoid_cross_entropy`, `negative_log_likelihood`",
    "PyTorch `var(x)`, `std(x)`": "`var(x, ddof=1)`, `std(x, ddof=1)`",
    "PyTorch `cross_entropy(weight=, ignore_index=)`": "the same with `weights=` and `reduction='mean'`: 0 if all is "
    "ignored, not NaN",
    "PyTorch `conv2d` (N, C, H, W)": "`conv2d` (N, H, W, C)",
    "PyTorch `avg_pool2d`": "`avg_pool2d(count_include_pad=True)`: here padding does not count unless asked for",
    "PyTorch `max_pool2d(return_indices=True)`": "`max_pool2d` and `max_pool2d_indices`",
    "PyTorch `max_unpool2d(output_size=)`": "`max_unpool2d(lengths=)`; of several at one place the last",
    "PyTorch `adaptive_avg_pool2d`, `adaptive_max_pool2d`": "`adaptive_avg_pool`, `adaptive_max_pool`, of any rank",
    "PyTorch `unfold`, `fold` (N, C kh kw, windows)": "`unfold`, `fold` (N, windows, kh kw C), C last as everywhere",
    "PyTorch `interpolate(mode='bilinear')`, JAX `image.resize`": "`interpolate(mode='linear')`, in any number of axes",
    "PyTorch `pad` with negative widths": "`pad`; it is widths of all axes, the first one first",
    "PyTorch `scaled_dot_product_attention(attn_mask=)`": "the same `mask=`: floats are added; a closed row gives 0, "
    "not NaN",
    "PyTorch `loss.backward()`": "`grad(loss, xs)`, which is a tensor",
    "PyTorch `torch.compile`, JAX `jit`": "`function`",
    "PyTorch `autograd.Function`, JAX `custom_vjp`": "`custom_gradient`, or an `Op`",
    "PyTorch `utils.checkpoint`, JAX `checkpoint`": "`checkpoint`",
    "JAX `grad(f)(x)`": "`grad(f(x), x)`",
    "JAX `jacfwd`, `jacrev`": '`jacobian(mode="forward")`, `jacobian(mode="reverse")`',
    "JAX `vmap`, `lax.scan`": "`vmap`, `scan`",
    "JAX `pure_callback`, `debug.print`": "`apply`, `print_value`",
    "JAX `random.key`, `split`, `fold_in`": "`random_key`, `split_key`, `fold_in`",
    "JAX `lax.stop_gradient`, `lax.select`": "`stop_gradient`, `where`",
    "JAX `nn.swish`, `nn.one_hot`, `nn.logsumexp`": "`silu`, `one_hot`, `logsumexp`",
    "JAX `x.at[i].set(v)`, `.add`, `.mul`, `.max`": "`x.at[i].set(v)`, `.add`, `.multiply`, `.max`; an index out of "
    "range is an error",
    "JAX `lax.cummax`, `lax.top_k`": "`cummax`, `top_k`",
    "JAX `lax.shift_left`, `lax.shift_right_arithmetic`": "`left_shift`, `right_shift`",
}

ALL_HERE = "all names stand in ag itself, as ag.exp, ag.inv, ag.normal, ag.adam"
PLAIN = "leave it out: tensors have no state of that kind, and nothing is recorded before ag.grad asks for it"
MADE = 'write ag.constant(array), or ag.placeholder("x", shape) for what is fed later'

# what people ask ``ag`` for who come from JAX, PyTorch, TensorFlow or HIPS autograd -> the sentence that helps
ATTRIBUTES = {
    **dict.fromkeys(("jit", "compile"), "write ag.function(y), which compiles tensors"),
    **dict.fromkeys(("numpy", "np", "jnp", "nn", "lax", "linalg", "random", "optim", "scipy"), ALL_HERE),
    **dict.fromkeys(("tensor", "array", "asarray", "from_numpy"), MADE),
    **dict.fromkeys(("Parameter", "get_variable"), "write ag.variable(array)"),
    **dict.fromkeys(("no_grad", "enable_grad", "inference_mode", "Session", "global_variables_initializer"), PLAIN),
    "GradientTape": "write ag.grad(y, x): the graph itself is the tape",
    **dict.fromkeys(("backward", "autograd", "multigrad", "make_vjp"), "write ag.grad(y, x)"),
    "elementwise_grad": "write ag.grad(y, x, cotangents=ag.ones_like(y))",
    "jacfwd": 'write ag.jacobian(y, x, mode="forward")',
    "jacrev": 'write ag.jacobian(y, x, mode="reverse")',
    "linearize": "write ag.jvp(y, x, v)",
    **dict.fromkeys(("custom_vjp", "custom_jvp"), "write ag.custom_gradient"),
    "remat": "write ag.checkpoint",
    **dict.fromkeys(("pmap", "shard_map"), "write ag.function(y, shards=2)"),
    **dict.fromkeys(("float16", "float32", "float64", "int32", "int64", "bool_"), 'write its name: "float32"'),
    **dict.fromkeys(("cuda", "device", "devices"), "everything is computed on the processor"),
    **dict.fromkeys(("manual_seed", "seed"), "write ag.function(y, seed=1), or key=ag.random_key(1)"),
    **dict.fromkeys(
        ("set_default_dtype", "config"), 'name the type where a tensor is made: ag.placeholder("x", (), "float64")'
    ),
    **dict.fromkeys(("rand", "random_sample"), "write ag.standard_uniform((2, 3))"),
    "trigamma": "write ag.polygamma(1, x)",
    **dict.fromkeys(("l1_loss", "L1Loss"), "write ag.mean_absolute_error(prediction, target)"),
    **dict.fromkeys(("lstm", "gru", "rnn", "LSTM", "GRU"), "it is a layer of a spec; over tensors write ag.scan"),
    "randn": "write ag.standard_normal((2, 3))",
    "detach": "write ag.stop_gradient(x)",
    "masked_fill": "write ag.where(mask, value, x)",
    **dict.fromkeys(("unbind", "unstack"), "write list(x)"),
    "chunk": "write ag.array_split(x, parts, axis)",
    **dict.fromkeys(
        ("complex64", "complex128", "view_as_real", "view_as_complex"), "complex numbers are pairs: ag.fft"
    ),
    **dict.fromkeys(
        ("cross_entropy", "CrossEntropyLoss", "nll_loss"), "write ag.sparse_softmax_cross_entropy(logits, labels)"
    ),
    **dict.fromkeys(
        ("upsample", "Upsample", "resize"), "write ag.interpolate(images, scale=2), with channels in the last axis"
    ),
    **dict.fromkeys(("im2col", "extract_patches"), "write ag.unfold(images, size)"),
    "col2im": "write ag.fold(rows, lengths, size)",
    **dict.fromkeys(
        ("adaptive_avg_pool2d", "AdaptiveAvgPool2d", "adaptive_avg_pool1d"), "write ag.adaptive_avg_pool(x, size)"
    ),
    **dict.fromkeys(("adaptive_max_pool2d", "AdaptiveMaxPool2d"), "write ag.adaptive_max_pool(x, size)"),
    **dict.fromkeys(("mse_loss", "MSELoss"), "write ag.mean_squared_error(prediction, target)"),
    **dict.fromkeys(
        ("binary_cross_entropy_with_logits", "bce_loss"), "write ag.sigmoid_cross_entropy(logits, targets)"
    ),
    **dict.fromkeys(
        ("Module", "Linear", "Sequential", "Model", "keras", "fit"), "write a spec in YAML and ag.train(spec)"
    ),
    **dict.fromkeys(("tree_map", "tree_util", "tree"), "transforms take lists of tensors: ag.grad(y, [a, b])"),
    **dict.fromkeys(("gradcheck", "grad_check"), "write ag.check_grads"),
    **dict.fromkeys(("SGD", "Adam", "AdamW", "RMSprop", "LBFGS"), "write ag.adam, ag.sgd, ag.lbfgs: small letters"),
    **dict.fromkeys(("symbols", "Symbol", "sympify"), 'write ag.parse("x^2") for a formula'),
    "lambdify": "write ag.function(y)",
    "is_tensor": "write isinstance(x, ag.Tensor)",
}


def sentence(name: str) -> str:
    """What to write instead of ``ag.name``, or nothing."""
    from agcli.engine.foreign import renamed

    if name in ATTRIBUTES:
        return ATTRIBUTES[name]
    if name in RUST_AUTOGRAD:
        return f"here it is {RUST_AUTOGRAD[name]}".replace("`", "")
    op = renamed(name)
    return f"write ag.{op}" if op else ""


NEAR = 0.76  # of a name, as difflib measures it: less is another word
WORD = 5  # letters of a word that names something by itself


def nearest(name: str, names: Sequence[str]) -> str:
    """The name that is `name` without `_loss`, the only one with that word, as `attention`, or the one of which it is
    a misspelling; else nothing."""
    short = name.removesuffix("_loss")
    if short in names:
        return short
    longer = [known for known in names if len(name) >= WORD and name in known.split("_")]
    return longer[0] if len(longer) == 1 else next(iter(get_close_matches(name, names, 1, NEAR)), "")
