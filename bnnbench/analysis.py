"""Figures that need more than one record: best bounds, gaps, contradictions.

A bound proved by one solver is a bound for all: records are compared by the digest of their
problem, whoever solved it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bnnbench.record import Ending, Record
from bnnbench.verify import TOLERANCE, best_bound

SOUND = (Ending.OK, Ending.TIMEOUT, Ending.MEMOUT, Ending.CRASH, Ending.ERROR)
"""Endings whose verified figures count; a record found invalid proves nothing."""


@dataclass
class Knowledge:
    """What all records together say about one problem.

    Attributes:
        bound: best lower bound; None when nobody has one.
        best: best verified objective, that of the data's own reference network included; None
            when there is none.
        contradicted: ids of records that cannot all be right, each with the reason.
    """

    bound: float | None = None
    best: float | None = None
    contradicted: dict[str, str] = field(default_factory=dict)


def objective(record: Record) -> float | None:
    """The verified objective of a sound record, None otherwise."""
    if record.ending not in SOUND or record.reference or record.evaluation is None:
        return None
    return record.evaluation.objective if record.evaluation.feasible else None


def knowledge(records: Iterable[Record]) -> dict[str, Knowledge]:
    """What is known about every problem, by its digest."""
    by_problem: dict[str, list[Record]] = {}
    for record in records:
        if record.problem and record.ending in SOUND:
            by_problem.setdefault(record.problem, []).append(record)
    return {problem: _combine(group) for problem, group in by_problem.items()}


def _combine(group: Sequence[Record]) -> Knowledge:
    found = Knowledge()
    values = [(objective(r), r.id) for r in group]
    values += [(value, "") for value in {r.known_objective for r in group}]
    known = [(value, holder) for value, holder in values if value is not None]
    found.best, holder = min(known, default=(None, ""))
    whose = f"{holder}'s objective" if holder else "the data's reference network"
    for record in group:
        bound = record.solver_bound
        if bound is None:
            continue
        for value, other in known:
            if bound > value + TOLERANCE * max(1.0, abs(value)):
                found.contradicted[record.id] = f"bound {bound:.9g} above {whose}"
                if other:
                    found.contradicted[other] = f"objective {value:.9g} below {record.id}'s bound"
    bounds = [r.solver_bound for r in group if r.id not in found.contradicted]
    bounds += [r.lower_bound for r in group]
    found.bound = best_bound(bounds)
    return found


@dataclass(frozen=True)
class Gap:
    """Distance of an objective from the best bound anybody proved; NaN where undefined.

    Attributes:
        absolute: in units of the objective.
        per_row: divided by the number of training rows.
        normalised: divided by the distance of the constant-majority network from the bound.
        proved: whether the objective is known to be optimal.
    """

    absolute: float = math.nan
    per_row: float = math.nan
    normalised: float = math.nan
    proved: bool = False


def gap(record: Record, known: Knowledge | None) -> Gap:
    """The gap of a record."""
    value = objective(record)
    if value is None or known is None or known.bound is None:
        return Gap()
    absolute = max(0.0, value - known.bound)
    proved = absolute <= TOLERANCE * max(1.0, abs(value))
    ruler = record.reference_objective
    span = math.nan if ruler is None else ruler - known.bound
    return Gap(
        absolute=absolute,
        per_row=absolute / record.rows if record.rows else math.nan,
        normalised=absolute / span if span > 0 else math.nan,
        proved=proved,
    )
