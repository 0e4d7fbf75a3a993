"""The problem on some of its rows, and averages of networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bnnbench.dataset import Dataset
from bnnbench.domain import Grid
from bnnbench.network import Layer, Network
from bnnbench.objectives.counts import expected_errors
from bnnbench.problem import Problem

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def on_rows(problem: Problem, rows: Int64, validation: Int64 | None = None) -> Problem:
    """The problem with these rows for training, and others for validation.

    Args:
        problem: the problem.
        rows: training rows, as indices into all rows of the data set.
        validation: validation rows, likewise; None for none.
    """
    data = problem.dataset
    kept = rows if validation is None else np.concatenate([rows, validation])
    sizes = (len(rows), len(kept) - len(rows), 0)
    part = Dataset(data.name, data.X[kept], data.y[kept], sizes, data.scale, data.classes)
    return replace(problem, dataset=part)


def accuracy(problem: Problem, network: Network) -> float:
    """Argmax accuracy on the validation rows, on the training rows where there are none."""
    data = problem.dataset
    X, y = data.part("validation" if data.sizes[1] else "train")
    return float(1 - expected_errors(network.forward(X, data.scale).output, y)[0] / len(y))


def mean_network(
    problem: Problem, networks: Sequence[Network], weights: Sequence[float]
) -> Network:
    """The weighted mean, element by element, on the nearest number of the grid (halves to even)."""
    means = [
        (
            np.average([a.weights for a in group], axis=0, weights=weights),
            np.average([a.bias for a in group], axis=0, weights=weights),
        )
        for group in zip(*(n.layers for n in networks), strict=True)
    ]
    return nearest_network(problem, networks[0], means)


def nearest_network(
    problem: Problem, like: Network, values: Sequence[tuple[Floats, Floats]]
) -> Network:
    """Weights and biases of all layers, real numerators over a network's scales, on the grid."""
    grid = problem.domain.grids()[0]
    biases = problem.domain.bias_grid(grid)
    layers = []
    for k, ((W, b), layer) in enumerate(zip(values, like.layers, strict=True), start=1):
        weights = np.where(problem.architecture.mask(k), _nearest(grid, W), 0)
        bias = np.rint(b).astype(np.int64) if biases is None else _nearest(biases, b)
        bias = bias if problem.domain.bias != "none" else layer.bias
        layers.append(Layer(weights, bias, layer.scale, layer.bias_scale))
    return Network(problem.architecture, tuple(layers))


def _nearest(grid: Grid, values: Floats) -> Int64:
    origin = 0 if grid.lo % grid.step == 0 else grid.lo
    number = origin + grid.step * np.rint((values - origin) / grid.step).astype(np.int64)
    return np.clip(number, grid.lo, grid.hi)
