"""Performance profiles, for all methods and pair by pair, and data profiles.

Performance profiles (Dolan and More 2002) compare with the best method on each instance, so a
further method can turn the order of two others around (Gould and Scott 2016): hence the pairs.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from bnnbench.report.charts import base, curves
from bnnbench.report.columns import columns
from bnnbench.report.runs import TOLERANCE, Runs
from bnnbench.statistics import ecdf, performance_profile

SHIFT = 0.01
MOST_PAIRED = 16
SOLVED = (
    f"An instance (a problem with one seed) is solved once the verified objective is within"
    f" {100 * TOLERANCE:g} % of the way from the constant-majority network down to the best"
    " objective known."
)
BAND = (
    " The band is the 95 % band of Dvoretzky, Kiefer, Wolfowitz and Massart for independent runs."
)


def make(runs: Runs) -> base.Chart:
    """Performance profile of all methods together."""
    times = curves.times(runs)
    rows = _profile(times.seconds, times.methods) if times.methods else []
    return base.Chart(
        name="performance-profile",
        title="Performance profile",
        about=(
            f"{SOLVED} A line says on which share of the instances a method needed at most that"
            f" many times the seconds of the fastest method ({SHIFT:g} s added to all, so that"
            " split seconds do not decide); where it ends is the share that it solved at all."
            " Instances that nobody solved stay in the count. A further method can turn the order"
            f" of two others around: see the pairs.{BAND}"
        ),
        scope=base.Scope.ALL,
        rows=columns(rows, curves.KEYS),
        spec=lambda: curves.spec("times the fastest method's seconds", "instances solved"),
        note=times.note,
    )


def make_pairs(runs: Runs) -> base.Chart:
    """Performance profiles of two methods at a time, on all instances that both were run on."""
    paired = [m for m in runs.methods if m not in runs.references][:MOST_PAIRED]
    rows = [row for a, b in combinations(paired, 2) for row in _pair(runs, a, b)]
    left = sum(m not in runs.references for m in runs.methods) - len(paired)
    note = f"Pairs of the {len(paired)} methods with the most runs" + (
        f"; {left} further methods are left out." if left else "."
    )
    return base.Chart(
        name="pairwise-profile",
        title="Performance profile of two methods",
        about=(
            "As above, but of two methods only and on all instances that both were run on."
            f" {SOLVED}"
            " Where a line begins is the share of instances on which the method was the faster."
        ),
        scope=base.Scope.PAIR,
        rows=columns(rows, ("pair", *curves.KEYS)),
        spec=lambda: curves.spec("times the faster method's seconds", "instances solved"),
        note=note,
    )


def make_data(runs: Runs) -> base.Chart:
    """Share of instances solved within a share of the time limit."""
    times = curves.times(runs)
    rows: list[dict[str, Any]] = []
    if times.methods:
        shares = times.seconds / times.limits[:, None]
        found = [ecdf(shares[:, j], name=m) for j, m in enumerate(times.methods)]
        low, high = curves.span(found)
        rows = [row for curve in found for row in curves.points(curve, max(1.0, high), low)]
    return base.Chart(
        name="data-profile",
        title="Data profile",
        about=(
            f"{SOLVED} A line says which share of the instances a method solved within that share"
            f" of the time limit, however fast others were.{BAND}"
        ),
        scope=base.Scope.ALL,
        rows=columns(rows, curves.KEYS),
        spec=lambda: curves.spec("share of the time limit", "instances solved"),
        note=times.note,
    )


def _pair(runs: Runs, a: str, b: str) -> list[dict[str, Any]]:
    common = [found for found in runs.instances.values() if a in found and b in found]
    if not common:
        return []
    table = np.array([[found[m].seconds_to_solve for m in (a, b)] for found in common])
    return [{"pair": f"{a} and {b}", **row} for row in _profile(table, [a, b], 40)]


def _profile(
    seconds: Any, methods: list[str], most: int = curves.MOST_POINTS
) -> list[dict[str, Any]]:
    found = performance_profile(seconds, methods, shift=SHIFT)
    _, high = curves.span(found)
    end = max(high, 2.0) * 1.05
    return [row for curve in found for row in curves.points(curve, end, 1.0, most)]
