"""Every objective against its definition in Fractions, on random networks and data."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bnnbench.domain import DOMAINS
from bnnbench.objectives import BUILT_IN, Score
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.spec import parse

NAMES = (
    "errors", "errors wrong", "sign-errors", "sign-errors strict", "hamming", "saturated-margin",
    "squared-hinge", "min-hinge", "linear-hinge", "linear-hinge 3", "min-weight", "min-weight l0",
    "max-margin", "max-margin eps", "lexicographic: errors; min-hinge",
    "lexicographic: sign-errors; min-weight",
)  # fmt: skip


@pytest.fixture(scope="module")
def objectives(objective_texts):
    registry = Registry.load()
    assert set(objective_texts) == set(NAMES)
    made = {name: registry.objective(parse(text)) for name, text in objective_texts.items()}
    assert {o.name for o in made.values()} == {cls.name for cls in BUILT_IN}
    return made


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(data=st.data())
def test_value_is_the_definition(name, data, draws, oracle, objectives):
    plain = data.draw(draws.problems())
    problem = Problem(plain.dataset, plain.architecture, plain.domain, objectives[name])
    network = data.draw(draws.network_of(problem))
    largest = max(
        abs(Fraction(int(v), g.scale)) for g in plain.domain.grids() for v in (g.lo, g.hi)
    )
    expected = oracle.value(name, oracle.facts(problem, network, largest))
    score = problem.evaluate(network)
    assert score.feasible == (expected is not None)
    assert score.values == (expected or ())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(data=st.data())
def test_bounds_and_grains_hold_for_every_network(name, data, draws, objectives):
    """The solver-free bound is none above a value; the granularity divides every value."""
    # rows that contradict each other are the ground of the bound: make them likely
    plain = data.draw(draws.problems(max_features=2))
    problem = Problem(plain.dataset, plain.architecture, plain.domain, objectives[name])
    score = problem.evaluate(data.draw(draws.network_of(problem)))
    if not score.feasible:
        return
    assert problem.infeasible is None
    if problem.lower_bound is not None:
        assert problem.lower_bound <= score.value
    if problem.granularity is not None:
        assert problem.granularity > 0
        assert (score.value / problem.granularity).denominator == 1


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(
    data=st.data(),
    below=st.one_of(st.fractions(0, 3), st.sampled_from([Fraction(0), Fraction(1, 10**9)])),
)
def test_a_rounded_bound_never_passes_a_value(name, data, below, draws, objectives):
    """A true bound at or below a reachable value stays there after rounding, and never falls."""
    plain = data.draw(draws.problems())
    problem = Problem(plain.dataset, plain.architecture, plain.domain, objectives[name])
    score = problem.evaluate(data.draw(draws.network_of(problem)))
    if not score.feasible:
        return
    value = float(score.value)
    bound = min(value, float(score.value - below))
    rounded = problem.round_bound(bound)
    assert bound <= rounded <= value
    grain = problem.granularity
    if grain is not None:
        gained = ceil((score.value - below) / grain) * grain
        assert rounded >= float(gained) - 2e-6 * max(1.0, abs(value)) or rounded == bound


def test_scores_sort_feasible_first_then_by_level():
    scores = [Score(False), Score.of(2), Score(True, (Fraction(1), Fraction(5))), Score.of(1)]
    assert sorted(scores) == [scores[3], scores[2], scores[1], scores[0]]
    assert min(scores).value == 1
    assert Score(False).value is None
    assert str(Score(False)) == "infeasible"
    assert str(Score(True, (Fraction(1, 3), Fraction(2)))) == "1/3; 2"


def test_every_domain_meets_every_objective():
    """The draws above reach all of both: nothing is added without being tested here."""
    assert set(DOMAINS) == {"integer", "binary", "fixed-point", "two-valued"}
    assert len(BUILT_IN) == 10


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=30))
@example([7] * 12)
def test_weighted_sum(values):
    from bnnbench.objectives.base import weighted_sum

    expected = sum(Fraction(v * v, 3) for v in values)
    assert weighted_sum(np.array(values), lambda v: Fraction(v * v, 3)) == expected
