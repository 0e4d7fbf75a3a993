"""Figures of many records column by column, without a Python object per record.

A store keeps these figures beside each record, so that millions of records can be filtered and
summed up without decoding one. Texts repeat: a column holds their codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from bnnbench.record import Record

Array = npt.NDArray[Any]


def _word(key: str) -> Callable[[Record], str]:
    return lambda record: str(record.cell.get(key) or "")


def _part(part: str, figure: str) -> Callable[[Record], float | None]:
    def read(record: Record) -> float | None:
        facts = record.evaluation
        found = facts.parts.get(part) if facts else None
        return None if found is None else float(getattr(found, figure))

    return read


def _limit(key: str) -> Callable[[Record], float | None]:
    return lambda record: (record.cell.get("limits") or {}).get(key)


TEXTS: Mapping[str, Callable[[Record], str]] = {
    "suite": lambda r: r.suite,
    "ending": lambda r: str(r.ending),
    "stage": lambda r: r.stage,
    "headline": lambda r: r.headline,
    "status": lambda r: r.claims.status,
    "termination": lambda r: r.claims.termination or "",
    "problem": lambda r: r.problem,
    "data": _word("data"),
    "draw": lambda r: str(r.cell.get("draw") or r.cell.get("data") or ""),
    "topology": lambda r: msgspec.json.encode(r.cell.get("topology")).decode(),
    "domain": _word("domain"),
    "objective_name": _word("objective"),
    "formulation": _word("formulation"),
    "solver": _word("solver"),
}
"""Columns of texts; ``draw`` is the data text as the suite has it, ``topology`` is JSON."""

INTEGERS: Mapping[str, Callable[[Record], int]] = {
    "seed": lambda r: r.cell.get("seed") or 0,
    "rows": lambda r: r.rows,
    "reference": lambda r: r.reference,
    "feasible": lambda r: bool(r.evaluation and r.evaluation.feasible),
    "peak_memory": lambda r: r.peak_memory,
}
"""Columns of whole numbers."""

NUMBERS: Mapping[str, Callable[[Record], float | None]] = {
    "objective": lambda r: r.evaluation.objective if r.evaluation else None,
    "bound": lambda r: r.solver_bound,
    "lower_bound": lambda r: r.lower_bound,
    "known_objective": lambda r: r.known_objective,
    "reference_objective": lambda r: r.reference_objective,
    "train_accuracy": _part("train", "argmax"),
    "train_all_good": _part("train", "all_good"),
    "validation_accuracy": _part("validation", "argmax"),
    "validation_all_good": _part("validation", "all_good"),
    "test_accuracy": _part("test", "argmax"),
    "test_all_good": _part("test", "all_good"),
    "build_seconds": lambda r: r.seconds.build,
    "solve_seconds": lambda r: r.seconds.solve,
    "time_limit": _limit("time"),
    "target": _limit("target"),
}
"""Columns of figures, NaN where there is none."""

_INT64 = 1 << 63


def texts_of(record: Record) -> list[str]:
    """A record's entries in the columns of texts."""
    return [read(record) for read in TEXTS.values()]


def numbers_of(record: Record) -> list[int | float | None]:
    """A record's entries in the columns of whole numbers, then of figures."""
    whole = [int(read(record)) for read in INTEGERS.values()]
    return [
        *(value if -_INT64 <= value < _INT64 else 0 for value in whole),
        *(read(record) for read in NUMBERS.values()),
    ]


@dataclass(frozen=True)
class Columns:
    """Figures of n records, in the order in which they were added.

    Attributes:
        ids: of the records.
        texts: all texts that occur, by code.
        arrays: columns by name, each of length n: codes for those in :data:`TEXTS`, int64 for those
            in :data:`INTEGERS`, float64 for those in :data:`NUMBERS`.
    """

    ids: Sequence[str]
    texts: Mapping[int, str]
    arrays: Mapping[str, Array]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Columns:
        """The columns of records at hand."""
        everything = list(records)
        codes: dict[str, int] = {}
        rows = [
            [*(codes.setdefault(t, len(codes)) for t in texts_of(r)), *numbers_of(r)]
            for r in everything
        ]
        names = [*TEXTS, *INTEGERS, *NUMBERS]
        found = zip(*rows, strict=True) if rows else ([] for _ in names)
        arrays = {n: column(n, values) for n, values in zip(names, found, strict=True)}
        return cls([r.id for r in everything], {c: t for t, c in codes.items()}, arrays)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def words(self, name: str) -> list[str]:
        """A column of texts, written out."""
        return [self.texts[code] for code in self.arrays[name].tolist()]

    def equals(self, name: str, *wanted: str) -> npt.NDArray[np.bool_]:
        """Where a column of texts holds one of some texts."""
        codes = [code for code, text in self.texts.items() if text in wanted]
        return np.isin(self.arrays[name], codes)

    def where(self, mask: npt.NDArray[np.bool_]) -> Columns:
        """The records for which a mask of length n is true."""
        ids = [self.ids[i] for i in np.flatnonzero(mask).tolist()]
        return Columns(ids, self.texts, {k: v[mask] for k, v in self.arrays.items()})

    def groups(self, *names: str) -> tuple[Array, Array]:
        """Records that agree in some columns.

        Returns:
            For each group the index of its first record, shape (g,), and for each record the
            number of its group, shape (n,).
        """
        joint = np.zeros(len(self), dtype=np.int64)
        for name in names:
            _, codes = np.unique(self.arrays[name], return_inverse=True)
            _, joint = np.unique(joint * (codes.max(initial=0) + 1) + codes, return_inverse=True)
        _, first = np.unique(joint, return_index=True)
        return first, joint


def column(name: str, values: Iterable[Any]) -> Array:
    """Values of a column as an array; None becomes NaN."""
    if name in NUMBERS:
        return np.array([math.nan if v is None else v for v in values], dtype=np.float64)
    return np.array(list(values), dtype=np.int64)


def medians(values: Array, group: Array, count: int) -> Array:
    """Median of every group, NaN values left out, shape (count,); NaN for an empty group."""
    kept = ~np.isnan(values)
    values, group = values[kept], group[kept]
    order = np.lexsort((values, group))
    values = values[order]
    sizes = np.bincount(group, minlength=count)
    starts = np.cumsum(sizes) - sizes
    found = np.full(count, math.nan)
    some = sizes > 0
    low = values[(starts + (sizes - 1) // 2)[some]]
    high = values[(starts + sizes // 2)[some]]
    found[some] = (low + high) / 2
    return found
