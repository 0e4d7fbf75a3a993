"""Figures that need more than one record: best bounds, gaps, contradictions.

A bound proved by one solver is a bound for all: records are compared by the digest of their
problem, whoever solved it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bnnbench.columns import Array, Columns
from bnnbench.record import Ending, Record
from bnnbench.verify import TOLERANCE

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


def objectives(columns: Columns) -> Array:
    """The same for many records, shape (n,); NaN for None."""
    counts = columns.equals("ending", *SOUND) & (columns["reference"] == 0)
    return np.where(counts & (columns["feasible"] > 0), columns["objective"], math.nan)


def knowledge(records: Iterable[Record] | Columns) -> dict[str, Knowledge]:
    """What is known about every problem, by its digest.

    Args:
        records: records, or their columns (all of them) from a store.
    """
    everything = records if isinstance(records, Columns) else Columns.of(records)
    sound = everything.equals("ending", *SOUND) & ~everything.equals("problem", "")
    columns = everything.where(sound)
    first, group = columns.groups("problem")
    values, known, bounds = objectives(columns), columns["known_objective"], columns["bound"]
    best, highest, lower = (np.full(len(first), math.nan) for _ in range(3))
    np.fmin.at(best, group, values)
    np.fmin.at(best, group, known)
    np.fmax.at(highest, group, bounds)
    np.fmax.at(lower, group, columns["lower_bound"])
    found = [Knowledge(best=_figure(v)) for v in best.tolist()]
    for g in np.flatnonzero(highest > _ceiling(best)).tolist():
        own = np.array(sorted(np.flatnonzero(group == g).tolist(), key=columns.ids.__getitem__))
        ids = [columns.ids[i] for i in own.tolist()]
        found[g].contradicted = _contradicted(ids, values[own], known[own], bounds[own])
        held = [b for b, i in zip(bounds[own], ids, strict=True) if i not in found[g].contradicted]
        highest[g] = np.fmax.reduce(np.array([math.nan, *held]))
    for knows, bound in zip(found, np.fmax(highest, lower).tolist(), strict=True):
        knows.bound = _figure(bound)
    names = [columns.texts[code] for code in columns["problem"][first].tolist()]
    return dict(zip(names, found, strict=True))


def _figure(value: float) -> float | None:
    return None if math.isnan(value) else value


def _ceiling(values: Array) -> Array:
    """The largest bounds that objectives allow, the noise of a solver included."""
    ceiling: Array = values + TOLERANCE * np.maximum(1.0, np.abs(values))
    return ceiling


def _contradicted(ids: Sequence[str], values: Array, known: Array, bounds: Array) -> dict[str, str]:
    """Records of one problem that cannot all be right, each with the reason."""
    held = [(v, i) for v, i in zip(values.tolist(), ids, strict=True) if not math.isnan(v)]
    held += [(v, "") for v in dict.fromkeys(known.tolist()) if not math.isnan(v)]
    best, holder = min(held)
    whose = f"{holder}'s objective" if holder else "the data's reference network"
    ceiling = _ceiling(np.array([v for v, _ in held]))
    found: dict[str, str] = {}
    for i in np.flatnonzero(bounds > _ceiling(np.array(best))).tolist():
        found[ids[i]] = f"bound {bounds[i]:.9g} above {whose}"
        for j in np.flatnonzero(bounds[i] > ceiling).tolist():
            value, other = held[j]
            if other:
                found[other] = f"objective {value:.9g} below {ids[i]}'s bound"
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
    distance, proved = gaps(np.array(value), np.array(known.bound))
    absolute = float(distance)
    ruler = record.reference_objective
    span = math.nan if ruler is None else ruler - known.bound
    return Gap(
        absolute=absolute,
        per_row=absolute / record.rows if record.rows else math.nan,
        normalised=absolute / span if span > 0 else math.nan,
        proved=bool(proved),
    )


def gaps(values: Array, bounds: Array) -> tuple[Array, Array]:
    """Absolute gaps of objectives, and whether each is proved; NaN and False where undefined."""
    absolute = np.maximum(0.0, values - bounds)
    return absolute, absolute <= TOLERANCE * np.maximum(1.0, np.abs(values))
