"""CP-SAT: clause learning over whole variables, for programs that can be written in them.

The program is scaled to whole numbers exactly (:mod:`bnnbench_mip.whole`); one that cannot be is
refused with the variable or number to blame. With ``native`` a row with a big-M becomes an enforced
row (:mod:`bnnbench_mip.implications`).

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
from bnnbench.spec import Spec
from bnnbench_mip.implications import Implications
from bnnbench_mip.warm import start_point, used_by_start
from bnnbench_mip.watch import Watch
from bnnbench_mip.whole import NotWholeError, Whole


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

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return used_by_start(self.start)

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
    bounds, given = (whole.lower, whole.upper), (whole.row_lower, whole.row_upper)
    implied = Implications.read(milp, whole.data, bounds, given)
    enforced = implied.entry if native else np.full(milp.n_rows, -1)
    lower = np.where(enforced >= 0, implied.lower, whole.row_lower)
    upper = np.where(enforced >= 0, implied.upper, whole.row_upper)
    starts, columns, values = milp.indptr.tolist(), milp.indices.tolist(), whole.data.tolist()
    sides = zip(lower.tolist(), upper.tolist(), enforced.tolist(), strict=True)
    for k, (low, high, at) in enumerate(sides):
        row = proto.constraints.add()
        variables, coefficients = (
            columns[starts[k] : starts[k + 1]],
            values[starts[k] : starts[k + 1]],
        )
        if at >= 0:
            place = at - starts[k]
            del coefficients[place]
            binary = variables.pop(place)
            row.enforcement_literal.append(binary if implied.active[k] else -binary - 1)
        row.linear.vars.extend(variables)
        row.linear.coeffs.extend(coefficients)
        row.linear.domain.extend([low, high])
    used = np.flatnonzero(whole.costs)
    proto.objective.vars.extend(used.tolist())
    proto.objective.coeffs.extend(whole.costs[used].tolist())


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
    # Without a solution CP-SAT's last bound may be a 0 that nobody proved; streamed ones hold.
    bound = -math.inf
    if status in ("OPTIMAL", "FEASIBLE"):
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
