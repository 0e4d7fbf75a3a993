"""Many methods on many problems: average ranks, Friedman's test, critical differences.

Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006): N problems, k
methods, R_j the average rank. Friedman's chi2_F = 12 N / (k (k + 1)) (sum R_j^2 - k (k + 1)^2 / 4),
here divided by the usual correction for ties; Iman and Davenport's F_F = (N - 1) chi2_F / (N (k -
1) - chi2_F); Nemenyi's critical difference q_alpha sqrt(k (k + 1) / (6 N)). Benavoli, Corani,
Mangili 2016: the pairwise verdict should not depend on the other methods, hence Wilcoxon with Holm
as the alternative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from bnnbench.statistics.distributions import scipy_stats
from bnnbench.statistics.interval import Array, Interval, bootstrap
from bnnbench.statistics.paired import holm, signed_rank


@dataclass(frozen=True)
class CriticalDifference:
    """What a critical-difference diagram shows.

    Attributes:
        names: methods, best average rank first.
        ranks: their average ranks, 1 is best.
        intervals: of the ranks, by bootstrap over problems.
        n: problems.
        failed: figures that were missing, and so ranked last, per method.
        statistic: Friedman's chi squared, corrected for ties; NaN below 2 methods or problems.
        p: of Friedman's test.
        f_statistic: Iman and Davenport's version.
        f_p: its p-value.
        distance: Nemenyi's critical difference of average ranks; NaN for the Wilcoxon variant.
        cliques: maximal runs of methods, in order of rank, that are not told apart.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    intervals: tuple[Interval, ...]
    n: int
    failed: tuple[int, ...]
    statistic: float
    p: float
    f_statistic: float
    f_p: float
    distance: float
    cliques: tuple[tuple[str, ...], ...]


def critical_difference(
    scores: Array,
    names: Sequence[str],
    *,
    lower_is_better: bool = True,
    alpha: float = 0.05,
    method: Literal["nemenyi", "wilcoxon-holm"] = "nemenyi",
) -> CriticalDifference:
    """Average ranks of methods and which of them the data cannot tell apart.

    Args:
        scores: shape (problems, methods); NaN for a failure, which ranks last.
        names: of the methods.
        lower_is_better: False for accuracies.
        alpha: level of the tests.
        method: how methods are told apart.
    """
    table = np.asarray(scores, dtype=float).reshape(-1, len(names))
    cost = table if lower_is_better else -table
    cost = np.where(np.isnan(cost), math.inf, cost)
    ranks = np.array([_ranks(row) for row in cost]).reshape(cost.shape)
    n, k = cost.shape
    average = ranks.mean(axis=0) if n else np.full(k, math.nan)
    order = np.argsort(average, kind="stable").tolist()
    statistic, p, f, f_p = _friedman(ranks)
    distance = math.nan
    apart = np.zeros((k, k), bool)
    if method == "nemenyi":
        distance = _nemenyi(n, k, alpha) if n and k > 1 else math.nan
        apart = np.abs(average[:, None] - average[None, :]) > distance
    elif n:
        apart = _wilcoxon_apart(cost, alpha)
    return CriticalDifference(
        names=tuple(names[i] for i in order),
        ranks=tuple(float(average[i]) for i in order),
        intervals=tuple(bootstrap(ranks[:, i], lambda v: v.mean(axis=-1)) for i in order),
        n=n,
        failed=tuple(int(np.isnan(table[:, i]).sum()) for i in order),
        statistic=statistic,
        p=p,
        f_statistic=f,
        f_p=f_p,
        distance=distance,
        cliques=_cliques(apart[np.ix_(order, order)], [names[i] for i in order]),
    )


def _ranks(row: Array) -> Array:
    """Average ranks of a row, 1 for the smallest."""
    _, inverse, counts = np.unique(row, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: Array = (last - (counts - 1) / 2)[inverse]
    return found


def _friedman(ranks: Array) -> tuple[float, float, float, float]:
    n, k = ranks.shape
    if n < 2 or k < 2:
        return (math.nan,) * 4
    ties = sum(
        float((c**3 - c).sum()) for c in (np.unique(r, return_counts=True)[1] for r in ranks)
    )
    correction = 1 - ties / (n * (k**3 - k))
    if correction <= 0:  # all methods alike on every problem
        return 0.0, 1.0, 0.0, 1.0
    spread = float((ranks.mean(axis=0) ** 2).sum()) - k * (k + 1) ** 2 / 4
    statistic = 12 * n / (k * (k + 1)) * spread / correction
    rest = n * (k - 1) - statistic
    f = (n - 1) * statistic / rest if rest > 1e-12 else math.inf
    stats = scipy_stats()
    p = float(stats.chi2.sf(statistic, k - 1))
    return statistic, p, f, float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))


def _nemenyi(n: int, k: int, alpha: float) -> float:
    q = float(scipy_stats().studentized_range.isf(alpha, k, math.inf)) / math.sqrt(2)
    return q * math.sqrt(k * (k + 1) / (6 * n))


def _wilcoxon_apart(cost: Array, alpha: float) -> Any:
    """Which pairs of methods differ by Wilcoxon's test, Holm over all pairs."""
    k = cost.shape[1]
    pairs = list(combinations(range(k), 2))
    tests = [signed_rank(_differences(cost[:, i], cost[:, j])).p for i, j in pairs]
    apart = np.zeros((k, k), bool)
    for (i, j), p in zip(pairs, holm(tests), strict=True):
        apart[i, j] = apart[j, i] = p <= alpha
    return apart


def _differences(a: Array, b: Array) -> Array:
    """Paired differences; two failures tie, one failure is the largest difference of all."""
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0.0, a - b)


def _cliques(apart: Any, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Maximal runs in order of rank without a pair that differs."""
    runs: list[tuple[int, int]] = []
    for begin in range(len(names)):
        end = begin
        while end + 1 < len(names) and not apart[begin : end + 1, end + 1].any():
            end += 1
        if end > begin and not (runs and runs[-1][1] >= end):
            runs.append((begin, end))
    return tuple(tuple(names[a : b + 1]) for a, b in runs)
