"""Gurobi: commercial branch and cut, fed by arrays through gurobipy.

The licence that comes with the package refuses programs of more than 2000 rows or variables;
``accepts`` says so. Where a program is larger it asks Gurobi itself, since another licence may be
installed. That licence is also for non-production use only, so its times are for orientation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnbench.interfaces import Clock, Model, Report, Solver, missing
from bnnbench.models import MatrixMILP
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_mip.implications import Implications
from bnnbench_mip.warm import start_point, used_by_start
from bnnbench_mip.watch import Watch, mip_tolerance

FREE_SIZE = 2000
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
class Gurobi(Solver):
    """Gurobi, with streamed incumbents and bounds; 2000 rows or variables without a licence.

    Attributes:
        threads: threads of the solver; none for what the limits allow.
        mip_rel_gap: stop when the relative gap is at most this.
        mip_abs_gap: stop when incumbent - bound is at most this, in objective units.
        feasibility: how far integer variables and rows may be off; none for 0.1 over the largest
            big-M, between 1e-9 and 1e-6.
        nodes: most nodes; none for no limit.
        tighten: take the slack out of incumbents.
        start: solver of kind direct whose network is the first solution; none or reference.
        start_seconds: for it.
        indicators: rows with a big-M as indicator constraints, see
            :mod:`bnnbench_mip.implications`.
    """

    name: ClassVar[str] = "gurobi"
    kind: ClassVar[str] = "milp"
    requires: ClassVar[tuple[str, ...]] = ("gurobipy", "scipy")
    preload: ClassVar[tuple[str, ...]] = ("gurobipy", "scipy.sparse")
    threads: int | None = None
    mip_rel_gap: float = 0.0
    mip_abs_gap: float = 1e-6
    feasibility: float | None = None
    nodes: int | None = None
    tighten: bool = True
    start: str = "none"
    start_seconds: float = 1.0
    indicators: bool = False

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return used_by_start(self.start)

    def available(self) -> str | None:
        absent = missing(self.requires)
        if absent:
            return absent
        import gurobipy

        try:
            with _quiet():
                return None
        except gurobipy.GurobiError as error:
            return f"Gurobi has no licence here: {error}"

    def accepts(self, model: Model) -> str | None:
        milp = model.data
        if max(milp.n_rows, milp.n_cols) <= FREE_SIZE or not _limited():
            return None
        return (
            f"{milp.n_rows} rows and {milp.n_cols} variables, the installed licence allows"
            f" {FREE_SIZE} of each"
        )

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        watch = Watch(model, self.tighten, report, limits, Clock(limits))
        point = start_point(model, self.start, self.start_seconds, limits, seed, report)
        tolerance = max(1e-9, self.feasibility or mip_tolerance(model))
        with _quiet() as environment:
            try:
                solver, x = hand_over(environment, model.data, self.indicators)
                for name, value in self._parameters(tolerance, limits, seed, watch.clock).items():
                    solver.setParam(name, value)
                if point is not None:
                    x.Start = point
                solver.optimize(_callback(x, watch))
                return _read(solver, x, watch, tolerance)
            except MemoryError:
                return Solution.found(None, Termination.MEMORY)

    def _parameters(
        self, tolerance: float, limits: Limits, seed: int, clock: Clock
    ) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "Threads": self.threads or limits.threads,
            "Seed": seed % 2_000_000_000,
            "MIPGap": self.mip_rel_gap,
            "MIPGapAbs": self.mip_abs_gap,
            "IntFeasTol": tolerance,
            "FeasibilityTol": tolerance,
        }
        if math.isfinite(clock.left):
            parameters["TimeLimit"] = max(0.01, 0.99 * clock.left)
        if limits.memory is not None:
            parameters["MemLimit"] = limits.memory / 1e9
        if limits.target is not None:
            parameters["BestObjStop"] = limits.target + 1e-9 * max(1.0, abs(limits.target))
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


def _limited() -> bool:
    """Whether the licence refuses a program just beyond the free size."""
    import gurobipy

    with _quiet() as environment, gurobipy.Model(env=environment) as probe:
        probe.addMVar(FREE_SIZE + 1)
        try:
            probe.optimize()
        except gurobipy.GurobiError as error:
            return int(error.errno) == TOO_LARGE
    return False
