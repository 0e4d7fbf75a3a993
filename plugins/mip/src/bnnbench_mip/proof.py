"""One run of the column method, from the list of columns to a proof (mip.md section 4.3).

The steps are those of :mod:`bnnbench_mip.columns`. Losses are whole numbers, so a bound is rounded
up; that of a MIP first loses 10^-6 of itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Clock, Report
from bnnbench.network import Layer, Network
from bnnbench.objectives import LinearHinge
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_mip.activations import Activations, enumerate_activations
from bnnbench_mip.charge import Charge
from bnnbench_mip.exchange import Exchange, Net, Unit
from bnnbench_mip.lattice import Int64
from bnnbench_mip.master import Events, Master, PriceLP, quiet_solver, search
from bnnbench_mip.pricing import Pricing
from bnnbench_mip.samples import Samples, samples_of

LONGEST = 100_000
"""Most columns of a MIP: longer ones take gigabytes and do not end."""


class Effort(Protocol):
    """The parameters of a run; see :class:`bnnbench_mip.columns.Columns`."""

    @property
    def restarts(self) -> int:
        """Shaken starts of the local search."""

    @property
    def batch(self) -> int:
        """Columns that enter the LP at once."""

    @property
    def mip_columns(self) -> int:
        """Columns of the first MIP over what is left."""

    @property
    def nodes(self) -> int:
        """Most nodes of a MIP that cannot prove anything."""


def bias_values(problem: Problem) -> Int64:
    """What a bias may be, ascending."""
    grid = problem.domain.bias_grid(problem.domain.grids()[0])
    return np.zeros(1, dtype=np.int64) if grid is None else grid.values


@dataclass(eq=False)
class Proof:
    """One solve: what is known so far, and the steps.

    Attributes:
        effort: the solver's parameters.
        problem: what is solved.
        limits: what may be used.
        seed: of the local search and of HiGHS.
        report: streams nets and bounds.
        best: the best net so far.
        bound: proved for all nets.
        halted: whether a report or the target ended the run.
        network: the best net as a network.
        info: figures for the record.
    """

    effort: Effort
    problem: Problem
    limits: Limits
    seed: int
    report: Report
    best: Net | None = None
    bound: int = 0
    halted: bool = False
    network: Network | None = None
    info: dict[str, Any] = field(default_factory=dict)
    samples: Samples = field(init=False)
    activations: Activations = field(init=False)
    master: Master = field(init=False)
    pricing: Pricing = field(init=False)
    exchange: Exchange = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.limits)
        self.samples = samples_of(self.problem, merge=True)

    def start(self) -> None:
        """List the columns.

        Raises:
            OutOfTimeError: when the time does not suffice.
        """
        problem = self.problem
        objective = problem.objective
        assert isinstance(objective, LinearHinge)
        data, biases = self.samples.rows.dataset, bias_values(problem)
        X = np.asarray(data.X, dtype=np.int64)
        self.activations = enumerate_activations(X, biases, data.scale, self.stop)
        margin, units = objective.size(problem.output_scale), problem.architecture.widths[1]
        self.master = Master(self.samples, margin, units, biases)
        self.pricing = Pricing(self.activations.signs, self.samples, margin, units, biases)
        self.exchange = Exchange(self.pricing, Charge.of(self.samples, margin), self.stop)
        self.info["columns"] = len(self.activations)

    def prove(self) -> None:
        """Everything after the list: nets, prices, and MIPs until the bound meets the loss."""
        rng = np.random.Generator(np.random.PCG64(self.seed))
        ends = self.exchange.run(rng, self.effort.restarts, self.found)
        generated = self.prices(ends)
        if not self.over:
            self.info["mips"] = 1
            self.mip(sorted(generated), None, self.effort.nodes)
        size = self.effort.mip_columns
        while not self.over and size <= LONGEST:
            units, floors = self.left()
            self.info["survivors"] = len(units)
            self.info["mips"] += 1
            complete = len(units) <= size
            beyond = (
                self.best_loss if complete else math.ceil(Fraction(floors[size], self.pricing.one))
            )
            self.mip(units[:size], beyond, None if complete else self.effort.nodes)
            if complete:
                return
            size *= 4

    def prices(self, ends: Sequence[Net]) -> set[Unit]:
        """Solve the LP by column generation; returns the columns it holds."""
        lp = PriceLP(self.master, self.limits, self.seed)
        self.enter(lp, sorted({unit for net in ends for unit in net.units}))
        rounds = 0
        while not self.over:
            solved = lp.solve(self.clock.left)
            if solved is None:
                break
            rounds += 1
            agreement, greatest = self.pricing.price(solved[1])
            self.proved(self.pricing.least)
            self.info |= {"lp_rounds": rounds, "lp_bound": float(self.pricing.bound)}
            size = np.abs(agreement)
            held = max(((1 - 2 * side) * int(agreement[u]) for side, u in lp.held), default=0)
            # Rounded prices may put a column that the LP holds off by half a unit per sample.
            if greatest <= held + len(self.samples.weights):
                break
            top = min(self.effort.batch, len(size))
            fresh = np.sort(np.argpartition(-size, top - 1)[:top])
            if not self.enter(
                lp, [(int(agreement[u] < 0), int(u)) for u in fresh if size[u] > held]
            ):
                break
        self.info["lp_columns"] = len(lp.held)
        return set(lp.held)

    def enter(self, lp: PriceLP, units: list[Unit]) -> int:
        """Add columns to the LP; returns how many were new."""
        return lp.add(units, self.signed(units)) if units else 0

    def signed(self, units: Sequence[Unit]) -> npt.NDArray[np.int8]:
        """Activations of signed columns, shape (count, rows)."""
        side, u = np.array(units, dtype=np.int64).reshape(-1, 2).T
        return self.activations.signs[u] * (1 - 2 * side).astype(np.int8)[:, None]

    @property
    def best_loss(self) -> int:
        """Loss of the best net."""
        assert self.best is not None
        return self.best.loss

    def left(self) -> tuple[list[Unit], list[int]]:
        """The signed columns that a better net may use and their bounds, ascending."""
        side, u = np.nonzero(self.pricing.useful(self.best_loss))
        floors = self.pricing.floors[side, u]
        order = np.lexsort((u, floors))
        units = list(zip(side[order].tolist(), u[order].tolist(), strict=True))
        return units, floors[order].tolist()

    def mip(self, units: list[Unit], beyond: int | None, nodes: int | None) -> None:
        """The best net of some columns, then improved by exchanges with all.

        Args:
            units: the columns.
            beyond: a bound on the nets that use others too; None for none.
            nodes: most nodes; None for no limit.
        """
        assert self.best is not None
        units = list(dict.fromkeys([*units, *self.best.units]))

        def found(x: npt.NDArray[np.float64]) -> bool:
            counts = np.rint(x[self.master.fixed :]).astype(np.int64)
            chosen = [units[k] for k in np.repeat(np.arange(len(units)), np.maximum(counts, 0))]
            return self.found(self.exchange.net(chosen[: self.master.units]))

        def bounded(bound: float) -> bool:
            if beyond is not None:
                self.proved(min(_rounded_up(bound), beyond))
            return self.over

        used = search(
            self.master,
            self.signed(units),
            self.point(self.best, units),
            quiet_solver(self.limits, self.seed),
            self.options(nodes),
            Events(found, bounded, lambda: self.over),
        )
        self.info["nodes"] = self.info.get("nodes", 0) + used
        if not self.over:
            self.found(self.exchange.descend(self.best))

    def options(self, nodes: int | None) -> dict[str, Any]:
        """HiGHS's: losses are whole numbers, so a gap below 1 is a proof."""
        options: dict[str, Any] = {
            "mip_rel_gap": 0.0,
            "mip_abs_gap": 0.999,
            "mip_min_logging_interval": 0.5,
        }
        if nodes is not None:
            options["mip_max_nodes"] = nodes
        if math.isfinite(self.clock.left):
            options["time_limit"] = max(0.01, 0.99 * self.clock.left)
        return options

    def point(self, net: Net, units: list[Unit]) -> npt.NDArray[np.float64]:
        """A net as a solution of the master program."""
        assert self.samples.row is not None
        place = {unit: k for k, unit in enumerate(units)}
        output = (self.exchange.output(list(net.units)) + net.bias)[self.samples.row]
        losses = np.maximum(0, self.master.margin - self.samples.targets[:, 0] * output)
        counts = np.zeros(len(units))
        for unit in net.units:
            counts[place[unit]] += 1
        return np.concatenate([[net.bias], losses, counts])

    @property
    def over(self) -> bool:
        """Whether to stop: proved, told to, or out of time."""
        proved = self.best is not None and self.bound >= self.best.loss
        return proved or self.stop()

    def stop(self) -> bool:
        """Whether to stop without a proof."""
        return self.halted or self.clock.over

    def found(self, net: Net) -> bool:
        """Keep and stream a net if it is the best so far."""
        if self.best is None or net.loss < self.best.loss:
            self.best, self.network = net, self.rebuilt(net)
            self.halted |= self.report(self.network, objective=float(net.loss))
            target = self.limits.target
            self.halted |= target is not None and net.loss <= target
        return self.over

    def proved(self, bound: int) -> None:
        """Keep and stream a bound; beyond the incumbent's loss it says no more."""
        bound = bound if self.best is None else min(bound, self.best.loss)
        if bound > self.bound:
            self.bound = bound
            self.halted |= self.report(bound=float(bound))

    def rebuilt(self, net: Net) -> Network:
        """The network of a net, from the units that achieve its columns; idle units are 0."""
        arch, columns = self.problem.architecture, self.activations
        weights = np.zeros((arch.inputs, arch.widths[1]), dtype=np.int64)
        bias = np.zeros(arch.widths[1], dtype=np.int64)
        outgoing = np.zeros((arch.widths[1], 1), dtype=np.int64)
        for j, (side, u) in enumerate(net.units):
            weights[:, j], bias[j] = columns.weights[u], columns.bias[u]
            outgoing[j] = (1 - 2 * side) * int(columns.turned[u])
        return Network(arch, (Layer(weights, bias), Layer(outgoing, np.array([net.bias]))))

    def solution(self, failure: Termination | None = None) -> Solution:
        """The claims, after the end or after a failure."""
        if self.best is None:
            return Solution.found(
                None, failure or Termination.TIME, bound=float(self.bound), **self.info
            )
        optimal = self.bound >= self.best.loss
        termination = Termination.OPTIMAL if optimal else failure or self.reason()
        return Solution(
            self.network,
            Status.OPTIMAL if optimal else Status.FEASIBLE,
            termination,
            float(self.best.loss),
            float(self.bound),
            self.info,
        )

    def reason(self) -> Termination:
        """Why there is no proof."""
        target = self.limits.target
        if self.best is not None and target is not None and self.best.loss <= target:
            return Termination.TARGET
        if self.clock.over:
            return Termination.TIME
        return Termination.INTERRUPTED if self.halted else Termination.ITERATIONS


def _rounded_up(bound: float) -> int:
    """The next whole number, less a tolerance for the arithmetic behind the bound."""
    return math.ceil(bound - 1e-6 * max(1.0, abs(bound)))
