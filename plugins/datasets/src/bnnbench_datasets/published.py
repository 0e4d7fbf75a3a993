"""The splits of the published experiments on integer-valued networks (inn.md 5.3, 5.5).

``random.Random(seed).shuffle`` gives p, one of five seeds per replicate. The released code applies
p twice for heart and adult: position t holds row p[p[t]]; training sets are nested in n.
"""

from __future__ import annotations

import math
import random

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.draws import partition

SEEDS = (821323421, 465426341, 99413, 1436061, 7775501)
"""Of replicates 0..4."""
BALANCED_BELOW = 500
"""Smaller training sets of mnist take about equally many images of each class."""

Rows = npt.NDArray[np.int64]


def inn2023_split(table: Table, *, n: int, replicate: int = 0) -> Table:
    """The published training, validation and test rows of adult, heart or mnist.

    Written ``adult[preprocess=inn2023] | inn2023-split[n=40]``, likewise heart, and
    ``mnist[unit4=true] | inn2023-split[n=100]``.

    Args:
        table: one of these sets, whole.
        n: number of training rows.
        replicate: 0..4, which of the published seeds.

    Raises:
        DataError: for another set, n too large, or an unknown replicate.
    """
    rules = {"adult": _adult, "heart": _heart, "mnist": _mnist}
    name = table.notes.get("set", "")
    if name not in rules:
        raise DataError(f"inn2023-split is defined for {', '.join(rules)}, not for {name!r}.")
    if not 0 <= replicate < len(SEEDS):
        raise DataError(f"inn2023-split: replicate must lie in 0..4, got {replicate}.")
    rows = np.flatnonzero(table.train)
    p = list(range(len(rows)))
    random.Random(SEEDS[replicate]).shuffle(p)
    parts = rules[name](np.array(p, dtype=np.int64), np.asarray(table.y[rows], dtype=np.int64), n)
    if not 1 <= n == len(parts[0]):
        raise DataError(f"inn2023-split: n={n}, but {name} has at most {len(parts[0])} rows.")
    return partition(table, [rows[part] for part in parts])


def _adult(p: Rows, y: Rows, n: int) -> list[Rows]:
    twice, v = p[p], len(p) - 4 * len(p) // 5
    return [twice[v : v + n], twice[:v], twice[:0]]


def _heart(p: Rows, y: Rows, n: int) -> list[Rows]:
    twice, t = p[p], 4 * len(p) // 5
    v = t // 10
    return [twice[v : min(v + n, t)], twice[:v], twice[t:]]


def _mnist(p: Rows, y: Rows, n: int) -> list[Rows]:
    train = (_balanced(p, y, n) if n < BALANCED_BELOW else p)[:n]
    return [train, p[~np.isin(p, train)], p[:0]]


def _balanced(p: Rows, y: Rows, n: int) -> Rows:
    """Rows in the order of p, while their class has fewer than n / 10 of them, rounded up."""
    most = math.ceil(n / 10)
    ranks = np.zeros(len(p), dtype=np.int64)
    for c in range(10):
        mine = y[p] == c
        ranks[mine] = np.arange(int(mine.sum()))
    rows: Rows = p[ranks < most]
    return rows
