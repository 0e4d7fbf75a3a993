"""Wrong labels and contradictory duplicates (datasets.md 6.3, 6.4).

A wrong label of class y among q is (y + 1 + floor((q - 1) u)) mod q.

Appending r rows a second time with a wrong label makes the least number of errors exactly r, for
every class of networks that contains one without error on the original rows: no classifier fits
both rows of a pair, and that one errs once per pair.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.draws import Rows, uniforms
from bnnbench_datasets.selection import class_names


def noise(table: Table, *, r: int | None = None, eta: float | None = None, seed: int = 0) -> Table:
    """Give r training rows, or a share eta of them, a wrong label.

    Args:
        table: any table.
        r: number of rows.
        eta: share of rows, rounded; instead of r.
        seed: of the draw.

    Raises:
        DataError: unless exactly one of r and eta is given and possible.
    """
    n = int(table.train.sum())
    if (r is None) == (eta is None):
        raise DataError("noise: give either r= or eta=.")
    return with_noise(table, round((eta or 0) * n) if r is None else r, uniforms(seed))


def dup(table: Table, *, r: int, seed: int = 0) -> Table:
    """Append r different training rows again with a wrong label: r errors nobody can avoid.

    Raises:
        DataError: when there are fewer than r training rows.
    """
    return with_duplicates(table, r, uniforms(seed))


def with_noise(table: Table, r: int, rng: np.random.Generator) -> Table:
    """The table with r wrong labels, drawn from a stream."""
    rows, wrong = _wrong(table, r, rng, "noise")
    y = table.y.copy()
    y[rows] = wrong
    return replace(table, y=y)


def with_duplicates(table: Table, r: int, rng: np.random.Generator) -> Table:
    """The table with r contradicting rows appended, drawn from a stream."""
    rows, wrong = _wrong(table, r, rng, "dup")
    longer = table.keep(np.concatenate([np.arange(len(table.y)), rows]))
    y = np.concatenate([table.y, wrong])
    return replace(longer, y=y)


def _wrong(table: Table, r: int, rng: np.random.Generator, name: str) -> tuple[Rows, Rows]:
    """The r training rows with the smallest uniforms, and a wrong label for each."""
    train = np.flatnonzero(table.train)
    q = len(class_names(table))
    if not 0 <= r <= len(train) or q < 2:
        raise DataError(f"{name}: r={r}, but there are {len(train)} training rows, {q} classes.")
    rows = train[np.argsort(rng.random(len(train)), kind="stable")[:r]]
    shift = 1 + np.floor((q - 1) * rng.random(r)).astype(np.int64)
    return rows, (table.y[rows] + shift) % q
