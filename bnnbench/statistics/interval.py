"""Intervals: exact ones for medians from order statistics, percentile bootstrap for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Numbers = Sequence[float] | Array
Statistic = Callable[[Array], Array]
"""Reduces the last axis: (resamples, n) -> (resamples,)."""

LEVEL = 0.95
RESAMPLES = 4000
SEED = 20
_CHUNK = 1 << 22  # numbers resampled at a time


@dataclass(frozen=True)
class Interval:
    """A confidence interval; unbounded where so few figures say nothing.

    Attributes:
        low: lower end, may be -inf.
        high: upper end, may be inf.
        level: nominal confidence.
    """

    low: float = -math.inf
    high: float = math.inf
    level: float = LEVEL

    @property
    def bounded(self) -> bool:
        """Whether both ends are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside."""
        return not self.low <= value <= self.high


def exponential(value: float) -> float:
    """Power of e, inf where that is too large."""
    return math.exp(value) if value < 700 else math.inf


def median_interval(values: Numbers, level: float = LEVEL) -> Interval:
    """Exact distribution-free interval of a median: order statistics k and n + 1 - k.

    k is the largest with P(Binomial(n, 1/2) < k) <= (1 - level) / 2, so the coverage is at least
    the level. With fewer than 6 values at 95 % there is no such k and the interval is unbounded.

    Args:
        values: without NaN; infinite ones are allowed and mean "beyond all others".
        level: nominal confidence.
    """
    ordered = sorted(float(v) for v in values)
    n, k, tail = len(ordered), 0, 0.0
    while k < n // 2:
        tail += math.comb(n, k) / 2**n
        if tail > (1 - level) / 2:
            break
        k += 1
    if k == 0:
        return Interval(level=level)
    return Interval(ordered[k - 1], ordered[n - k], level)


def bootstrap(
    values: Numbers,
    statistic: Statistic,
    level: float = LEVEL,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Percentile bootstrap interval of a statistic of independent values.

    Unbounded for fewer than 2 values. It is too short for very few values: with n of one sign it
    excludes 0 whatever n is, so do not read it alone below about 6.

    Args:
        values: shape (n,), finite.
        statistic: reduces the last axis.
        level: nominal confidence.
        resamples: how many.
        seed: the same values always give the same interval.
    """
    sample = np.asarray(values, dtype=float)
    n = len(sample)
    if n < 2:
        return Interval(level=level)
    if (sample == sample[0]).all():  # as in paired runs of deterministic cells
        value = float(statistic(sample[None])[0])
        return Interval(value, value, level)
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    found = [
        statistic(sample[rng.integers(0, n, size=(min(step, resamples - begin), n))])
        for begin in range(0, resamples, step)
    ]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(found), [tail, 1 - tail])
    return Interval(float(low), float(high), level)
