"""Before and after on the same problem and seed: effects and Wilcoxon's signed-rank test.

The test is exact for up to 200 pairs, ties among sizes included: with ranks doubled to integers,
the number of sign patterns with a given rank sum follows by adding one pair at a time, O(n^3) in
all. Above that the normal approximation with the correction for ties is used (Wilcoxon 1945;
Pratt's zeros are not used: pairs without difference are left out).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from bnnbench.statistics.interval import LEVEL, Array, Interval, Numbers, bootstrap, exponential

Alternative = Literal["two-sided", "less", "greater"]
_EXACT = 200


@dataclass(frozen=True)
class Effect:
    """A change over pairs.

    Attributes:
        value: median of after - before, or geometric mean of after / before; NaN without pairs.
        interval: percentile bootstrap over pairs.
        n: pairs.
        ties: pairs without a difference, those with both sides censored included.
        censored: pairs with a lower bound on either side.
    """

    value: float
    interval: Interval
    n: int
    ties: int = 0
    censored: int = 0


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test.

    Attributes:
        statistic: sum of the ranks of positive differences.
        p: probability under no change; 1 without any difference.
        n: pairs with a difference.
        smallest: the smallest p that so many pairs could give.
    """

    statistic: float
    p: float
    n: int
    smallest: float


def difference(before: Numbers, after: Numbers, level: float = LEVEL) -> Effect:
    """Median of the paired differences after - before, with a bootstrap interval."""
    change = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    if not len(change):
        return Effect(math.nan, Interval(level=level), 0)
    interval = bootstrap(change, lambda v: np.asarray(np.median(v, axis=-1)), level)
    return Effect(float(np.median(change)), interval, len(change), int((change == 0).sum()))


def ratio(
    before: Numbers,
    after: Numbers,
    level: float = LEVEL,
    *,
    shift: float = 0.0,
    solved_before: Sequence[bool] | None = None,
    solved_after: Sequence[bool] | None = None,
) -> Effect:
    """Geometric mean of (after + shift) / (before + shift), with a bootstrap interval.

    Pairs of which neither side finished say nothing and count as 1. With one side at its limit, the
    ratio of the pair is a bound that lies nearer to 1 than the truth.

    Args:
        before: positive figures, shape (n,).
        after: as many.
        level: nominal confidence.
        shift: in their unit, so that tiny figures do not decide.
        solved_before: for times, whether a time is one and not a limit; all by default.
        solved_after: the same for the other side.
    """
    logs, censored = log_ratios(before, after, shift, solved_before, solved_after)
    if not len(logs):
        return Effect(math.nan, Interval(level=level), 0)
    found = bootstrap(logs, lambda v: np.asarray(v.mean(axis=-1)), level)
    interval = Interval(exponential(found.low), exponential(found.high), level)
    ties = int((logs == 0).sum())
    return Effect(exponential(float(logs.mean())), interval, len(logs), ties, censored)


def log_ratios(
    before: Numbers,
    after: Numbers,
    shift: float = 0.0,
    solved_before: Sequence[bool] | None = None,
    solved_after: Sequence[bool] | None = None,
) -> tuple[Array, int]:
    """Logarithms of paired ratios, 0 where both are censored, and how many have a censored side."""
    a, b = np.asarray(before, dtype=float) + shift, np.asarray(after, dtype=float) + shift
    done_a = np.ones(len(a), bool) if solved_before is None else np.asarray(solved_before, bool)
    done_b = np.ones(len(b), bool) if solved_after is None else np.asarray(solved_after, bool)
    logs = np.log(b) - np.log(a)
    logs[~done_a & ~done_b] = 0.0
    return logs, int((~done_a | ~done_b).sum())


def signed_rank(differences: Numbers, alternative: Alternative = "two-sided") -> SignedRank:
    """Wilcoxon's signed-rank test of paired differences; pairs without difference are left out.

    Args:
        differences: after - before, finite.
        alternative: ``greater`` asks whether differences tend to be positive.
    """
    found = np.asarray(differences, dtype=float)
    found = found[found != 0]
    n = len(found)
    if n == 0:
        return SignedRank(0.0, 1.0, 0, 1.0)
    doubled = _doubled_ranks(np.abs(found))
    statistic = int(doubled[found > 0].sum())
    upper, lower = _tails(doubled, statistic)
    one = 2.0**-n
    p = {"greater": upper, "less": lower, "two-sided": min(1.0, 2 * min(upper, lower))}[alternative]
    smallest = min(1.0, 2 * one) if alternative == "two-sided" else one
    return SignedRank(statistic / 2, p, n, smallest)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p-values in the given order (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for step, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def _doubled_ranks(sizes: Array) -> npt.NDArray[np.int64]:
    """Twice the average ranks, which are integers."""
    _, inverse, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (2 * last - counts + 1)[inverse].astype(np.int64)


def _tails(doubled: npt.NDArray[np.int64], statistic: int) -> tuple[float, float]:
    """P(sum >= statistic) and P(sum <= statistic) with fair independent signs."""
    total = int(doubled.sum())
    if len(doubled) > _EXACT:
        mean, variance = total / 2, float((doubled.astype(float) ** 2).sum()) / 4
        z = (statistic - mean) / math.sqrt(variance)
        return NormalDist().cdf(-z), NormalDist().cdf(z)
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for rank in doubled.tolist():
        moved = np.zeros_like(chance)
        moved[rank:] = chance[: total + 1 - rank]
        chance = (chance + moved) / 2
    return min(1.0, float(chance[statistic:].sum())), min(1.0, float(chance[: statistic + 1].sum()))
