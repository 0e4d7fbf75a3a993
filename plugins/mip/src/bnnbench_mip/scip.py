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

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import MatrixMILP
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_mip.implications import Implications
from bnnbench_mip.warm import start_point, used_by_start
from bnnbench_mip.watch import Watch, mip_tolerance

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
class Scip(Solver):
    """SCIP branch and cut, one thread, with streamed incumbents and bounds.

    Attributes:
        mip_rel_gap: stop when the relative gap is at most this.
        mip_abs_gap: stop when incumbent - bound is at most this, in objective units.
        feasibility: how far integer variables and rows may be off; none for 0.1 over the largest
            big-M, between 1e-10 and 1e-6.
        nodes: most nodes; none for no limit.
        tighten: take the slack out of incumbents.
        start: solver of kind direct whose network is the first solution; none or reference.
        start_seconds: for it.
        indicators: rows with a big-M as indicator constraints, see
            :mod:`bnnbench_mip.implications`.
    """

    name: ClassVar[str] = "scip"
    kind: ClassVar[str] = "milp"
    requires: ClassVar[tuple[str, ...]] = ("pyscipopt",)
    preload: ClassVar[tuple[str, ...]] = ("pyscipopt",)
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

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        import pyscipopt

        watch = Watch(model, self.tighten, report, limits, Clock(limits))
        point = start_point(model, self.start, self.start_seconds, limits, seed, report)
        try:
            solver = pyscipopt.Model()
            solver.hideOutput()
            variables = hand_over(solver, model.data, self.indicators)
            if point is not None:
                _start(solver, variables, point)
            attach(solver, variables, watch)
            tolerance = self.feasibility or mip_tolerance(model)
            solver.setParams(self._parameters(tolerance, limits, seed, watch.clock))
            solver.optimize()
            return _read(solver, variables, watch, tolerance)
        except MemoryError:
            return Solution.found(None, Termination.MEMORY)

    def _parameters(
        self, tolerance: float, limits: Limits, seed: int, clock: Clock
    ) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "timing/clocktype": 2,
            "randomization/randomseedshift": seed % 2**31,
            "limits/gap": self.mip_rel_gap,
            "limits/absgap": self.mip_abs_gap,
            "numerics/feastol": tolerance,
        }
        if math.isfinite(clock.left):
            parameters["limits/time"] = max(0.01, 0.98 * clock.left)
        if limits.memory is not None:
            parameters["limits/memory"] = limits.memory / 2**20
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
