"""Compiled step of the tabu search: the best of some sampled moves that is not forbidden."""

from __future__ import annotations

import numpy as np

from bnnbench_heuristics.compiling import compiled
from bnnbench_heuristics.kernel import begin, move, record_best, settle, undo
from bnnbench_heuristics.kernel_search import below, new_value, over_budget
from bnnbench_heuristics.memory import (
    BEST_BROKEN,
    BEST_VALUE,
    MOVABLE,
    N_MOVABLE,
    TOTAL_BROKEN,
    TOTAL_SEARCH,
    TOTAL_VALUE,
    VALUE,
    Float64,
    Int64,
)


@compiled
def make(m: Int64, f: Float64, p: int, new: int) -> None:
    """Give a parameter a value."""
    begin(m, f)
    move(m, f, p, new)
    settle(m, f)


@compiled
def tabu_steps(
    m: Int64, f: Float64, until: Int64, first: int, steps: int, tries: int, tenure: int, stop: float
) -> int:
    """Steps to the best of ``tries`` sampled moves, whether better or not.

    A moved parameter is forbidden for between ``tenure`` and ``2 tenure`` steps, unless moving it
    gives a value better than the best.

    Args:
        m: integers.
        f: reals.
        until: step up to which each parameter is forbidden, shape (parameters,).
        first: number of steps made before.
        steps: how many to make.
        tries: moves sampled per step.
        tenure: least steps for which a parameter stays as it is.
        stop: return once a feasible value is at most this.

    Returns:
        Number of steps made.
    """
    for k in range(first, first + steps):
        best_p, best_new, best_value = -1, 0, np.inf
        for _ in range(tries):
            p = m[m[MOVABLE] + below(m, m[N_MOVABLE])]
            new = new_value(m, p)
            if new == m[m[VALUE] + p] or over_budget(m, p, new):
                continue
            make(m, f, p, new)
            value = f[TOTAL_SEARCH]
            record = f[TOTAL_BROKEN] <= f[BEST_BROKEN] and f[TOTAL_VALUE] < f[BEST_VALUE]
            undo(m, f)
            if value < best_value and (record or until[p] <= k):
                best_p, best_new, best_value = p, new, value
        if best_p < 0:
            continue
        make(m, f, best_p, best_new)
        record_best(m, f)
        until[best_p] = k + 1 + tenure + below(m, tenure + 1)
        if f[BEST_BROKEN] == 0 and f[BEST_VALUE] <= stop:
            return k + 1 - first
    return steps
