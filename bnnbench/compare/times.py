"""Times from several runs: what changes from hour to hour on its own is told from what code did.

All cells of a run share the machine's state of that hour, and so do runs that follow each other:
neither cells nor such runs are independent witnesses of a slowdown. Runs of one side that follow
each other within :data:`HOUR`, with none of the other side between them, are one spell. With at
least :data:`SPELLS` spells on each side, a spell is the witness: its figure is the mean over runs
and cells (of logarithms, for ratios), and Welch's test holds the change against the spread between
spells. With fewer, only a change too large for an hour, :data:`SINGLE`, raises an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from bnnbench.compare.metrics import Metric
from bnnbench.compare.pairing import Attempt, Run
from bnnbench.statistics import Shift, factor, shift

HOUR = 3600.0
SPELLS = 3
"""On each side, from which times are judged by their spread."""

SINGLE = 1.0
"""Change of a time from which an alarm is raised with fewer spells: 1 is twice the time."""

Pairs = Sequence[tuple[Run, Run]]


def spells(pairs: Pairs) -> tuple[list[list[int]], list[list[int]]]:
    """The spells of both sides, each as indices of attempts that count from the last one.

    Args:
        pairs: cells of both selections; a side has as many runs as the cell that was run least.
    """
    runs = []
    for side in (0, 1):
        count = min(len(pair[side].attempts) for pair in pairs)
        for index in range(-count, 0):
            ended = [pair[side].attempts[index].entry.record.created for pair in pairs]
            runs.append((float(np.median(ended)), side, index))
    found: tuple[list[list[int]], list[list[int]]] = ([], [])
    last: tuple[float, int] = (-math.inf, -1)
    for time, side, index in sorted(runs):
        if side != last[1] or time - last[0] > HOUR:
            found[side].append([])
        found[side][-1].append(index)
        last = time, side
    return found


def repeated(metric: Metric, pairs: Pairs, level: float) -> Shift | None:
    """The change of a time over spells.

    Args:
        metric: which.
        pairs: cells of both selections, with the figure in every run.
        level: of the interval.

    Returns:
        The change, a ratio of geometric means where the metric is one; None with fewer than
        :data:`SPELLS` on a side.
    """
    both = spells(pairs)
    if min(map(len, both)) < SPELLS:
        return None
    before, after = (
        [
            fmean(_value(metric, pair[side].attempts[i]) for i in spell for pair in pairs)
            for spell in both[side]
        ]
        for side in (0, 1)
    )
    found = shift(before, after, level)
    return factor(found) if metric.scale == "ratio" else found


def _value(metric: Metric, attempt: Attempt) -> float:
    value = attempt.figures.get(metric.name, math.nan)
    return math.log(value + metric.shift) if metric.scale == "ratio" else value
