"""Any MIP solver that Pyomo can drive, on the program expanded to a Pyomo model.

The expansion costs a Python object per row and variable, some hundred times the array hand-over of
``highs`` (mip.md section 3), and Pyomo's interfaces have no callbacks: no incumbents are streamed,
and a target is not watched. It is for comparing solvers, not for speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Clock, Model, Report, Solver, missing
from bnnbench.models import MatrixMILP
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_mip.watch import mip_tolerance

TERMINATIONS = {
    "optimal": Termination.OPTIMAL,
    "infeasible": Termination.INFEASIBLE,
    "maxTimeLimit": Termination.TIME,
    "maxIterations": Termination.ITERATIONS,
    "maxEvaluations": Termination.ITERATIONS,
    "resourceInterrupt": Termination.MEMORY,
    "userInterrupt": Termination.INTERRUPTED,
}
"""By name of Pyomo's termination condition; anything else is an error."""


@dataclass(frozen=True)
class Pyomo(Solver):
    """Any MIP solver that Pyomo has an interface to; no streamed incumbents.

    Attributes:
        solver: Pyomo's name of the solver: appsi_highs, highs, scip, gurobi, cbc, ...
        options: the solver's own options as texts ``key=value``; they come after what is set for
            the HiGHS interfaces (threads, seed, gap 0, tolerance) and may replace it.
    """

    name: ClassVar[str] = "pyomo"
    kind: ClassVar[str] = "milp"
    requires: ClassVar[tuple[str, ...]] = ("pyomo",)
    solver: str = "appsi_highs"
    options: tuple[str, ...] = ()

    def available(self) -> str | None:
        absent = missing((*self.requires, *(("highspy",) if self._is_highs else ())))
        if absent:
            return absent
        from pyomo.environ import SolverFactory

        if not SolverFactory(self.solver).available(exception_flag=False):
            return f"Pyomo cannot run {self.solver}: not installed, or without licence"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        from pyomo.environ import SolverFactory

        clock = Clock(limits)
        expanded = expand(model.data)
        if clock.over:
            return Solution.found(None, Termination.TIME)
        options = self._options(model, limits, seed)
        keywords: dict[str, Any] = {"load_solutions": False, "options": options}
        if math.isfinite(clock.left):
            keywords["timelimit"] = max(0.01, 0.99 * clock.left)
        solver = SolverFactory(self.solver)
        results = solver.solve(expanded, **keywords)
        return _read(model, expanded, results, report)

    @property
    def _is_highs(self) -> bool:
        return self.solver in ("appsi_highs", "highs")

    def _options(self, model: Model, limits: Limits, seed: int) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._is_highs:
            options = {
                "threads": limits.threads,
                "random_seed": seed % 2**31,
                "mip_rel_gap": 0.0,
                "mip_feasibility_tolerance": mip_tolerance(model),
            }
        return options | dict(_option(text) for text in self.options)


def expand(milp: MatrixMILP) -> Any:
    """The program as a ``pyomo.environ.ConcreteModel`` with variables ``x``, rows ``row``."""
    import pyomo.environ as pyo
    from pyomo.core import expr

    model = pyo.ConcreteModel()
    lower, upper = _open_ends(milp.lower), _open_ends(milp.upper)
    model.x = pyo.Var(
        range(milp.n_cols),
        domain=lambda m, i: pyo.Integers if milp.integer[i] else pyo.Reals,
        bounds=lambda m, i: (lower[i], upper[i]),
    )
    x = [model.x[i] for i in range(milp.n_cols)]
    low, high = _open_ends(milp.row_lower), _open_ends(milp.row_upper)
    starts, costs = milp.indptr.tolist(), milp.c.tolist()
    variables = map(x.__getitem__, milp.indices.tolist())
    terms = list(map(expr.MonomialTermExpression, zip(milp.data.tolist(), variables, strict=True)))

    def row(m: Any, k: int) -> Any:
        # Pyomo refuses a row without variables, even a true one.
        part = terms[starts[k] : starts[k + 1]] or [expr.MonomialTermExpression((0.0, x[0]))]
        body = expr.LinearExpression(part)
        # As relations: to read them out of a tuple takes Pyomo twice as long.
        if low[k] is not None and low[k] == high[k]:
            return expr.EqualityExpression((body, high[k]))
        if low[k] is None and high[k] is not None:
            return expr.InequalityExpression((body, high[k]), False)
        if high[k] is None and low[k] is not None:
            return expr.InequalityExpression((low[k], body), False)
        return (low[k], body, high[k])

    model.row = pyo.Constraint(range(milp.n_rows), rule=row)
    priced = [i for i, cost in enumerate(costs) if cost]
    model.objective = pyo.Objective(
        expr=expr.LinearExpression(
            constant=milp.offset,
            linear_coefs=[costs[i] for i in priced],
            linear_vars=[x[i] for i in priced],
        )
    )
    return model


def _read(model: Model, expanded: Any, results: Any, report: Report) -> Solution:
    termination = TERMINATIONS.get(str(results.solver.termination_condition), Termination.ERROR)
    point, objective = _values(model.data, expanded, results), None
    if point is not None:
        objective = model.data.objective(point)
        report(point, objective=objective)
    bound = results.problem.lower_bound
    finite = isinstance(bound, (int, float)) and math.isfinite(bound)
    held = Status.NONE if point is None else Status.FEASIBLE
    if point is not None and termination is Termination.OPTIMAL:
        held = Status.OPTIMAL
    return Solution(point, held, termination, objective, float(bound) if finite else None)


def _values(milp: MatrixMILP, expanded: Any, results: Any) -> npt.NDArray[np.float64] | None:
    """The best point found; variables that a solver leaves out take their lower bound."""
    from pyomo.common.log import LoggingIntercept

    if not len(results.solution) or not results.solution(0).variable:
        return None
    # Pyomo warns of a run that was stopped by its time limit, on standard output.
    with LoggingIntercept(module="pyomo"):
        expanded.solutions.load_from(results)
    values = [expanded.x[i].value for i in range(milp.n_cols)]
    return np.array([milp.lower[i] if v is None else v for i, v in enumerate(values)])


def _open_ends(bounds: npt.NDArray[np.float64]) -> list[float | None]:
    """Bounds in Pyomo's way: None where there is none."""
    return [v if math.isfinite(v) else None for v in bounds.tolist()]


def _option(text: str) -> tuple[str, Any]:
    """``key=value`` with the value as a number where it is one."""
    key, _, value = text.partition("=")
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            continue
    return key, value
