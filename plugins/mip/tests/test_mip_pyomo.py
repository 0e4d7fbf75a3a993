"""Pyomo drives other solvers on the same program, with the same answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from bnnbench_mip.highs import Highs
from bnnbench_mip.pyomo_solver import Pyomo

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import Formulation, ignore_report
from bnnbench.objectives import MinHinge, MinWeight, SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Status, Termination


@pytest.fixture
def small(breast_cancer: Dataset) -> Problem:
    X, y = breast_cancer.X[:8, :4], breast_cancer.y[:8]
    dataset = Dataset("eight", X, y, (8, 0, 0), breast_cancer.scale)
    return Problem(dataset, Architecture(4, (1,), 2), Integer(P=1), SaturatedMargin())


@pytest.mark.parametrize("solver", ["appsi_highs", "highs"])
@pytest.mark.parametrize("objective", [SaturatedMargin(), MinHinge()], ids=repr)
def test_same_optimum_as_the_direct_adapter(
    solver: str, objective: object, small: Problem, formulation: Callable[..., Formulation]
) -> None:
    problem = replace(small, objective=objective)
    model = formulation(problem.objective.name).build(problem)
    direct = Highs().solve(model, Limits(), 0, ignore_report)
    through = Pyomo(solver=solver).solve(model, Limits(time=60), 0, ignore_report)
    assert through.status is Status.OPTIMAL
    assert through.objective == pytest.approx(direct.objective, abs=1e-6)
    assert through.bound == pytest.approx(direct.objective, abs=1e-6)
    assert through.answer is not None
    value = problem.evaluate(model.network(through.answer)).values[0]
    assert through.objective == pytest.approx(float(value), abs=1e-6)


@pytest.mark.parametrize("solver", ["appsi_highs", "highs"])
def test_infeasible_rows(
    solver: str, small: Problem, formulation: Callable[..., Formulation]
) -> None:
    data = small.dataset
    X, y = data.X.copy(), data.y.copy()
    X[1], y[1] = X[0], 1 - y[0]
    contradictory = Dataset("contradictory", X, y, data.sizes, data.scale)
    problem = replace(small, dataset=contradictory, objective=MinWeight())
    model = formulation("min-weight").build(problem)
    solution = Pyomo(solver=solver).solve(model, Limits(time=60), 0, ignore_report)
    assert solution.termination is Termination.INFEASIBLE
    assert solution.answer is None


def test_a_time_limit_keeps_what_was_found(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = Problem(breast_cancer, Architecture(30, (4,), 2), Integer(P=1), SaturatedMargin())
    model = formulation("saturated-margin").build(problem)
    solution = Pyomo().solve(model, Limits(time=1.5), 0, ignore_report)
    assert solution.termination is Termination.TIME
    if solution.answer is not None:
        assert solution.status is Status.FEASIBLE
        assert problem.outside(model.network(solution.answer)) is None


def test_solver_options_are_passed_on(
    small: Problem, formulation: Callable[..., Formulation]
) -> None:
    model = formulation("saturated-margin").build(small)
    stopped = Pyomo(options=("mip_max_nodes=0", "presolve=off", "mip_heuristic_effort=0.0"))
    solution = stopped.solve(model, Limits(time=60), 0, ignore_report)
    assert solution.termination is not Termination.OPTIMAL


def test_a_solver_that_is_not_there_is_said_to_be_missing() -> None:
    assert Pyomo().available() is None
    assert "no_such_solver" in (Pyomo(solver="no_such_solver").available() or "")
