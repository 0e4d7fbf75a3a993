"""Literal and strengthened programs: same optimum on random shapes, and every incumbent is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bnnbench_mip.highs import Highs

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, Integer, WeightDomain
from bnnbench.interfaces import Formulation, Model
from bnnbench.objectives import (
    Errors,
    Hamming,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    SaturatedMargin,
    SignErrors,
)
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination

OBJECTIVES: list[Objective] = [
    SignErrors(),
    SignErrors(strict=True),
    SaturatedMargin(),
    MinHinge(),
    Hamming(),
    Errors(ties="wrong"),
    MinWeight("l1"),
    MaxMargin("0.0001"),
]
DOMAINS: list[WeightDomain] = [
    Integer(P=1),
    Integer(P=1, bias="asymmetric"),
    Integer(P=3),
    Integer(P=1, bias="none"),
    Binary(),
]


def drawn(rng: np.random.Generator) -> Problem:
    """A problem of random shape; where all signs must be right, labels come from a network."""
    objective = OBJECTIVES[rng.integers(len(OBJECTIVES))]
    outputs = int(rng.integers(1, 3))
    shape = [(), (1,), (2,), (1, 1)][rng.integers(4)]
    n, d = int(rng.integers(3, 6)), int(rng.integers(1, 4))
    scale = int(rng.choice([1, 4, 10000]))
    X = rng.integers(-scale, scale + 1, (n, d))
    X[0] = 0
    architecture = Architecture(d, shape, outputs)
    dataset = Dataset("drawn", X, rng.integers(0, 2, n), (n, 0, 0), scale, ("0", "1"))
    domain = DOMAINS[rng.integers(len(DOMAINS))]
    problem = Problem(dataset, architecture, domain, objective)
    if objective.hard and outputs == 1:
        z = problem.random_network(rng).forward(X, scale).output
        dataset = replace(dataset, y=(z[:, 0] >= 0).astype(np.int64))
    return replace(problem, dataset=dataset)


def solved(model: Model, *, tight: bool) -> Solution:
    """Solve, and compare every streamed incumbent with the exact forward pass."""
    told: list[tuple[float, float]] = []

    def report(answer: Any = None, *, objective: Any = None, bound: Any = None) -> bool:
        if answer is not None:
            score = model.problem.evaluate(model.network(answer))
            assert score.feasible
            told.append((objective, float(score.values[0])))
        return False

    solution = Highs().solve(model, Limits(time=5), 0, report)
    for claimed, true in told:
        assert claimed >= true - 1e-6
        if tight:
            assert claimed == pytest.approx(true, abs=1e-6)
    return solution


@pytest.mark.parametrize("seed", range(4))
def test_literal_and_strengthened_agree(seed: int, formulation: Callable[..., Formulation]) -> None:
    rng = np.random.default_rng(seed)
    compared = 0
    while compared < 52:
        problem = drawn(rng)
        name = problem.objective.name
        literal = formulation(name, literal=True)
        strong = formulation(name, merge=True, one_sided=True, symmetry=True, order="key")
        for given_up in ({"symmetry": False}, {"one_sided": False}, {"order": "none"}):
            if strong.accepts(problem):
                strong = replace(strong, **given_up)
        if literal.accepts(problem) or strong.accepts(problem):
            continue
        two = [solved(m.build(problem), tight=m is strong) for m in (literal, strong)]
        if any(s.termination is Termination.TIME for s in two):
            continue
        compared += 1
        assert two[0].termination is two[1].termination
        if two[0].status is not Status.OPTIMAL:
            assert two[0].termination is Termination.INFEASIBLE
            continue
        assert two[0].objective == pytest.approx(two[1].objective, abs=1e-5)
        assert two[0].bound == pytest.approx(two[1].bound, abs=1e-5)


@pytest.mark.parametrize(
    "objective", [SaturatedMargin(), SignErrors(strict=True), Hamming(), MaxMargin("0.0001")]
)
def test_literal_rows_have_published_sides(
    objective: Objective, formulation: Callable[..., Formulation]
) -> None:
    X = np.random.default_rng(0).integers(1, 10001, (6, 3))
    dataset = Dataset("sides", X, np.arange(6) % 2, (6, 0, 0), 10000)
    problem = Problem(dataset, Architecture(3, (4, 4), 2), Integer(P=3), objective)
    plain = formulation(objective.name).build(problem)
    model = formulation(objective.name, literal=True).build(problem)
    uppers = set(np.round(model.data.row_upper[np.isfinite(model.data.row_upper)], 12))
    # Layer 1 in units of 1e-4: z <= -1 is z <= -eps. Layer 2: eps itself.
    assert {-1.0, -1e-4} <= uppers
    B = (4 + 1) * 3
    if objective.name == "sign-errors":
        assert round(-1e-4 * B / 2, 12) in uppers
    if objective.name == "max-margin":
        assert model.info["rows"] == plain.info["rows"] - 6 * (4 + 2)
    else:
        assert model.info["rows"] == plain.info["rows"]
    assert model.info["big_m"] > plain.info["big_m"]


def test_literal_max_margin_without_eps_is_refused(
    formulation: Callable[..., Formulation],
) -> None:
    dataset = Dataset("two", np.array([[0], [1]]), np.array([0, 1]), (2, 0, 0))
    problem = Problem(dataset, Architecture(1, (), 1), Integer(P=1), MaxMargin())
    refused = formulation("max-margin", literal=True).accepts(problem)
    assert refused is not None
    assert "eps" in refused


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("bias", ["same", "none"])
def test_a_row_on_the_threshold_counts_as_positive(
    literal: bool, bias: Any, formulation: Callable[..., Formulation]
) -> None:
    # z = 0 at x = 0 for every weight without bias: fine when +1 is wanted there, lost otherwise.
    X = np.array([[0], [-1], [1]])
    for y, best in (([1, 0, 1], 0), ([0, 0, 1], 1 if bias == "none" else 0)):
        dataset = Dataset("boundary", X, np.array(y), (3, 0, 0))
        problem = Problem(dataset, Architecture(1, (), 1), Integer(P=1, bias=bias), Hamming())
        model = formulation("hamming", literal=literal).build(problem)
        solution = solved(model, tight=True)
        assert solution.answer is not None
        assert problem.evaluate(model.network(solution.answer)).value == best
        assert solution.bound == pytest.approx(best)
