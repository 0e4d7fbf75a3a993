"""The state of a local search: tables, objective terms, and the way to and from networks."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Grid
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench_heuristics.memory import (
    BEST_BROKEN,
    BEST_VALUE,
    BUDGET,
    IMPROVED,
    RANDOM,
    TOTAL_BROKEN,
    TOTAL_SEARCH,
    TOTAL_VALUE,
    Int64,
)
from bnnbench_heuristics.tables import bias_scales, build_tables
from bnnbench_heuristics.terms import build_terms


class State:
    """One network of a problem with its tables, kept up to date by compiled moves.

    Attributes:
        problem: the problem.
        terms: how its objective is tracked.
        tables: the arrays.
    """

    def __init__(self, problem: Problem, penalty: float = 16.0, guide: float | None = None) -> None:
        self.problem = problem
        self.terms = build_terms(problem, penalty, guide)
        self.tables = build_tables(problem, self.terms.arrays, dict(self.terms.reals))
        arch = problem.architecture
        self._places = [np.nonzero(arch.mask(k)) for k in range(1, arch.depth + 1)]
        self._bias_scales = bias_scales(problem)
        self._bias_grids = [problem.domain.bias_grid(g) for g in problem.domain.grids()]

    @property
    def feasible(self) -> bool:
        """Whether no hard requirement is broken."""
        return bool(self.tables.reals[TOTAL_BROKEN] == 0)

    @property
    def value(self) -> Fraction:
        """The tracked objective of a feasible network; exact when ``terms.exact``.

        Several levels of an objective are one number that orders networks as they do.
        """
        return Fraction(int(self.tables.reals[TOTAL_VALUE]), self.terms.scale)

    @property
    def search(self) -> float:
        """What the Metropolis rule minimises, in typical steps."""
        return float(self.tables.reals[TOTAL_SEARCH]) / self.terms.step

    def threshold(self, value: float) -> float:
        """The largest tracked value that means an objective of at most ``value``."""
        if not math.isfinite(value) or len(self.terms.arrays["KINDS"]) > 1:
            return -math.inf
        return float(math.floor(Fraction(value) * self.terms.scale))

    def seed(self, rng: np.random.Generator) -> None:
        """Seed the compiled moves."""
        self.tables.ints[RANDOM] = rng.integers(-(2**63), 2**63)

    def randomise(self, rng: np.random.Generator) -> None:
        """Draw uniform weights on the live arcs, the value nearest to 0 on dead ones.

        Free biases start at 0. On a budget of upper values, surplus ones are lowered at random.
        """
        t, domain = self.tables, self.problem.domain
        grids = domain.grids()
        movable = np.zeros(len(t["VALUE"]), dtype=bool)
        movable[t["MOVABLE"]] = True
        for k in range(len(t["GRID"])):
            g = int(rng.integers(len(grids)))
            t["GRID"][k] = g
            part = slice(t["FIRST_PARAMETER"][k], t["FIRST_PARAMETER"][k + 1])
            is_bias = t["SOURCE"][part] < 0
            weights = self._draw(grids[g], movable[part], rng)
            biases = self._draw(self._bias_grids[g], movable[part], rng)
            t["VALUE"][part] = np.where(is_bias, biases, weights)
        self._respect_budget(rng)
        self._restart()

    def _draw(
        self, grid: Grid | None, movable: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> Int64:
        if grid is None:
            return np.zeros(len(movable), dtype=np.int64)
        index = rng.integers(0, grid.size, size=len(movable))
        if self.tables.ints[BUDGET] >= 0:
            rest = grid.lo
        else:
            rest = grid.lo + grid.step * min(max(round(-grid.lo / grid.step), 0), grid.size - 1)
        return np.where(movable, grid.lo + grid.step * index, rest)

    def _respect_budget(self, rng: np.random.Generator) -> None:
        t = self.tables
        if t.ints[BUDGET] < 0:
            return
        grids = t["WEIGHT_GRIDS"][t["GRID"][t["LAYER"][t["TARGET"]]]]
        top = grids[:, 0] + grids[:, 1] * (grids[:, 2] - 1)
        ones = np.flatnonzero((t["SOURCE"] >= 0) & (t["VALUE"] == top))
        surplus = rng.permutation(ones)[int(t.ints[BUDGET]) :]
        t["VALUE"][surplus] = grids[surplus, 0]

    def load(self, network: Network) -> None:
        """Take over a network of the problem's class, or one that ``network()`` has given."""
        t = self.tables
        for k, layer in enumerate(network.layers):
            values = np.concatenate([layer.weights[self._places[k]], layer.bias])
            t["VALUE"][t["FIRST_PARAMETER"][k] : t["FIRST_PARAMETER"][k + 1]] = values
            grids = self.problem.domain.grids()
            arcs = layer.weights[self._places[k]]
            t["GRID"][k] = next(i for i, g in enumerate(grids) if g.contains(arcs))
        self._restart()

    def _restart(self) -> None:
        from bnnbench_heuristics.kernel import rebuild, record_best

        t = self.tables
        rebuild(t.ints, t.reals)
        t.reals[[BEST_VALUE, BEST_BROKEN]] = math.inf
        record_best(t.ints, t.reals)

    def anneal(
        self, first: int, moves: int, total: float, start: float, floor: float, share: float,
        stop: float,
    ) -> int:  # fmt: skip
        """See ``kernel_search.anneal``; ``start`` in typical steps."""
        from bnnbench_heuristics.kernel_search import anneal

        t, heat = self.tables, start * self.terms.step
        return anneal(t.ints, t.reals, first, moves, total, heat, floor, share, stop)

    def reached(self, stop: float) -> bool:
        """Whether the best value since the last start is feasible and at most this."""
        broken, best = self.tables.reals[[BEST_BROKEN, BEST_VALUE]]
        return bool(broken == 0 and best <= stop)

    def take_improved(self) -> bool:
        """Whether the best network has changed since this was last asked."""
        improved = bool(self.tables.ints[IMPROVED])
        self.tables.ints[IMPROVED] = 0
        return improved

    def network(self, best: bool = False) -> Network:
        """The current network, or the best since the last start."""
        t = self.tables
        values = t["BEST"] if best else t["VALUE"]
        arch = self.problem.architecture
        layers = []
        for k, (places, bias_scale) in enumerate(zip(self._places, self._bias_scales, strict=True)):
            part = values[t["FIRST_PARAMETER"][k] : t["FIRST_PARAMETER"][k + 1]]
            weights = np.zeros((arch.fan_in(k + 1), arch.widths[k + 1]), dtype=np.int64)
            weights[places] = part[: len(places[0])]
            bias = part[len(places[0]) :]
            layers.append(Layer(weights, bias, self.problem.domain.scale, bias_scale))
        return Network(arch, tuple(layers))
