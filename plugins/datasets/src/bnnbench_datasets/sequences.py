"""Draws of other authors: by file order, and round-robin over the classes."""

from __future__ import annotations

from collections import deque

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.columns import dead_drop
from bnnbench_datasets.draws import draw
from bnnbench_datasets.selection import class_names


def consecutive(table: Table, *, k: int, index: int = 0, skip: int = 0) -> Table:
    """Take k training rows of each class by file order, from its row skip + index k on.

    The rows are listed in file order. Training set I of E images per class of Toro Icarte et al.
    is ``consecutive[k=E,index=I]``. Instance z of size e_s of BeMi with I instances is
    ``consecutive[k=e_s,index=z,skip=f]``, f = I (e_1 + ... + e_(s-1)); its test part is
    ``take[n=800,part=test,per_class=true]``.

    Args:
        table: any table.
        k: rows per class.
        index: number of the block of k rows.
        skip: rows of each class to leave out first.

    Raises:
        DataError: when a class has too few rows.
    """
    if k < 1 or index < 0 or skip < 0:
        raise DataError(f"consecutive: k >= 1, index >= 0, skip >= 0, got {k}, {index}, {skip}.")
    first, train = skip + index * k, table.train
    chosen = []
    for c, name in enumerate(class_names(table)):
        rows = np.flatnonzero(train & (table.y == c))
        if first + k > len(rows):
            raise DataError(
                f"consecutive: class {name!r} has {len(rows)} training rows,"
                f" {first + k} are needed."
            )
        chosen.append(rows[first : first + k])
    return draw(table, np.sort(np.concatenate(chosen)))


def round_robin(table: Table, *, n: int, seed: int = 0) -> Table:
    """Draw n training rows from the classes in turn, and drop columns that are 0 on all of them.

    ``default_rng(seed).permutation`` orders the rows; each class is a queue in that order; the
    sorted classes give one row in turn, empty ones are passed over (mip.md section 2). The
    instances of that section are written

    - ``bcD-N``: ``breast-cancer | median | first-features[n=D] | round-robin[n=N]``
    - ``wineD-N``: ``wine | median | first-features[n=D] | round-robin[n=N]``
    - ``dg-N``: ``digits | threshold[t=8] | round-robin[n=N]``
    - ``dgbAB-N``: ``digits | classes[keep=(A,B)] | threshold[t=8] | round-robin[n=N]``

    Args:
        table: any table.
        n: how many rows.
        seed: of the permutation.

    Raises:
        DataError: when there are fewer than n training rows.
    """
    train = np.flatnonzero(table.train)
    if not 1 <= n <= len(train):
        raise DataError(f"round-robin: n={n}, but there are {len(train)} training rows.")
    order = train[np.random.default_rng(seed).permutation(len(train))]
    queues = [deque(order[table.y[order] == c].tolist()) for c in np.unique(table.y[train])]
    chosen: list[int] = []
    while len(chosen) < n:
        for queue in queues:
            if queue and len(chosen) < n:
                chosen.append(queue.popleft())
    return dead_drop(draw(table, np.array(chosen, dtype=np.int64)))
