"""Empirical distribution of the time to the target that cells were given."""

from __future__ import annotations

import math
from typing import Any

from bnnbench.report.charts import base, curves
from bnnbench.report.columns import columns
from bnnbench.report.runs import Runs
from bnnbench.statistics import ecdf


def make(runs: Runs) -> base.Chart:
    """Time to target, over all problems."""
    times: dict[str, list[float]] = {}
    without = 0
    for run in runs.runs:
        target = run.cell.limits.target
        if run.record.reference:
            continue
        if target is None:
            without += 1
        else:
            times.setdefault(run.method, []).append(run.time_to(target))
    found = [ecdf(times[m], name=m) for m in runs.methods if m in times]
    low, high = curves.span(found)
    rows: list[dict[str, Any]] = []
    for curve in found:
        rows += curves.points(curve, high, low)
    never = sum(math.isinf(t) for group in times.values() for t in group)
    count = sum(map(len, times.values()))
    note = f"{count} runs with a target, of which {never} never reached it (censored)."
    return base.Chart(
        name="time-to-target",
        title="Time to target",
        about=(
            "Share of a method's runs whose verified objective had reached the target of their cell"
            " by that time. Runs that never reached it stay in the count, so a line may end below"
            " 100 %. The band is the 95 % band of Dvoretzky, Kiefer, Wolfowitz and Massart."
        ),
        scope=base.Scope.ALL,
        rows=columns(rows, curves.KEYS),
        spec=lambda: curves.spec("seconds", "runs at the target"),
        note=note + (f" {without} runs had no target." if without else ""),
    )
