"""HiGHS: claims agree with the exact forward pass, whatever stops the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from bnnbench_mip.highs import Highs

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import FixedPoint, Integer
from bnnbench.interfaces import Formulation, Model, ignore_report
from bnnbench.models import MatrixMILP, RowBuilder
from bnnbench.objectives import (
    Errors,
    Hamming,
    LinearHinge,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    SaturatedMargin,
)
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination


@dataclass
class Recorder:
    """A report that keeps what it hears and stops at a target."""

    target: float = -np.inf
    incumbents: list[tuple[Any, float]] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)

    def __call__(
        self, answer: Any = None, *, objective: float | None = None, bound: float | None = None
    ) -> bool:
        if answer is not None:
            assert objective is not None
            self.incumbents.append((np.array(answer), objective))
        if bound is not None:
            self.bounds.append(bound)
        return objective is not None and objective <= self.target


def run(
    model: Model, limits: Limits, report: Any = ignore_report, seed: int = 0, **parameters: Any
) -> Solution:
    return Highs(**parameters).solve(model, limits, seed, report)


def network_problem(dataset: Dataset, objective: Objective, hidden: int = 4) -> Problem:
    architecture = Architecture(dataset.n_features, (hidden,), 2)
    return Problem(dataset, architecture, Integer(P=1), objective)


@pytest.mark.parametrize(
    ("objective", "one_sided", "tighten"),
    [
        (SaturatedMargin(), False, False),
        (SaturatedMargin(), True, False),
        (MinHinge(), False, True),
        (LinearHinge(), False, False),
        (Errors(ties="wrong"), True, True),
    ],
    ids=repr,
)
def test_every_incumbent_on_real_data_is_what_it_claims(
    objective: Objective,
    one_sided: bool,
    tighten: bool,
    breast_cancer: Dataset,
    formulation: Callable[..., Formulation],
) -> None:
    problem = network_problem(breast_cancer, objective)
    model = formulation(objective.name, one_sided=one_sided).build(problem)
    report = Recorder()
    solution = run(model, Limits(time=1.0), report, tighten=tighten)
    assert report.incumbents
    assert solution.termination in (Termination.TIME, Termination.OPTIMAL)
    values = []
    for point, claimed in report.incumbents:
        network = model.decode(point)
        assert problem.outside(network) is None
        value = problem.evaluate(network).values[0]
        if tighten or (objective == SaturatedMargin() and not one_sided):
            assert claimed == pytest.approx(float(value), abs=1e-6)
        else:
            assert claimed >= float(value) - 1e-6
        values.append(float(value))
    assert solution.objective == report.incumbents[-1][1]
    assert solution.bound is not None
    assert solution.bound <= min(values) + 1e-6
    assert all(bound <= min(values) + 1e-6 for bound in report.bounds)


def test_a_target_stops_the_run(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = network_problem(breast_cancer, SaturatedMargin())
    model = formulation("saturated-margin").build(problem)
    report = Recorder()
    solution = run(model, Limits(time=60, target=40), report)
    assert solution.termination is Termination.TARGET
    assert solution.status is Status.FEASIBLE
    assert solution.objective is not None
    assert solution.objective <= 40
    assert solution.answer is not None
    assert problem.evaluate(model.network(solution.answer)).values[0] <= 40
    assert all(objective > 40 for _, objective in report.incumbents[:-1])


def test_a_report_that_says_stop_interrupts_the_run(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = network_problem(breast_cancer, SaturatedMargin())
    model = formulation("saturated-margin").build(problem)
    solution = run(model, Limits(time=60), Recorder(target=1000))
    assert solution.termination is Termination.INTERRUPTED
    assert solution.status is Status.FEASIBLE


def test_a_time_limit_stops_without_claiming_the_optimum(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = network_problem(breast_cancer, MinHinge(), hidden=16)
    solution = run(formulation("min-hinge").build(problem), Limits(time=0.5))
    assert solution.termination is Termination.TIME
    assert solution.status is not Status.OPTIMAL
    assert solution.bound is None or 0 <= solution.bound <= (solution.objective or np.inf)


def test_contradictory_rows_are_proved_infeasible(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    X, y = breast_cancer.X[:10].copy(), breast_cancer.y[:10].copy()
    X[1], y[1] = X[0], 1 - y[0]
    dataset = Dataset("contradictory", X, y, (10, 0, 0), breast_cancer.scale)
    for objective in (MinWeight("l1"), MaxMargin("0.0001")):
        problem = network_problem(dataset, objective, hidden=1)
        assert problem.infeasible
        report = Recorder()
        solution = run(formulation(objective.name).build(problem), Limits(time=60), report)
        assert solution.termination is Termination.INFEASIBLE
        assert (solution.status, solution.answer) == (Status.NONE, None)
        assert not report.incumbents


def test_least_weight_of_real_data_is_proved(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    X, y = breast_cancer.X[:12, :6], breast_cancer.y[:12]
    dataset = Dataset("twelve", X, y, (12, 0, 0), breast_cancer.scale)
    problem = Problem(dataset, Architecture(6, (2,), 1), Integer(P=1), MinWeight("l1"))
    model = formulation("min-weight").build(problem)
    solution = run(model, Limits(time=120))
    assert solution.status is Status.OPTIMAL
    assert solution.answer is not None
    value = problem.evaluate(model.network(solution.answer)).values[0]
    assert solution.objective == pytest.approx(float(value), abs=1e-6)
    assert solution.bound == pytest.approx(float(value), abs=1e-6)


def test_one_thread_and_one_seed_repeat_a_run(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    model = formulation("saturated-margin").build(
        network_problem(breast_cancer, SaturatedMargin(), hidden=2)
    )
    first, second = (run(model, Limits(), seed=3, nodes=1) for _ in range(2))
    assert first.termination is second.termination
    assert first.objective == second.objective
    np.testing.assert_array_equal(first.answer, second.answer)


def test_fine_weights_on_fine_features_stay_within_tolerances(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    # Weights and features of 4 decimals: a unit of z is 1e-8, big-M 3e9 of them.
    dataset = Dataset("few", breast_cancer.X[:15], breast_cancer.y[:15], (15, 0, 0), 10000)
    domain = FixedPoint(decimals=4)
    problem = Problem(dataset, Architecture(30, (1,), 2), domain, Hamming())
    model_of = formulation("hamming")
    assert model_of.accepts(problem) is None
    model = model_of.build(problem)
    report = Recorder()
    run(model, Limits(time=2), report)
    assert report.incumbents
    for point, claimed in report.incumbents:
        value = problem.evaluate(model.decode(point)).values[0]
        assert claimed == pytest.approx(float(value), abs=1e-6)


def model_of_rows(milp: MatrixMILP) -> Model:
    dataset = Dataset("any", np.array([[0], [1]]), np.array([0, 1]), (2, 0, 0))
    problem = Problem(dataset, Architecture(1, (), 1), Integer(P=1), Hamming())
    return Model(problem, "milp", milp, problem.architecture.__class__)  # type: ignore[arg-type]


def test_the_offset_is_part_of_objective_bound_and_target() -> None:
    rows = RowBuilder()
    x = rows.variables("x", (3,), 0, 5, integer=True, cost=-1)
    rows.rows((1,), [(x[None], 2)], -np.inf, 7)
    solution = run(model_of_rows(rows.build(offset=10)), Limits())
    assert (solution.objective, solution.bound) == (7, 7)
    assert solution.answer is not None
    assert np.sum(solution.answer) == 3


def test_a_program_that_needs_no_search_has_its_objective_as_bound() -> None:
    rows = RowBuilder()
    rows.variables("x", (3,), 0, 5, integer=True, cost=-1)
    solution = run(model_of_rows(rows.build(offset=1)), Limits())
    assert (solution.termination, solution.objective) == (Termination.OPTIMAL, -14)
    assert solution.bound == -14


def test_thread_counts_may_differ_between_runs_of_one_process(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    X, y = breast_cancer.X[:8, :4], breast_cancer.y[:8]
    dataset = Dataset("eight", X, y, (8, 0, 0), breast_cancer.scale)
    model = formulation("hamming").build(
        Problem(dataset, Architecture(4, (1,), 2), Integer(P=1), Hamming())
    )
    found = [run(model, Limits(threads=threads)).objective for threads in (1, 2, 1)]
    assert found[0] is not None
    assert found[0] == found[1] == found[2]
