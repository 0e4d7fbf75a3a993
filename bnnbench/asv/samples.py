"""What asv is to track of records, by problem and method."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

import msgspec

from bnnbench.analysis import Knowledge, knowledge
from bnnbench.frames import flat
from bnnbench.metrics import TracePoint
from bnnbench.record import Ending, Record
from bnnbench.suite import Cell
from bnnbench.summary import describe

Point = tuple[str, str]
"""Problem and method in words: a point of asv's parameters."""
Figure = float | dict[str, Any] | None
"""A value, or several as asv takes them; NaN for not applicable, None for failed."""
Samples = list[float] | None
"""A value for each seed; empty for not applicable, None for failed."""

PARAM_NAMES = ["problem", "method"]
FIGURES: Mapping[str, str] = {
    "error_pct": "% of test rows",
    "gap": "objective",
    "primal_integral": "share of time limit",
    "seconds": "s",
    "peak_memory": "MiB",
}
"""Figures and their units, lower being better for all of them."""
FEWEST = 8
"""Samples from which asv's interval of 99 % for a median is bounded."""
_BROKEN = (Ending.CRASH, Ending.ERROR, Ending.INVALID)


def key(cell: Cell) -> Point:
    """The point that a cell belongs to; its cells differ in nothing but their seed."""
    limits = cell.limits
    target = "" if limits.target is None else f"; target {limits.target:g}"
    threads = "" if limits.threads == 1 else f", {limits.threads} threads"
    return describe(cell) + target, f"{cell.method}; {limits.time:g} s{threads}"


def tracked(
    records: Iterable[tuple[Record, list[TracePoint]]], everything: Iterable[Record]
) -> dict[Point, dict[str, Samples]]:
    """Samples of all figures by point.

    Args:
        records: what to track, each with its trace.
        everything: what is known of the problems comes from these.
    """
    known = knowledge(everything)
    groups: dict[Point, list[tuple[int, dict[str, Samples]]]] = {}
    for record, trace in records:
        cell = msgspec.convert(record.cell, Cell)
        found = _samples(record, known.get(record.problem), trace)
        groups.setdefault(key(cell), []).append((cell.seed, found))
    return {
        point: {name: _joined([s[name] for _, s in sorted(group, key=_seed)]) for name in FIGURES}
        for point, group in groups.items()
    }


def figure(samples: Samples) -> Figure:
    """Samples of a figure as a benchmark function returns them to asv."""
    if samples is None:
        return None
    if not samples:
        return math.nan
    return {"samples": samples, "number": 1} if len(samples) >= FEWEST else median(samples)


def _seed(entry: tuple[int, dict[str, Samples]]) -> int:
    return entry[0]


def _joined(parts: list[Samples]) -> Samples:
    """All seeds together; one that failed makes the point fail, since a median would hide it."""
    joined: list[float] = []
    for part in parts:
        if part is None:
            return None
        joined += part
    return joined


def _samples(
    record: Record, known: Knowledge | None, trace: list[TracePoint]
) -> dict[str, Samples]:
    if record.ending is Ending.SKIPPED:
        return {name: [] for name in FIGURES}
    if record.evaluation is None or record.ending in _BROKEN:
        return dict.fromkeys(FIGURES)
    row = flat(record, known, trace)
    part = record.evaluation.parts.get("test") or record.evaluation.parts["train"]
    values = {
        "error_pct": 100 * (1 - part.argmax),
        "gap": row["gap"],
        "primal_integral": row["primal_integral"],
        "seconds": record.seconds.build + record.seconds.solve,
        "peak_memory": record.peak_memory / (1 << 20) if record.peak_memory else math.nan,
    }
    return {name: [] if math.isnan(value) else [float(value)] for name, value in values.items()}
