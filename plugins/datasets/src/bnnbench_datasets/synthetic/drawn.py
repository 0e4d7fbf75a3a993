"""Random networks from a stream of uniforms, and their decisions (datasets.md 6.2)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.domain import Grid, TwoValued, WeightDomain
from bnnbench.network import Int64, Layer, Network


def draw_network(
    architecture: Architecture,
    domain: WeightDomain,
    rng: np.random.Generator,
    input_mean: Fraction = Fraction(0),
    p: float = 0.5,
) -> Network:
    """Weights, then biases, layer by layer: value number floor(size u) of the domain's grid.

    Of two values {alpha, beta}, a weight is beta where u < p; a layer that may choose among
    several grids takes number floor(their number u) first. Missing arcs are 0. Biases are 0 in a
    domain without any; a free one puts the threshold at the mean of the pre-activation, sources
    being 0 (sign units), 1/2 (step units) or ``input_mean`` on average.
    """
    grids = domain.grids()
    layers = []
    for k in range(1, architecture.depth + 1):
        shape = (architecture.fan_in(k), architecture.widths[k])
        grid = grids[int(len(grids) * rng.random())] if len(grids) > 1 else grids[0]
        u = rng.random(shape)
        if isinstance(domain, TwoValued):
            weights = np.where(u < p, grid.hi, grid.lo)
        else:
            weights = grid.values[np.floor(grid.size * u).astype(np.int64)]
        weights = np.where(architecture.mask(k), weights, 0)
        if domain.bias == "free":
            bias = _centred(architecture, k, weights, input_mean)
        else:
            bias = _drawn(domain.bias_grid(grid), shape[1], rng)
        layers.append(Layer(weights, bias, grid.scale, grid.scale))
    return Network(architecture, tuple(layers))


def _drawn(biases: Grid | None, width: int, rng: np.random.Generator) -> Int64:
    if biases is None:
        return np.zeros(width, dtype=np.int64)
    drawn: Int64 = biases.values[np.floor(biases.size * rng.random(width)).astype(np.int64)]
    return drawn


def _centred(architecture: Architecture, k: int, weights: Int64, input_mean: Fraction) -> Int64:
    """Minus the mean pre-activation of a layer, rounded down, over the scale of the weights."""
    of_hidden = Fraction(0 if architecture.activation == "sign" else 1, 2)
    means = [
        of_hidden if c.source else input_mean
        for c in architecture.sources(k)
        for _ in range(architecture.widths[c.source])
    ]
    twice = np.array([int(2 * m) for m in means], dtype=np.int64)
    return np.asarray(-(twice @ weights // 2), dtype=np.int64)


def decide(output: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Classes of outputs, shape (n, q): z >= 0 for a single output, else the first largest."""
    if output.shape[1] == 1:
        return (output[:, 0] >= 0).astype(np.int64)
    return np.asarray(np.argmax(output, axis=1), dtype=np.int64)


def margin(output: npt.NDArray[np.int64], allgood: bool) -> npt.NDArray[np.int64]:
    """Output margin of each row, -1 where an all-good row is asked for and it is none.

    It is the least ``abs(z)`` for a single output and for ``allgood`` (exactly one z >= 0), and
    best minus second best output otherwise.
    """
    if output.shape[1] == 1:
        return np.asarray(np.abs(output[:, 0]))
    if allgood:
        one = (output >= 0).sum(axis=1) == 1
        return np.asarray(np.where(one, np.abs(output).min(axis=1), -1), dtype=np.int64)
    top = np.sort(output, axis=1)
    return np.asarray(top[:, -1] - top[:, -2])
