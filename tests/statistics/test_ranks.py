from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bnnbench.statistics import critical_difference

# Demsar 2006, table 6: areas under the curve of C4.5 with and without parameter tuning. The printed
# figures of the last but one row tie where its printed ranks do not.
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AUC = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.97501, 0.975], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip


def test_demsars_worked_example():
    found = critical_difference(AUC, NAMES, lower_is_better=False)
    assert found.names == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert [round(r, 3) for r in found.ranks] == [1.964, 2.0, 2.893, 3.143]
    assert found.distance == pytest.approx(1.25, abs=0.005)
    assert found.n == 14
    wider = critical_difference(AUC, NAMES, lower_is_better=False, alpha=0.1)
    assert wider.distance == pytest.approx(1.12, abs=0.005)
    assert wider.cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


def test_friedman_is_scipys_and_demsars_without_the_correction_for_ties():
    found = critical_difference(AUC, NAMES, lower_is_better=False)
    reference = stats.friedmanchisquare(*AUC.T)
    assert found.statistic == pytest.approx(reference.statistic)
    assert found.p == pytest.approx(reference.pvalue)
    ties = [np.unique(row, return_counts=True)[1] for row in AUC]
    plain = found.statistic * (1 - sum((c**3 - c).sum() for c in ties) / (14 * 60))
    assert plain == pytest.approx(9.28, abs=0.005)
    assert 13 * plain / (14 * 3 - plain) == pytest.approx(3.69, abs=0.005)
    assert found.f_statistic > 3.69
    assert found.f_p < 0.02


def test_failures_rank_last_and_tie_among_each_other():
    scores = np.array([[1.0, math.nan, math.nan], [1.0, 2.0, math.nan]])
    found = critical_difference(scores, ("a", "b", "c"))
    assert dict(zip(found.names, found.ranks, strict=True)) == {"a": 1.0, "b": 2.25, "c": 2.75}
    assert dict(zip(found.names, found.failed, strict=True)) == {"a": 0, "b": 1, "c": 2}


def test_all_alike():
    found = critical_difference(np.ones((5, 3)), ("a", "b", "c"))
    assert found.ranks == (2.0, 2.0, 2.0)
    assert (found.statistic, found.p) == (0.0, 1.0)
    assert found.cliques == (("a", "b", "c"),)


def test_always_in_the_same_order():
    scores = np.tile([1.0, 2.0, 3.0], (10, 1)) + np.arange(10)[:, None]
    found = critical_difference(scores, ("a", "b", "c"))
    assert found.f_statistic == math.inf
    assert found.f_p == 0.0


@pytest.mark.parametrize("method", ["nemenyi", "wilcoxon-holm"])
def test_hardly_anything(method):
    nothing = critical_difference(np.empty((0, 2)), ("a", "b"), method=method)
    assert (nothing.n, math.isnan(nothing.ranks[0]), math.isnan(nothing.p)) == (0, True, True)
    one = critical_difference(np.array([[1.0, 2.0]]), ("a", "b"), method=method)
    assert one.ranks == (1.0, 2.0)
    assert one.cliques == (("a", "b"),)
    assert critical_difference(np.ones((3, 1)), ("a",), method=method).cliques == ()


def test_wilcoxon_holm_tells_apart_what_differs():
    rng = np.random.default_rng(0)
    base = rng.normal(size=30)
    scores = np.column_stack([base, base + rng.normal(0, 0.1, 30), base + 1])
    scores[3, 2] = math.nan
    found = critical_difference(scores, ("a", "b", "c"), method="wilcoxon-holm")
    assert [set(c) for c in found.cliques] == [{"a", "b"}]
    assert math.isnan(found.distance)
