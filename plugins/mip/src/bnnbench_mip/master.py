"""The master program over activation vectors, as LP for prices and as MIP for nets.

    min sum weight_g L_gc,    k L_gc + y_gc (sum lambda_(v,u) v_c u(g) + b_c) >= a,
    sum lambda <= H

with a column per unit (v, u): a tuple v of outgoing weights, one per output, and an activation
vector u (mip.md section 4.3). Whole lambda are nets of at most H units, exactly. k = 1 and a = m,
and where a region knows an output's parity to differ from m's, also k = 2 and a = m + 1 (see
:mod:`bnnbench_mip.region`). Variables: the biases b, the losses by output, the columns. Rows: the
losses', the number of units, those of every kind, branched sums; a MIP has parities and a cut-off
too, with a variable per parity at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bnnbench.solution import Limits
from bnnbench_mip.activations import Signs
from bnnbench_mip.lattice import Int64
from bnnbench_mip.region import Region
from bnnbench_mip.samples import Samples

if TYPE_CHECKING:
    import highspy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LossRows:
    """Rows factor * L + target * z >= wanted, one entry each.

    Attributes:
        sample, output, row: what they are about; ``row`` is the feature row.
        target: -1 or +1.
        factor: 1 or 2.
        wanted: right-hand side.
    """

    sample: Int64
    output: Int64
    row: Int64
    target: Int64
    factor: Int64
    wanted: Int64


@dataclass(frozen=True, eq=False)
class Prices:
    """Duals of the loss rows and of the branched sums, and the price of a unit of every kind."""

    losses: Floats
    sums: Floats
    units: Floats


@dataclass(frozen=True)
class Master:
    """What every master program shares; see the module.

    Attributes:
        samples: merged.
        margin: m.
        units: H.
        biases: range of an output bias, ascending.
        tuples: of outgoing weights, see :func:`bnnbench_mip.region.tuples_of`.
        signs: all activation vectors, shape (count, rows).
    """

    samples: Samples
    margin: int
    units: int
    biases: Int64
    tuples: Int64
    signs: Signs

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return int(self.tuples.shape[1])

    @property
    def kinds(self) -> int:
        """Number of tuples up to sign."""
        return len(self.tuples) // 2

    @property
    def fixed(self) -> int:
        """Number of variables before the columns."""
        return self.outputs * (1 + len(self.samples.weights))

    @property
    def worst(self) -> int:
        """More than any net loses."""
        reach = (self.units + 1) * int(np.abs(self.tuples).max()) + int(np.abs(self.biases).max())
        return (self.margin + reach) * int(self.samples.weights.sum()) * self.outputs + 1

    def loss_rows(self, region: Region) -> LossRows:
        """The loss rows over a region."""
        assert self.samples.row is not None
        n = len(self.samples.weights)
        pairs = [
            (c, factor, wanted)
            for c in range(self.outputs)
            for factor, wanted in region.pieces(c, self.margin)
        ]
        output, factor, wanted = np.repeat(np.array(pairs, dtype=np.int64).T, n, axis=1)
        sample = np.tile(np.arange(n), len(pairs))
        target = self.samples.targets[sample, output].astype(np.int64)
        return LossRows(sample, output, self.samples.row[sample], target, factor, wanted)

    def program(self, region: Region, columns: Int64) -> Program:
        """The program over some columns, given as ``tuple * vectors + vector``."""
        rows = self.loss_rows(region)
        n, q, kinds = len(self.samples.weights), self.outputs, self.kinds
        v, u = np.divmod(columns, len(self.signs))
        head = np.zeros((self.fixed, len(rows.sample)))
        each = np.arange(len(rows.sample))
        head[rows.output, each] = rows.target
        head[q + rows.output * n + rows.sample, each] = rows.factor
        body = self.tuples[v][:, rows.output] * self.signs[u][:, rows.row] * rows.target
        extra = np.zeros((len(columns), 1 + kinds + len(region.sums)))
        extra[:, 0] = 1
        extra[np.arange(len(columns)), 1 + v % kinds] = 1
        sign = np.where(v < kinds, 1, -1)
        for k, held in enumerate(region.sums):
            extra[:, 1 + kinds + k] = (v % kinds == held.kind) * sign * self.signs[u, held.row]
        A = np.zeros((self.fixed + len(columns), len(rows.sample) + extra.shape[1]))
        A[: self.fixed, : len(rows.sample)] = head
        A[self.fixed :, : len(rows.sample)] = body
        A[self.fixed :, len(rows.sample) :] = extra
        sides = [(0, self.units), *region.counts, *((s.low, s.high) for s in region.sums)]
        low, high = np.array(sides, dtype=np.float64).T
        lower, upper = np.zeros(len(A)), np.full(len(A), np.inf)
        lower[:q], upper[:q] = np.array(region.biases).T
        upper[self.fixed :] = self.units
        cost = np.zeros(len(A))
        cost[q : self.fixed] = np.tile(self.samples.weights, q)
        row_lower = np.concatenate([rows.wanted, low])
        row_upper = np.concatenate([np.full(len(rows.sample), np.inf), high])
        return Program(cost, lower, upper, A, row_lower, row_upper)

    def whole_program(self, region: Region, columns: Int64, cutoff: int) -> Program:
        """The program for a MIP: also parities, and a loss of at most ``cutoff``."""
        plain = self.program(region, columns)
        v = columns // len(self.signs)
        known = [c for c, parity in enumerate(region.parities) if parity is not None]
        count, rows = plain.A.shape
        A = np.zeros((count + len(known), rows + len(known) + 1))
        A[:count, :rows] = plain.A
        A[:count, rows] = plain.cost
        for k, c in enumerate(known):
            A[c, rows + 1 + k] = 1
            A[self.fixed : count, rows + 1 + k] = self.tuples[v, c]
            A[count + k, rows + 1 + k] = -2
        parities = np.array([region.parities[c] for c in known], dtype=np.float64)
        more = np.full(len(known), np.inf)
        return Program(
            np.append(plain.cost, np.zeros(len(known))),
            np.append(plain.lower, -more),
            np.append(plain.upper, more),
            A,
            np.concatenate([plain.row_lower, [-np.inf], parities]),
            np.concatenate([plain.row_upper, [cutoff], parities]),
        )


@dataclass(frozen=True, eq=False)
class Program:
    """min cost x over lower <= x <= upper, row_lower <= A' x <= row_upper; A by variable."""

    cost: Floats
    lower: Floats
    upper: Floats
    A: Floats
    row_lower: Floats
    row_upper: Floats

    def passed(self, solver: highspy.Highs, whole: bool) -> None:
        """Give the program to a solver, whole or relaxed."""
        import highspy

        used = self.A != 0
        starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
        solver.passModel(
            len(self.A),
            self.A.shape[1],
            int(used.sum()),
            int(highspy.MatrixFormat.kColwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            self.cost,
            self.lower,
            self.upper,
            self.row_lower,
            self.row_upper,
            starts,
            np.nonzero(used)[1].astype(np.int32),
            self.A[used],
            np.full(len(self.A), int(whole), dtype=np.int32),
        )


def quiet_solver(limits: Limits, seed: int) -> highspy.Highs:
    """A solver that prints nothing."""
    import highspy

    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in {
        "output_flag": False,
        "threads": limits.threads,
        "random_seed": seed % 2**31,
    }.items():
        solver.setOptionValue(option, value)
    return solver


class PriceLP:
    """The relaxed master program of a region, growing by columns; its duals are the prices.

    Rows that few columns may leave infeasible have artificial variables, whose price per unit is
    ``penalty``: any prices give a bound.
    """

    def __init__(
        self, master: Master, region: Region, solver: highspy.Highs, penalty: float
    ) -> None:
        self.master, self.region, self.solver = master, region, solver
        self.held: list[int] = []
        self._losses = len(master.loss_rows(region).sample)
        master.program(region, np.zeros(0, dtype=np.int64)).passed(solver, False)
        self._artificial(penalty)

    def _artificial(self, penalty: float) -> None:
        sides = [*self.region.counts, *((s.low, s.high) for s in self.region.sums)]
        ends = [
            (self._losses + 1 + k, sign)
            for k, (low, high) in enumerate(sides)
            for sign, needed in ((1.0, low > 0), (-1.0, high < 0))
            if needed
        ]
        self.artificial = len(ends)
        for row, sign in ends:
            self.solver.addCol(penalty, 0.0, np.inf, 1, np.array([row], np.int32), np.array([sign]))

    def add(self, columns: list[int]) -> int:
        """Add columns that are not held yet; returns how many."""
        known = set(self.held)
        fresh = [k for k in columns if k not in known]
        if not fresh:
            return 0
        self.held += fresh
        block = self.master.program(self.region, np.array(fresh)).A[self.master.fixed :]
        used = block != 0
        starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))[:-1]]).astype(np.int32)
        count = len(block)
        zero, most = np.zeros(count), np.full(count, np.inf)
        index, value = np.nonzero(used)[1].astype(np.int32), block[used]
        self.solver.addCols(count, zero, zero, most, len(value), starts, index, value)
        return count

    def solve(self, seconds: float) -> tuple[float, Prices] | None:
        """Value and prices; None when the time did not suffice."""
        limit = self.solver.getRunTime() + max(0.01, min(seconds, 1e7))
        self.solver.setOptionValue("time_limit", limit)
        self.solver.run()
        if self.solver.getModelStatus().name != "kOptimal":
            return None
        duals = np.array(self.solver.getSolution().row_dual)
        numbers, sums = np.split(duals[self._losses :], [1 + self.master.kinds])
        value = float(self.solver.getInfo().objective_function_value)
        return value, Prices(duals[: self._losses], sums, -numbers[0] - numbers[1:])

    def point(self) -> tuple[Floats, Floats]:
        """Biases and the held columns' values in the last solution."""
        x = np.array(self.solver.getSolution().col_value)
        return x[: self.master.outputs], x[self.master.fixed + self.artificial :]


@dataclass(frozen=True, eq=False)
class Events:
    """What a MIP tells while it runs; a true answer stops it.

    Attributes:
        found: hears every better solution, all variables.
        bounded: hears bounds, not yet rounded.
        stop: asked now and then.
    """

    found: Callable[[Floats], bool]
    bounded: Callable[[float], bool]
    stop: Callable[[], bool]

    def attach(self, solver: highspy.Highs) -> None:
        """Listen to a solver."""
        halt = False

        def improving(event: Any) -> None:
            nonlocal halt
            halt |= self.found(np.array(event.data_out.mip_solution))

        def logging(event: Any) -> None:
            nonlocal halt
            if math.isfinite(event.data_out.mip_dual_bound):
                halt |= self.bounded(float(event.data_out.mip_dual_bound))

        def interrupt(event: Any) -> None:
            if halt or self.stop():
                event.interrupt()

        solver.cbMipImprovingSolution.subscribe(improving)
        solver.cbMipLogging.subscribe(logging)
        solver.cbMipInterrupt.subscribe(interrupt)
        solver.cbSimplexInterrupt.subscribe(interrupt)


def search(
    program: Program,
    start: Floats | None,
    solver: highspy.Highs,
    options: dict[str, Any],
    events: Events,
) -> tuple[int, float | None]:
    """Solve a program with whole variables.

    Args:
        program: with a cut-off.
        start: a solution to start from, all variables; None for none.
        solver: a fresh one.
        options: of the solver.
        events: hear what is found, to the last word.

    Returns:
        Number of nodes, and the optimum: infinite when there is none, None when it is not known.
    """
    # Bounds are logged only where output is on.
    settings: dict[str, Any] = {
        "output_flag": True,
        "log_to_console": False,
        "log_file": "",
    } | options
    for option, value in settings.items():
        solver.setOptionValue(option, value)
    program.passed(solver, True)
    if start is not None:
        solver.setSolution(len(start), np.arange(len(start), dtype=np.int32), start)
    events.attach(solver)
    solver.run()
    info, status = solver.getInfo(), solver.getModelStatus().name
    complete = status == "kOptimal"
    if complete and info.primal_solution_status == 2:
        events.found(np.array(solver.getSolution().col_value))
    bound = float(info.mip_dual_bound)
    if complete and info.mip_node_count < 0:
        # Solved without branch and cut: HiGHS leaves 0 in the field of the bound.
        bound = float(info.objective_function_value)
    if math.isfinite(bound) and status != "kInfeasible":
        events.bounded(bound)
    value = float(info.objective_function_value) if complete else None
    return max(0, int(info.mip_node_count)), math.inf if status == "kInfeasible" else value
