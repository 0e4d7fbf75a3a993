"""Gurobi: commercial branch and cut, fed by arrays through gurobipy.

The licence that comes with the package refuses programs of more than 2000 rows or variables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP
from bnnbench.solution import Solution, Termination
from bnnbench_mip.implications import Implications
from bnnbench_mip.matrix_solver import LicensedSolver
from bnnbench_mip.watch import Watch

TOO_LARGE = 10010
"""Gurobi's number for a program beyond the licence."""
INFINITE = 1e99
TERMINATIONS = {
    2: Termination.OPTIMAL,
    3: Termination.INFEASIBLE,
    4: Termination.INFEASIBLE,
    7: Termination.ITERATIONS,
    8: Termination.ITERATIONS,
    9: Termination.TIME,
    11: Termination.INTERRUPTED,
    15: Termination.TARGET,
    17: Termination.MEMORY,
}
"""By number of Gurobi's status; anything else is an error."""


@dataclass(frozen=True)
class Gurobi(LicensedSolver):
    """Gurobi, with streamed incumbents and bounds; 2000 rows or variables without a licence.

    Further parameters: see :class:`~bnnbench_mip.matrix_solver.LicensedSolver`.

    Attributes:
        indicators: rows with a big-M as indicator constraints, see
            :mod:`bnnbench_mip.implications`.
    """

    name: ClassVar[str] = "gurobi"
    requires: ClassVar[tuple[str, ...]] = ("gurobipy", "scipy")
    preload: ClassVar[tuple[str, ...]] = ("gurobipy", "scipy.sparse")
    finest: ClassVar[float] = 1e-9
    label: ClassVar[str] = "Gurobi"
    free: ClassVar[tuple[int, int, int]] = (2000, 2000, 4000)
    indicators: bool = False

    def unlicensed(self) -> str | None:
        import gurobipy

        try:
            with _quiet():
                return None
        except gurobipy.GurobiError as error:
            return f"Gurobi has no licence here: {error}"

    def refuses(self, milp: MatrixMILP) -> bool:
        import gurobipy

        with _quiet() as environment:
            try:
                hand_over(environment, milp)[0].optimize()
            except gurobipy.GurobiError as error:
                return int(error.errno) == TOO_LARGE
        return False

    def run(self, watch: Watch, start: npt.NDArray[np.float64] | None, seed: int) -> Solution:
        tolerance = self.tolerance(watch.model)
        with _quiet() as environment:
            solver, x = hand_over(environment, watch.model.data, self.indicators)
            for name, value in self._parameters(tolerance, seed, watch).items():
                solver.setParam(name, value)
            if start is not None:
                x.Start = start
            solver.optimize(_callback(x, watch))
            return _read(solver, x, watch, tolerance)

    def _parameters(self, tolerance: float, seed: int, watch: Watch) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "Threads": self.threads or watch.limits.threads,
            "Seed": seed % 2_000_000_000,
            "MIPGap": self.mip_rel_gap,
            "MIPGapAbs": self.mip_abs_gap,
            "IntFeasTol": tolerance,
            "FeasibilityTol": tolerance,
        }
        if watch.seconds is not None:
            parameters["TimeLimit"] = watch.seconds
        if watch.limits.memory is not None:
            parameters["MemLimit"] = watch.limits.memory / 1e9
        if watch.goal is not None:
            parameters["BestObjStop"] = watch.goal
        if self.nodes is not None:
            parameters["NodeLimit"] = self.nodes
        return parameters


def hand_over(environment: Any, milp: MatrixMILP, indicators: bool = False) -> tuple[Any, Any]:
    """The program as a Gurobi model, with its vector of variables."""
    import gurobipy
    import scipy.sparse

    solver = gurobipy.Model(env=environment)
    kinds = np.where(milp.integer, gurobipy.GRB.INTEGER, gurobipy.GRB.CONTINUOUS)
    plain = np.ones(milp.n_rows, dtype=bool)
    if indicators:
        implied = Implications.of(milp)
        plain = implied.entry < 0
        binary = milp.integer & (milp.lower == 0) & (milp.upper == 1)
        kinds = np.where(binary, gurobipy.GRB.BINARY, kinds)
    x = solver.addMVar(milp.n_cols, lb=milp.lower, ub=milp.upper, obj=milp.c, vtype=kinds)
    A = scipy.sparse.csr_matrix(
        (milp.data, milp.indices, milp.indptr), shape=(milp.n_rows, milp.n_cols)
    )
    low, high = np.isfinite(milp.row_lower), np.isfinite(milp.row_upper)
    equal = low & high & (milp.row_lower == milp.row_upper)
    for rows, sense, sides in (
        (equal & plain, "=", milp.row_upper),
        (low & ~equal & plain, ">", milp.row_lower),
        (high & ~equal & plain, "<", milp.row_upper),
    ):
        if rows.any():
            solver.addMConstr(A[rows], x, sense, sides[rows])
    if indicators:
        _enforce(solver, x, milp, implied)
    solver.ObjCon = milp.offset
    solver.update()
    return solver, x


def _enforce(solver: Any, x: Any, milp: MatrixMILP, implied: Implications) -> None:
    """Add the rows that a binary enforces."""
    import gurobipy

    variables = x.tolist()
    for k in np.flatnonzero(implied.entry >= 0).tolist():
        at = int(implied.entry[k])
        part = [e for e in range(int(milp.indptr[k]), int(milp.indptr[k + 1])) if e != at]
        body = gurobipy.LinExpr(
            milp.data[part].tolist(), [variables[j] for j in milp.indices[part]]
        )
        upper = math.isfinite(implied.upper[k])
        solver.addGenConstrIndicator(
            variables[milp.indices[at]],
            bool(implied.active[k]),
            body,
            "<" if upper else ">",
            float(implied.upper[k] if upper else implied.lower[k]),
        )


def _callback(x: Any, watch: Watch) -> Any:
    from gurobipy import GRB

    def called(solver: Any, where: int) -> None:
        if where == GRB.Callback.MIPSOL:
            point = np.asarray(solver.cbGetSolution(x), dtype=np.float64)
            watch.found(point, float(solver.cbGet(GRB.Callback.MIPSOL_OBJ)))
        elif where == GRB.Callback.MIP:
            bound = float(solver.cbGet(GRB.Callback.MIP_OBJBND))
            if abs(bound) < INFINITE:
                watch.bounded(bound)
        if watch.over:
            solver.terminate()

    return called


def _read(solver: Any, x: Any, watch: Watch, tolerance: float) -> Solution:
    """Gurobi's last word as claims."""
    import gurobipy

    if solver.SolCount:
        watch.found(np.asarray(x.X, dtype=np.float64), float(solver.ObjVal))
    try:
        bound = float(solver.ObjBound)
    except (AttributeError, gurobipy.GurobiError):
        bound = -math.inf
    return watch.solution(
        TERMINATIONS.get(int(solver.Status), Termination.ERROR),
        bound if abs(bound) < INFINITE else -math.inf,
        gurobi_status=int(solver.Status),
        nodes=int(solver.NodeCount),
        version=".".join(map(str, gurobipy.gurobi.version())),
        feasibility=tolerance,
    )


def _quiet() -> Any:
    """An environment that prints nothing."""
    import gurobipy

    return gurobipy.Env(params={"OutputFlag": 0})
