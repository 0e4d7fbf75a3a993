"""Verdicts: which changes are larger than the threshold and surer than chance.

For every metric and method, and for every metric over all methods, the paired changes give an
effect with a bootstrap interval (median difference, or geometric mean ratio) and one-sided p-values
of Wilcoxon's signed-rank test, for the worse and for the better; times of runs in turns are judged
by the spread between them instead (:mod:`bnnbench.compare.times`). Holm's correction runs over all
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
from typing import NamedTuple

import numpy as np

from bnnbench.compare.machines import busy
from bnnbench.compare.metrics import Metric
from bnnbench.compare.pairing import Key, Run
from bnnbench.compare.times import SINGLE, repeated
from bnnbench.statistics import Effect, Shift, difference, holm, ratio, signed_rank
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
        spells: before and after, where their spread is what the change is held against; None where
            the pairs are.
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
    spells: tuple[int, int] | None = None


class _Test(NamedTuple):
    """A p-value, and the smallest that so many figures could give."""

    p: float
    smallest: float


@dataclass(frozen=True)
class _Measured:
    metric: Metric
    method: str
    effect: Effect
    before: float
    after: float
    failed: int
    worse: _Test
    better: _Test
    extreme: tuple[Key, float] | None
    spells: tuple[int, int] | None = None


def judge(
    pairs: dict[Key, tuple[Run, Run]],
    metrics: Sequence[Metric],
    *,
    alpha: float,
    level: float,
    own: frozenset[str] = frozenset(),
    together: bool = False,
) -> tuple[Comparison, ...]:
    """All comparisons, those over all methods first; metrics without any figure are left out.

    Args:
        pairs: cells of both selections.
        metrics: what to compare, with thresholds.
        alpha: chance of any false alarm for the worse, and of one for the better.
        level: of the intervals.
        own: names of metrics whose thresholds are not raised.
        together: whether both sides of a pair were run in turns, as two methods of a suite are.
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
        busier = max(got, 1 / got) - 1
        for metric in metrics:
            found = _measure(metric, method, group, level)
            if found is not None and metric.clock and metric.name not in own:
                single = 0.0 if together or found.spells else SINGLE
                load = busier if metric.clock == "wall" else 0.0
                found = _tolerant(found, max(load, single))
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
    over_spells = repeated(metric, list(kept.values()), level) if metric.clock else None
    if over_spells is not None:
        effect = replace(effect, value=over_spells.value, interval=over_spells.interval)
    worse, better = _tests(badness, over_spells)
    return _Measured(
        metric=metric,
        method=method,
        effect=effect,
        before=float(np.median(before)),
        after=float(np.median(after)),
        failed=len(asked) - len(kept),
        worse=worse,
        better=better,
        extreme=(list(kept)[at], single) if badness[at] > 0 else None,
        spells=None if over_spells is None else over_spells.runs,
    )


def _tests(badness: Array, over_spells: Shift | None) -> tuple[_Test, _Test]:
    """For the worse and for the better; all figures that depend on the machine are better low."""
    if over_spells is not None:
        return _Test(over_spells.greater, 0.0), _Test(over_spells.less, 0.0)
    worse, better = signed_rank(badness, "greater"), signed_rank(badness, "less")
    return _Test(worse.p, worse.smallest), _Test(better.p, better.smallest)


def _tolerant(found: _Measured, allowed: float) -> _Measured:
    """The same with a threshold no smaller than what the machine alone may explain."""
    metric = found.metric
    share = allowed / (1 + allowed)
    explained = allowed if metric.scale == "ratio" else share * max(found.before, found.after)
    return replace(found, metric=replace(metric, threshold=max(metric.threshold, explained)))


def _figure(run: Run, name: str) -> float:
    return run.figures.get(name, math.nan)


def _usable(run: Run, name: str) -> bool:
    return run.sound and all(math.isfinite(a.figures.get(name, math.nan)) for a in run.attempts)


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


def _corrected(tests: Iterable[_Test], alpha: float) -> list[float]:
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
        spells=found.spells,
    )
