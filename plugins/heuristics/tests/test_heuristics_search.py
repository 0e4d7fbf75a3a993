"""Annealing, greedy and random search: optima, claims, limits, budgets."""

import dataclasses
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
from bnnbench_heuristics.annealing import Annealing
from bnnbench_heuristics.greedy import Greedy
from bnnbench_heuristics.random_search import RandomSearch

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.network import Layer, Network
from bnnbench.objectives import (
    Errors,
    Hamming,
    Lexicographic,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    Outcome,
    SaturatedMargin,
    Score,
    SignErrors,
)
from bnnbench.objectives.counts import expected_errors
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Status, Termination


def solve(solver, problem, limits=None, seed=0, report=ignore_report):
    return solver.solve(direct_model(problem), limits or Limits(), seed, report)


def all_networks(problem):
    """Every network of a small class without free biases."""
    arch, domain = problem.architecture, problem.domain
    layers = []
    for k in range(1, arch.depth + 1):
        shape = (arch.fan_in(k), arch.widths[k])
        options = []
        for grid in domain.grids():
            biases = domain.bias_grid(grid)
            weights = [grid.values] * (shape[0] * shape[1])
            rest = [[0] if biases is None else biases.values] * shape[1]
            for point in itertools.product(*weights, *rest):
                W = np.array(point[: shape[0] * shape[1]], dtype=np.int64).reshape(shape)
                b = np.array(point[shape[0] * shape[1] :], dtype=np.int64)
                options.append(Layer(W, b, grid.scale, grid.scale))
        layers.append(options)
    for choice in itertools.product(*layers):
        network = Network(arch, choice)
        if problem.outside(network) is None:
            yield network


@dataclass(frozen=True)
class WorstOutput(Objective):
    """Errors of the worse class: an objective that no table knows."""

    name: ClassVar[str] = "worst-class"

    def evaluate(self, outcome: Outcome) -> Score:
        z, y = outcome.forward.output, outcome.labels
        return Score.of(max(expected_errors(z[y == c], y[y == c])[0] for c in (0, 1)))


TINY = [
    (Integer(P=1), (1,), 1, MinHinge()),
    (Integer(P=1), (1,), 1, Errors()),
    (Binary(), (2,), 1, Hamming()),
    (Binary(), (2,), 1, WorstOutput()),
    (Integer(P=2), (), 1, MinWeight()),
    (Integer(P=2), (), 1, MaxMargin()),
    (Integer(P=1), (), 2, SignErrors(strict=True)),
    (Integer(P=1), (1,), 1, Lexicographic((SignErrors(), MinWeight(norm="l0")))),
    (Integer(P=1), (1,), 1, Lexicographic((Errors(), SaturatedMargin()))),
    (TwoValued(d=1, rhos=(-1, 0), ones=0.5, bias="none"), (2,), 1, SaturatedMargin()),
]


@pytest.mark.parametrize(("domain", "hidden", "outputs", "objective"), TINY)
def test_annealing_reaches_the_optimum_of_enumeration(domain, hidden, outputs, objective):
    # x1 or not x2 with one contradictory pair, except where every sign has to be right.
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [1, 1]])
    hard = "MinWeight" in repr(objective) or "MaxMargin" in repr(objective)
    y = np.array([1, 0, 1, 1, 1 if hard else 0])
    data = Dataset("or", X, y, (5, 0, 0))
    problem = Problem(data, Architecture(2, hidden, outputs), domain, objective)
    best = min(problem.evaluate(network) for network in all_networks(problem))
    solution = solve(Annealing(moves=4000, restarts=1), problem)
    assert solution.answer is not None
    assert problem.evaluate(solution.answer).key == best.key
    if best.value is not None:
        assert solution.objective == float(best.value)


@pytest.mark.parametrize(
    "solver", [Annealing(moves=3000), Greedy(starts=1), RandomSearch(draws=20)], ids=repr
)
def test_equal_seeds_give_equal_networks(solver, hinge_problem):
    first, again, other = (solve(solver, hinge_problem, seed=s) for s in (1, 1, 2))
    assert first.answer.digest == again.answer.digest
    assert first.info == again.info
    assert first.answer.digest != other.answer.digest


def test_annealing_fits_real_data(hinge_problem):
    random = solve(RandomSearch(draws=1), hinge_problem)
    solution = solve(Annealing(moves=20_000), hinge_problem)
    assert solution.objective < random.objective
    X, y = hinge_problem.dataset.part("train")
    output = solution.answer.forward(X, hinge_problem.dataset.scale).output
    assert 1 - float(expected_errors(output, y)[0]) / len(y) >= 0.93


def test_controls_are_ordered(hinge_problem):
    random = solve(RandomSearch(draws=200), hinge_problem)
    greedy = solve(Greedy(starts=5), hinge_problem)
    annealing = solve(Annealing(moves=50_000), hinge_problem)
    assert annealing.objective < greedy.objective < random.objective


def test_a_greedy_answer_has_no_better_neighbour(variant):
    problem = variant(architecture=Architecture(30, (2,), 1), domain=Binary(), objective=Hamming())
    network = solve(Greedy(starts=1), problem).answer
    value = problem.evaluate(network).value
    for k, layer in enumerate(network.layers):
        for name in ("weights", "bias"):
            for at in np.ndindex(getattr(layer, name).shape):
                parts = {"weights": layer.weights.copy(), "bias": layer.bias.copy()}
                parts[name][at] *= -1
                layers = list(network.layers)
                layers[k] = Layer(**parts)
                assert problem.evaluate(Network(network.architecture, tuple(layers))).value >= value


@pytest.mark.parametrize("domain", [Integer(P=3, bias="free"), FixedPoint(), TwoValued(ones=0.2)])
def test_streamed_claims_are_exact_and_improve(domain, variant):
    problem = variant(domain=domain)
    claims = []

    def report(answer=None, *, objective=None, bound=None):
        assert problem.outside(answer) is None
        assert objective == float(problem.evaluate(answer).value)
        assert bound == float(problem.lower_bound) <= objective
        claims.append(objective)
        return False

    solution = solve(Annealing(moves=20_000), problem, report=report)
    assert claims == sorted(claims, reverse=True)
    assert claims[-1] == solution.objective == float(problem.evaluate(solution.answer).value)


@pytest.mark.parametrize("objective", [MinHinge(), Errors()])
def test_two_valued_budget_is_never_exceeded(objective, variant):
    problem = variant(domain=TwoValued(d=2, rhos=(-2, -1), ones=0.1), objective=objective)
    seen = []

    def report(answer=None, *, objective=None, bound=None):
        seen.append(problem.outside(answer))
        return False

    for solver in (Annealing(moves=20_000), Greedy(starts=2), RandomSearch(draws=10)):
        assert problem.outside(solve(solver, problem, report=report).answer) is None
    assert len(seen) > 3
    assert set(seen) == {None}


def test_time_limit_ends_a_search(variant):
    problem = variant(objective=SaturatedMargin(), architecture=Architecture(30, (1,), 2))
    for solver in (Annealing(), Annealing(restarts=2), Greedy(), RandomSearch()):
        solution = solve(solver, problem, Limits(time=0.15))
        assert solution.termination is Termination.TIME
        assert solution.objective == float(problem.evaluate(solution.answer).value)


@pytest.mark.parametrize("solver", [Annealing(), Greedy(), RandomSearch()])
def test_target_ends_a_search(solver, hinge_problem):
    solution = solve(solver, hinge_problem, Limits(target=60.0 if solver == Greedy() else 150.0))
    assert solution.termination is Termination.TARGET
    assert solution.objective <= 150.0


def test_annealing_stops_early_at_the_target(hinge_problem):
    solution = solve(Annealing(moves=10_000_000), hinge_problem, Limits(target=40.0))
    assert solution.termination is Termination.TARGET
    assert solution.info["moves"] < 1_000_000


def test_reaching_the_bound_is_a_proof(variant, breast_cancer):
    few = dataclasses.replace(breast_cancer, sizes=(60, 240, 269))
    problem = variant(objective=Errors(), dataset=few)
    solution = solve(Annealing(moves=100_000), problem)
    assert solution.status is Status.OPTIMAL
    assert solution.termination is Termination.OPTIMAL
    assert solution.objective == solution.bound == 0
    assert solution.info["moves"] < 100_000


def test_the_core_can_interrupt(hinge_problem):
    def report(answer=None, *, objective=None, bound=None):
        return True

    solution = solve(Annealing(), hinge_problem, report=report)
    assert solution.termination is Termination.INTERRUPTED
    assert solution.answer is not None


def test_contradictory_rows_are_proved_infeasible():
    data = Dataset("clash", np.array([[1], [1]]), np.array([0, 1]), (2, 0, 0))
    problem = Problem(data, Architecture(1, (1,), 1), Integer(), MinWeight())
    for solver in (Annealing(), Greedy(), RandomSearch()):
        solution = solve(solver, problem)
        assert solution.termination is Termination.INFEASIBLE
        assert solution.answer is None


def test_an_infeasible_network_is_no_claim(variant):
    problem = variant(objective=MinWeight(), architecture=Architecture(30, (), 2))
    solution = solve(RandomSearch(draws=3), problem)
    assert solution.status is Status.NONE
    assert solution.objective is None


def test_exact_arithmetic_beyond_60_bits_is_refused(tiny_data):
    data = tiny_data(6, 2, 2, 10**14, 0)
    problem = Problem(data, Architecture(2, (1,), 1), FixedPoint(decimals=9), Errors())
    assert "60 bits" in (Annealing().accepts(direct_model(problem)) or "")


def test_restarts_share_the_moves(variant):
    problem = variant(objective=SaturatedMargin(), architecture=Architecture(30, (1,), 2))
    solution = solve(Annealing(moves=5000, restarts=3), problem)
    assert solution.info["moves"] == 5000
    assert solution.termination is Termination.ITERATIONS
    assert math.isfinite(solution.objective)


def test_an_objective_that_no_table_knows_is_annealed_again(tiny_data):
    data = tiny_data(40, 4, 2, 1, 0)
    problem = Problem(data, Architecture(4, (2,), 1), Integer(P=1), WorstOutput())
    solve(Annealing(moves=100), problem)  # compiles
    solution = solve(Annealing(restarts=2), problem, Limits(time=0.5))
    assert solution.termination is Termination.TIME
    assert solution.objective == float(problem.evaluate(solution.answer).value)


def test_fractions_of_tied_errors_are_claimed_exactly(digits):
    problem = Problem(digits, Architecture(64, (4,), 10), Integer(P=1), Errors())
    solution = solve(Annealing(moves=300), problem)
    value = problem.evaluate(solution.answer).value
    assert solution.objective == float(value)
    assert value < Fraction(900)
