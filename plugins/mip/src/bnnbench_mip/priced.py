"""The column method where activation vectors are too many to list: pricing by MIP (mip.md 4.3).

Prices of the relaxed master program over the vectors found so far give sums s_c per feature row
(:mod:`bnnbench_mip.pricing`). The best unit of all has outgoing weights -P or P and maximises
(sum_c v_c s_c) . u: a weighted agreement, written as a program with a binary per row and big-M rows
in the direction that its weight needs, for one sign of every extreme v (for both where biases are
not closed under negation). Whatever a solver of kind ``milp`` has proved about it when it stops
bounds all nets of H units (Farley's bound): a pricing that is cut short weakens the bound and never
breaks it. Every improving point of the solver becomes a column. Nets are exchanges and a MIP over
the columns found, so the gap may stay open.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bnnbench.domain import Integer
from bnnbench.interfaces import Model, Solver
from bnnbench.models import MatrixMILP, RowBuilder
from bnnbench.network import Network
from bnnbench_mip.activations import Activations
from bnnbench_mip.lattice import Int64
from bnnbench_mip.master import PriceLP, Prices, quiet_solver
from bnnbench_mip.pricing import Pricing
from bnnbench_mip.proof import Proof, bias_values
from bnnbench_mip.region import Region

SHARE = 0.25
"""Share of the time left that one pricing program may take."""


@dataclass(eq=False)
class Priced(Proof):
    """One run with pricing by a solver of kind ``milp``."""

    solver: Solver = field(kw_only=True)

    def start(self) -> None:
        """Begin with a unit that is always on and one per feature."""
        data = self.samples.rows.dataset
        self.X = np.asarray(data.X, dtype=np.int64)
        rows, d = self.X.shape
        empty = np.zeros((0, rows), np.int8), np.zeros((0, d), np.int8)
        none = np.zeros(0, dtype=np.int64)
        self.activations = Activations(*empty, none, np.zeros(0, np.int8))
        self.known: set[bytes] = set()
        bias = bias_values(self.problem)
        first = np.concatenate([np.zeros((1, d), np.int64), np.eye(d, dtype=np.int64)])
        self.learn(first, np.full(len(first), bias[bias <= 0].max()))

    def learn(self, weights: Int64, bias: Int64) -> int:
        """Add units' activation vectors; returns how many were new."""
        z = self.X @ weights.T + bias * self.samples.rows.dataset.scale
        signs = np.where(z >= 0, 1, -1).T.astype(np.int8)
        turned = signs[:, 0].copy()
        signs *= turned[:, None]
        fresh = []
        for k, u in enumerate(signs):
            if u.tobytes() not in self.known:
                self.known.add(u.tobytes())
                fresh.append(k)
        old = self.activations
        self.listed(
            Activations(
                np.concatenate([old.signs, signs[fresh]]),
                np.concatenate([old.weights, weights[fresh].astype(np.int8)]),
                np.concatenate([old.bias, bias[fresh]]),
                np.concatenate([old.turned, turned[fresh]]),
            )
        )
        return len(fresh)

    def prove(self) -> None:
        """Price until no unit improves the relaxation; nets on the way and at the end."""
        rng = np.random.Generator(np.random.PCG64(self.seed))
        self.exchange.run(rng, 0, self.found)
        while not self.over:
            solved = self.relaxed()
            if solved is None or not self.round(*solved):
                break
            if self.best is not None:
                self.found(self.exchange.descend(self.best))
        self.exchange.run(rng, self.effort.restarts, self.found)
        if not self.over:
            every = np.arange(len(self.master.tuples) * len(self.activations))
            self.mip(self.all, every, self.effort.nodes)

    @property
    def all(self) -> Region:
        """The region of all nets."""
        m = self.master
        return Region.whole(m.biases, m.outputs, m.kinds, m.units)

    @property
    def extremes(self) -> Int64:
        """Numbers of the tuples of -P and P, one of each kind."""
        tuples = self.master.tuples[: self.master.kinds]
        return np.flatnonzero((np.abs(tuples) == tuples.max()).all(axis=1))

    def relaxed(self) -> tuple[Pricing, Prices] | None:
        """Prices of the columns found so far; None when the time did not suffice."""
        count, kinds = len(self.activations), self.master.kinds
        extreme = np.concatenate([self.extremes, self.extremes + kinds])
        columns = (extreme[:, None] * count + np.arange(count)).ravel()
        lp = PriceLP(
            self.master, self.all, quiet_solver(self.limits, self.seed), 2.0 * self.best_loss
        )
        lp.add(columns.tolist())
        solved = lp.solve(self.clock.left)
        if solved is None:
            return None
        self.info["lp_columns"] = len(columns)
        return Pricing(self.agreement, self.master, self.all, columns), solved[1]

    def round(self, pricing: Pricing, prices: Prices) -> bool:
        """Price all units; returns whether one was found that improves the relaxation."""
        worth, _ = pricing.price(prices)
        base, s = pricing.spread(prices)
        held, most, fresh = int(worth.max()), 0, 0
        for weights in self.objectives(s):
            bound, units, values = self.best_units(weights, pricing.one)
            most = max(most, bound)
            better = [k for k, value in enumerate(values) if value > held + s.shape[1]]
            if better:
                W = np.array([units[k][0] for k in better])
                fresh += self.learn(W, np.array([units[k][1] for k in better]))
        least = base - self.master.units * most
        self.info["lp_rounds"] = self.info.get("lp_rounds", 0) + 1
        self.info["lp_bound"] = max(least / pricing.one, self.info.get("lp_bound", 0.0))
        self.info["columns"] = len(self.activations)
        self.proved(-(-least // pricing.one))
        return fresh > 0

    def objectives(self, s: Int64) -> Iterator[Int64]:
        """Weights of the rows in every pricing program."""
        biases = self.master.biases
        closed = int(biases.min()) == -int(biases.max()) - 1
        for v in self.extremes:
            yield self.master.tuples[v] @ s
            if not closed:
                yield -(self.master.tuples[v] @ s)

    def best_units(
        self, weights: Int64, one: int
    ) -> tuple[int, list[tuple[Int64, int]], list[int]]:
        """A bound on what any unit agrees with weights, units found, and what they agree."""
        d = self.X.shape[1]
        domain = self.problem.domain
        assert isinstance(domain, Integer)
        milp = agreement_program(
            self.X, self.samples.rows.dataset.scale, domain.P, self.master.biases, weights, one
        )
        points: list[Any] = []

        def heard(
            answer: Any = None, *, objective: float | None = None, bound: float | None = None
        ) -> bool:
            if answer is not None:
                points.append(np.asarray(answer))
            return self.stop()

        left = self.clock.left
        limits = replace(self.limits, time=max(0.05, SHARE * left), target=None)
        model = Model(self.problem, "milp", milp, _no_network)
        solution = self.solver.solve(model, limits, self.seed, heard)
        if solution.answer is not None:
            points.append(np.asarray(solution.answer))
        units, values = [], []
        for point in points:
            w = np.rint(point[:d]).astype(np.int64)
            b = int(np.rint(point[d]))
            u = np.where(self.X @ w + b * self.samples.rows.dataset.scale >= 0, 1, -1)
            units.append((w, b))
            values.append(int(weights @ u))
        trivial = int(np.abs(weights).sum())
        if solution.bound is None or not math.isfinite(solution.bound):
            return trivial, units, values
        slack = 1e-6 * max(1.0, abs(solution.bound))
        return min(trivial, math.ceil((slack - solution.bound) * one)), units, values


def agreement_program(
    X: Int64, scale: int, P: int, biases: Int64, weights: Int64, one: int
) -> MatrixMILP:
    """Max weights . sgn(X w + b) over whole w and b, divided by ``one``, as a minimisation.

    Variables: w, b, then a binary per row, 1 where the unit is on.
    """
    rows = RowBuilder()
    n, d = X.shape
    w = rows.variables("w", (d,), -P, P, integer=True)
    b = rows.variables("b", (1,), int(biases.min()), int(biases.max()), integer=True)
    cost = -2.0 * weights / one
    a = rows.variables("a", (n,), 0, 1, integer=True, cost=cost)
    reach = P * np.abs(X).sum(axis=1) + scale * int(np.abs(biases).max())
    on, off = np.flatnonzero(weights > 0), np.flatnonzero(weights < 0)
    if len(on):
        terms = [(w, X[on]), (b, scale), (a[on, None], -reach[on, None])]
        rows.rows((len(on),), terms, -reach[on], np.inf)
    if len(off):
        terms = [(w, X[off]), (b, scale), (a[off, None], -(reach[off, None] + 1))]
        rows.rows((len(off),), terms, -np.inf, -1)
    return rows.build(float(weights.sum()) / one)


def _no_network(point: Any) -> Network:
    raise ValueError("A unit is no network.")
