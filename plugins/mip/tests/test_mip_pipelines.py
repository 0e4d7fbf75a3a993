"""Pipelines of programs: BeMi's three steps and the hybrid HW."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from bnnbench_mip.bemi import STAGES, Bemi, confident_rows, on_rows, unit_margins
from bnnbench_mip.held_margins import HeldMargins
from bnnbench_mip.highs import Highs
from bnnbench_mip.hybrid import IcarteHW
from bnnbench_mip.max_margin import MaxMarginMILP
from bnnbench_mip.sat_margin import SatMargin
from sklearn.datasets import load_digits

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.network import Network
from bnnbench.objectives import Hamming, MaxMargin, MinWeight, Objective, SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.testing import enumerate_networks, optimum


@pytest.fixture(scope="module")
def pair() -> Dataset:
    """Raw pixels of four images of digit 4 and four of 9."""
    X, y = load_digits(return_X_y=True)
    rows = np.concatenate([np.flatnonzero(y == c)[:4] for c in (4, 9)])
    return Dataset("4-9", X[rows].astype(int), (y[rows] == 9).astype(int), (8, 0, 0))


def run(solver: Any, problem: Problem, seconds: float = 20) -> tuple[Solution, Network]:
    model = direct_model(problem)
    assert solver.accepts(model) is None
    solution = solver.solve(model, Limits(time=seconds), 0, ignore_report)
    assert isinstance(solution.answer, Network)
    return solution, solution.answer


def test_bemi_widens_margins_then_drops_weights(pair: Dataset) -> None:
    problem = Problem(pair, Architecture(64, (2,), 1), Integer(P=1, bias="none"), SaturatedMargin())
    found = {stages: run(Bemi(stages=stages), problem) for stages in STAGES}
    claims, network = found["sm"]
    confident = confident_rows(problem, network)
    # B2: the objective of SM counts the rows that are not confident.
    assert claims.bound == pytest.approx(0)
    assert problem.evaluate(network).value == (~confident).sum() == 0
    eps = Fraction("0.1")
    kept = on_rows(problem, confident)
    margins = {stages: unit_margins(kept, net, eps) for stages, (_, net) in found.items()}
    for solution, net in found.values():
        assert kept.evaluate(net).feasible
        assert not replace(kept, objective=Hamming()).evaluate(net).values[0]
        assert solution.objective == float(problem.evaluate(net).values[0])
    # B3: MM reports the margins of its network, MW keeps every one of them with fewer weights.
    assert sum(margins["sm+mm"]) >= sum(margins["sm"])
    pairs = zip(margins["sm+mm+mw"], margins["sm+mm"], strict=True)
    assert all(after >= before - 1e-6 for after, before in pairs)
    assert found["sm+mm+mw"][1].nonzeros <= found["sm+mm"][1].nonzeros
    assert found["sm+mw"][1].nonzeros <= found["sm"][1].nonzeros


def test_sizes_of_the_first_and_second_program() -> None:
    # B1 with the inputs of layer 1 substituted: N = [n, 4, 3, 1], T images, no biases.
    T, n = 6, 5
    X = np.random.default_rng(0).integers(1, 256, (T, n))
    dataset = Dataset("images", X, np.arange(T) % 2, (T, 0, 0))
    problem = Problem(
        dataset, Architecture(n, (4, 3), 1), Integer(P=1, bias="none"), SaturatedMargin()
    )
    weights, units, products = n * 4 + 4 * 3 + 3 * 1, 4 + 3, 4 * 3 + 3 * 1
    info = SatMargin().build(problem).info
    assert info["cols"] == weights + T * (units + products + 1)
    assert info["integers"] == weights + T * (units + 1)
    assert info["rows"] == 4 * T * products + 2 * T * units + 2 * T
    widest = replace(problem, objective=MaxMargin(0.1))
    info = MaxMarginMILP(literal=True).build(widest).info
    assert info["cols"] - info["integers"] == T * products + units + 1
    assert info["rows"] == 4 * T * products + 2 * T * units + T


def test_bemi_without_a_confident_row_answers_with_its_first_step() -> None:
    # One feature that is 0 without biases: no output can be at the margin.
    X = np.array([[0, 0], [0, 1], [0, 1]])
    dataset = Dataset("flat", X, np.array([0, 1, 0]), (3, 0, 0))
    domain = Integer(P=1, bias="none")
    problem = Problem(dataset, Architecture(2, (1,), 1), domain, SaturatedMargin())
    solution, network = run(Bemi(), problem)
    assert problem.evaluate(network).value == optimum(problem)[0].value
    assert solution.bound == pytest.approx(float(optimum(problem)[0].values[0]))


def test_held_margins_give_the_fewest_weights_that_keep_them() -> None:
    X = np.array([[2, 1], [-1, -2], [1, 2], [2, -2]])
    dataset = Dataset("points", X, np.array([1, 0, 1, 1]), (4, 0, 0))
    problem = Problem(dataset, Architecture(2, (1,), 1), Integer(P=1), MinWeight("l0"))
    for held in ((0.0, 0.0), (1.0, 0.0), (2.0, 1.0), (0.0, 1.9), (3.0, 2.0)):
        program = HeldMargins(margins=held, eps=0.1)
        assert program.accepts(problem) is None
        solution = Highs().solve(program.build(problem), Limits(time=10), 0, ignore_report)
        values = [
            problem.evaluate(net).values[0]
            for net in enumerate_networks(problem)
            if problem.evaluate(net).feasible
            and all(
                m >= h - 1e-9
                for m, h in zip(unit_margins(problem, net, Fraction("0.1")), held, strict=True)
            )
        ]
        if not values:
            assert solution.termination is Termination.INFEASIBLE
            continue
        assert solution.objective == pytest.approx(float(min(values)))
    assert "2 margins" in str(HeldMargins().accepts(problem))


@pytest.mark.parametrize(
    ("objective", "program"),
    [(MinWeight("l0"), "min-weight"), (MaxMargin("0.001"), "max-margin")],
)
def test_hybrid_reaches_the_optimum_of_its_program(objective: Objective, program: str) -> None:
    X = np.array([[2, 1], [-1, -2], [1, 2]])
    dataset = Dataset("points", X, np.array([1, 0, 1]), (3, 0, 0))
    problem = Problem(dataset, Architecture(2, (1,), 1), Integer(P=1), objective)
    solution, network = run(IcarteHW(formulation=program), problem)
    assert problem.evaluate(network) == optimum(problem)[0]
    assert solution.termination is Termination.OPTIMAL


def test_hybrid_answers_with_its_first_network_or_says_that_there_is_none(pair: Dataset) -> None:
    problem = Problem(pair, Architecture(64, (2,), 1), Integer(P=1), MaxMargin("0.001"))
    short = IcarteHW(formulation="max-margin", inner="highs[nodes=0,heuristic_effort=0.0]")
    solution, network = run(short, problem)
    assert problem.evaluate(network).feasible
    assert solution.objective == pytest.approx(float(problem.evaluate(network).values[0]))
    clash = Dataset("clash", np.array([[1], [1]]), np.array([0, 1]), (2, 0, 0))
    none = replace(problem, dataset=clash, architecture=Architecture(1, (1,), 1))
    found = IcarteHW(formulation="max-margin").solve(
        direct_model(none), Limits(time=5), 0, ignore_report
    )
    assert found.termination is Termination.INFEASIBLE
    assert found.answer is None


def test_a_restricted_first_step_proves_nothing() -> None:
    # No network fits a box of radius 9, but many fit the rows.
    X = np.array([[2, 1], [-1, -2], [1, 2]])
    dataset = Dataset("points", X, np.array([1, 0, 1]), (3, 0, 0))
    architecture = Architecture(2, (1,), 1, "step")
    problem = Problem(dataset, architecture, Integer(P=1), MinWeight())
    solver = IcarteHW(first_formulation="bdnn[radius=9.0]")
    solution, network = run(solver, problem)
    assert problem.evaluate(network) == optimum(problem)[0]
    assert solution.termination is Termination.OPTIMAL


def test_pipelines_refuse_what_their_programs_refuse(pair: Dataset) -> None:
    problem = Problem(pair, Architecture(64, (2,), 1), Integer(P=1, bias="free"), Hamming())
    assert "unbounded" in str(Bemi().accepts(direct_model(problem)))
    assert Bemi(stages="sm").accepts(direct_model(problem)) is None
    hard = replace(problem, objective=MinWeight())
    assert "every row" in str(Bemi(stages="sm").accepts(direct_model(hard)))
    assert "right signs" in str(IcarteHW().accepts(direct_model(problem)))
    qubo = Bemi(stages="sm", formulation="bnn-qubo").accepts(direct_model(problem))
    assert "reads milp" in str(qubo)
    for wrong in ({"stages": "mm"}, {"shares": (1.0, 0.0, 1.0)}):
        with pytest.raises(Exception, match="bemi"):
            Bemi(**wrong)
