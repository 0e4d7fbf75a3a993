from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bnnbench.statistics import data_profile, ecdf, pareto_front, performance_profile

INF, NAN = math.inf, math.nan


@given(st.lists(st.integers(0, 5), min_size=1, max_size=15))
def test_ecdf_is_scipys(values):
    mine = ecdf(values)
    theirs = stats.ecdf(values).cdf
    assert mine.x == tuple(theirs.quantiles)
    assert mine.y == pytest.approx(theirs.probabilities)
    assert mine.censored == 0


def test_unfinished_runs_stay_in_the_denominator():
    found = ecdf([1.0, 3.0, 10.0, None, INF, NAN], [True, True, False, True, True, True])
    assert (found.x, found.y, found.n, found.censored) == ((1.0, 3.0), (1 / 6, 2 / 6), 6, 4)
    assert [found.at(t) for t in (0.5, 1.0, 2.0, 99.0)] == [0.0, 1 / 6, 1 / 6, 2 / 6]
    assert all(lo <= y <= hi for lo, y, hi in zip(found.low, found.y, found.high, strict=True))


def test_the_band_covers_at_least_as_promised():
    rng = np.random.default_rng(0)
    grid = np.linspace(0.01, 0.99, 60)
    inside = 0
    for _ in range(400):
        curve = ecdf(rng.uniform(size=30))
        width = math.sqrt(math.log(40) / 60)
        inside += all(abs(curve.at(t) - t) <= width for t in grid)
    assert inside / 400 >= 0.94


def test_no_runs_and_none_that_finished():
    nothing = ecdf([])
    assert (nothing.x, nothing.n) == ((), 0)
    assert math.isnan(nothing.at(1.0))
    never = ecdf([5.0, 5.0], [False, False])
    assert (never.at(100.0), never.censored) == (0.0, 2)


def test_performance_profile_by_hand():
    """Two methods on four problems; the last one solved by nobody, the third by b alone."""
    costs = np.array([[1.0, 2.0], [4.0, 2.0], [INF, 3.0], [NAN, INF]])
    a, b = performance_profile(costs, ("a", "b"))
    assert (a.name, a.x, a.y) == ("a", (1.0, 2.0), (0.25, 0.5))
    assert (b.x, b.y, b.censored) == ((1.0, 2.0), (0.5, 0.75), 1)
    (free, _) = performance_profile(np.array([[0.0, 1.0]]), ("a", "b"))
    assert free.at(1.0) == 1.0
    assert performance_profile(np.empty((0, 2)), ("a", "b"))[0].n == 0


def test_data_profile_by_hand():
    """Units of d + 1 evaluations (More and Wild 2009, equation 2.8)."""
    (curve,) = data_profile(np.array([[6.0], [12.0], [INF]]), [1, 2, 3], ("a",))
    assert (curve.x, curve.n, curve.censored) == ((3.0, 4.0), 3, 1)
    assert curve.y == pytest.approx((1 / 3, 2 / 3))


def test_pareto_front_by_hand():
    points = np.array([[1, 5], [2, 3], [3, 4], [4, 1], [2, 3], [0, NAN]])
    assert pareto_front(points) == (0, 1, 4, 3)
    assert pareto_front(points, [True, False]) == (0,)
    assert pareto_front(np.empty((0, 2))) == ()
    assert pareto_front(np.array([[NAN, 1.0]])) == ()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_every_point_is_on_the_front_or_dominated(points):
    table = np.array(points, dtype=float)
    front = set(pareto_front(table))
    for i, p in enumerate(points):
        beaten = any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in (points[j] for j in front))
        assert beaten != (i in front)
