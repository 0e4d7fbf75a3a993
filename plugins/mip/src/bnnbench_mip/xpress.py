"""Xpress: commercial branch and cut, fed by arrays.

Its community licence takes programs of at most 5000 rows and variables together.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP
from bnnbench.solution import Solution, Termination
from bnnbench_mip.matrix_solver import LicensedSolver
from bnnbench_mip.watch import Watch

INFINITE = 1e20
TOO_LARGE = "?120"
"""Xpress's number for a program beyond the licence, as its errors begin."""
TERMINATIONS = {
    "TIMELIMIT": Termination.TIME,
    "NODELIMIT": Termination.ITERATIONS,
    "MIPGAP": Termination.OPTIMAL,
    "MEMORYERROR": Termination.MEMORY,
    "USER": Termination.INTERRUPTED,
}
"""By name of what stopped Xpress, where it neither proved nor refuted; else it is an error."""


@dataclass(frozen=True)
class Xpress(LicensedSolver):
    """Xpress, with streamed incumbents and bounds; 5000 rows and variables without a licence.

    Parameters: see :class:`~bnnbench_mip.matrix_solver.LicensedSolver`.
    """

    name: ClassVar[str] = "xpress"
    requires: ClassVar[tuple[str, ...]] = ("xpress",)
    preload: ClassVar[tuple[str, ...]] = ("xpress",)
    label: ClassVar[str] = "Xpress"
    free: ClassVar[tuple[int, int, int]] = (5000, 5000, 5000)

    def unlicensed(self) -> str | None:
        import xpress

        try:
            _problem()
        except (xpress.SolverError, xpress.InterfaceError, RuntimeError) as error:
            return f"Xpress has no licence here: {error}"
        return None

    def refuses(self, milp: MatrixMILP) -> bool:
        import xpress

        try:
            hand_over(milp).optimize()
        except xpress.SolverError as error:
            return str(error).startswith(TOO_LARGE)
        return False

    def run(self, watch: Watch, start: npt.NDArray[np.float64] | None, seed: int) -> Solution:
        tolerance = self.tolerance(watch.model)
        solver = hand_over(watch.model.data)
        solver.setControl(self._controls(tolerance, seed, watch))
        if start is not None:
            solver.addMipSol(start.tolist())
        _listen(solver, watch)
        solver.optimize()
        return _read(solver, watch, tolerance)

    def _controls(self, tolerance: float, seed: int, watch: Watch) -> dict[str, Any]:
        controls: dict[str, Any] = {
            "threads": self.threads or watch.limits.threads,
            "randomseed": seed % 2**31,
            "miprelstop": self.mip_rel_gap,
            "mipabsstop": self.mip_abs_gap,
            "miptol": tolerance,
            "feastol": tolerance,
        }
        if watch.seconds is not None:
            controls["timelimit"] = watch.seconds
        if watch.limits.memory is not None:
            controls["maxmemoryhard"] = max(1, watch.limits.memory >> 20)
        if self.nodes is not None:
            controls["maxnode"] = self.nodes
        return controls


def hand_over(milp: MatrixMILP) -> Any:
    """The program as an Xpress problem."""
    solver = _problem()
    none, whole = np.zeros(0, dtype=np.int64), np.flatnonzero(milp.integer)
    solver.loadMIP(
        "bnnbench",
        objcoef=milp.c,
        start=np.zeros(milp.n_cols + 1, dtype=np.int64),
        rowind=none,
        rowcoef=none.astype(np.float64),
        lb=np.maximum(milp.lower, -INFINITE),
        ub=np.minimum(milp.upper, INFINITE),
        coltype=["I"] * len(whole),
        entind=whole,
    )
    low, high = np.isfinite(milp.row_lower), np.isfinite(milp.row_upper)
    equal = milp.row_lower == milp.row_upper
    kinds = np.select([equal, low & high, high, low], ["E", "R", "L", "G"], "N")
    if milp.n_rows:
        solver.addRows(
            rowtype=kinds.tolist(),
            rhs=np.select([high, low], [milp.row_upper, milp.row_lower], 0.0),
            start=milp.indptr,
            colind=milp.indices,
            rowcoef=milp.data,
            rng=np.where(kinds == "R", milp.row_upper - milp.row_lower, 0.0),
        )
    # The constant is, negated, the right side of the objective, which has the number -1.
    solver.chgObj([-1], [-milp.offset])
    return solver


def _listen(solver: Any, watch: Watch) -> None:
    """Tell the watch about incumbents and bounds, and let it stop the solver."""

    def found(running: Any, data: None) -> None:
        point = np.array(running.getCallbackSolution(), dtype=np.float64)
        watch.found(point, float(running.attributes.lpobjval))
        check(running, data)

    def check(running: Any, data: None) -> None:
        import xpress

        bound = float(running.attributes.bestbound)
        if abs(bound) < INFINITE:
            watch.bounded(bound)
        if watch.over:
            running.interrupt(xpress.StopType.USER)

    solver.addIntsolCallback(found, None, 0)
    solver.addCheckTimeCallback(check, None, 0)


def _read(solver: Any, watch: Watch, tolerance: float) -> Solution:
    """Xpress's last word as claims."""
    import xpress

    last = solver.attributes
    status, stopped = last.solstatus, xpress.StopType(last.stopstatus).name
    if status in (xpress.SolStatus.OPTIMAL, xpress.SolStatus.FEASIBLE):
        watch.found(np.array(solver.getSolution(), dtype=np.float64), float(last.objval))
    known = {
        xpress.SolStatus.OPTIMAL: Termination.OPTIMAL,
        xpress.SolStatus.INFEASIBLE: Termination.INFEASIBLE,
    }
    bound = float(last.bestbound) if watch.model.data.integer.any() else watch.objective
    return watch.solution(
        known.get(status, TERMINATIONS.get(stopped, Termination.ERROR)),
        bound if abs(bound) < INFINITE else -math.inf,
        xpress_status=f"{xpress.SolStatus(status).name} {stopped}",
        nodes=int(last.nodes),
        version=str(xpress.getVersion()),
        feasibility=tolerance,
    )


def _problem() -> Any:
    """An empty problem that prints nothing."""
    import xpress

    with warnings.catch_warnings():
        # of the community licence, which is said by ``accepts``
        warnings.simplefilter("ignore")
        problem = xpress.problem()
    problem.setOutputEnabled(False)
    return problem
