"""Random splits and draws of training rows, pinned to the bit (datasets.md 5.2).

Only ``Generator(PCG64(seed)).random`` is used, the part of numpy's stream that stays the same; a
permutation is the stable argsort of fresh uniforms. All draws choose among the training rows, in
the order of the table. An official test part is kept; without one, rows that are not drawn for
training become the test part, otherwise they are dropped.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError
from bnnbench.table import TEST, TRAIN, Table
from bnnbench_datasets.selection import class_names

Rows = npt.NDArray[np.int64]


def few_shot(table: Table, *, k: int, seed: int = 0) -> Table:
    """Draw k training rows per class: those with the smallest uniforms in that order, by class.

    Raises:
        DataError: when a class has fewer than k training rows.
    """
    rng = uniforms(seed)
    drawn = []
    for c, rows in enumerate(_by_class(table)):
        u = rng.random(len(rows))
        if not 1 <= k <= len(rows):
            raise DataError(
                f"few-shot: k={k}, but class {class_names(table)[c]!r} has {len(rows)} training"
                " rows."
            )
        drawn.append(rows[np.argsort(u, kind="stable")[:k]])
    return draw(table, np.concatenate(drawn))


def sample(table: Table, *, n: int, seed: int = 0) -> Table:
    """Draw n training rows uniformly without replacement: the first n of a permutation.

    Raises:
        DataError: when there are fewer than n training rows.
    """
    rows = np.flatnonzero(table.train)
    if not 1 <= n <= len(rows):
        raise DataError(f"sample: n={n}, but there are {len(rows)} training rows.")
    return draw(table, rows[np.argsort(uniforms(seed).random(len(rows)), kind="stable")[:n]])


def split(
    table: Table,
    *,
    train: float,
    validation: float | None = None,
    test: float | None = None,
    seed: int = 0,
) -> Table:
    """Permute the training rows and cut them into train, validation and test.

    Part sizes are floor(fraction * n), the remainder goes to train. Rows keep the permuted order.

    Args:
        table: any table.
        train: fraction of rows for training.
        validation: fraction for validation. Default 0; with an official test part, what ``train``
            leaves.
        test: fraction for test. Default: what the others leave. With an official test part, 0.
        seed: of the permutation.

    Raises:
        DataError: when fractions do not add up to 1, or no row is left for training.
    """
    fractions = _fractions(table, train, validation, test)
    rows = np.flatnonzero(table.train)
    order = np.argsort(uniforms(seed).random(len(rows)), kind="stable")
    return partition(table, [rows[p] for p in _slices(order, fractions)])


def stratified(
    table: Table,
    *,
    train: float,
    validation: float | None = None,
    test: float | None = None,
    seed: int = 0,
) -> Table:
    """Like ``split``, cut class by class; within a part, rows are ordered by their uniforms.

    Args:
        table: any table.
        train: fraction of rows for training.
        validation: as in ``split``.
        test: as in ``split``.
        seed: of the permutations.

    Raises:
        DataError: when fractions do not add up to 1, or no row is left for training.
    """
    fractions = _fractions(table, train, validation, test)
    rng = uniforms(seed)
    u = np.zeros(len(table.y))
    parts: list[list[Rows]] = [[], [], []]
    for rows in _by_class(table):
        u[rows] = rng.random(len(rows))
        order = rows[np.argsort(u[rows], kind="stable")]
        for part, chosen in zip(parts, _slices(order, fractions), strict=True):
            part.append(chosen)
    merged = [np.concatenate(part) for part in parts]
    return partition(table, [rows[np.argsort(u[rows], kind="stable")] for rows in merged])


def uniforms(seed: int) -> np.random.Generator:
    """The project's stream; only its ``random`` is stable over versions of numpy."""
    return np.random.Generator(np.random.PCG64(seed))


def draw(table: Table, rows: npt.NDArray[np.integer[Any]]) -> Table:
    """Train on these rows, in this order; see the module for what becomes of the others."""
    others = table.train.copy()
    others[rows] = False
    rest = np.flatnonzero(others)
    if table.part is not None and (table.part == TEST).any():
        rest = rest[:0]
    return partition(table, [np.asarray(rows, dtype=np.int64), rest[:0], rest])


def partition(table: Table, parts: list[Rows]) -> Table:
    """Give the training rows new parts (train, validation, test); other rows stay what they are.

    Training rows that are in no part are dropped.

    Raises:
        DataError: when no row is left for training.
    """
    if not len(parts[TRAIN]):
        raise DataError("No row is left for training: the fractions are too small.")
    others = np.flatnonzero(~table.train)
    codes = np.repeat(np.arange(3, dtype=np.int8), [len(p) for p in parts])
    if table.part is not None:
        codes = np.concatenate([codes, table.part[others].astype(np.int8)])
    table = replace(table.keep(np.concatenate([*parts, others])), part=codes)
    if len(parts[TEST]) and "fitted" in table.notes:
        table = table.note(leaks_test_statistics=table.notes["fitted"])
    return table


def _by_class(table: Table) -> list[Rows]:
    train = table.train
    return [np.flatnonzero(train & (table.y == c)) for c in range(len(class_names(table)))]


def _fractions(
    table: Table, train: float, validation: float | None, test: float | None
) -> tuple[Fraction, Fraction, Fraction]:
    official = table.part is not None and bool((table.part == TEST).any())
    first = _exact(train)
    if official:
        second = 1 - first if validation is None else _exact(validation)
        third = _exact(test or 0)
        if third:
            raise DataError("The set has an official test part: leave out test=, or set it to 0.")
    else:
        second = _exact(validation or 0)
        third = 1 - first - second if test is None else _exact(test)
    fractions = (first, second, third)
    if min(fractions) < 0 or sum(fractions) != 1:
        text = ", ".join(str(float(f)) for f in fractions)
        raise DataError(f"The fractions of train, validation, test must add up to 1, got {text}.")
    return fractions


def _exact(fraction: float) -> Fraction:
    return Fraction(str(fraction))


def _slices(order: Rows, fractions: tuple[Fraction, Fraction, Fraction]) -> list[Rows]:
    second, third = (floor(f * len(order)) for f in fractions[1:])
    first = len(order) - second - third
    return [order[:first], order[first : first + second], order[first + second :]]
