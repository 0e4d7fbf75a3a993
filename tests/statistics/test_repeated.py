"""Repeated runs: Welch's test against scipy and a worked example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bnnbench.statistics import factor, shift

RUNS = st.lists(st.floats(-5, 5, width=16), min_size=2, max_size=8).filter(lambda v: np.ptp(v) > 0)


def test_a_worked_example():
    """Two samples of unequal variance, figures computed by hand: t = -4, 4.0 degrees of freedom."""
    before, after = [3.0, 4.0, 5.0], [7.0, 9.0, 8.0]
    found = shift(before, after)
    assert found.value == 4.0
    assert found.runs == (3, 3)
    half = stats.t(4).ppf(0.975) * math.sqrt(2 / 3)
    assert (found.interval.low, found.interval.high) == pytest.approx((4 - half, 4 + half))
    assert found.greater == pytest.approx(stats.t(4).sf(4 / math.sqrt(2 / 3)))


@given(RUNS, RUNS)
def test_equals_scipy_and_turns_with_the_sides(before, after):
    found, back = shift(before, after), shift(after, before)
    expected = stats.ttest_ind(after, before, equal_var=False, alternative="greater").pvalue
    assert found.greater == pytest.approx(float(expected))
    assert found.greater == pytest.approx(back.less)
    assert found.interval.low == pytest.approx(-back.interval.high)


def test_figures_that_never_vary_are_certain():
    same, more = shift([2, 2, 2], [2, 2, 2]), shift([2, 2, 2], [3, 3])
    assert (same.value, same.greater, same.less) == (0, 1, 1)
    assert (more.value, more.greater, more.less) == (1, 0, 1)
    assert (more.interval.low, more.interval.high) == (1, 1)


def test_one_run_says_nothing():
    with pytest.raises(ValueError, match="two repetitions"):
        shift([1.0], [2.0, 3.0])


def test_logarithms_as_factors():
    found = factor(shift(np.log([1, 2, 4]), np.log([2, 4, 8])))
    assert found.value == pytest.approx(2)
    assert found.interval.low < 1 < 2 < found.interval.high
