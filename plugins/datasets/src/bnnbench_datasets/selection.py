"""Operators on rows that need no random numbers: classes, duplicates, prefixes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bnnbench.errors import DataError, did_you_mean
from bnnbench.table import TEST, TRAIN, VALIDATION, Table
from bnnbench_datasets.fitting import choose

PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def classes(table: Table, *, keep: Any) -> Table:
    """Keep the rows of these classes and number them 0, 1, ... in the given order.

    Args:
        table: any table.
        keep: names of classes, or their numbers where no class has that name, one or a list.

    Raises:
        DataError: for an unknown class, a class given twice, or a class without rows.
    """
    wanted = keep if isinstance(keep, tuple | list) else (keep,)
    names = class_names(table)
    old = [_class(c, names) for c in wanted]
    if len(set(old)) != len(old):
        raise DataError(f"classes: a class is given twice in {wanted}.")
    new = np.full(len(names), -1, dtype=np.int64)
    new[old] = np.arange(len(old))
    for c in old:
        if not (table.y == c).any():
            raise DataError(f"classes: no row is of class {names[c]!r}.")
    kept = table.keep(np.flatnonzero(new[table.y] >= 0))
    return replace(kept, y=new[kept.y], classes=tuple(names[c] for c in old))


def dedup(table: Table) -> Table:
    """Drop rows that repeat features and label of an earlier row of the same part."""
    part = np.zeros(len(table.y)) if table.part is None else table.part
    columns = np.column_stack([part, table.y]).astype(np.int64)
    X = np.ascontiguousarray(table.X)
    # + 0.0 makes the two zeros of floating point one value.
    X = X + 0.0 if np.issubdtype(X.dtype, np.floating) else X
    raw = np.concatenate(
        [np.ascontiguousarray(a).view(np.uint8).reshape(len(X), -1) for a in (columns, X)], axis=1
    )
    keys = np.ascontiguousarray(raw).view(np.dtype((np.void, raw.shape[1]))).ravel()
    return table.keep(np.sort(np.unique(keys, return_index=True)[1]))


def take(table: Table, *, n: int, part: str = "train", per_class: bool = False) -> Table:
    """The first n rows of a part, or of each class in it; its other rows are dropped.

    Args:
        table: any table.
        n: how many rows.
        part: ``train``, ``validation`` or ``test``; other parts stay whole.
        per_class: n rows of each class instead of n in all.

    Raises:
        DataError: when there are fewer than n rows.
    """
    choose("part", part, tuple(PARTS))
    codes = np.zeros(len(table.y), dtype=np.int8) if table.part is None else table.part
    inside = np.flatnonzero(codes == PARTS[part])
    groups = [inside]
    if per_class:
        groups = [inside[table.y[inside] == c] for c in range(len(class_names(table)))]
    for c, group in enumerate(groups):
        if not 1 <= n <= len(group):
            where = f"class {class_names(table)[c]!r} of " if per_class else ""
            raise DataError(f"take: n={n}, but {where}the {part} part has {len(group)} rows.")
    chosen = np.concatenate([group[:n] for group in groups])
    return table.keep(np.sort(np.concatenate([np.flatnonzero(codes != PARTS[part]), chosen])))


def class_names(table: Table) -> tuple[str, ...]:
    """Names of all classes; their numbers when the table names none."""
    return table.classes or tuple(str(c) for c in range(int(table.y.max()) + 1))


def _class(wanted: Any, names: tuple[str, ...]) -> int:
    if str(wanted) in names:
        return names.index(str(wanted))
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return wanted
    raise DataError(f"There is no class {wanted!r}.{did_you_mean(str(wanted), names)}")
