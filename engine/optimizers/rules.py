"""The rules of first order, under the names that specs use. They are torch's where it has the rule.

So are their defaults, but for those that docs/optimizers.md lists.

``g`` is the gradient, ``p`` the parameters, ``t`` the number of the step from 1; all are flat tensors of one arena.
"""

from __future__ import annotations

from ..graph import Tensor, as_tensor
from ..ops.elementwise import maximum, sign, sqrt, square
from ..ops.logic import equal, logical_or, where
from .decay import decoupled, l2
from .optimizer import Optimizer
from .segments import norms, spread
from .state import Rate, Rule, State, chain, narrow


def mean_of(x: Tensor, name: str, decay: float, state: State) -> Tensor:
    """The running mean of ``x``, which starts at 0."""
    m = state.moment(name)
    return state.set(m, decay * m + (1 - decay) * x)


def bias(decay: float, state: State) -> Tensor:
    """What a running mean that started at 0 has reached of the true mean."""
    return 1 - as_tensor(decay) ** state.step


def sgd(lr: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """p <- p - lr v with v <- momentum v + g; Nesterov's variant uses g + momentum v (Sutskever et al., 2013).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.sgd(0.1, momentum=0.9).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 3.2, 1.058] [ 0.062 -0.124]
    """

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        if momentum:
            v = state.moment("velocity")
            new = state.set(v, momentum * v + g)
            g = g + momentum * new if nesterov else new
        return narrow(state.rate, p) * g

    return Optimizer("sgd", chain(l2, rule), lr)


def adagrad(lr: Rate = 0.01, eps: float = 1e-10) -> Optimizer:
    """Steps shrink with the sum of all squared gradients so far (Duchi et al., 2011).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.adagrad(0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.42, 4.0471] [ 0.7805 -1.7758]
    """

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        total = state.moment("total")
        new = state.set(total, total + square(g))
        return narrow(state.rate, p) * (g / (sqrt(new) + eps))

    return Optimizer("adagrad", chain(l2, rule), lr)


def rmsprop(
    lr: Rate = 0.01, decay: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, centered: bool = False
) -> Optimizer:
    """The gradient over the root of its running mean square (Tieleman and Hinton, 2012).

    With ``centered``, over its running standard deviation (Graves, 2013, equations 38 to 45).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.rmsprop(0.01).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.42, 4.0461] [ 0.78   -1.7753]
    """

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        spread_of_g = mean_of(square(g), "square", decay, state)
        if centered:
            spread_of_g = maximum(spread_of_g - square(mean_of(g, "mean", decay, state)), 0)
        step = g / (sqrt(spread_of_g) + eps)
        if momentum:
            v = state.moment("velocity")
            step = state.set(v, momentum * v + step)
        return narrow(state.rate, p) * step

    return Optimizer("rmsprop", chain(l2, rule), lr)


def adadelta(lr: Rate = 1.0, decay: float = 0.9, eps: float = 1e-6) -> Optimizer:
    """Steps in the units of the parameters, from running means of squared gradients and steps (Zeiler, 2012).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.adadelta().function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.981, 4.9617] [ 0.9903 -1.9903]
    """

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        size = state.moment("step_square")
        step = g * (sqrt(size + eps) / sqrt(mean_of(square(g), "square", decay, state) + eps))
        state.set(size, decay * size + (1 - decay) * square(step))
        return narrow(state.rate, p) * step

    return Optimizer("adadelta", chain(l2, rule), lr)


def adam_rule(beta1: float, beta2: float, eps: float, amsgrad: bool = False) -> Rule:
    """Moments of g and g^2, corrected for their start at zero."""

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        m, v = mean_of(g, "m", beta1, state), mean_of(square(g), "v", beta2, state)
        if amsgrad:
            v = state.set(highest := state.moment("v_max"), maximum(highest, v))
        rate = narrow(state.rate / bias(beta1, state), p)
        spread_of_g = narrow(1 / sqrt(bias(beta2, state)), p)
        return rate * (m / (sqrt(v) * spread_of_g + eps))

    return rule


def adam(lr: Rate = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam (Kingma and Ba, 2015, algorithm 1); weight decay is part of the gradient.

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.adam(0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.42, 3.8813] [ 0.7016 -1.7006]
    """
    return Optimizer("adam", chain(l2, adam_rule(beta1, beta2, eps)), lr)


def adamw(
    lr: Rate = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.01
) -> Optimizer:
    """Adam with weight decay as part of the step (Loshchilov and Hutter, 2019, algorithm 2).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.adamw(0.1, weight_decay=0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.3265, 3.7134] [ 0.6751 -1.6444]
    """
    return Optimizer("adamw", chain(adam_rule(beta1, beta2, eps), decoupled), lr, weight_decay)


def amsgrad(lr: Rate = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam with the largest second moment so far in place of the present one (Reddi et al., 2018).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.amsgrad(0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.42, 3.8813] [ 0.7016 -1.7006]
    """
    return Optimizer("amsgrad", chain(l2, adam_rule(beta1, beta2, eps, amsgrad=True)), lr)


def nadam(
    lr: Rate = 0.002, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, momentum_decay: float = 0.004
) -> Optimizer:
    """Adam with Nesterov's momentum, which grows towards beta1 (Dozat, 2016).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.nadam(0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.3885, 3.9771] [ 0.7527 -1.7475]
    """

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        m, v, t = mean_of(g, "m", beta1, state), mean_of(square(g), "v", beta2, state), state.step
        now, after = (beta1 * (1 - 0.5 * as_tensor(0.96) ** (k * momentum_decay)) for k in (t, t + 1))
        product = state.number("momentum_product", 1.0)
        past = state.set(product, product * now)
        of_g = narrow(state.rate * (1 - now) / (1 - past), p)
        of_m = narrow(state.rate * after / (1 - past * after), p)
        spread_of_g = narrow(1 / sqrt(bias(beta2, state)), p)
        return (of_g * g + of_m * m) / (sqrt(v) * spread_of_g + eps)

    return Optimizer("nadam", chain(l2, rule), lr)


def radam(lr: Rate = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam that starts as momentum while the second moment is still uncertain (Liu et al., 2020, algorithm 2).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.radam(0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 3.2, 1.9285] [ 0.4623 -0.9246]
    """
    limit = 2 / (1 - beta2) - 1

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        m, v, t = mean_of(g, "m", beta1, state), mean_of(square(g), "v", beta2, state), state.step
        length = limit - 2 * t * (1 - bias(beta2, state)) / bias(beta2, state)
        sure = length > 5
        part = (length - 4) * (length - 2) / length * (limit / ((limit - 4) * (limit - 2)))
        rectified = where(sure, sqrt(maximum(part, 0) * bias(beta2, state)), 1.0)
        rate = narrow(state.rate / bias(beta1, state) * rectified, p)
        adaptive = narrow(where(sure, 1.0, 0.0), p)
        return rate * (m / (sqrt(v) * adaptive + narrow(where(sure, eps, 1.0), p)))

    return Optimizer("radam", chain(l2, rule), lr)


def lion(lr: Rate = 0.0001, beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0) -> Optimizer:
    """Steps of one length in the direction of the sign of the momentum (Chen et al., 2023, algorithm 2).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.lion(0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.42, 3.88] [ 0.7 -1.7]
    """

    def rule(g: Tensor, p: Tensor, state: State) -> Tensor:
        m = state.moment("m")
        direction = sign(beta1 * m + (1 - beta1) * g)
        state.set(m, beta2 * m + (1 - beta2) * g)
        return narrow(state.rate, p) * direction

    return Optimizer("lion", chain(rule, decoupled), lr, weight_decay)


def in_trust(step: Tensor, p: Tensor, state: State) -> Tensor:
    """The step of each parameter in the length of the rate times the parameter's own norm, where neither is 0."""
    size, length = norms(p, state.params), norms(step, state.params)
    still = logical_or(equal(size, 0), equal(length, 0))
    ratio = narrow(state.rate, p) * size / where(still, 1, length)
    return step * spread(where(still, 1, ratio), state.params)


def lamb(
    lr: Rate = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-6, weight_decay: float = 0.0
) -> Optimizer:
    """Adam with the step of each parameter scaled to the parameter's norm (You et al., 2020, algorithm 2).

    >>> w = ag.variable([1.0, -2.0], dtype="float64")
    >>> step = ag.lamb(0.1).function((w * w).sum(), [w])
    >>> print([step().round(4).item() for _ in range(3)], w.value.round(4))
    [5.0, 4.1013, 3.373] [ 0.5702 -1.5675]
    """
    return Optimizer("lamb", chain(adam_rule(beta1, beta2, eps), decoupled, in_trust), lr, weight_decay)


RULES = (sgd, adagrad, rmsprop, adadelta, adam, adamw, amsgrad, nadam, radam, lion, lamb)
