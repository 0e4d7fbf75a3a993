"""The optimum of every program is the optimum over all networks of the class, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bnnbench_mip.highs import Highs

from bnnbench.architecture import Architecture, Connection, skip_connections
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued, WeightDomain
from bnnbench.interfaces import Formulation, ignore_report
from bnnbench.objectives import (
    Errors,
    Hamming,
    LinearHinge,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    SaturatedMargin,
    Score,
    SignErrors,
    SquaredHinge,
)
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Termination
from bnnbench.testing import class_size, optima, optimum

MOST, MOST_FREE = 600, 2000
OBJECTIVES: list[Objective] = [
    SignErrors(),
    SignErrors(strict=True),
    SaturatedMargin(),
    MinHinge(),
    SquaredHinge(),
    LinearHinge(),
    LinearHinge(margin=2),
    Hamming(),
    Errors(ties="wrong"),
    Errors(),
    MinWeight("l1"),
    MinWeight("l0"),
    MaxMargin(),
    MaxMargin("0.25"),
    MaxMargin("1"),
]
DOMAINS: list[WeightDomain] = [
    Integer(P=1),
    Integer(P=1, bias="asymmetric"),
    Integer(P=1, bias="free"),
    Integer(P=2, bias="none"),
    Binary(),
    Binary(bias="none"),
    FixedPoint(decimals=0),
    FixedPoint(decimals=1, bias="none"),
    TwoValued(d=3, rhos=(-4,), bias="same"),
    TwoValued(d=3, rhos=(-3,), bias="none"),
    TwoValued(d=3, rhos=(-8,), ones=0.4, bias="same"),
    TwoValued(d=2, rhos=(-3, 0), bias="same"),
    TwoValued(d=1, rhos=(-1, 0), ones=0.5, bias="free"),
]
MASK = np.array([[True, False], [True, True]])
TOPOLOGIES = [
    Architecture(2, (), 1),
    Architecture(2, (), 2),
    Architecture(1, (1,), 1),
    Architecture(2, (1,), 2),
    Architecture(1, (2,), 1),
    Architecture(1, (1,), 2, "step"),
    Architecture(2, (1,), 1, "step"),
    Architecture(1, (1, 1), 1),
    Architecture(1, (1, 1), 1, "step", skip_connections(3, [(0, 2), (1, 3)])),
    Architecture(2, (2,), 1, connections=(Connection(0, 1, MASK), Connection(1, 2))),
]


def data(features: int, seed: int) -> Dataset:
    """5 rows with features in -1, -1/2 .. 1; two of three features are alive."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-2, 3, (5, features))
    y = np.array([0, 1, 0, 1, 1])
    X[1], y[1] = X[0], rng.integers(2)
    return Dataset("small", X, y, (5, 0, 0), scale=2)


def check(problem: Problem, model_of: Formulation, best: Score) -> None:
    model = model_of.build(problem)
    solution = Highs().solve(model, Limits(time=60), 0, ignore_report)
    if not best.feasible:
        assert solution.termination is Termination.INFEASIBLE
        assert solution.answer is None
        return
    assert solution.termination is Termination.OPTIMAL
    assert solution.answer is not None
    network = model.network(solution.answer)
    assert problem.outside(network) is None
    assert problem.evaluate(network) == best
    assert solution.objective == pytest.approx(float(best.values[0]), abs=1e-5)
    assert solution.bound == pytest.approx(float(best.values[0]), abs=1e-5)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda d: str(d.spec))
def test_optimum_of_every_objective(
    domain: WeightDomain, formulation: Callable[..., Formulation]
) -> None:
    compared = 0
    for seed, architecture in enumerate(TOPOLOGIES):
        problem = Problem(data(architecture.inputs, seed), architecture, domain, Hamming())
        most = MOST_FREE if domain.bias == "free" else MOST
        if class_size(problem) > most:
            continue
        scores = [score for score, _ in optima(problem, OBJECTIVES)]
        for i, (objective, best) in enumerate(zip(OBJECTIVES, scores, strict=True)):
            case = replace(problem, objective=objective)
            model_of = formulation(objective.name, one_sided=(i + seed) % 2 == 1)
            if model_of.accepts(case):
                model_of = formulation(objective.name)
            if model_of.accepts(case):
                continue
            check(case, model_of, best)
            compared += 1
    assert compared >= len(OBJECTIVES)


def test_three_classes_and_ties(
    formulation: Callable[..., Formulation],
) -> None:
    X = np.array([[0, 1], [1, 0], [1, 1], [2, 1], [0, 1]])
    dataset = Dataset("three", X, np.array([0, 1, 2, 2, 1]), (5, 0, 0))
    problem = Problem(dataset, Architecture(2, (), 3), Binary(), Hamming())
    objectives = [o for o in OBJECTIVES if not o.hard]
    scores = [score for score, _ in optima(problem, objectives)]
    for objective, best in zip(objectives, scores, strict=True):
        case = replace(problem, objective=objective)
        for one_sided in (False, True):
            model_of = formulation(objective.name, one_sided=one_sided)
            if not model_of.accepts(case):
                check(case, model_of, best)


def test_free_biases_of_three_classes_may_lie_two_spreads_apart(
    formulation: Callable[..., Formulation],
) -> None:
    # Each class needs its own interval of one feature: errors 0 only with well-separated biases.
    X = np.array([[-3], [-2], [0], [2], [3]])
    dataset = Dataset("intervals", X, np.array([0, 0, 1, 2, 2]), (5, 0, 0))
    domain = Integer(P=1, bias="free")
    problem = Problem(dataset, Architecture(1, (), 3), domain, Errors(ties="wrong"))
    check(problem, formulation("errors"), Score.of(0))


def test_dead_features_get_no_variable_and_a_number_of_the_grid(
    formulation: Callable[..., Formulation],
) -> None:
    X = np.array([[0, 1], [0, 2], [0, -1], [0, 0]])
    dataset = Dataset("dead", X, np.array([0, 1, 0, 1]), (4, 0, 0))
    for domain in (Integer(P=1), Binary(), TwoValued(rhos=(-5,), bias="same")):
        for objective in (SaturatedMargin(), MinWeight("l1"), MinWeight("l0")):
            problem = Problem(dataset, Architecture(2, (1,), 1), domain, objective)
            model = formulation(objective.name).build(problem)
            assert model.data.blocks["w1"][1] == (1,)
            check(problem, formulation(objective.name), optimum(problem)[0])


@pytest.mark.parametrize("objective", [MinHinge(), SquaredHinge(), LinearHinge()], ids=repr)
@pytest.mark.parametrize("domain", [Integer(P=1), Binary(), FixedPoint(decimals=1)], ids=repr)
def test_losses_are_exact_where_the_output_scale_is_small_or_nothing_is_reachable(
    objective: Objective,
    domain: WeightDomain,
    formulation: Callable[..., Formulation],
) -> None:
    # B < 2: the last segment of min-hinge falls, and is prolonged beyond v = 1 (inn.md 3.3).
    for X in (np.array([[0], [1], [1]]), np.array([[1], [2], [0]]), np.array([[5], [7], [9]])):
        dataset = Dataset("one feature", X, np.array([0, 1, 1]), (3, 0, 0), scale=4)
        problem = Problem(dataset, Architecture(1, (), 1), domain, objective)
        check(problem, formulation(objective.name), optimum(problem)[0])
