"""Tables of results: one row per problem and method, every aggregate with its count."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from bnnbench.analysis import Knowledge, gap, objective
from bnnbench.record import Ending, Record
from bnnbench.suite import Cell


@dataclass(frozen=True)
class Row:
    """All seeds of one method on one problem class.

    Attributes:
        problem: data, topology, domain and objective in words.
        method: formulation and solver.
        n: cells.
        endings: how many ended otherwise than ok, by ending.
        found: how many hold a feasible verified network.
        objective: median verified objective over those.
        gap: median absolute gap to the best bound known.
        proved: how many are known to be optimal.
        test: median test accuracy by argmax, ties as 1/k.
        all_good: median share of test rows with every output sign right.
        seconds: median wall seconds of build and solve.
    """

    problem: str
    method: str
    n: int
    endings: dict[str, int]
    found: int
    objective: float
    gap: float
    proved: int
    test: float
    all_good: float
    seconds: float


def summarise(records: Iterable[Record], known: dict[str, Knowledge]) -> list[Row]:
    """Rows in order of problem, then of median objective."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        cell = msgspec.convert(record.cell, Cell)
        key = (describe(cell), cell.method)
        groups.setdefault(key, []).append(record)
    rows = [_row(problem, method, group, known) for (problem, method), group in groups.items()]
    return sorted(rows, key=lambda r: (r.problem, _last(r.objective), r.method))


def describe(cell: Cell) -> str:
    """A problem class in words, the same for all seeds."""
    return f"{cell.draw or cell.data}; {cell.topology}; {cell.domain}; {cell.objective}"


def _row(problem: str, method: str, group: Sequence[Record], known: dict[str, Knowledge]) -> Row:
    endings: dict[str, int] = {}
    for record in group:
        if record.ending is not Ending.OK:
            endings[str(record.ending)] = endings.get(str(record.ending), 0) + 1
    gaps = [gap(r, known.get(r.problem)) for r in group]
    parts = [r.evaluation.parts.get("test") for r in group if r.evaluation]
    return Row(
        problem=problem,
        method=method,
        n=len(group),
        endings=endings,
        found=sum(1 for r in group if r.evaluation and r.evaluation.feasible),
        objective=_median([objective(r) for r in group]),
        gap=_median([g.absolute for g in gaps]),
        proved=sum(g.proved for g in gaps),
        test=_median([p.argmax for p in parts if p]),
        all_good=_median([p.all_good for p in parts if p]),
        seconds=_median([r.seconds.build + r.seconds.solve for r in group]),
    )


def _median(values: Iterable[float | None]) -> float:
    kept = [v for v in values if v is not None and not math.isnan(v)]
    return statistics.median(kept) if kept else math.nan


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value
