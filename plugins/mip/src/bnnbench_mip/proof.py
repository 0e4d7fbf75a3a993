"""One run of the column method, from the list of columns to a proof (mip.md section 4.3).

The steps are those of :mod:`bnnbench_mip.columns`. Losses are whole numbers, so a bound is rounded
up; that of a MIP first loses 10^-6 of itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Integer
from bnnbench.interfaces import Clock, Report
from bnnbench.network import Layer, Network
from bnnbench.objectives import LinearHinge
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_mip.activations import Activations, enumerate_activations
from bnnbench_mip.agreement import Agreement
from bnnbench_mip.branching import Node, Tree
from bnnbench_mip.charge import Charge
from bnnbench_mip.exchange import Exchange, Net
from bnnbench_mip.lattice import Int64
from bnnbench_mip.master import Events, Master, quiet_solver, search
from bnnbench_mip.region import Region, tuples_of
from bnnbench_mip.samples import Samples, samples_of


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
        """Columns of the MIP over the best of what is left."""

    @property
    def whole(self) -> int:
        """Most columns of a region that goes to a MIP."""

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
    agreement: Agreement = field(init=False)
    master: Master = field(init=False)
    exchange: Exchange = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.limits)
        self.samples = samples_of(self.problem, merge=True)

    def start(self) -> None:
        """List the columns.

        Raises:
            OutOfTimeError: when the time does not suffice.
        """
        problem, domain = self.problem, self.problem.domain
        assert isinstance(domain, Integer)
        data, biases = self.samples.rows.dataset, bias_values(problem)
        X = np.asarray(data.X, dtype=np.int64)
        self.listed(enumerate_activations(X, biases, data.scale, self.stop, domain.P))

    def listed(self, activations: Activations) -> None:
        """Take these columns."""
        problem, domain = self.problem, self.problem.domain
        assert isinstance(problem.objective, LinearHinge)
        assert isinstance(domain, Integer)
        self.activations, signs = activations, activations.signs
        margin, units = problem.objective.size(problem.output_scale), problem.architecture.widths[1]
        tuples, biases = tuples_of(domain.P, problem.architecture.outputs), bias_values(problem)
        self.agreement = Agreement(signs)
        self.master = Master(self.samples, margin, units, biases, tuples, signs)
        charge = Charge.of(self.samples, margin)
        self.exchange = Exchange(self.agreement, charge, tuples, units, biases, self.stop)
        self.info["columns"] = len(activations)

    def prove(self) -> None:
        """Everything after the list: nets, prices, and regions until the bound meets the loss."""
        rng = np.random.Generator(np.random.PCG64(self.seed))
        ends = self.exchange.run(rng, self.effort.restarts, self.found)
        master, count = self.master, len(self.agreement.signs)
        region = Region.whole(master.biases, master.outputs, master.kinds, master.units)
        known = sorted({v * count + u for net in ends for v, u in net.units})
        every = np.arange(len(master.tuples) * count)
        tree = Tree(self, master, self.effort.whole)
        if self.over:
            return
        root = tree.relax(Node(region, every, 0, np.array(known, dtype=np.int64)))
        pricing = root.pricing
        self.proved(pricing.least)
        self.info |= {"lp_bound": float(pricing.bound), "lp_columns": len(root.held)}
        if not self.over:
            self.mip(region, root.held, self.effort.nodes)
        if not self.over:
            left = np.argsort(pricing.floors, kind="stable")[: self.effort.mip_columns]
            left = left[pricing.useful(self.best_loss)[left]]
            self.mip(region, pricing.columns[np.sort(left)], self.effort.nodes)
        left = pricing.columns[pricing.useful(self.best_loss)]
        self.info["survivors"] = len(left)
        tree.push(Node(region, left, pricing.least, root.held))
        tree.run()
        self.info["regions"] = tree.nodes

    @property
    def best_loss(self) -> int:
        """Loss of the best net."""
        assert self.best is not None
        return self.best.loss

    def finish(self, region: Region, columns: Int64, others: int) -> bool:
        """Search a region to its end, over all units that are left in it.

        Args:
            region: which nets.
            columns: the units.
            others: bound on all other open regions.

        Returns:
            Whether the end was reached.
        """
        return self.mip(region, columns, None, others)

    def mip(
        self, region: Region, columns: Int64, nodes: int | None, others: int | None = None
    ) -> bool:
        """A better net of some columns, then improved by exchanges with all.

        Args:
            region: which nets.
            columns: the units.
            nodes: most nodes; None for no limit.
            others: a bound on the nets that are not searched; None for none.

        Returns:
            Whether all such nets were searched.
        """
        before, count = self.best_loss, len(self.agreement.signs)
        step = region.step(self.master.margin)
        program = self.master.whole_program(region, columns, before - 1)
        self.info["mips"] = self.info.get("mips", 0) + 1

        def found(x: npt.NDArray[np.float64]) -> bool:
            first = self.master.fixed
            counts = np.rint(x[first : first + len(columns)]).astype(np.int64)
            chosen = np.repeat(columns, np.maximum(counts, 0))[: self.master.units]
            return self.found(self.exchange.net([divmod(k, count) for k in chosen.tolist()]))

        def bounded(bound: float) -> bool:
            if others is not None:
                rounded = step * math.ceil((bound - 1e-6 * max(1.0, abs(bound))) / step)
                self.proved(min(rounded, others))
            return self.over

        used, value = search(
            program,
            None,
            quiet_solver(self.limits, self.seed),
            self.options(nodes, step),
            Events(found, bounded, lambda: self.over),
        )
        self.info["nodes"] = self.info.get("nodes", 0) + used
        if self.best is not None and self.best.loss < before and not self.over:
            self.found(self.exchange.descend(self.best))
        return value is not None and self.best_loss <= value + 0.5

    def options(self, nodes: int | None, step: int) -> dict[str, Any]:
        """HiGHS's: losses are multiples of ``step``, so a smaller gap is a proof."""
        options: dict[str, Any] = {
            "mip_rel_gap": 0.0,
            "mip_abs_gap": step - 0.001,
            "mip_min_logging_interval": 0.5,
        }
        if nodes is not None:
            options["mip_max_nodes"] = nodes
        if math.isfinite(self.clock.left):
            options["time_limit"] = max(0.01, 0.99 * self.clock.left)
        return options

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
        outgoing = np.zeros((arch.widths[1], arch.outputs), dtype=np.int64)
        for j, (v, u) in enumerate(net.units):
            weights[:, j], bias[j] = columns.weights[u], columns.bias[u]
            outgoing[j] = self.master.tuples[v] * int(columns.turned[u])
        return Network(arch, (Layer(weights, bias), Layer(outgoing, np.array(net.bias))))

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
