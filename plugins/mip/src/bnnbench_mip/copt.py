"""COPT: commercial branch and cut, fed by arrays through coptpy.

Without a licence it takes programs of at most 2000 rows and 2000 variables, for non-commercial use,
and prints so, whatever it is told: its lines are kept off the standard output. It has no seed.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP
from bnnbench.solution import Solution, Termination
from bnnbench_mip.matrix_solver import LicensedSolver
from bnnbench_mip.watch import Watch

INFINITE = 1e30
LICENCE = 4
"""COPT's number for an error of the licence."""
TERMINATIONS = {
    1: Termination.OPTIMAL,
    2: Termination.INFEASIBLE,
    4: Termination.INFEASIBLE,
    6: Termination.ITERATIONS,
    8: Termination.TIME,
    10: Termination.INTERRUPTED,
    11: Termination.ITERATIONS,
}
"""By number of COPT's status; anything else is an error."""


@dataclass(frozen=True)
class Copt(LicensedSolver):
    """COPT, with streamed incumbents and bounds; 2000 rows or variables without a licence.

    Parameters: see :class:`~bnnbench_mip.matrix_solver.LicensedSolver`.
    """

    name: ClassVar[str] = "copt"
    requires: ClassVar[tuple[str, ...]] = ("coptpy", "scipy")
    preload: ClassVar[tuple[str, ...]] = ("coptpy", "scipy.sparse")
    finest: ClassVar[float] = 1e-9
    label: ClassVar[str] = "COPT"
    free: ClassVar[tuple[int, int, int]] = (2000, 2000, 4000)

    def unlicensed(self) -> str | None:
        import coptpy

        try:
            with _environment():
                return None
        except coptpy.CoptError as error:
            return f"COPT has no licence here: {error}"

    def refuses(self, milp: MatrixMILP) -> bool:
        import coptpy

        with _environment() as environment:
            try:
                hand_over(environment, milp).solve()
            except coptpy.CoptError as error:
                return int(error.retcode) == LICENCE
        return False

    def run(self, watch: Watch, start: npt.NDArray[np.float64] | None, seed: int) -> Solution:
        tolerance = self.tolerance(watch.model)
        with _environment() as environment:
            solver = hand_over(environment, watch.model.data)
            for name, value in self._parameters(tolerance, watch).items():
                solver.setParam(name, value)
            if start is not None:
                solver.setMipStart(solver.getVars(), start.tolist())
                solver.loadMipStart()
            _listen(solver, watch)
            solver.solve()
            return _read(solver, watch, tolerance)

    def _parameters(self, tolerance: float, watch: Watch) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "Threads": self.threads or watch.limits.threads,
            "RelGap": self.mip_rel_gap,
            "AbsGap": self.mip_abs_gap,
            "IntTol": tolerance,
            "FeasTol": tolerance,
        }
        if watch.seconds is not None:
            parameters["TimeLimit"] = watch.seconds
        if self.nodes is not None:
            parameters["NodeLimit"] = self.nodes
        return parameters


def hand_over(environment: Any, milp: MatrixMILP) -> Any:
    """The program as a COPT model."""
    import scipy.sparse
    from coptpy import COPT

    def clipped(ends: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.clip(ends, -INFINITE, INFINITE)

    solver = environment.createModel("bnnbench")
    solver.setParam("Logging", 0)
    A = scipy.sparse.csr_matrix(
        (milp.data, milp.indices, milp.indptr), shape=(milp.n_rows, milp.n_cols)
    )
    solver.loadMatrix(
        milp.c,
        A.tocsc(),
        clipped(milp.row_lower),
        clipped(milp.row_upper),
        clipped(milp.lower),
        clipped(milp.upper),
        np.where(milp.integer, COPT.INTEGER, COPT.CONTINUOUS),
    )
    solver.setObjConst(milp.offset)
    return solver


def _listen(solver: Any, watch: Watch) -> None:
    """Tell the watch about incumbents and bounds, and let it stop the solver."""
    from coptpy import COPT, CallbackBase

    class Listener(CallbackBase):  # type: ignore[misc]
        def callback(self) -> None:
            if self.where() == COPT.CBCONTEXT_INCUMBENT:
                point = np.array(self.getIncumbent(), dtype=np.float64)
                watch.found(point, float(self.getInfo(COPT.CbInfo.BestObj)))
            bound = float(self.getInfo(COPT.CbInfo.BestBnd))
            if abs(bound) < INFINITE:
                watch.bounded(bound)
            if watch.over:
                self.interrupt()

    events = COPT.CBCONTEXT_INCUMBENT | COPT.CBCONTEXT_MIPNODE | COPT.CBCONTEXT_MIPRELAX
    solver.setCallback(Listener(), events)


def _read(solver: Any, watch: Watch, tolerance: float) -> Solution:
    """COPT's last word as claims."""
    from coptpy import COPT

    mip = bool(solver.IsMIP)
    if solver.HasMipSol if mip else solver.HasLpSol:
        objective = solver.objval if mip else solver.LpObjVal
        watch.found(np.array(solver.getValues(), dtype=np.float64), float(objective))
    bound = float(solver.BestBnd) if mip else watch.objective
    version = (COPT.VERSION_MAJOR, COPT.VERSION_MINOR, COPT.VERSION_TECHNICAL)
    return watch.solution(
        TERMINATIONS.get(int(solver.status), Termination.ERROR),
        bound if abs(bound) < INFINITE else -math.inf,
        copt_status=int(solver.status),
        nodes=int(solver.NodeCnt) if mip else 0,
        version=".".join(map(str, version)),
        feasibility=tolerance,
    )


@contextmanager
def _environment() -> Iterator[Any]:
    """An environment that prints nothing."""
    import coptpy

    config = coptpy.EnvrConfig()
    config.set("nobanner", "1")
    with _muted():
        environment = coptpy.Envr(config)
    try:
        yield environment
    finally:
        environment.close()


@contextmanager
def _muted() -> Iterator[None]:
    """Nothing written to the process's standard output meanwhile arrives there."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
