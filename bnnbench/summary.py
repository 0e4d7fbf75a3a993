"""Tables of results: one row per problem and method, every aggregate with its count."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from bnnbench.analysis import Knowledge, gaps, objectives
from bnnbench.columns import Array, Columns, medians
from bnnbench.record import Ending, Record
from bnnbench.suite import Cell, Topology
from bnnbench.suite.cell import method_text


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


def summarise(records: Iterable[Record] | Columns, known: dict[str, Knowledge]) -> list[Row]:
    """Rows in order of problem, then of median objective.

    Args:
        records: records, or their columns from a store.
        known: about their problems.
    """
    columns = records if isinstance(records, Columns) else Columns.of(records)
    labels, group = _labels(columns)
    bounds = _bounds(columns, known)
    values = objectives(columns)
    gap, proved = gaps(values, bounds)
    figures = [
        np.bincount(group, minlength=len(labels)),
        np.bincount(group[columns["feasible"] > 0], minlength=len(labels)),
        np.bincount(group[proved], minlength=len(labels)),
        *(
            medians(array, group, len(labels))
            for array in (
                values,
                gap,
                columns["test_accuracy"],
                columns["test_all_good"],
                columns["build_seconds"] + columns["solve_seconds"],
            )
        ),
    ]
    endings = _endings(columns, group, len(labels))
    rows = [
        Row(problem, method, n, ends, found, value, distance, sure, test, good, seconds)
        for (problem, method), ends, n, found, sure, value, distance, test, good, seconds in zip(
            labels, endings, *(f.tolist() for f in figures), strict=True
        )
    ]
    return sorted(rows, key=lambda r: (r.problem, _last(r.objective), r.method))


def describe(cell: Cell) -> str:
    """A problem class in words, the same for all seeds."""
    return _words(cell.draw or cell.data, cell.topology, cell.domain, cell.objective)


def _words(draw: str, topology: Topology, domain: str, objective: str) -> str:
    return f"{draw}; {topology}; {domain}; {objective}"


def _labels(columns: Columns) -> tuple[list[tuple[str, str]], Array]:
    """Problem and method of every row of the table, and the number of each record's row."""
    names = ("draw", "topology", "domain", "objective_name", "formulation", "solver")
    first, group = columns.groups(*names)
    rows: dict[tuple[str, str], int] = {}
    row_of = np.zeros(len(first), dtype=np.int64)
    for g, i in enumerate(first.tolist()):
        draw, topology, *rest = (columns.texts[int(columns[name][i])] for name in names)
        problem = _words(draw, msgspec.json.decode(topology, type=Topology), *rest[:2])
        label = (problem, method_text(rest[2], rest[3]))
        row_of[g] = rows.setdefault(label, len(rows))
    return list(rows), row_of[group]


def _bounds(columns: Columns, known: dict[str, Knowledge]) -> Array:
    """The best bound on the problem of every record; NaN where there is none."""
    codes, place = np.unique(columns["problem"], return_inverse=True)
    bounds = [known.get(columns.texts[c], Knowledge()).bound for c in codes.tolist()]
    return np.array([math.nan if b is None else b for b in bounds], dtype=float)[place]


def _endings(columns: Columns, group: Array, count: int) -> list[dict[str, int]]:
    """How many records of every row ended otherwise than ok, by ending."""
    found: list[dict[str, int]] = [{} for _ in range(count)]
    for code in np.unique(columns["ending"]).tolist():
        ending = columns.texts[code]
        if ending == Ending.OK:
            continue
        numbers = np.bincount(group[columns["ending"] == code], minlength=count)
        for g in np.flatnonzero(numbers).tolist():
            found[g][ending] = int(numbers[g])
    return found


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value
