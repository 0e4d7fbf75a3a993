"""SCIP: open branch and cut, fed through PySCIPOpt.

Incumbents and bounds come through an event handler; SCIP's values before the first linear program
are +-1e20 and are left out. The time limit is in wall seconds and SCIP's own; the event handler,
called at every solved node and linear program too, is the second net. Handing a program over costs
some 50 times a hand-over of arrays, since every row is an expression.
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
from bnnbench_mip.matrix_solver import MatrixSolver
from bnnbench_mip.watch import Watch

INFINITE = 1e19
TERMINATIONS = {
    "optimal": Termination.OPTIMAL,
    "gaplimit": Termination.OPTIMAL,
    "infeasible": Termination.INFEASIBLE,
    "inforunbd": Termination.INFEASIBLE,
    "timelimit": Termination.TIME,
    "memlimit": Termination.MEMORY,
    "userinterrupt": Termination.INTERRUPTED,
    "nodelimit": Termination.ITERATIONS,
    "totalnodelimit": Termination.ITERATIONS,
}
"""By name of SCIP's status; anything else is an error."""


@dataclass(frozen=True)
class Scip(MatrixSolver):
    """SCIP branch and cut, one thread, with streamed incumbents and bounds.

    Further parameters: see :class:`~bnnbench_mip.matrix_solver.MatrixSolver`.

    Attributes:
        indicators: rows with a big-M as indicator constraints, see
            :mod:`bnnbench_mip.implications`.
    """

    name: ClassVar[str] = "scip"
    requires: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    preload: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    indicators: bool = False

    def run(self, watch: Watch, start: npt.NDArray[np.float64] | None, seed: int) -> Solution:
        import pyscipopt

        solver = pyscipopt.Model()
        solver.hideOutput()
        variables = hand_over(solver, watch.model.data, self.indicators)
        if start is not None:
            _start(solver, variables, start)
        attach(solver, variables, watch)
        tolerance = self.tolerance(watch.model)
        solver.setParams(self._parameters(tolerance, seed, watch))
        solver.optimize()
        return _read(solver, variables, watch, tolerance)

    def _parameters(self, tolerance: float, seed: int, watch: Watch) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "timing/clocktype": 2,
            "randomization/randomseedshift": seed % 2**31,
            "limits/gap": self.mip_rel_gap,
            "limits/absgap": self.mip_abs_gap,
            "numerics/feastol": tolerance,
        }
        if watch.seconds is not None:
            parameters["limits/time"] = watch.seconds
        if watch.limits.memory is not None:
            parameters["limits/memory"] = watch.limits.memory / 2**20
        if self.nodes is not None:
            parameters["limits/nodes"] = self.nodes
        return parameters


def hand_over(solver: Any, milp: MatrixMILP, indicators: bool = False) -> list[Any]:
    """Add variables, rows and objective; returns the variables."""
    import pyscipopt

    kinds = np.where(milp.integer, "I", "C")
    sides, entry, active = (milp.row_lower, milp.row_upper), np.full(milp.n_rows, -1), None
    if indicators:
        implied = Implications.of(milp)
        kinds[milp.integer & (milp.lower == 0) & (milp.upper == 1)] = "B"
        sides, entry, active = (implied.lower, implied.upper), implied.entry, implied.active
    bounds = zip(_ends(milp.lower), _ends(milp.upper), kinds.tolist(), milp.c.tolist(), strict=True)
    variables = [
        solver.addVar(lb=low, ub=high, vtype=kind, obj=cost) for low, high, kind, cost in bounds
    ]
    solver.addObjoffset(milp.offset)
    starts, columns, values = milp.indptr.tolist(), milp.indices.tolist(), milp.data.tolist()
    ends = zip(_ends(sides[0]), _ends(sides[1]), entry.tolist(), strict=True)
    for k, (low, high, at) in enumerate(ends):
        if low is None and high is None:
            # PySCIPOpt takes no row without a side.
            continue
        part = [e for e in range(starts[k], starts[k + 1]) if e != at]
        body = pyscipopt.quicksum(values[e] * variables[columns[e]] for e in part)
        if not part:
            body = 0 * variables[0]
        row = pyscipopt.ExprCons(body, lhs=low, rhs=high)
        if active is None or at < 0:
            solver.addCons(row)
        else:
            solver.addConsIndicator(row, variables[columns[at]], activeone=bool(active[k]))
    return variables


def attach(solver: Any, variables: list[Any], watch: Watch) -> None:
    """Tell the watch about incumbents and bounds, and let it stop the solver."""
    import pyscipopt

    events = pyscipopt.SCIP_EVENTTYPE
    heard = (
        events.BESTSOLFOUND,
        events.DUALBOUNDIMPROVED,
        events.NODESOLVED,
        events.LPSOLVED,
        events.PRESOLVEROUND,
    )

    class Listener(pyscipopt.Eventhdlr):  # type: ignore[misc]
        def eventinit(self) -> None:
            for event in heard:
                self.model.catchEvent(event, self)

        def eventexit(self) -> None:
            for event in heard:
                self.model.dropEvent(event, self)

        def eventexec(self, event: Any) -> None:
            if event.getType() == events.BESTSOLFOUND:
                _found(self.model, variables, watch)
            bound = self.model.getDualbound()
            if abs(bound) < INFINITE:
                watch.bounded(bound)
            if watch.over:
                self.model.interruptSolve()

    solver.includeEventhdlr(Listener(), "bnnbench", "streams incumbents and bounds")


def _found(solver: Any, variables: list[Any], watch: Watch) -> None:
    best = solver.getBestSol()
    point = np.array([solver.getSolVal(best, x) for x in variables])
    watch.found(point, float(solver.getSolObjVal(best)))


def _start(solver: Any, variables: list[Any], point: npt.NDArray[np.float64]) -> None:
    solution = solver.createSol()
    for x, value in zip(variables, point.tolist(), strict=True):
        solver.setSolVal(solution, x, value)
    solver.addSol(solution)


def _read(solver: Any, variables: list[Any], watch: Watch, tolerance: float) -> Solution:
    """SCIP's last word as claims."""
    status = solver.getStatus()
    if solver.getNSols():
        _found(solver, variables, watch)
    bound = solver.getDualbound()
    return watch.solution(
        TERMINATIONS.get(status, Termination.ERROR),
        bound if abs(bound) < INFINITE else -math.inf,
        scip_status=status,
        nodes=int(solver.getNTotalNodes()),
        version=str(solver.version()),
        feasibility=tolerance,
    )


def _ends(bounds: npt.NDArray[np.float64]) -> list[float | None]:
    return [v if math.isfinite(v) else None for v in bounds.tolist()]
