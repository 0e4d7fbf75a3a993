"""The state of a search among networks with one hidden layer of sign units.

Same role as ``state.py`` and the same interface for annealing, for the common case and ten to
thirty times as fast: a plain chain with one hidden layer, one grid of few numbers, no free biases,
no budget, and an objective that ``shallow_losses.py`` can tabulate. Memory: 4 bytes per (unit,
row), 8 where numbers need more than 16 bits; 12 bytes for every 64 rows in which a feature is not
0, 128 or 256 more if it takes several values.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Grid
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench_heuristics.memory import Int64
from bnnbench_heuristics.shallow_columns import padded, row_order, word_columns
from bnnbench_heuristics.shallow_losses import Losses, build_losses
from bnnbench_heuristics.shallow_memory import (
    BEST_VALUE,
    BLOCK,
    FIRST_OUTPUT,
    IMPROVED,
    LOSS,
    N_BIASES,
    N_FEATURES,
    N_SCALARS,
    N_SOURCES,
    RANDOM,
    SHIFT,
    START,
    UNIT,
    Array,
    Shallow,
)
from bnnbench_heuristics.tables import gains, total_reaches
from bnnbench_heuristics.terms import Terms, build_terms

FEW = 64
_REACH = 2**30


def is_shallow(problem: Problem) -> bool:
    """Whether topology and domain are the common case."""
    arch, domain = problem.architecture, problem.domain
    grids = [g for w in domain.grids() for g in (w, domain.bias_grid(w)) if g]
    return (
        len(arch.hidden) == 1
        and arch.dense
        and arch.activation == "sign"
        and domain.bias != "free"
        and domain.budget(arch.n_weights) is None
        and len(domain.grids()) == 1
        and max(g.size for g in grids) <= FEW
        and max(total_reaches(problem)) < _REACH
    )


class ShallowState:
    """One network of a problem with its tables, kept up to date by compiled moves.

    Attributes:
        problem: the problem.
        terms: how its objective is tracked.
        losses: its loss tables.
        tables: all arrays.
        order: which training row each of their rows is.
    """

    def __init__(self, problem: Problem, terms: Terms, losses: Losses) -> None:
        self.problem, self.terms, self.losses = problem, terms, losses
        X = problem.dataset.part("train")[0]
        arch, self._live = problem.architecture, np.flatnonzero(X.any(axis=0))
        self.order = row_order(X[:, self._live])
        X = X[np.ix_(self.order, self._live)]
        hidden, outputs, biases = arch.hidden[0], arch.outputs, int(problem.domain.bias != "none")
        self._shapes = (hidden, len(self._live) + biases), (hidden + biases, outputs)
        size = sum(a * b for a, b in self._shapes)
        grid = problem.domain.grids()[0]
        head, padding = self._head(), padded(len(X))
        columns = word_columns(X, int(head[UNIT]))
        number, address = self._types(columns["entries"])
        columns["entries"] = columns["entries"].astype(number)
        self.tables = Shallow(
            head=head,
            values=np.zeros(size, dtype=np.int32),
            best=np.zeros(size, dtype=np.int32),
            grids=np.array([_row(grid), _row(problem.domain.bias_grid(grid))]),
            **columns,
            sums=np.zeros((hidden + 1, padding), dtype=number),
            rests=np.zeros((hidden, padding), dtype=number),
            out=np.zeros((outputs, len(X)), dtype=address),
            code=losses.code,
            totals=np.zeros(outputs, dtype=np.int64),
            rises=np.zeros(outputs, dtype=np.int64),
            row_code=np.zeros(len(X), dtype=address),
            row_loss=losses.row_loss,
            flips=np.zeros(padding + 64, dtype=np.uint32),
            spots=np.zeros(BLOCK, dtype=address),
        )
        self._inputs = X.astype(np.float64)
        half = 2 * losses.reach + 1
        self._origin = np.where(problem.targets()[self.order] > 0, 0, half) + losses.reach

    @classmethod
    def of(
        cls, problem: Problem, penalty: float = 16.0, guide: float | None = None
    ) -> ShallowState | None:
        """The state of a problem of the common case, else None."""
        if not is_shallow(problem):
            return None
        terms = build_terms(problem, penalty, guide)
        losses = build_losses(problem, terms)
        return None if losses is None else cls(problem, terms, losses)

    @property
    def value(self) -> Fraction:
        """The tracked objective of a feasible network."""
        return self._value / self.losses.scale

    @property
    def feasible(self) -> bool:
        """Whether no hard requirement is broken."""
        return self._value <= self.losses.worst

    @property
    def _value(self) -> int:
        loss = int(self.tables.head[LOSS])
        return loss & ((1 << self.losses.shift) - 1) if self.losses.shift else loss

    def threshold(self, value: float) -> float:
        """The largest tracked value that means an objective of at most ``value``."""
        if not math.isfinite(value):
            return -math.inf
        return min(math.floor(Fraction(value) * self.losses.scale), self.losses.worst)

    def seed(self, rng: np.random.Generator) -> None:
        """Seed the compiled moves."""
        self.tables.head[RANDOM] = rng.integers(-(2**63), 2**63)

    def randomise(self, rng: np.random.Generator) -> None:
        """Draw uniform weights on the live arcs, uniform biases."""
        lo, step, size = self.tables.grids.T
        for part, is_bias in zip(self._parts(self.tables.values), self._are_biases(), strict=True):
            kind = is_bias.astype(np.int64)
            part[...] = lo[kind] + step[kind] * rng.integers(0, size[kind])
        self._restart()

    def load(self, network: Network) -> None:
        """Take over a network of the problem's class; weights of dead features are not kept."""
        first, second = self._parts(self.tables.values)
        live, (hidden, output) = len(self._live), network.layers
        first[:, :live] = hidden.weights[self._live].T
        second[: len(first)] = output.weights
        if self.problem.domain.bias != "none":
            first[:, live], second[-1] = hidden.bias, output.bias
        self._restart()

    def anneal(
        self, first: int, moves: int, total: float, start: float, floor: float, share: float,
        stop: float,
    ) -> int:  # fmt: skip
        """See ``kernel_search.anneal``; ``start`` in typical steps."""
        from bnnbench_heuristics.shallow_kernel import anneal_shallow

        goal = -1 if stop < 0 else int(stop)
        heat = start * self.losses.step
        return anneal_shallow(self.tables, first, moves, total, heat, floor, share, goal)

    def reached(self, stop: float) -> bool:
        """Whether the best value since the last start is at most this."""
        return bool(self.tables.head[BEST_VALUE] <= stop)

    def take_improved(self) -> bool:
        """Whether the best network has changed since this was last asked."""
        improved = bool(self.tables.head[IMPROVED])
        self.tables.head[IMPROVED] = 0
        return improved

    def network(self, best: bool = False) -> Network:
        """The current network, or the best since the last start."""
        arch, domain = self.problem.architecture, self.problem.domain
        first, second = self._parts(self.tables.best if best else self.tables.values)
        live, hidden = len(self._live), arch.hidden[0]
        weights = np.full((arch.inputs, hidden), _nearest_to_zero(domain.grids()[0]))
        weights[self._live] = first[:, :live].T
        biases = [np.zeros(hidden, dtype=np.int64), np.zeros(arch.outputs, dtype=np.int64)]
        if domain.bias != "none":
            biases = [first[:, live].astype(np.int64), second[hidden].astype(np.int64)]
        matrices = [weights, second[:hidden].astype(np.int64)]
        layers = (
            Layer(w, b, domain.scale, domain.scale) for w, b in zip(matrices, biases, strict=True)
        )
        return Network(arch, tuple(layers))

    def _head(self) -> Int64:
        """The scalars that never change, zero elsewhere."""
        (hidden, sources), _ = self._shapes
        head = np.zeros(N_SCALARS, dtype=np.int64)
        head[SHIFT], head[START] = self.losses.shift, self.losses.start
        head[N_SOURCES] = sources
        head[FIRST_OUTPUT] = hidden * sources
        head[N_BIASES] = hidden * (sources - len(self._live))
        head[N_FEATURES] = len(self._live)
        head[UNIT] = gains(self.problem)["BIAS_GAIN"][0]
        return head

    def _types(self, entries: Array) -> tuple[type[np.integer[Any]], type[np.integer[Any]]]:
        """Of what makes up hidden sums, and of addresses; all narrow or none, so two in all."""
        unit = int(gains(self.problem)["BIAS_GAIN"][0])
        # A step can be twice as large as a sum.
        step = 2 * (total_reaches(self.problem)[0] // unit + 1)
        table = max(len(self.losses.code), len(self.losses.row_loss))
        narrow = max(step, unit, int(entries.max(initial=0))) < 2**15 and table <= 2**16
        return (np.int16, np.uint16) if narrow else (np.int32, np.uint32)

    def _parts(self, values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Parameters of hidden units, (units, sources), and of outputs, (sources, units)."""
        a, b = self._shapes
        cut = a[0] * a[1]
        return values[:cut].reshape(a), values[cut:].reshape(b)

    def _are_biases(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        first, second = np.zeros(self._shapes[0], bool), np.zeros(self._shapes[1], bool)
        first[:, len(self._live) :] = True
        second[self._shapes[0][0] :] = True
        return first, second

    def _restart(self) -> None:
        """Compute the tables from the parameters; floats are exact at these sizes."""
        t, losses = self.tables, self.losses
        first, second = self._parts(t.values)
        live, hidden = len(self._live), self._shapes[0][0]
        pre = first[:, :live].astype(np.float64) @ self._inputs.T
        if self.problem.domain.bias != "none":
            pre += first[:, live:] * t.head[UNIT]
        n = len(self._inputs)
        t.sums[:hidden, :n] = np.floor(pre / t.head[UNIT])
        t.rests[:, :n] = pre - t.sums[:hidden, :n] * float(t.head[UNIT])
        out = np.where(pre.T >= 0, 1.0, -1.0) @ second[:hidden] + second[hidden:].sum(axis=0)
        t.out[...] = (self._origin + out).T
        shares = t.code[t.out].astype(np.int64)
        t.totals[...] = shares.sum(axis=1)
        t.head[LOSS] = t.totals.sum()
        if len(t.row_loss):
            t.row_code[...] = losses.start + shares.sum(axis=0)
            t.head[LOSS] = t.row_loss[t.row_code].sum()
        t.head[BEST_VALUE], t.head[IMPROVED] = self._value, 1
        t.best[...] = t.values


def _row(grid: Grid | None) -> tuple[int, int, int]:
    return (0, 1, 0) if grid is None else (grid.lo, grid.step, grid.size)


def _nearest_to_zero(grid: Grid) -> int:
    return int(grid.values[np.abs(grid.values).argmin()])
