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
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from bnnbench.compare.machines import busy
from bnnbench.compare.metrics import Metric
from bnnbench.compare.pairing import Key, Run
from bnnbench.statistics import Effect, SignedRank, difference, holm, ratio, signed_rank
from bnnbench.statistics.interval import Array
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
    pairs: dict[Key, tuple[Run, Run]],
    metrics: Sequence[Metric],
    *,
    alpha: float,
    level: float,
    noise: float = 0.0,
    own: frozenset[str] = frozenset(),
) -> tuple[Comparison, ...]:
    """All comparisons, those over all methods first; metrics without any figure are left out.

    Args:
        pairs: cells of both selections.
        metrics: what to compare, with thresholds.
        alpha: chance of any false alarm for the worse, and of one for the better.
        level: of the intervals.
        noise: relative spread of the machines' speed.
        own: names of metrics whose thresholds noise does not raise.
    """
    groups: dict[str, list[Key]] = {}
    for key in pairs:
        groups.setdefault(key.method, []).append(key)
    if len(groups) > 1:
        groups = {ALL: list(pairs), **groups}
    measured: list[_Measured] = []
    for method, keys in groups.items():
        group = {key: pairs[key] for key in keys}
        got = busy(group.values())
        allowed = max(2 * noise, max(got, 1 / got) - 1)
        for metric in metrics:
            found = _measure(metric, method, group, level)
            if found is not None and metric.timed and metric.name not in own:
                found = _tolerant(found, allowed)
            measured += [found] if found is not None else []
    worse = _corrected([m.worse for m in measured], alpha)
    better = _corrected([m.better for m in measured], alpha)
    return tuple(
        _conclude(m, *p, alpha)
        for m, p in zip(measured, zip(worse, better, strict=True), strict=True)
    )


def _measure(
    metric: Metric, method: str, pairs: dict[Key, tuple[Run, Run]], level: float
) -> _Measured | None:
    name = metric.name
    asked = {
        key: (a, b)
        for key, (a, b) in pairs.items()
        if not (math.isnan(_figure(a, name)) and math.isnan(_figure(b, name)))
    }
    kept = {key: pair for key, pair in asked.items() if all(_usable(run, name) for run in pair)}
    if not kept:
        return None
    before = np.array([a.figures[name] for a, _ in kept.values()])
    after = np.array([b.figures[name] for _, b in kept.values()])
    effect, changes = _change(metric, list(kept.values()), before, after, level)
    badness = changes if metric.lower else -changes
    at = int(np.argmax(badness))
    single = math.exp(changes[at]) if metric.scale == "ratio" else float(changes[at])
    return _Measured(
        metric=metric,
        method=method,
        effect=effect,
        before=float(np.median(before)),
        after=float(np.median(after)),
        failed=len(asked) - len(kept),
        worse=signed_rank(badness, "greater"),
        better=signed_rank(badness, "less"),
        extreme=(list(kept)[at], single) if badness[at] > 0 else None,
    )


def _tolerant(found: _Measured, allowed: float) -> _Measured:
    """The same with a threshold no smaller than what the machine alone may explain."""
    metric = found.metric
    explained = allowed if metric.scale == "ratio" else allowed * max(found.before, found.after)
    return replace(found, metric=replace(metric, threshold=max(metric.threshold, explained)))


def _figure(run: Run, name: str) -> float:
    return run.figures.get(name, math.nan)


def _usable(run: Run, name: str) -> bool:
    return run.sound and math.isfinite(_figure(run, name))


def _change(
    metric: Metric, pairs: Sequence[tuple[Run, Run]], before: Array, after: Array, level: float
) -> tuple[Effect, Array]:
    """The effect, and the change of every pair: a difference, or the logarithm of a ratio."""
    if metric.scale != "ratio":
        return difference(before, after, level), after - before
    done_a, done_b = ([pair[i].finished.get(metric.name, True) for pair in pairs] for i in (0, 1))
    changes, _ = log_ratios(before, after, metric.shift, done_a, done_b)
    effect = ratio(
        before, after, level, shift=metric.shift, solved_before=done_a, solved_after=done_b
    )
    return effect, changes


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
