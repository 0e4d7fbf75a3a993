"""Charts, one module each: data aggregated here, drawn by Vega-Lite."""

from __future__ import annotations

from bnnbench.report.charts import (
    difference,
    ecdf,
    failures,
    pareto,
    profiles,
    progress,
    samplers,
)
from bnnbench.report.charts.base import Chart, Maker
from bnnbench.report.runs import Runs

MAKERS: tuple[Maker, ...] = (
    pareto.make,
    progress.make_objective,
    progress.make_gap,
    samplers.make,
    profiles.make,
    profiles.make_pairs,
    profiles.make_data,
    ecdf.make,
    difference.make,
    failures.make,
)
"""In the order of the page."""


def charts(runs: Runs) -> list[Chart]:
    """All charts of a report; those without data are there and say so."""
    return [make(runs) for make in MAKERS]


__all__ = ["MAKERS", "Chart", "charts"]
