from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.errors import ProblemError
from bnnbench.network import Layer, Network
from bnnbench.objectives import GroupTargets, LinearHinge, MinHinge, SquaredHinge
from bnnbench.objectives.hinge import breakpoints, interpolant, squared_hinge
from bnnbench.problem import Problem


@given(st.integers(2, 40), st.data())
def test_interpolant_at_reachable_points(B, data):
    """inn.md 3.3: equal to the squared hinge for v >= -1, a ray with slope -(3 - 1/B) below."""
    v = Fraction(2 * data.draw(st.integers(-B, B)), B)
    expected = squared_hinge(v)
    if v < -1:
        expected = Fraction(9, 4) + (3 - Fraction(1, B)) * (-1 - v)
    assert interpolant(Fraction(B))(v) == expected
    assert len(breakpoints(Fraction(B))) == 2 * B + 1


@given(st.fractions(Fraction(1, 9), 9), st.fractions(-1, 1))
def test_interpolant_lies_above_the_parabola_between_its_ends(B, v):
    points = breakpoints(B)
    assert (points[0], points[-1]) == (-1, 1)
    assert interpolant(B)(v) >= squared_hinge(v)
    for p in points:
        assert interpolant(B)(p) == squared_hinge(p)


@pytest.mark.parametrize("B", [Fraction(1, 2), 1, Fraction(19, 10), 2, 5])
def test_the_interpolant_has_a_floor_and_the_bound_holds(B):
    """Below B = 2 the last segment falls; prolonged without a floor it would undercut the bound."""
    counts = np.array([[3]]), np.array([[1]]), np.array([[1, 3]])
    bound = MinHinge().lower_bound(GroupTargets(*counts), Fraction(B))
    assert bound == Fraction(3, 4)
    loss = interpolant(Fraction(B))
    points = [Fraction(k, 8) for k in range(-32, 33)]
    assert min(loss(v) for v in points) == 0
    assert min(3 * loss(v) + loss(-v) for v in points) >= bound


@given(st.integers(1, 9), st.integers(1, 9))
def test_hinge_bounds_are_the_minimum_over_real_outputs(p, n):
    """n+ rows want +1, n- equal rows want -1: the best u is known in closed form for both."""
    groups = GroupTargets(np.array([[p]]), np.array([[n]]), np.array([[n, p]]))
    squared = min(
        p * squared_hinge(u) + n * squared_hinge(-u)
        for u in (Fraction(k, 2 * (p + n)) for k in range(-2 * (p + n), 2 * (p + n) + 1))
    )
    assert SquaredHinge().lower_bound(groups, Fraction(4)) == squared
    linear = min(p * max(0, 3 - z) + n * max(0, 3 + z) for z in range(-6, 7))
    assert LinearHinge(margin=3).lower_bound(groups, Fraction(1)) == linear


@pytest.mark.parametrize(("B", "m"), [(1, 1), (4, 1), (5, 2), (Fraction(17, 2), 3), (225, 57)])
def test_the_default_margin(B, m):
    """m = max(1, ceil(B / 4)) (mip.md section 2)."""
    assert LinearHinge().size(Fraction(B)) == m


@pytest.mark.parametrize("margin", [0, -1])
def test_margins_are_positive(margin):
    with pytest.raises(ProblemError, match=f"at least 1, got {margin}"):
        LinearHinge(margin=margin)


def test_linear_hinge_near_the_edge_of_64_bits():
    """The forward pass still fits; margin minus output, and the sum of two, would not."""
    big = 2**62
    data = Dataset("big", np.array([[-big], [big]]), np.array([1, 1]), (2, 0, 0))
    for outputs, b in ((1, 2**62 - 1), (2, 0)):
        network = Network(
            Architecture(1, (), outputs),
            (Layer(np.ones((1, outputs), int), np.full(outputs, -b)),),
        )
        problem = Problem(data, network.architecture, Integer(P=1), LinearHinge(margin=2))
        own = (2 + big + b) + max(0, 2 - big + b)
        other = (big + 2) if outputs == 2 else 0
        assert problem.evaluate(network).value == own + other


def test_linear_hinge_with_a_denominator_beyond_64_bits():
    data = Dataset("tiny", np.array([[0], [0]]), np.array([1, 0]), (2, 0, 0))
    layer = Layer(np.array([[0]]), np.array([0]), 2**40, 3**40)
    network = Network(Architecture(1, (), 1), (layer,))
    problem = Problem(data, network.architecture, Integer(P=1), LinearHinge())
    assert problem.evaluate(network).value == 2
    other = Problem(data, network.architecture, Integer(P=1), SquaredHinge())
    assert other.evaluate(network).value == Fraction(1, 2)


def test_references_sit_at_the_margin_of_the_majority():
    data = Dataset("m", np.array([[1], [2], [3], [4]]), np.array([1, 1, 1, 0]), (4, 0, 0))
    for objective, value in ((SquaredHinge(), 2), (MinHinge(), 2), (LinearHinge(), None)):
        problem = Problem(data, Architecture(1, (), 2), Integer(P=1), objective)
        assert problem.reference == value


@pytest.mark.parametrize(("B", "grain"), [(2, Fraction(1, 64)), (Fraction(5, 3), None)])
def test_chords_off_the_integers_have_no_granularity(B, grain):
    assert MinHinge().granularity(Fraction(B), 2 if B == 2 else 3) == grain
