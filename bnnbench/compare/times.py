"""Times from several runs: what changes from run to run on its own is told from what the code did.

All cells of a run share the machine's state of that hour, so pairs of cells are no independent
witnesses of a slowdown. With at least :data:`REPETITIONS` runs on each side, a run is the witness:
its figure is the mean over cells (of logarithms, for ratios), and Welch's test holds the change
against the spread between runs. With fewer, nothing tells a slower program from a slower hour, and
only a change too large for an hour, :data:`SINGLE`, raises an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bnnbench.compare.metrics import Metric
from bnnbench.compare.pairing import Attempt, Run
from bnnbench.statistics import Shift, factor, shift

REPETITIONS = 3
"""Runs on each side from which times are judged by their spread."""

SINGLE = 1.0
"""Change of a time from which an alarm is raised with fewer runs: 1 is twice the time."""


def repeated(metric: Metric, pairs: Sequence[tuple[Run, Run]], level: float) -> Shift | None:
    """The change of a time over repeated runs.

    Args:
        metric: which.
        pairs: cells of both selections, with the figure in every run.
        level: of the interval.

    Returns:
        The change, a ratio of geometric means where the metric is one; None with fewer than
        :data:`REPETITIONS` runs of a cell on a side.
    """
    runs = min(len(run.attempts) for pair in pairs for run in pair)
    if runs < REPETITIONS:
        return None
    counts = [min(len(pair[side].attempts) for pair in pairs) for side in (0, 1)]
    before, after = (
        np.array([[_value(metric, a) for a in pair[side].attempts[-count:]] for pair in pairs])
        for side, count in enumerate(counts)
    )
    found = shift(before.mean(axis=0), after.mean(axis=0), level)
    return factor(found) if metric.scale == "ratio" else found


def _value(metric: Metric, attempt: Attempt) -> float:
    value = attempt.figures.get(metric.name, math.nan)
    return math.log(value + metric.shift) if metric.scale == "ratio" else value
