"""Forward values and gradients of layers and losses as torch has them: writes layers.npz beside this file.

Run by hand where torch is installed; the tests need its numbers only. Each case has a spec of layers or of a loss,
inputs, parameters under our names, the output y, and the gradients of sum(y * r) for fixed random numbers r.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

RNG = np.random.default_rng(11)
CASES: dict[str, dict] = {}
ARRAYS: dict[str, np.ndarray] = {}


def draw(*shape, scale=1.0):
    """Numbers that float32 holds exactly, as a tensor of double precision with a gradient."""
    values = (scale * RNG.normal(size=shape)).astype(np.float32)
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def case(name, spec, x, parameters, y, y_type=None, more=""):
    """Store a case. ``parameters`` maps our names to tensors in our layout, of which ``y`` was made."""
    r = torch.tensor(RNG.normal(size=tuple(y.shape)).astype(np.float32), dtype=torch.float64)
    leaves = {"x": x, **parameters}
    wanted = {k: v for k, v in leaves.items() if v.requires_grad}
    grads = torch.autograd.grad((y * r).sum(), list(wanted.values()), retain_graph=True)
    CASES[name] = {"spec": spec, "more": more}
    held = {**{f"in/{k}": v for k, v in leaves.items()}, "y": y, "r": r}
    held |= {f"grad/{k}": g for k, g in zip(wanted, grads, strict=True)}
    for key, value in held.items():
        array = value.detach().numpy()
        ARRAYS[f"{name}/{key}"] = array if array.dtype.kind == "i" else array.astype(np.float32)


def first(x):
    """Channels from last to first."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def dense():
    x, w, b = draw(5, 4), draw(4, 3), draw(3)
    case(
        "dense", "dense: {units: 3, activation: tanh}", x, {"dense_1.weight": w, "dense_1.bias": b}, (x @ w + b).tanh()
    )
    x, e = torch.tensor(RNG.integers(0, 6, (3, 4))), draw(6, 2)
    case("embedding", "embedding: {size: 6, width: 2}", x, {"embedding_1.weight": e}, F.embedding(x, e))


ACTIVATIONS = {
    "relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "softmax": lambda x: F.softmax(x, -1),
    "log_softmax": lambda x: F.log_softmax(x, -1), "leaky_relu: 0.2": lambda x: F.leaky_relu(x, 0.2),
    "elu: 0.7": lambda x: F.elu(x, 0.7), "selu": F.selu, "gelu": F.gelu,
    "gelu: {approximate: true}": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "mish": F.mish,
    "softplus": F.softplus, "softsign": F.softsign, "relu6": F.relu6,
    "hard_sigmoid": F.hardsigmoid, "log_sigmoid": F.logsigmoid, "sin": torch.sin, "exp": torch.exp,
}  # fmt: skip


def activations():
    for spec, function in ACTIVATIONS.items():
        x = draw(4, 5, scale=3.0)
        case(f"activation {spec}", spec if ":" not in spec else f"{{{spec}}}", x, {}, function(x))


def convolutions():
    x, w, b = draw(2, 6, 5, 4), draw(3, 2, 4, 3), draw(3)
    y = F.conv2d(first(x), w.permute(3, 2, 0, 1), b, stride=(2, 1), padding=1)
    names = {"weight": w, "bias": b}
    case(
        "conv2d",
        "conv2d: {filters: 3, kernel: [3, 2], stride: [2, 1], padding: 1}",
        x,
        named("conv2d_1", names),
        last(y),
    )
    x, w, b = draw(2, 6, 5, 4), draw(3, 3, 2, 6), draw(6)
    y = F.conv2d(first(x), w.permute(3, 2, 0, 1), b, padding="same", groups=2, dilation=2)
    spec = "conv2d: {filters: 6, kernel: 3, padding: same, groups: 2, dilation: 2}"
    case("conv2d in groups", spec, x, named("conv2d_1", {"weight": w, "bias": b}), last(y))
    x, w, b = draw(2, 5, 5, 3), draw(3, 3, 1, 6), draw(6)
    y = F.conv2d(first(x), w.permute(3, 2, 0, 1), b, groups=3)
    spec = "depthwise_conv2d: {kernel: 3, multiplier: 2}"
    case("depthwise_conv2d", spec, x, named("depthwise_conv2d_1", {"weight": w, "bias": b}), last(y))
    x, w, b = draw(2, 9, 3), draw(3, 3, 4), draw(4)
    y = F.conv1d(first(x), w.permute(2, 1, 0), b, stride=2)
    case("conv1d", "conv1d: {filters: 4, stride: 2}", x, named("conv1d_1", {"weight": w, "bias": b}), last(y))
    x, w, b = draw(2, 4, 3, 3), draw(3, 2, 2, 3), draw(2)
    y = F.conv_transpose2d(first(x), w.permute(3, 2, 0, 1), b, stride=2)
    spec = "conv2d_transpose: {filters: 2, kernel: [3, 2], stride: 2}"
    case("conv2d_transpose", spec, x, named("conv2d_transpose_1", {"weight": w, "bias": b}), last(y))
    x, w, b = draw(2, 4, 3), draw(3, 2, 3), draw(2)
    y = F.conv_transpose1d(first(x), w.permute(2, 1, 0), b, stride=3)
    spec = "conv1d_transpose: {filters: 2, stride: 3}"
    case("conv1d_transpose", spec, x, named("conv1d_transpose_1", {"weight": w, "bias": b}), last(y))


def named(layer, tensors):
    return {f"{layer}.{name}": t for name, t in tensors.items()}


def pools():
    x = draw(2, 6, 5, 3)
    case("max_pool", "max_pool: {size: [3, 2], stride: 2}", x, {}, last(F.max_pool2d(first(x), (3, 2), 2)))
    x = draw(2, 7, 3)
    case("max_pool of sequences", "max_pool: 2", x, {}, last(F.max_pool1d(first(x), 2)))
    x = draw(2, 6, 6, 3)
    y = F.avg_pool2d(first(x), 2, 2, padding=1, count_include_pad=False)
    case("avg_pool", "avg_pool: {size: 2, padding: 1}", x, {}, last(y))
    x = draw(2, 4, 3, 2)
    case("global_avg_pool", "global_avg_pool", x, {}, x.mean((1, 2)))
    x = draw(2, 4, 3, 2)
    case("global_max_pool", "global_max_pool", x, {}, x.amax((1, 2)))


def normalisations():
    x, scale, offset = draw(6, 3, 2, 4), draw(4), draw(4)
    y = last(F.batch_norm(first(x), None, None, scale, offset, training=True))
    still = {"mean": torch.zeros(4), "variance": torch.ones(4)}
    case("batch_norm", "batch_norm", x, named("batch_norm_1", {"scale": scale, "offset": offset, **still}), y)
    x, scale, offset = draw(3, 5, 4), draw(4), draw(4)
    y = F.layer_norm(x, (4,), scale, offset)
    case("layer_norm", "layer_norm", x, named("layer_norm_1", {"scale": scale, "offset": offset}), y)
    x, scale = draw(3, 5, 4), draw(4)
    case("rms_norm", "rms_norm", x, named("rms_norm_1", {"scale": scale}), F.rms_norm(x, (4,), scale, 1e-6))
    x, scale, offset = draw(3, 4, 2, 6), draw(6), draw(6)
    y = last(F.group_norm(first(x), 3, scale, offset))
    case("group_norm", "group_norm: 3", x, named("group_norm_1", {"scale": scale, "offset": offset}), y)


def recurrent():
    kinds = {"simple_rnn": (torch.nn.RNN, 1), "lstm": (torch.nn.LSTM, 4), "gru": (torch.nn.GRU, 3)}
    for kind, (module, gates) in kinds.items():
        for both in (False, True):
            x, n = draw(2, 5, 3), 4
            rnn = module(3, n, batch_first=True, bidirectional=both).double()
            parameters, given = {}, {}
            for way, end in (("forward", ""), ("backward", "_reverse")) if both else (("", ""),):
                w, u, b = draw(3, gates * n), draw(n, gates * n), draw(gates * n)
                rb = draw(gates * n) if kind == "gru" else torch.zeros(gates * n, dtype=torch.float64)
                bias = b
                if kind == "lstm":  # our forget gate starts open
                    bias = b + torch.tensor([0.0] * n + [1.0] * n + [0.0] * 2 * n, dtype=torch.float64)
                given |= {
                    f"weight_ih_l0{end}": w.T,
                    f"weight_hh_l0{end}": u.T,
                    f"bias_ih_l0{end}": bias,
                    f"bias_hh_l0{end}": rb,
                }
                own = {
                    "weight": w,
                    "recurrent_weight": u,
                    "bias": b,
                    **({"recurrent_bias": rb} if kind == "gru" else {}),
                }
                parameters |= named(f"{kind}_1" + (f".{way}" if way else ""), own)
            states, _ = torch.func.functional_call(rnn, given, (x,))
            spec = f"{kind}: {{units: 4, return_sequences: true, bidirectional: {str(both).lower()}}}"
            case(f"{kind}{' in both directions' if both else ''}", spec, x, parameters, states)
            if both:
                ends = torch.cat([states[:, -1, :n], states[:, 0, n:]], -1)
                case(f"{kind}, last states", f"{kind}: {{units: 4, bidirectional: true}}", x, parameters, ends)


def projections(prefix, size):
    """Weights of an attention, under our names and under torch's."""
    ours = {name: (draw(size, size, scale=0.5), draw(size, scale=0.5)) for name in ("query", "key", "value", "output")}
    parameters = {
        f"{prefix}{k}.{n}": t for k, pair in ours.items() for n, t in zip(("weight", "bias"), pair, strict=True)
    }
    three = [ours[k] for k in ("query", "key", "value")]
    given = {
        "in_proj_weight": torch.cat([w.T for w, _ in three]), "in_proj_bias": torch.cat([b for _, b in three]),
        "out_proj.weight": ours["output"][0].T, "out_proj.bias": ours["output"][1],
    }  # fmt: skip
    return parameters, given


def attention():
    for causal in (False, True):
        x = draw(2, 5, 6)
        parameters, given = projections("attention_1.", 6)
        module = torch.nn.MultiheadAttention(6, 2, batch_first=True).double()
        mask = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1) if causal else None
        y, _ = torch.func.functional_call(module, given, (x, x, x), {"attn_mask": mask, "need_weights": False})
        spec = f"attention: {{heads: 2, causal: {str(causal).lower()}}}"
        case(f"attention{', causal' if causal else ''}", spec, x, parameters, y)
    for norm_first in (True, False):
        x = draw(2, 5, 6)
        layer = torch.nn.TransformerEncoderLayer(
            6, 2, 24, 0.0, F.gelu, batch_first=True, norm_first=norm_first, dtype=torch.float64
        ).train()
        parameters, given = projections("transformer_1.attention.", 6)
        given = {f"self_attn.{k}": v for k, v in given.items()}
        for ours, theirs in (("attention_norm", "norm1"), ("feed_forward_norm", "norm2")):
            pair = draw(6), draw(6)
            parameters |= {f"transformer_1.{ours}.scale": pair[0], f"transformer_1.{ours}.offset": pair[1]}
            given |= {f"{theirs}.weight": pair[0], f"{theirs}.bias": pair[1]}
        for ours, theirs, shape in (("hidden", "linear1", (6, 24)), ("output", "linear2", (24, 6))):
            w, b = draw(*shape, scale=0.4), draw(shape[1])
            parameters |= {f"transformer_1.feed_forward.{ours}.weight": w, f"transformer_1.feed_forward.{ours}.bias": b}
            given |= {f"{theirs}.weight": w.T, f"{theirs}.bias": b}
        mask = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
        y = torch.func.functional_call(layer, given, (x,), {"src_mask": mask})
        spec = f"transformer: {{heads: 2, causal: true, norm_first: {str(norm_first).lower()}}}"
        case(f"transformer{'' if norm_first else ', norm last'}", spec, x, parameters, y)


def loss(name, spec, output, target, value):
    """The case of a loss: the model is the identity on x."""
    CASES[f"loss {name}"] = {"loss": spec}
    (grad,) = torch.autograd.grad(value, [output])
    t = target.detach().numpy()
    held = {"x": output.detach().numpy().astype(np.float32), "value": value.detach().numpy(), "grad": grad.numpy()}
    held["target"] = t if t.dtype.kind == "i" else t.astype(np.float32)
    ARRAYS.update({f"loss {name}/{k}": v for k, v in held.items()})


def losses():
    z, c = draw(7, 4), torch.tensor(RNG.integers(0, 4, 7))
    p = F.softmax(draw(7, 4), -1).detach().float().double()
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    loss("cross entropy", "softmax_cross_entropy", z, c, F.cross_entropy(z, c))
    smooth = F.cross_entropy(z, c, label_smoothing=0.1)
    loss("cross entropy, smoothed", "{softmax_cross_entropy: {label_smoothing: 0.1}}", z, c, smooth)
    each = (F.cross_entropy(z, c, reduction="none") * weights[c]).mean()
    loss("cross entropy, weighted", "{softmax_cross_entropy: {class_weights: [1, 2, 0.5, 3]}}", z, c, each)
    loss("cross entropy of probabilities", "softmax_cross_entropy", z, p, F.cross_entropy(z, p))
    loss("kl divergence", "kl_divergence", z, p, F.kl_div(F.log_softmax(z, -1), p, reduction="batchmean"))
    loss("nll", "negative_log_likelihood", z, c, F.nll_loss(z, c))
    loss("hinge of classes", "hinge", z, c, F.multi_margin_loss(z, c))
    focal = (1 - F.softmax(z, -1).gather(1, c[:, None])[:, 0]) ** 2 * F.cross_entropy(z, c, reduction="none")
    loss("focal of classes", "focal", z, c, focal.mean())
    s, t = draw(8, 1), torch.tensor(RNG.integers(0, 2, (8,)))
    tf = t.double()[:, None]
    loss("binary cross entropy", "sigmoid_cross_entropy", s, t, F.binary_cross_entropy_with_logits(s, tf))
    softened = F.binary_cross_entropy_with_logits(s, tf * 0.8 + 0.1)
    loss("binary cross entropy, smoothed", "{sigmoid_cross_entropy: {label_smoothing: 0.2}}", s, t, softened)
    pt = torch.where(tf > 0, torch.sigmoid(s), 1 - torch.sigmoid(s))
    bce = F.binary_cross_entropy_with_logits(s, tf, reduction="none")
    loss("focal", "{focal: 1.5}", s, t, ((1 - pt) ** 1.5 * bce).mean())
    loss("hinge", "hinge", s, t, F.relu(1 - s * (2 * tf - 1)).mean())
    a, b = draw(6, 3), draw(6, 3).detach()
    loss("squared error", "mse", a, b, F.mse_loss(a, b))
    loss("absolute error", "mae", a, b, F.l1_loss(a, b))
    loss("huber", "{huber: 0.7}", a, b, F.huber_loss(a, b, delta=0.7))
    loss("log cosh", "log_cosh", a, b, torch.log(torch.cosh(a - b)).mean())
    loss("cosine", "cosine", a, b, (1 - F.cosine_similarity(a, b)).mean())
    counts = torch.tensor(RNG.poisson(2.0, (6, 3)).astype(np.float32)).double()
    loss("poisson", "poisson", a, counts, F.poisson_nll_loss(a, counts))
    both = draw(6, 6)
    value = F.gaussian_nll_loss(both[:, :3], b, both[:, 3:].exp())
    loss("gaussian", "gaussian", both, b, value)
    three, none = draw(6, 3, 4), torch.zeros(6)
    value = F.triplet_margin_loss(three[:, 0], three[:, 1], three[:, 2], margin=0.8, eps=0.0)
    loss("triplet", "{triplet: 0.8}", three, none, value)
    two, same = draw(6, 2, 4), torch.tensor(RNG.integers(0, 2, 6))
    d = (two[:, 0] - two[:, 1]).norm(dim=1)
    value = (same * d**2 + (1 - same) * F.relu(3.0 - d) ** 2).mean()
    loss("contrastive", "{contrastive: 3.0}", two, same, value)


if __name__ == "__main__":
    for make in (dense, activations, convolutions, pools, normalisations, recurrent, attention, losses):
        make()
    text = json.dumps({"torch": torch.__version__, "cases": CASES})
    np.savez_compressed(Path(__file__).with_name("layers.npz"), index=np.array(text), **ARRAYS)
    print(len(CASES), "cases")
