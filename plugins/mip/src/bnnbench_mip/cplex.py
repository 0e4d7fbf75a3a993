"""CPLEX: commercial branch and cut, fed through its Python interface.

Its community edition takes programs of at most 1000 rows and 1000 variables. Handing over costs a
Python list per row.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP
from bnnbench.solution import Solution, Termination
from bnnbench_mip.matrix_solver import LicensedSolver
from bnnbench_mip.watch import Watch

INFINITE = 1e20
TOO_LARGE = 1016
"""CPLEX's number for a program beyond the community edition."""
TERMINATIONS = {
    101: Termination.OPTIMAL,
    102: Termination.OPTIMAL,
    103: Termination.INFEASIBLE,
    105: Termination.ITERATIONS,
    106: Termination.ITERATIONS,
    107: Termination.TIME,
    108: Termination.TIME,
    111: Termination.MEMORY,
    112: Termination.MEMORY,
    113: Termination.INTERRUPTED,
    114: Termination.INTERRUPTED,
    119: Termination.INFEASIBLE,
}
"""By number of CPLEX's status; anything else is an error."""


@dataclass(frozen=True)
class Cplex(LicensedSolver):
    """CPLEX, with streamed incumbents and bounds; 1000 rows or variables without a licence.

    Parameters: see :class:`~bnnbench_mip.matrix_solver.LicensedSolver`.
    """

    name: ClassVar[str] = "cplex"
    requires: ClassVar[tuple[str, ...]] = ("cplex",)
    preload: ClassVar[tuple[str, ...]] = ("cplex",)
    finest: ClassVar[float] = 1e-9
    label: ClassVar[str] = "CPLEX"
    free: ClassVar[tuple[int, int, int]] = (1000, 1000, 2000)

    def refuses(self, milp: MatrixMILP) -> bool:
        import cplex

        with hand_over(milp) as solver:
            try:
                solver.solve()
            except cplex.exceptions.CplexSolverError as error:
                return int(error.args[2]) == TOO_LARGE
        return False

    def run(self, watch: Watch, start: npt.NDArray[np.float64] | None, seed: int) -> Solution:
        tolerance = self.tolerance(watch.model)
        with hand_over(watch.model.data) as solver:
            self._set(solver.parameters, tolerance, seed, watch)
            if start is not None:
                columns = list(range(len(start)))
                solver.MIP_starts.add(
                    [columns, start.tolist()], solver.MIP_starts.effort_level.check_feasibility
                )
            _listen(solver, watch)
            solver.solve()
            return _read(solver, watch, tolerance)

    def _set(self, parameters: Any, tolerance: float, seed: int, watch: Watch) -> None:
        parameters.threads.set(self.threads or watch.limits.threads)
        parameters.randomseed.set(seed % 2_000_000_000)
        tolerances = parameters.mip.tolerances
        tolerances.mipgap.set(self.mip_rel_gap)
        tolerances.absmipgap.set(self.mip_abs_gap)
        tolerances.integrality.set(tolerance)
        parameters.simplex.tolerances.feasibility.set(tolerance)
        if watch.seconds is not None:
            parameters.timelimit.set(watch.seconds)
        if watch.limits.memory is not None:
            parameters.mip.limits.treememory.set(watch.limits.memory / 2**20)
        if self.nodes is not None:
            parameters.mip.limits.nodes.set(self.nodes)


def hand_over(milp: MatrixMILP) -> Any:
    """The program as a CPLEX problem."""
    import cplex

    solver = cplex.Cplex()
    for stream in ("log", "results", "warning", "error"):
        getattr(solver, f"set_{stream}_stream")(None)
    solver.variables.add(
        obj=milp.c.tolist(),
        lb=np.maximum(milp.lower, -INFINITE).tolist(),
        ub=np.minimum(milp.upper, INFINITE).tolist(),
        types="".join(np.where(milp.integer, "I", "C")),
    )
    low, high = np.isfinite(milp.row_lower), np.isfinite(milp.row_upper)
    equal = milp.row_lower == milp.row_upper
    senses = np.select([equal, low & high, high], ["E", "R", "L"], "G")
    left = np.maximum(milp.row_lower, -INFINITE)
    starts, columns, values = milp.indptr.tolist(), milp.indices.tolist(), milp.data.tolist()
    parts = [slice(a, b) for a, b in itertools.pairwise(starts)]
    solver.linear_constraints.add(
        lin_expr=[[columns[part], values[part]] for part in parts],
        senses="".join(senses),
        rhs=np.where(senses == "L", milp.row_upper, left).tolist(),
        range_values=np.where(senses == "R", milp.row_upper - left, 0.0).tolist(),
    )
    solver.objective.set_offset(milp.offset)
    return solver


def _listen(solver: Any, watch: Watch) -> None:
    """Tell the watch about incumbents and bounds, and let it stop the solver."""
    from cplex.callbacks import Context

    class Listener:
        def invoke(self, context: Any) -> None:
            if context.in_candidate() and context.is_candidate_point():
                point = np.array(context.get_candidate_point(), dtype=np.float64)
                watch.found(point, float(context.get_candidate_objective()))
            bound = float(context.get_double_info(Context.info.best_bound))
            if abs(bound) < INFINITE:
                watch.bounded(bound)
            if watch.over:
                context.abort()

    events = Context.id.candidate | Context.id.global_progress | Context.id.local_progress
    solver.set_callback(Listener(), events)


def _read(solver: Any, watch: Watch, tolerance: float) -> Solution:
    """CPLEX's last word as claims."""
    import cplex

    last = solver.solution
    if last.is_primal_feasible():
        watch.found(np.array(last.get_values(), dtype=np.float64), last.get_objective_value())
    try:
        bound = float(last.MIP.get_best_objective())
    except cplex.exceptions.CplexError:
        bound = -math.inf
    return watch.solution(
        TERMINATIONS.get(int(last.get_status()), Termination.ERROR),
        bound if abs(bound) < INFINITE else -math.inf,
        cplex_status=int(last.get_status()),
        nodes=int(last.progress.get_num_nodes_processed()),
        version=str(solver.get_version()),
        feasibility=tolerance,
    )
