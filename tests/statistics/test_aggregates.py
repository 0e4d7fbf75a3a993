from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bnnbench.statistics import (
    bootstrap,
    geometric_mean,
    median,
    median_interval,
    penalised_average,
    shifted_geometric_mean,
    time_median,
)

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("n", [6, 7, 12, 25, 60])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_median_interval_is_that_of_the_sign_test(n, level):
    values = np.random.default_rng(n).normal(size=n)
    found = median_interval(values, level)
    reference = stats.quantile_test(values).confidence_interval(level)
    if math.isnan(reference.low):
        assert not found.bounded
    else:
        assert (found.low, found.high) == (reference.low, reference.high)


def test_coverage_of_the_median_interval():
    rng = np.random.default_rng(1)
    hits = sum(
        not median_interval(rng.exponential(size=15)).excludes(math.log(2)) for _ in range(2000)
    )
    assert 0.95 <= hits / 2000 <= 0.98  # exact: 0.9648


def test_a_median_says_what_it_rests_on():
    found = median([3.0, None, 1.0, NAN, 2.0])
    assert (found.value, found.n, found.failed) == (2.0, 3, 2)
    assert not found.interval.bounded, "three values bound no median at 95 %"
    empty = median([])
    assert math.isnan(empty.value)
    assert (empty.n, empty.failed) == (0, 0)
    assert median([None]).failed == 1
    assert median([5.0]).value == 5.0


def test_a_censored_time_is_later_than_all_that_finished():
    found = time_median([1.0, 2.0, 10.0, 10.0, None], [True, True, True, False, False])
    assert (found.value, found.n, found.censored, found.failed) == (10.0, 5, 1, 1)
    assert time_median([1.0, 10.0, 10.0], [True, False, False]).value == INF
    assert time_median([1.0, 10.0], [True, False]).value == INF
    everything = time_median([10.0] * 8, [False] * 8)
    assert (everything.value, everything.censored) == (INF, 8)
    assert everything.interval.low == INF
    assert time_median([], []).n == 0


def test_par10_by_hand():
    found = penalised_average([1.0, 2.0, 10.0, None], [True, True, False, False], [10.0] * 4)
    assert found.value == (1 + 2 + 100 + 100) / 4
    assert (found.n, found.censored, found.failed) == (4, 1, 1)
    assert penalised_average([4.0], [True], [10.0]).value == 4.0
    assert penalised_average([9.0], [False], [9.0], factor=2).value == 18.0
    assert math.isnan(penalised_average([], [], []).value)


def test_geometric_means():
    values = [1.0, 10.0, 100.0]
    assert geometric_mean(values).value == pytest.approx(stats.gmean(values))
    shifted = shifted_geometric_mean([*values, None], 10.0)
    assert shifted.value == pytest.approx(stats.gmean(np.array(values) + 10) - 10)
    assert (shifted.n, shifted.failed) == (3, 1)
    assert shifted_geometric_mean([0.0, 0.0]).value == 0.0
    assert math.isnan(geometric_mean([]).value)


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=20))
def test_the_mean_of_ratios_does_not_depend_on_the_denominator(ratios):
    assert geometric_mean(ratios).value * geometric_mean([1 / r for r in ratios]).value == (
        pytest.approx(1)
    )


def test_bootstrap_is_scipys_percentile_bootstrap():
    sample = np.random.default_rng(3).gamma(2.0, size=40)
    mine = bootstrap(sample, lambda v: v.mean(axis=-1), resamples=20000)
    theirs = stats.bootstrap(
        (sample,), np.mean, method="percentile", n_resamples=20000, rng=np.random.default_rng(5)
    ).confidence_interval
    assert mine.low == pytest.approx(theirs.low, rel=0.02)
    assert mine.high == pytest.approx(theirs.high, rel=0.02)


def test_bootstrap_of_hardly_anything():
    assert not bootstrap([], np.median).bounded
    assert not bootstrap([1.0], lambda v: v.mean(axis=-1)).bounded
    same = bootstrap([2.0] * 5, lambda v: v.mean(axis=-1))
    assert (same.low, same.high) == (2.0, 2.0)
    assert same.excludes(2.1)
