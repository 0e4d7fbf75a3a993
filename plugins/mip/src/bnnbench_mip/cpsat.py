"""CP-SAT: clause learning over whole variables, for programs that can be written in them.

The program is scaled to whole numbers exactly (:mod:`bnnbench_mip.whole`); one that cannot be is
refused with the variable or number to blame. With ``native`` a row with a big-M becomes an enforced
row. That is read off the matrix: a one-sided row a x + M b <= r in which, at one value of the
binary b, the bounds of all other variables imply it, holds exactly where b has the other value and
then a x <= r'. So activations enforce their sums, and a product c = (2a - 1) w becomes c = w or
c = -w, enforced by a.

One worker is deterministic for a seed. The best bound, like every incumbent, is streamed. The time
limit is CP-SAT's own, with the report's answer and the clock behind it; its memory parameter is
not relied on (mip.md section 6): the process is limited from outside. Building costs a Python call
per row, some 30 times a hand-over of arrays.

ortools and highspy cannot be loaded into one process; the runner forks their cells from different
servers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_mip.warm import start_point
from bnnbench_mip.watch import Watch
from bnnbench_mip.whole import OPEN, NotWholeError, Whole


@dataclass(frozen=True)
class CpSat(Solver):
    """CP-SAT on the program in whole numbers, with streamed incumbents and bounds.

    Attributes:
        workers: parallel searches, also on fewer threads: 8 have all of CP-SAT's strategies, 1 is
            deterministic; none for as many as the limits allow threads.
        native: big-M rows as enforced rows, see the module.
        linearization: how much of the program enters the linear relaxation: 0, 1 or 2.
        core: search by cores of the objective: raises bounds quickly, with poor incumbents.
        tighten: take the slack out of incumbents.
        start: solver of kind direct whose network is the hint; none or reference.
        start_seconds: for it.
    """

    name: ClassVar[str] = "cp-sat"
    kind: ClassVar[str] = "milp"
    requires: ClassVar[tuple[str, ...]] = ("ortools",)
    preload: ClassVar[tuple[str, ...]] = ("ortools.sat.python.cp_model",)
    workers: int | None = None
    native: bool = True
    linearization: int = 1
    core: bool = False
    tighten: bool = True
    start: str = "none"
    start_seconds: float = 1.0

    def accepts(self, model: Model) -> str | None:
        try:
            Whole.of(model.data)
        except NotWholeError as reason:
            return f"not a program in whole numbers: {reason}"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        from ortools.sat.python import cp_model

        watch = Watch(model, self.tighten, report, limits, Clock(limits))
        point = start_point(model, self.start, self.start_seconds, limits, seed, report)
        try:
            whole = Whole.of(model.data)
            program = cp_model.CpModel()
            fill(program.proto, whole, self.native)
            if point is not None:
                hint(program.proto, whole, point)
            solver = cp_model.CpSolver()
            self._set(solver.parameters, limits, seed, watch.clock)
            status = run(program, solver, whole, watch)
        except MemoryError:
            return Solution.found(None, Termination.MEMORY)
        return _read(solver, solver.status_name(status), watch, whole)

    def _set(self, parameters: Any, limits: Limits, seed: int, clock: Clock) -> None:
        parameters.num_workers = self.workers or limits.threads
        parameters.random_seed = seed % 2**31
        parameters.linearization_level = self.linearization
        parameters.optimize_with_core = self.core
        if math.isfinite(clock.left):
            parameters.max_time_in_seconds = max(0.01, 0.99 * clock.left)
        if limits.memory is not None:
            parameters.max_memory_in_mb = max(1, limits.memory >> 20)


def fill(proto: Any, whole: Whole, native: bool) -> None:
    """Write variables, rows and objective into an empty CP-SAT model."""
    milp = whole.milp
    for low, high in zip(whole.lower.tolist(), whole.upper.tolist(), strict=True):
        proto.variables.add().domain.extend([low, high])
    enforced = enforcement(whole) if native else np.full(milp.n_rows, -1)
    starts, columns, values = milp.indptr.tolist(), milp.indices.tolist(), whole.data.tolist()
    sides = zip(whole.row_lower.tolist(), whole.row_upper.tolist(), enforced.tolist(), strict=True)
    for k, (low, high, at) in enumerate(sides):
        row = proto.constraints.add()
        variables, coefficients = (
            columns[starts[k] : starts[k + 1]],
            values[starts[k] : starts[k + 1]],
        )
        if at >= 0:
            place = at - starts[k]
            value, binary = coefficients.pop(place), variables.pop(place)
            # Where the binary is active: 1 for a positive coefficient in an upper row, else 0.
            active = (value > 0) == (high < OPEN)
            row.enforcement_literal.append(binary if active else -binary - 1)
            shift = value if active else 0
            low, high = (low, high - shift) if high < OPEN else (low - shift, high)
        row.linear.vars.extend(variables)
        row.linear.coeffs.extend(coefficients)
        row.linear.domain.extend([low, high])
    used = np.flatnonzero(whole.costs)
    proto.objective.vars.extend(used.tolist())
    proto.objective.coeffs.extend(whole.costs[used].tolist())


def enforcement(whole: Whole) -> npt.NDArray[np.int64]:
    """Per row the entry (index into ``data``) of the binary that enforces it; -1 for none."""
    milp = whole.milp
    row = np.repeat(np.arange(milp.n_rows), np.diff(milp.indptr))
    found = np.full(milp.n_rows, -1, dtype=np.int64)
    low, high = whole.lower[milp.indices], whole.upper[milp.indices]
    upper_row = whole.row_upper < OPEN
    one_sided = upper_row != (whole.row_lower > -OPEN)
    # Turned into sum <= side, where a row is one-sided.
    turn = np.where(upper_row, 1, -1)
    side = np.where(upper_row, whole.row_upper, -whole.row_lower)
    data = whole.data * turn[row]
    largest = np.maximum(data * low, data * high).astype(np.float64)
    total = np.bincount(row, largest, milp.n_rows)
    binary = (low == 0) & (high == 1)
    size = np.where(binary, np.abs(data), 0)
    order = np.lexsort((size, row))
    last = milp.indptr[1:][np.diff(milp.indptr) > 0] - 1
    at = order[last]
    rows = row[at]
    rest = total[rows] - largest[at]
    idle = rest <= side[rows] - np.minimum(0, data[at])
    good = idle & one_sided[rows] & (size[at] > 0)
    found[rows[good]] = at[good]
    return found


def hint(proto: Any, whole: Whole, point: npt.NDArray[np.float64]) -> None:
    """Give a CP-SAT model a point to start from."""
    proto.solution_hint.vars.extend(range(whole.milp.n_cols))
    proto.solution_hint.values.extend(whole.values(point).tolist())


def run(program: Any, solver: Any, whole: Whole, watch: Watch) -> Any:
    """Solve, telling the watch; returns CP-SAT's status."""
    from ortools.sat.python import cp_model

    milp, scale = whole.milp, whole.cost_scale

    class Solutions(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
        def on_solution_callback(self) -> None:
            point = whole.point(self.response_proto.solution)
            watch.found(point, milp.objective(point))
            watch.bounded(self.best_objective_bound / scale + milp.offset)
            if watch.over:
                self.stop_search()

    def bounded(bound: float) -> None:
        watch.bounded(bound / scale + milp.offset)
        if watch.over:
            solver.stop_search()

    solver.best_bound_callback = bounded
    return solver.solve(program, Solutions())


def _read(solver: Any, status: str, watch: Watch, whole: Whole) -> Solution:
    """CP-SAT's last word as claims."""
    milp, response = whole.milp, solver.response_proto
    if status in ("OPTIMAL", "FEASIBLE") and len(response.solution):
        point = whole.point(response.solution)
        watch.found(point, milp.objective(point))
    termination = {
        "OPTIMAL": Termination.OPTIMAL,
        "INFEASIBLE": Termination.INFEASIBLE,
        "MODEL_INVALID": Termination.ERROR,
    }.get(status, Termination.INTERRUPTED)
    if termination is Termination.INTERRUPTED and not watch.stop:
        termination = Termination.TIME
    bound = -math.inf
    if status in ("OPTIMAL", "FEASIBLE", "UNKNOWN"):
        bound = solver.best_objective_bound / whole.cost_scale + milp.offset
    if status == "OPTIMAL" and not milp.c.any():
        bound = milp.offset
    return watch.solution(
        termination,
        bound,
        cp_status=status,
        branches=int(solver.num_branches),
        conflicts=int(solver.num_conflicts),
        deterministic_time=float(response.deterministic_time),
        cost_scale=whole.cost_scale,
        largest_row_scale=int(whole.row_scales.max(initial=1)),
    )
