"""Random networks from a stream of uniforms, and their decisions (datasets.md 6.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.domain import WeightDomain
from bnnbench.network import Layer, Network


def draw_network(
    architecture: Architecture, domain: WeightDomain, rng: np.random.Generator
) -> Network:
    """Weights, then biases, layer by layer: value number floor(size u) of the domain's grid.

    Biases are 0 in a domain without any.
    """
    grid = domain.grids()[0]
    layers = []
    for k in range(1, architecture.depth + 1):
        shape = (architecture.fan_in(k), architecture.widths[k])
        weights = grid.values[np.floor(grid.size * rng.random(shape)).astype(np.int64)]
        bias = np.zeros(shape[1], dtype=np.int64)
        biases = domain.bias_grid(grid)
        if biases is not None:
            u = rng.random(shape[1])
            bias = biases.values[np.floor(biases.size * u).astype(np.int64)]
        layers.append(Layer(weights, bias, grid.scale, grid.scale))
    return Network(architecture, tuple(layers))


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
