"""Success probabilities of samplers and the time to solution that follows from them.

TTS99 = t max(1, ln 0.01 / ln(1 - p)): the time until a solution was seen with probability 99 % by
independent reads of t seconds each, p the probability that a read succeeds (Ronnow et al. 2014). It
falls with p, so an interval of p gives one of the time. After no success in R reads p is below
about 3 / R at 95 % (rule of three; the exact bound is 1 - 0.05^(1/R)), and the time is known from
below only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from bnnbench.statistics.distributions import scipy_stats
from bnnbench.statistics.interval import LEVEL, Interval

Method = Literal["wilson", "clopper-pearson"]


@dataclass(frozen=True)
class Proportion:
    """Successes among independent tries.

    Attributes:
        value: the share; NaN without tries.
        interval: of the probability, two-sided.
        successes: how many.
        n: tries.
    """

    value: float
    interval: Interval
    successes: int
    n: int


@dataclass(frozen=True)
class TimeToSolution:
    """Seconds until a sampler has succeeded with a given confidence.

    Attributes:
        value: infinite when no read succeeded.
        interval: from the interval of the success probability; after no success its lower end is
            what the rule of three allows and its upper end infinite.
        success: of a single read.
        read_seconds: time of one.
        confidence: that at least one read has succeeded by then.
    """

    value: float
    interval: Interval
    success: Proportion
    read_seconds: float
    confidence: float


def proportion(
    successes: int, n: int, level: float = LEVEL, *, method: Method = "wilson"
) -> Proportion:
    """Share of successes with Wilson's score interval or the exact one of Clopper and Pearson.

    Raises:
        ValueError: unless 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= {n}, got {successes}")
    if n == 0:
        return Proportion(math.nan, Interval(0.0, 1.0, level), 0, 0)
    find = _wilson if method == "wilson" else _clopper_pearson
    low, high = find(successes, n, level)
    return Proportion(successes / n, Interval(low, high, level), successes, n)


def time_to_solution(
    successes: int,
    reads: int,
    read_seconds: float,
    *,
    confidence: float = 0.99,
    level: float = LEVEL,
    method: Method = "wilson",
) -> TimeToSolution:
    """TTS from counts of independent reads, never less than one read.

    Args:
        successes: reads that reached the target.
        reads: all of them.
        read_seconds: wall seconds of one.
        confidence: 0.99 for TTS99.
        level: of the interval.
        method: interval of the success probability.
    """
    found = proportion(successes, reads, level, method=method)

    def seconds(p: float) -> float:
        return read_seconds * _repeats(p, confidence)

    if reads == 0:
        return TimeToSolution(math.nan, Interval(level=level), found, read_seconds, confidence)
    largest = found.interval.high
    if successes == 0:
        largest = 1 - (1 - level) ** (1 / reads)
    interval = Interval(seconds(largest), seconds(found.interval.low), level)
    return TimeToSolution(seconds(found.value), interval, found, read_seconds, confidence)


def _repeats(p: float, confidence: float) -> float:
    if p <= 0:
        return math.inf
    return 1.0 if p >= 1 else max(1.0, math.log(1 - confidence) / math.log1p(-p))


def _wilson(k: int, n: int, level: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, square = k / n, z * z
    centre = (p + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
    # The ends are 0 and 1 in exact arithmetic.
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


def _clopper_pearson(k: int, n: int, level: float) -> tuple[float, float]:
    beta = scipy_stats().beta
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return low, high
