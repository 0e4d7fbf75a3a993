"""HiGHS: open branch and cut for mixed-integer linear programs, fed by plain arrays.

Traps that this adapter takes care of (mip.md section 6): the model's offset goes into the model, so
that objectives and bounds are in units of the problem; logging callbacks fire only with the output
flag on; the native time limit is the first net and the interrupt callback the second; the thread
pool is global to the process and is reset afterwards, so that later forks and other thread counts
work. Rows are in integer units, so what an integer variable may be off, times its coefficient, has
to stay below half a unit: the feasibility tolerance follows the largest big-M (``big_m`` in the
model's info, in units of a row's strict side; without it the largest coefficient).

Slack incumbents are tightened as :mod:`bnnbench_mip.watch` says, and HiGHS is given the better
point too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import MatrixMILP
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_mip.warm import start_point, used_by_start
from bnnbench_mip.watch import Watch, mip_tolerance

if TYPE_CHECKING:
    import highspy

TERMINATIONS = {
    "kOptimal": Termination.OPTIMAL,
    "kInfeasible": Termination.INFEASIBLE,
    "kTimeLimit": Termination.TIME,
    "kMemoryLimit": Termination.MEMORY,
    "kObjectiveTarget": Termination.TARGET,
    "kInterrupt": Termination.INTERRUPTED,
    "kHighsInterrupt": Termination.INTERRUPTED,
    "kIterationLimit": Termination.ITERATIONS,
    "kSolutionLimit": Termination.ITERATIONS,
}
"""By name of HiGHS's model status; anything else is an error."""


@dataclass(frozen=True)
class Highs(Solver):
    """HiGHS branch and cut, with streamed incumbents and bounds.

    Attributes:
        threads: threads of the solver; none for what the limits allow.
        mip_rel_gap: stop when (incumbent - bound) / incumbent is at most this.
        mip_abs_gap: stop when incumbent - bound is at most this, in objective units.
        feasibility: how far integer variables and rows may be off; none for 0.1 over the largest
            big-M, between 1e-10 and 1e-6.
        presolve: choose, on or off.
        heuristic_effort: share of the work that goes into primal heuristics, 0..1.
        nodes: most nodes; none for no limit.
        tighten: take the slack out of incumbents, see :mod:`bnnbench_mip.watch`.
        start: solver of kind direct whose network is the first solution; none or reference.
        start_seconds: for it.
    """

    name: ClassVar[str] = "highs"
    kind: ClassVar[str] = "milp"
    requires: ClassVar[tuple[str, ...]] = ("highspy",)
    preload: ClassVar[tuple[str, ...]] = ("highspy",)
    threads: int | None = None
    mip_rel_gap: float = 0.0
    mip_abs_gap: float = 1e-6
    feasibility: float | None = None
    presolve: str = "choose"
    heuristic_effort: float = 0.05
    nodes: int | None = None
    tighten: bool = True
    start: str = "none"
    start_seconds: float = 1.0

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return used_by_start(self.start)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        import highspy

        clock = Clock(limits)
        point = start_point(model, self.start, self.start_seconds, limits, seed, report)
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        try:
            for option, value in self._options(model, limits, seed).items():
                _checked(solver.setOptionValue(option, value), f"option {option}={value}")
            _checked(pass_model(solver, model.data), "the model")
            watch = _Callbacks(model, self.tighten, report, limits, clock)
            watch.attach(solver)
            if point is not None:
                hand_start(solver, watch, point)
            solver.setOptionValue("time_limit", max(0.01, 0.99 * clock.left))
            solver.run()
            return _read(solver, watch)
        except MemoryError:
            return Solution.found(None, Termination.MEMORY)
        finally:
            solver.resetGlobalScheduler(True)

    def _options(self, model: Model, limits: Limits, seed: int) -> dict[str, Any]:
        tolerance = self.feasibility or mip_tolerance(model)
        options: dict[str, Any] = {
            "output_flag": True,
            "log_to_console": False,
            "log_file": "",
            "mip_min_logging_interval": 0.5,
            "threads": self.threads or limits.threads,
            "random_seed": seed % 2**31,
            "mip_rel_gap": self.mip_rel_gap,
            "mip_abs_gap": self.mip_abs_gap,
            "mip_feasibility_tolerance": tolerance,
            "primal_feasibility_tolerance": min(1e-7, tolerance),
            "presolve": self.presolve,
            "mip_heuristic_effort": self.heuristic_effort,
        }
        if limits.target is not None:
            options["objective_target"] = limits.target + 1e-9 * max(1.0, abs(limits.target))
        if self.nodes is not None:
            options["mip_max_nodes"] = self.nodes
        return options


@dataclass(eq=False)
class _Callbacks(Watch):
    """HiGHS's events of one run."""

    def attach(self, solver: highspy.Highs) -> None:
        solver.cbMipImprovingSolution.subscribe(self.improving)
        solver.cbMipLogging.subscribe(self.logging)
        if self.tighten and self.model.encode is not None:
            solver.cbMipUserSolution.subscribe(self.hand_over)
        for interrupt in (solver.cbMipInterrupt, solver.cbSimplexInterrupt):
            interrupt.subscribe(self.interrupt)

    def improving(self, event: Any) -> None:
        point = np.array(event.data_out.mip_solution, dtype=np.float64)
        self.found(point, float(event.data_out.objective_function_value))

    def hand_over(self, event: Any) -> None:
        if self.better is not None:
            event.data_in.setSolution(self.better)
            self.better = None

    def logging(self, event: Any) -> None:
        self.bounded(float(event.data_out.mip_dual_bound))

    def interrupt(self, event: Any) -> None:
        if self.over:
            event.interrupt()


def pass_model(solver: highspy.Highs, milp: MatrixMILP) -> highspy.HighsStatus:
    """Hand a program over as arrays."""
    import highspy

    return solver.passModel(
        milp.n_cols,
        milp.n_rows,
        milp.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        milp.offset,
        milp.c,
        milp.lower,
        milp.upper,
        milp.row_lower,
        milp.row_upper,
        milp.indptr,
        milp.indices,
        milp.data,
        milp.integer.astype(np.int32),
    )


def hand_start(solver: highspy.Highs, watch: Watch, point: npt.NDArray[np.float64]) -> None:
    """Give HiGHS a first solution; it counts as found, for HiGHS may be stopped too early."""
    solver.setSolution(len(point), np.arange(len(point), dtype=np.int32), point)
    watch.found(point, watch.model.data.objective(point))


def _checked(status: Any, what: str) -> None:
    if status.name == "kError":
        raise ValueError(f"HiGHS refuses {what}.")


def _read(solver: highspy.Highs, watch: Watch) -> Solution:
    """HiGHS's last word as claims."""
    info, name = solver.getInfo(), solver.getModelStatus().name
    termination = TERMINATIONS.get(name, Termination.ERROR)
    if info.primal_solution_status == 2 and info.objective_function_value < watch.objective - 1e-9:
        watch.found(np.array(solver.getSolution().col_value), info.objective_function_value)
    bound = float(info.mip_dual_bound)
    if info.mip_node_count < 0:
        # Solved without branch and cut (no rows, say): HiGHS leaves 0 in the field of the bound.
        solved = watch.point is not None and termination is Termination.OPTIMAL
        bound = watch.objective if solved else watch.bound
    return watch.solution(
        termination,
        bound,
        model_status=name,
        nodes=int(info.mip_node_count),
        simplex_iterations=int(info.simplex_iteration_count),
        version=solver.version(),
    )
