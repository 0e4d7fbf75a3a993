"""A mixed-integer program of a problem under restrictions: boxes, fixed activations, tied rows.

The network part of a program has named blocks: ``w{k}`` and ``b{k}`` parameters of layer k,
``a{k}`` activations of a hidden layer (rows, units), ``c{k}`` products (rows, arcs), and ``o``,
``t`` or ``e`` for the loss of each row. A restriction narrows bounds of such blocks. Where a
network's numbers lie in the variables is known to the formulation alone, so a box is given by two
networks, its corners: both are encoded, and the variables of parameters are held in between.
Equal corners fix a parameter.

Rows that share their activations (the cells of data splitting) become one variable each: the
variables of the first row stand for those of all, upper rows that have become equal are kept once,
and losses of rows of one cell and class are added up. Every restriction costs O(non-zeros).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Grid
from bnnbench.interfaces import Model
from bnnbench.models import MatrixMILP
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Masks = list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]
"""Per layer which weights and which biases."""

_PARAMETERS, _STATES, _LOSSES = re.compile(r"[wb]\d+"), re.compile(r"[ac]\d+"), "ote"
_FAR = 2**40
_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Program:
    """A model of kind ``milp`` with an ``encode``, and its restrictions."""

    model: Model

    @property
    def milp(self) -> MatrixMILP:
        """The program itself."""
        found: MatrixMILP = self.model.data
        return found

    def columns(self, pattern: re.Pattern[str]) -> Int64:
        """Columns of all blocks whose name matches."""
        blocks = [b for b in self.milp.blocks if pattern.fullmatch(b)]
        parts = [self.milp.columns(b).ravel() for b in blocks]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    def encoded(self, network: Network) -> Floats:
        """The point that a network is."""
        assert self.model.encode is not None, "programs are made from formulations that encode"
        return np.asarray(self.model.encode(network), dtype=np.float64)

    def boxed(self, low: Network, high: Network) -> Program:
        """Parameters between those of two networks."""
        columns = self.columns(_PARAMETERS)
        ends = np.stack([self.encoded(low)[columns], self.encoded(high)[columns]])
        return self._bounded(columns, ends.min(axis=0), ends.max(axis=0))

    def freed(self, network: Network, free: Masks) -> Program:
        """Every parameter but the free ones as in a network."""
        low, high = (corner(self.model.problem, network, free, top) for top in (False, True))
        return self.boxed(low, high)

    def activated(self, network: Network, layers: range) -> Program:
        """Activations of these hidden layers as in a network."""
        names = "|".join(f"a{k}" for k in layers)
        columns = self.columns(re.compile(names or "(?!)"))
        point = self.encoded(network)[columns]
        return self._bounded(columns, point, point)

    def at_most(self, value: float) -> Program:
        """Only points with an objective of at most this."""
        milp = self.milp
        used = np.flatnonzero(milp.c)
        limit = value - milp.offset
        cut = replace(
            milp,
            indptr=np.append(milp.indptr, milp.indptr[-1] + len(used)).astype(np.int32),
            indices=np.concatenate([milp.indices, used]).astype(np.int32),
            data=np.concatenate([milp.data, milp.c[used]]),
            row_lower=np.append(milp.row_lower, -np.inf),
            row_upper=np.append(milp.row_upper, limit + _TOLERANCE * max(1.0, abs(limit))),
        )
        return self._with(cut)

    def tied(self, cells: Int64, labels: Int64) -> Program:
        """Rows of one cell share all activations; of these, rows of one label share their loss.

        Args:
            cells: cell of every training row, shape (n,).
            labels: class of every training row, shape (n,).
        """
        milp = self.milp
        stands_for = np.arange(milp.n_cols)
        by_cell, by_label = _first(cells), _first(cells * (int(labels.max()) + 1) + labels)
        for name, (_, shape) in milp.blocks.items():
            if _STATES.fullmatch(name):
                stands_for[milp.columns(name)] = milp.columns(name)[by_cell]
            elif name in _LOSSES and shape[0] == len(cells):
                stands_for[milp.columns(name)] = milp.columns(name)[by_label]
        return self._merged(stands_for)

    def _merged(self, stands_for: Int64) -> Program:
        """Columns replaced by others; the replaced ones are held at 0."""
        milp = self.milp
        gone = stands_for != np.arange(milp.n_cols)
        cost = np.bincount(stands_for, weights=milp.c, minlength=milp.n_cols)
        merged = replace(
            milp,
            c=np.where(gone, 0.0, cost),
            indices=stands_for[milp.indices].astype(np.int32),
            lower=np.where(gone, 0.0, milp.lower),
            upper=np.where(gone, 0.0, milp.upper),
        )
        encode = self.encoded

        def point(network: Network) -> Floats:
            return np.where(gone, 0.0, encode(network))

        return Program(replace(self.model, data=_distinct(merged), encode=point, exact=False))

    def _bounded(self, columns: Int64, low: Any, high: Any) -> Program:
        lower, upper = self.milp.lower.copy(), self.milp.upper.copy()
        lower[columns] = np.maximum(lower[columns], low)
        upper[columns] = np.minimum(upper[columns], high)
        return self._with(replace(self.milp, lower=lower, upper=upper))

    def _with(self, milp: MatrixMILP) -> Program:
        return Program(replace(self.model, data=milp, exact=False))


def corner(problem: Problem, network: Network, free: Masks, top: bool) -> Network:
    """A network whose free parameters are at the end of their grids, upper or lower.

    A free bias has no grid: it takes a number beyond every sum, which encoding cuts to its range.
    """
    grid = problem.domain.grids()[0]
    biases = problem.domain.bias_grid(grid)
    layers = []
    for layer, (weights, bias) in zip(network.layers, free, strict=True):
        W = np.where(weights, grid.hi if top else grid.lo, layer.weights)
        far = _FAR if top else -_FAR
        end = far if biases is None else biases.hi if top else biases.lo
        movable = bias & (problem.domain.bias != "none")
        b = np.where(movable, end, layer.bias)
        layers.append(Layer(W, b, layer.scale, layer.bias_scale))
    return Network(network.architecture, tuple(layers))


def around(problem: Problem, network: Network, delta: int) -> tuple[Network, Network]:
    """The corners of a box: every parameter within ``delta`` steps of a network's."""
    grid = problem.domain.grids()[0]
    biases = problem.domain.bias_grid(grid)

    def moved(sign: int) -> Network:
        layers = []
        for k, layer in enumerate(network.layers, start=1):
            W = np.where(problem.architecture.mask(k), _within(grid, layer.weights, sign, delta), 0)
            b = layer.bias if biases is None else _within(biases, layer.bias, sign, delta)
            layers.append(Layer(W, b, layer.scale, layer.bias_scale))
        return Network(network.architecture, tuple(layers))

    return moved(-1), moved(1)


def parameters(problem: Problem, *, weights: bool, biases: bool) -> Masks:
    """All weights or none, all biases or none, of every layer."""
    arch = problem.architecture
    return [
        (arch.mask(k) & weights, np.full(arch.widths[k], biases)) for k in range(1, arch.depth + 1)
    ]


def _within(grid: Grid, values: Int64, sign: int, delta: int) -> Int64:
    return np.clip(values + sign * delta * grid.step, grid.lo, grid.hi)


def _first(keys: Int64) -> Int64:
    """For every entry the place of the first one equal to it."""
    _, first, where = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[where.reshape(-1)])


def _distinct(milp: MatrixMILP) -> MatrixMILP:
    """The program with each of its rows once."""
    seen: dict[tuple[bytes, bytes, float, float], int] = {}
    ends = milp.indptr.tolist()
    sides = zip(milp.row_lower.tolist(), milp.row_upper.tolist(), strict=True)
    for row, (low, high) in enumerate(sides):
        part = slice(ends[row], ends[row + 1])
        key = (milp.indices[part].tobytes(), milp.data[part].tobytes(), low, high)
        seen.setdefault(key, row)
    rows = np.fromiter(seen.values(), dtype=np.int64)
    lengths = np.diff(milp.indptr)
    kept = np.zeros(milp.n_rows, dtype=bool)
    kept[rows] = True
    entries = np.repeat(kept, lengths)
    return replace(
        milp,
        indptr=np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int32),
        indices=milp.indices[entries],
        data=milp.data[entries],
        row_lower=milp.row_lower[kept],
        row_upper=milp.row_upper[kept],
    )
