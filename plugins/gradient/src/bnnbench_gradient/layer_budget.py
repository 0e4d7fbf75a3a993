"""Several layers in {alpha, beta} under one budget of ones (sbnn.md A.4.4).

Minimise the sum of the layers' squared errors with ``sum_l k_l = K`` or ``<= K``. G_l(k) is what
the best mask of k ones explains of layer l's variation (see :mod:`closed_form`).

Exact: ``F_l(K') = max_k F_{l-1}(K' - k) + G_l(k)``, O(K sum_l n_l) time, O(K layers) memory.
Lagrangian, for large networks: maximise ``G_l(k) - lambda k`` per layer and bisect lambda. The two
ends of the last interval enclose the budget; layers are moved one by one from the sparser end to
the denser while the budget lasts, the layer at which it runs out takes the best that is left.
``min over lambda of sum_l max_k (G_l(k) - lambda k) + lambda K`` bounds what can be explained; the
gap to it is reported, 0 up to rounding at breakpoints of the concave envelope.
O(sum_l n_l) per lambda.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bnnbench_gradient.closed_form import (
    Constraint,
    Orientation,
    QuantisationError,
    TwoValues,
    check_choice,
    checked,
    explained,
    quantise,
)
from bnnbench_gradient.cut_search import TIE, Float64

Method = Literal["auto", "exact", "lagrangian"]
EXACT_WORK = 20_000_000
"""Largest K sum_l n_l that ``auto`` solves exactly."""
HALVINGS = 100


@dataclass(frozen=True, eq=False)
class Allocation:
    """How a budget is spread over layers.

    Attributes:
        ones: k per layer.
        layers: the quantised layers.
        sse: sum of their squared errors, each divided by its V where asked for.
        gap: at most this much above the least possible ``sse``; 0 when proved optimal.
        method: ``exact`` or ``lagrangian``.
    """

    ones: tuple[int, ...]
    layers: tuple[TwoValues, ...]
    sse: float
    gap: float
    method: str


def allocate(
    weights: Sequence[npt.ArrayLike],
    budget: int,
    constraint: Constraint = "at-most",
    orientation: Orientation = "either",
    normalise: bool = False,
    method: Method = "auto",
) -> Allocation:
    """Quantise layers under one budget of ones.

    Args:
        weights: one vector per layer.
        budget: K.
        constraint: whether K is the number of ones or the most there may be.
        orientation: as in :func:`closed_form.quantise`.
        normalise: divide each layer's squared error by its V, so that wide layers of large weights
            do not take all; constant layers count nothing.
        method: ``auto`` is exact up to :data:`EXACT_WORK`.

    Raises:
        QuantisationError: for weights or options that make no sense, or K outside 0..sum n.
    """
    check_choice("constraint", constraint, get_args(Constraint))
    check_choice("orientation", orientation, get_args(Orientation))
    check_choice("method", method, get_args(Method))
    vectors = [checked(w) for w in weights]
    size = sum(len(w) for w in vectors)
    if not 0 <= budget <= size or not vectors:
        raise QuantisationError(f"The budget must lie in 0..{size}, got {budget}.")
    curves = [explained(w) for w in vectors]
    factors = [(1 / c.total if c.total else 0.0) if normalise else 1.0 for c in curves]
    gains = [c.best(orientation) * f for c, f in zip(curves, factors, strict=True)]
    exact = method == "exact" or (method == "auto" and budget * size <= EXACT_WORK)
    if exact:
        ones, gap = _programmed(gains, budget, constraint), 0.0
    else:
        ones, gap = _relaxed(gains, budget, constraint)
    layers = [quantise(w, k, "exactly", orientation) for w, k in zip(vectors, ones, strict=True)]
    sse = sum(layer.sse * f for layer, f in zip(layers, factors, strict=True))
    return Allocation(tuple(ones), tuple(layers), sse, gap, "exact" if exact else "lagrangian")


def _programmed(gains: Sequence[Float64], budget: int, constraint: Constraint) -> list[int]:
    best = np.full(budget + 1, -np.inf)
    best[0] = 0
    choices = []
    for gain in gains:
        following, choice = np.full(budget + 1, -np.inf), np.zeros(budget + 1, dtype=np.int64)
        for k in range(min(budget, len(gain) - 1) + 1):
            candidate = best[: budget + 1 - k] + gain[k]
            better = candidate > following[k:]
            following[k:][better] = candidate[better]
            choice[k:][better] = k
        best = following
        choices.append(choice)
    left = budget
    if constraint == "at-most":
        left = int(np.argmax(best >= best.max() - TIE * abs(best.max())))
    ones = []
    for choice in reversed(choices):
        ones.append(int(choice[left]))
        left -= ones[-1]
    return ones[::-1]


def _relaxed(
    gains: Sequence[Float64], budget: int, constraint: Constraint
) -> tuple[list[int], float]:
    """Numbers of ones per layer, and how far from optimal they may be."""
    reach = 1 + max(float(g.max()) for g in gains)
    # at lambda >= reach a one costs more than it explains, below -reach it always pays
    high, low = reach, 0.0 if constraint == "at-most" else -reach
    sparse, bound = _at_price(gains, high, budget)
    dense, other = _at_price(gains, low, budget)
    bound = min(bound, other)
    if sum(dense) <= budget and constraint == "at-most":
        return dense, 0.0
    for _ in range(HALVINGS):
        price = (low + high) / 2
        ones, value = _at_price(gains, price, budget)
        bound = min(bound, value)
        if sum(ones) == budget:
            sparse = dense = ones
            break
        if sum(ones) < budget:
            high, sparse = price, ones
        else:
            low, dense = price, ones
    ones = _between(gains, sparse, dense, budget, constraint)
    value = sum(float(g[k]) for g, k in zip(gains, ones, strict=True))
    return ones, max(0.0, bound - value)


def _at_price(gains: Sequence[Float64], price: float, budget: int) -> tuple[list[int], float]:
    """The best k per layer when a one costs ``price``, fewest first, and the bound this gives."""
    nets = [g - price * np.arange(len(g)) for g in gains]
    ones = [int(np.argmax(net)) for net in nets]
    values = sum(float(net[k]) for net, k in zip(nets, ones, strict=True))
    return ones, values + price * budget


def _between(
    gains: Sequence[Float64],
    sparse: Sequence[int],
    dense: Sequence[int],
    budget: int,
    constraint: Constraint,
) -> list[int]:
    """From the sparse choice to the dense one, layer by layer, until the budget is spent."""
    ones, left = list(sparse), budget - sum(sparse)
    for i, (few, many) in enumerate(zip(sparse, dense, strict=True)):
        if many - few <= left:
            ones[i] = many
            left -= many - few
            continue
        reach = few + left
        ones[i] = reach
        if constraint == "at-most":
            ones[i] = int(np.argmax(gains[i][: reach + 1]))
        break
    return ones
