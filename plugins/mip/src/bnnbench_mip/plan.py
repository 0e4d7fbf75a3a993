"""The integer units and exact ranges of a layer, before any variable is made.

With features over a scale, weights over a scale and biases over a scale, a pre-activation is a
rational number with a known denominator. Dividing its numerator by the greatest common divisor of
all its summands gives the integer z of the program: ``z >= 0`` or ``z <= -1`` is the exact choice
of a threshold unit, whatever the decimals of the data (mip.md section 2, inn.md 2.2 and 3.9).

Ranges are per training row, from the data: sums of x+ times the largest and x- times the smallest
weight (inn.md 3.9, M_k). A free bias needs no more than the range of its unit's sum, since a bias
beyond it changes no sign; the output layer adds what its loss can still tell apart.

Cost: one product (n x inputs) @ (inputs x width) per layer that reads the features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Ints
from bnnbench.problem import Problem
from bnnbench_mip.lattice import Lattice

Int64 = npt.NDArray[np.int64]
Slack = Callable[[int, Fraction], int]

REACH = 4 * 10**9
"""Largest pre-activation: times the finest solver tolerance, 1e-10, it stays below half a unit."""


@dataclass(frozen=True, eq=False)
class Plan:
    """One layer in integer units.

    Attributes:
        layer: 1..depth.
        mask: which arcs exist, shape (fan_in, width).
        live: which arcs get a variable.
        weights: their lattice.
        dead: numerator of the weights of existing arcs without a variable.
        bias: lattice of the biases; None without biases.
        bias_scale: denominator of the biases.
        X: coefficients of weights (in their units) of arcs from the features, shape (n, inputs);
            None when the layer does not read the features.
        product: coefficient of a product of weight (in its units) and activation.
        bias_factor: coefficient of a bias (in its units).
        divisor: numerators of the core's forward pass are z times this.
        value: what z = 1 means, in units of the pre-activation.
        lower, upper: range of z, shape (n, width).
    """

    layer: int
    mask: npt.NDArray[np.bool_]
    live: npt.NDArray[np.bool_]
    weights: Lattice
    dead: int
    bias: Lattice | None
    bias_scale: int
    X: Int64 | None
    product: int
    bias_factor: int
    divisor: int
    value: Fraction
    lower: Int64
    upper: Int64


class ReachError(Exception):
    """A pre-activation could leave the range that solver tolerances can resolve."""


def plan_layers(problem: Problem, slack: Slack) -> list[Plan]:
    """The plans of all layers.

    Args:
        problem: what is modelled.
        slack: by how many units beyond its sum's range a free output bias still matters, given
            the width of that range and the value of a unit.

    Raises:
        ReachError: when a layer exceeds :data:`REACH`.
    """
    depth = problem.architecture.depth
    return [
        plan_layer(problem, k, slack if k == depth else (lambda spread, value: 0))
        for k in range(1, depth + 1)
    ]


def plan_layer(problem: Problem, layer: int, slack: Slack) -> Plan:
    """The plan of one layer; see :func:`plan_layers`."""
    arch, domain, data = problem.architecture, problem.domain, problem.dataset
    mask = arch.mask(layer)
    X = data.part("train")[0] if arch.sources(layer)[0].source == 0 else None
    scale = domain.scale
    unit = scale * (1 if X is None else data.scale)
    weights = Lattice.of(domain.grids())
    biases = [g for g in map(domain.bias_grid, domain.grids()) if g is not None]
    bias = Lattice.of(biases) if biases else None

    # What one unit of a weight times a feature, a product and a bias add to the numerator of z.
    shared = 0 if X is None or not X.size else int(np.gcd.reduce(X, axis=None))
    product = weights.unit * (unit // scale) if len(mask) > (0 if X is None else X.shape[1]) else 0
    bias_factor = bias.unit * (unit // scale) if bias else int(domain.bias == "free")
    divisor = math.gcd(shared * weights.unit, product, bias_factor) or 1
    product //= divisor
    bias_factor //= divisor

    value = Fraction(divisor, unit)
    features = None if X is None else _scaled(X, weights, divisor)
    lower, upper = _sums(problem, mask, weights, features, product)
    if domain.bias == "free":
        bias = _free(lower, upper, len(weights.starts), slack, value)
    if bias is not None:
        lower = lower + bias_factor * bias.smallest
        upper = upper + bias_factor * bias.largest
    reach = max(-int(lower.min()), int(upper.max()))
    if reach > REACH:
        raise ReachError(f"layer {layer} reaches {reach:.2g}")
    return Plan(
        layer=layer,
        mask=mask,
        live=_live_arcs(problem, mask, X),
        weights=weights,
        dead=_dead_weight(problem),
        bias=bias,
        bias_scale=unit if domain.bias == "free" else scale,
        X=features,
        product=product,
        bias_factor=bias_factor,
        divisor=divisor,
        value=value,
        lower=lower,
        upper=upper,
    )


def _dead_weight(problem: Problem) -> int:
    """The number of least magnitude on the (first) grid: 0 where that is on it."""
    grid = problem.domain.grids()[0]
    below = min(max(grid.lo, grid.lo + -grid.lo // grid.step * grid.step), grid.hi)
    return min(below, min(below + grid.step, grid.hi), key=abs)


def _live_arcs(
    problem: Problem, mask: npt.NDArray[np.bool_], X: Ints | None
) -> npt.NDArray[np.bool_]:
    """Which arcs need a variable.

    Weights of features that are 0 in every training row never matter (inn.md 2.1); they get the
    number of least magnitude. Where the layer chooses its grid, or that number uses up a budget,
    they stay variables.
    """
    grids = problem.domain.grids()
    budgeted = problem.domain.budget(problem.architecture.n_weights) is not None
    if X is None or len(grids) > 1 or (budgeted and _dead_weight(problem) == grids[0].hi):
        return mask
    live = mask.copy()
    live[: X.shape[1]] &= (X != 0).any(axis=0)[:, None]
    return live


def _scaled(X: Ints, weights: Lattice, divisor: int) -> Int64:
    """Coefficients of weights in the rows of z."""
    largest = max(abs(int(X.max())), abs(int(X.min()))) if X.size else 0
    magnitude = int(weights.magnitude.max())
    if largest * weights.unit * max(1, X.shape[1]) * magnitude // divisor > 10**6 * REACH:
        raise ReachError(f"features up to {largest} with weights up to {magnitude}")
    return X.astype(np.int64) * weights.unit // divisor


def _sums(
    problem: Problem,
    mask: npt.NDArray[np.bool_],
    weights: Lattice,
    features: Int64 | None,
    product: int,
) -> tuple[Int64, Int64]:
    """Range of the pre-activations without biases, shape (n, width)."""
    n = problem.dataset.sizes[0]
    low, high = int(weights.smallest), int(weights.largest)
    lower = np.zeros((n, mask.shape[1]), dtype=np.int64)
    upper = lower.copy()
    arcs = mask.astype(np.int64)
    if features is not None:
        inputs = features.shape[1]
        positive = np.maximum(features, 0) @ arcs[:inputs]
        negative = np.minimum(features, 0) @ arcs[:inputs]
        lower += positive * low + negative * high
        upper += positive * high + negative * low
        arcs = arcs[inputs:]
    least, most = product_range(problem, weights)
    lower += product * least * arcs.sum(axis=0)
    upper += product * most * arcs.sum(axis=0)
    return lower, upper


def product_range(problem: Problem, weights: Lattice) -> tuple[int, int]:
    """Range of weight times activation, in the weights' units."""
    low, high = int(weights.smallest), int(weights.largest)
    if problem.architecture.activation == "sign":
        return min(low, -high), max(high, -low)
    return min(low, 0), max(high, 0)


def _free(lower: Int64, upper: Int64, grids: int, slack: Slack, value: Fraction) -> Lattice:
    """The biases that can matter: from everything below the threshold to everything above it.

    0 is always among them, so that bounding a bias never makes it larger.
    """
    beyond = slack(int(upper.max() - lower.min()) + 1, value)
    if beyond:
        lower = np.broadcast_to(lower.min(), lower.shape)
        upper = np.broadcast_to(upper.max(), upper.shape)
    low = np.minimum(0, -upper.max(axis=0) - 1 - beyond)
    high = np.maximum(0, -lower.min(axis=0) + beyond)
    return Lattice.integers(low, high, grids)
