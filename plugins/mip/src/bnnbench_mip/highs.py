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

from bnnbench.models import MatrixMILP
from bnnbench.solution import Solution, Termination
from bnnbench_mip.matrix_solver import MatrixSolver
from bnnbench_mip.watch import Watch

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
class Highs(MatrixSolver):
    """HiGHS branch and cut, with streamed incumbents and bounds.

    Further parameters: see :class:`~bnnbench_mip.matrix_solver.MatrixSolver`.

    Attributes:
        threads: threads of the solver; none for what the limits allow.
        presolve: choose, on or off.
        heuristic_effort: share of the work that goes into primal heuristics, 0..1.
    """

    name: ClassVar[str] = "highs"
    requires: ClassVar[tuple[str, ...]] = ("highspy",)
    preload: ClassVar[tuple[str, ...]] = ("highspy",)
    threads: int | None = None
    presolve: str = "choose"
    heuristic_effort: float = 0.05

    def run(self, watch: Watch, start: npt.NDArray[np.float64] | None, seed: int) -> Solution:
        import highspy

        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        try:
            for option, value in self._options(watch, seed).items():
                _checked(solver.setOptionValue(option, value), f"option {option}={value}")
            _checked(pass_model(solver, watch.model.data), "the model")
            _attach(solver, watch)
            if start is not None:
                solver.setSolution(len(start), np.arange(len(start), dtype=np.int32), start)
            if watch.seconds is not None:
                solver.setOptionValue("time_limit", watch.seconds)
            solver.run()
            return _read(solver, watch)
        finally:
            solver.resetGlobalScheduler(True)

    def _options(self, watch: Watch, seed: int) -> dict[str, Any]:
        tolerance = self.tolerance(watch.model)
        options: dict[str, Any] = {
            "output_flag": True,
            "log_to_console": False,
            "log_file": "",
            "mip_min_logging_interval": 0.5,
            "threads": self.threads or watch.limits.threads,
            "random_seed": seed % 2**31,
            "mip_rel_gap": self.mip_rel_gap,
            "mip_abs_gap": self.mip_abs_gap,
            "mip_feasibility_tolerance": tolerance,
            "primal_feasibility_tolerance": min(1e-7, tolerance),
            "presolve": self.presolve,
            "mip_heuristic_effort": self.heuristic_effort,
        }
        if watch.goal is not None:
            options["objective_target"] = watch.goal
        if self.nodes is not None:
            options["mip_max_nodes"] = self.nodes
        return options


def _attach(solver: highspy.Highs, watch: Watch) -> None:
    """Tell the watch of HiGHS's events, and let it stop the run."""

    def improving(event: Any) -> None:
        point = np.array(event.data_out.mip_solution, dtype=np.float64)
        watch.found(point, float(event.data_out.objective_function_value))

    def hand_over(event: Any) -> None:
        if watch.better is not None:
            event.data_in.setSolution(watch.better)
            watch.better = None

    def logging(event: Any) -> None:
        watch.bounded(float(event.data_out.mip_dual_bound))

    def interrupt(event: Any) -> None:
        if watch.over:
            event.interrupt()

    solver.cbMipImprovingSolution.subscribe(improving)
    solver.cbMipLogging.subscribe(logging)
    if watch.tighten and watch.model.encode is not None:
        solver.cbMipUserSolution.subscribe(hand_over)
    for event in (solver.cbMipInterrupt, solver.cbSimplexInterrupt):
        event.subscribe(interrupt)


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
