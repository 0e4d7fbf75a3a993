from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bnnbench.statistics import difference, holm, ratio, signed_rank


@pytest.mark.parametrize("n", [1, 5, 12, 30])
@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_signed_rank_is_scipys_exact_test(n, alternative):
    changes = np.random.default_rng(n).normal(0.3, size=n)
    mine = signed_rank(changes, alternative)
    theirs = stats.wilcoxon(changes, alternative=alternative, method="exact")
    assert mine.p == pytest.approx(theirs.pvalue)
    if alternative == "greater":
        assert mine.statistic == theirs.statistic


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_ties_and_zeros_by_all_sign_patterns(changes):
    kept = np.array([c for c in changes if c])
    mine = signed_rank(changes, "greater")
    assert mine.n == len(kept)
    if not len(kept):
        assert mine.p == 1.0
        return
    ranks = stats.rankdata(np.abs(kept))
    signs = (np.arange(2 ** len(kept))[:, None] >> np.arange(len(kept))) & 1
    sums = signs @ ranks
    assert mine.p == pytest.approx((sums >= ranks[kept > 0].sum() - 1e-9).mean())
    assert mine.p >= mine.smallest - 1e-12


def test_many_pairs_use_the_normal_approximation():
    changes = np.round(np.random.default_rng(2).normal(0.1, size=300), 1)
    mine = signed_rank(changes)
    theirs = stats.wilcoxon(changes, method="asymptotic", correction=False)
    assert mine.p == pytest.approx(theirs.pvalue, rel=1e-6)


def test_published_signed_rank():
    """Conover, Practical Nonparametric Statistics, twins: T+ = 42.5 of 11 pairs with a difference."""
    first = [86, 71, 77, 68, 91, 72, 77, 91, 70, 71, 88, 87]
    second = [88, 77, 76, 64, 96, 72, 65, 90, 65, 80, 81, 72]
    found = signed_rank(np.array(first) - np.array(second), "less")
    assert (found.n, 66 - found.statistic) == (11, 24.5)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_the_definition(p):
    order = np.argsort(p, kind="stable")
    steps = [min(1.0, (len(p) - k) * p[i]) for k, i in enumerate(order)]
    expected = np.maximum.accumulate(steps)
    assert np.allclose(np.array(holm(p))[order], expected)


def test_differences():
    found = difference([1.0, 2.0, 3.0], [2.0, 2.0, 5.0])
    assert (found.value, found.n, found.ties) == (1.0, 3, 1)
    assert (found.interval.low, found.interval.high) == (0.0, 2.0)
    assert math.isnan(difference([], []).value)
    assert difference([1.0], [3.0]).value == 2.0
    assert not difference([1.0], [3.0]).interval.bounded


def test_ratios_are_geometric():
    found = ratio([1.0, 10.0], [2.0, 5.0])
    assert found.value == pytest.approx(1.0)
    assert ratio([0.0], [1.0], shift=1.0).value == pytest.approx(2.0)
    assert math.isnan(ratio([], []).value)


def test_pairs_that_are_both_censored_are_ties():
    found = ratio(
        [10.0, 10.0, 5.0], [12.0, 5.0, 10.0],
        solved_before=[False, False, True], solved_after=[False, True, False],
    )  # fmt: skip
    assert (found.n, found.ties, found.censored) == (3, 1, 3)
    assert found.value == pytest.approx(1.0)
    nothing = ratio([9.0] * 6, [9.1] * 6, solved_before=[False] * 6, solved_after=[False] * 6)
    assert (nothing.value, nothing.ties) == (1.0, 6)
    assert not nothing.interval.excludes(1.0)


def test_a_planted_slowdown_lies_in_the_interval():
    rng = np.random.default_rng(0)
    before = rng.lognormal(size=40)
    after = before * 1.2 * rng.lognormal(sigma=0.05, size=40)
    found = ratio(before, after)
    assert not found.interval.excludes(1.2)
    assert found.interval.excludes(1.0)
    assert signed_rank(np.log(after / before), "greater").p < 1e-6
