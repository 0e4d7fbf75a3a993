"""Verdicts: which changes are larger than the threshold and surer than chance.

For every metric and method, and for every metric over all methods, the paired changes give an
effect with a bootstrap interval (median difference, or geometric mean ratio) and one-sided p-values
of Wilcoxon's signed-rank test, for the worse and for the better. Holm's correction runs over all
comparisons at once; those with so few changed pairs that no outcome could be significant are not
counted, since they cannot raise an alarm either (Tarone 1990). A change counts when all three hold:
the effect exceeds the metric's threshold, its interval excludes no change, and the corrected
p-value is at most alpha.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bnnbench.compare.metrics import Metric
from bnnbench.compare.pairing import Key, Run
from bnnbench.statistics import Effect, SignedRank, difference, holm, ratio, signed_rank
from bnnbench.statistics.paired import log_ratios

ALL = "all methods"


class Verdict(StrEnum):
    """What a comparison says; ``unsure`` is worse than the threshold, but maybe by chance."""

    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    UNSURE = "unsure"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Comparison:
    """One metric of one method.

    Attributes:
        metric: what.
        method: whose; :data:`ALL` for all of them.
        effect: after against before.
        before: median figure of the first selection.
        after: median figure of the second.
        failed: pairs without the figure on one side or both.
        p: of a change in the direction of the effect, corrected.
        verdict: in the end.
        extreme: the pair that changed most for the worse, and its effect.
    """

    metric: Metric
    method: str
    effect: Effect
    before: float
    after: float
    failed: int
    p: float
    verdict: Verdict
    extreme: tuple[Key, float] | None


@dataclass(frozen=True)
class _Measured:
    metric: Metric
    method: str
    effect: Effect
    before: float
    after: float
    failed: int
    worse: SignedRank
    better: SignedRank
    extreme: tuple[Key, float] | None


def judge(
    pairs: dict[Key, tuple[Run, Run]], metrics: Sequence[Metric], *, alpha: float, level: float
) -> tuple[Comparison, ...]:
    """All comparisons, those over all methods first; metrics without any figure are left out.

    Args:
        pairs: cells of both selections.
        metrics: what to compare, with thresholds.
        alpha: chance of any false alarm for the worse, and of one for the better.
        level: of the intervals.
    """
    groups: dict[str, list[Key]] = {}
    for key in pairs:
        groups.setdefault(key.method, []).append(key)
    if len(groups) > 1:
        groups = {ALL: list(pairs), **groups}
    measured = [
        found
        for method, keys in groups.items()
        for metric in metrics
        if (found := _measure(metric, method, {k: pairs[k] for k in keys}, level)) is not None
    ]
    worse = _corrected([m.worse for m in measured], alpha)
    better = _corrected([m.better for m in measured], alpha)
    return tuple(
        _conclude(m, *p, alpha)
        for m, p in zip(measured, zip(worse, better, strict=True), strict=True)
    )


def _measure(
    metric: Metric, method: str, pairs: dict[Key, tuple[Run, Run]], level: float
) -> _Measured | None:
    rows = [
        (key, a.figures.get(metric.name, math.nan), b.figures.get(metric.name, math.nan), a, b)
        for key, (a, b) in pairs.items()
    ]
    asked = [r for r in rows if not (math.isnan(r[1]) and math.isnan(r[2]))]
    kept = [
        r
        for r in asked
        if r[3].sound and r[4].sound and math.isfinite(r[1]) and math.isfinite(r[2])
    ]
    if not kept:
        return None
    before, after = [r[1] for r in kept], [r[2] for r in kept]
    if metric.scale == "ratio":
        done_a = [r[3].finished.get(metric.name, True) for r in kept]
        done_b = [r[4].finished.get(metric.name, True) for r in kept]
        times = {"shift": metric.shift, "solved_before": done_a, "solved_after": done_b}
        effect = ratio(before, after, level, **times)  # type: ignore[arg-type]
        changes, _ = log_ratios(before, after, metric.shift, done_a, done_b)
        single = np.exp(changes)
    else:
        effect = difference(before, after, level)
        single = changes = np.asarray(after) - np.asarray(before)
    badness = changes if metric.lower else -changes
    at = int(np.argmax(badness))
    return _Measured(
        metric=metric,
        method=method,
        effect=effect,
        before=float(np.median(before)),
        after=float(np.median(after)),
        failed=len(asked) - len(kept),
        worse=signed_rank(badness, "greater"),
        better=signed_rank(badness, "less"),
        extreme=(kept[at][0], float(single[at])) if badness[at] > 0 else None,
    )


def _corrected(tests: Iterable[SignedRank], alpha: float) -> list[float]:
    """Holm's correction over the tests that could be significant at all."""
    everything = list(tests)
    able = [i for i, test in enumerate(everything) if test.smallest <= alpha]
    adjusted = dict(zip(able, holm([everything[i].p for i in able]), strict=True))
    return [adjusted.get(i, everything[i].p) for i in range(len(everything))]


def _conclude(found: _Measured, p_worse: float, p_better: float, alpha: float) -> Comparison:
    metric, effect = found.metric, found.effect
    worse = metric.worse(effect.value)
    p = p_worse if worse else p_better
    verdict = Verdict.UNCHANGED
    if metric.exceeds(effect.value):
        sure = p <= alpha and effect.interval.excludes(metric.no_change)
        if sure:
            verdict = Verdict.REGRESSION if worse else Verdict.IMPROVEMENT
        elif worse:
            verdict = Verdict.UNSURE
    return Comparison(
        metric=metric,
        method=found.method,
        effect=effect,
        before=found.before,
        after=found.after,
        failed=found.failed,
        p=p,
        verdict=verdict,
        extreme=found.extreme,
    )
