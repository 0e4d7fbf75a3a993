from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.errors import ProblemError
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors, Lexicographic, MaxMargin, MinWeight, SignErrors
from bnnbench.problem import Problem, objective_spec
from bnnbench.registry import Registry
from bnnbench.spec import parse

DATA = Dataset("line", np.array([[-3], [1], [5]]), np.array([0, 1, 1]), (3, 0, 0), scale=2)
NET = Network(
    Architecture(1, (1,), 1),
    (Layer(np.array([[1]]), np.array([0])), Layer(np.array([[2]]), np.array([-1]))),
)


def value(objective, network=NET, data=DATA):
    return Problem(data, network.architecture, Integer(P=2), objective).evaluate(network).value


def test_margins_add_up_over_units():
    """Hidden: min(3/2, 1/2, 5/2); output: z is -3, 1, 1, so min(3, 1)."""
    assert value(MaxMargin()) == -(Fraction(1, 2) + 1)
    assert value(MaxMargin(eps="1")) == -(Fraction(1, 2) + 1)
    assert value(MaxMargin(eps="1.25")) == -(Fraction(1, 4) + 1)
    assert value(MaxMargin(eps="1.6")) is None, "the hidden unit is closer to 0 than eps"


def test_weights_and_their_count():
    assert value(MinWeight()) == 1 + 2 + 1
    assert value(MinWeight(norm="l0")) == 3


def test_a_wrong_sign_is_infeasible():
    flipped = Dataset("line", DATA.X, np.array([1, 1, 1]), (3, 0, 0), classes=("a", "b"))
    for objective in (MinWeight(), MaxMargin(), Lexicographic((Errors(), MinWeight()))):
        assert value(objective, data=flipped) is None
    assert value(Errors(), data=flipped) == 1


def test_levels():
    problem = Problem(DATA, NET.architecture, Integer(P=2), Lexicographic((Errors(), MinWeight())))
    assert problem.evaluate(NET).values == (0, 4)
    assert problem.lower_bound == 0
    assert problem.reference == 1
    assert problem.granularity is None


@pytest.mark.parametrize("text", ["0.0001", "1e-4", '"1/10000"', '"1e-4"'])
def test_eps_is_any_number(text):
    objective = Registry.load().objective(parse(f"max-margin[eps={text}]"))
    assert Fraction(objective.eps) == Fraction(1, 10_000)
    spec = objective_spec(objective)
    assert Registry.load().objective(parse(str(spec))) == objective


@pytest.mark.parametrize("eps", ["x", "1/0", "nan", "", "inf"])
def test_eps_that_is_no_number(eps):
    with pytest.raises(ProblemError, match="eps is not a number"):
        MaxMargin(eps=eps)


def test_what_else_is_refused():
    with pytest.raises(ProblemError, match="must not be negative"):
        MaxMargin(eps="-1")
    with pytest.raises(ProblemError, match="l1 or l0, got 'l2'"):
        MinWeight(norm="l2")
    with pytest.raises(ProblemError, match="at least one level"):
        Lexicographic()


def test_contradicting_rows_prove_infeasibility():
    data = Dataset("clash", np.array([[1], [1]]), np.array([0, 1]), (2, 0, 0))
    for objective, impossible in (
        (MinWeight(), True),
        (Lexicographic((SignErrors(), MinWeight())), True),
        (SignErrors(strict=True), False),
    ):
        problem = Problem(data, Architecture(1, (), 2), Integer(), objective)
        assert (problem.infeasible is not None) == impossible


@pytest.mark.parametrize(
    "text",
    [
        "errors",
        "errors[ties=wrong]",
        "sign-errors[strict=true]",
        "lexicographic[levels=(errors[ties=wrong],min-weight)]",
        "lexicographic[levels=(errors,lexicographic[levels=(hamming,min-weight[norm=l0])])]",
    ],
)
def test_objective_texts_are_canonical(text):
    registry = Registry.load()
    objective = registry.objective(parse(text))
    assert str(objective_spec(objective)) == text
    assert registry.objective(objective_spec(objective)) == objective
