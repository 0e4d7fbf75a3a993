"""Compiled searches: proposals, Metropolis annealing (inn.md 9.3), and first-improvement descent.

A proposal gives one weight or bias another value of its layer's grid. Fine grids and free biases
are also moved by random powers of two, free biases moreover to the threshold of a random row, which
reaches every order of the training rows. On a budget of upper values a raised weight lowers another
one (sbnn.md A.8.3); a layer with a choice of grids changes it about once per pass over all
parameters. Random numbers are splitmix64, so that a seed means the same everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from bnnbench_heuristics.compiling import compiled, inlined
from bnnbench_heuristics.kernel import (
    begin,
    is_upper,
    move,
    own_grid,
    record_best,
    regrid,
    settle,
    undo,
)
from bnnbench_heuristics.kernel_loss import sum_up
from bnnbench_heuristics.memory import (
    BEST_BROKEN,
    BEST_VALUE,
    BIAS_LIMIT,
    BUDGET,
    GRID,
    HOT,
    LAYER,
    MOVABLE,
    N_GRIDS,
    N_HOT,
    N_LAYERS,
    N_MOVABLE,
    N_MOVED,
    N_ROWS,
    OLD_SEARCH,
    ONES,
    PRE,
    RANDOM,
    TARGET,
    TOTAL_SEARCH,
    VALUE,
    Float64,
    Int64,
)
from bnnbench_heuristics.random_bits import advance, mix

FINE = 64
_SWAP_TRIES = 32
_RESUM = 1 << 14
_S11 = np.uint64(11)


@inlined
def uniform(m: Int64) -> float:
    """A number in [0, 1) from splitmix64."""
    state = advance(np.uint64(m[RANDOM]))
    m[RANDOM] = np.int64(state)
    return np.float64(mix(state) >> _S11) * 2.0**-53


@inlined
def below(m: Int64, n: int) -> int:
    """An integer in 0..n-1."""
    return int(uniform(m) * n)


@compiled
def power_step(m: Int64, size: int) -> int:
    """A random power of two below ``size``, or its negative."""
    step = 1 << below(m, max(1, int(math.log2(float(max(2, size))))))
    return step if uniform(m) < 0.5 else -step


@compiled
def free_value(m: Int64, p: int) -> int:
    """Another value of a free bias: the threshold of a random row, or a step away."""
    u, old = m[m[TARGET] + p], m[m[VALUE] + p]
    limit = m[m[BIAS_LIMIT] + m[m[LAYER] + u]]
    if uniform(m) < 0.5:
        row = below(m, m[N_ROWS])
        new = old - m[m[PRE] + u * m[N_ROWS] + row] - below(m, 2)
    else:
        new = old + power_step(m, limit + 1)
    clipped: int = min(max(new, -limit), limit)
    return clipped


@compiled
def grid_value(m: Int64, p: int, at: int) -> int:
    """Another value of the grid at an address."""
    lo, step, size = m[at], m[at + 1], m[at + 2]
    index = (m[m[VALUE] + p] - lo) // step
    if size > FINE and uniform(m) < 0.5:
        new = min(max(index + power_step(m, size), 0), size - 1)
    else:
        new = below(m, size - 1)
        if new >= index:
            new += 1
    value: int = lo + step * new
    return value


@compiled
def new_value(m: Int64, p: int) -> int:
    """Another value of a parameter; its own when it has no other."""
    at = own_grid(m, p)
    value: int = m[m[VALUE] + p]
    if m[at + 2] == 0:
        value = free_value(m, p)
    elif m[at + 2] > 1:
        value = grid_value(m, p, at)
    return value


@compiled
def over_budget(m: Int64, p: int, new: int) -> bool:
    """Whether this value would be one upper value too many."""
    if m[BUDGET] < 0 or m[ONES] < m[BUDGET]:
        return False
    return is_upper(m, p, new) and not is_upper(m, p, m[m[VALUE] + p])


@compiled
def lower_another(m: Int64, f: Float64, p: int) -> bool:
    """Lower a random weight that takes its upper value; False when none was found."""
    for _ in range(_SWAP_TRIES):
        other = m[m[MOVABLE] + below(m, m[N_MOVABLE])]
        if other != p and is_upper(m, other, m[m[VALUE] + other]):
            move(m, f, other, new_value(m, other))
            return True
    return False


@compiled
def propose(m: Int64, f: Float64, hot_share: float) -> bool:
    """Make a random move and settle it; False when nothing has changed."""
    begin(m, f)
    if m[N_GRIDS] > 1 and uniform(m) * m[N_MOVABLE] < 1.0:
        layer = below(m, m[N_LAYERS])
        g = below(m, m[N_GRIDS] - 1)
        if g >= m[m[GRID] + layer]:
            g += 1
        regrid(m, f, layer, g)
    else:
        if m[N_HOT] > 0 and uniform(m) < hot_share:
            p = m[m[HOT] + below(m, m[N_HOT])]
        else:
            p = m[m[MOVABLE] + below(m, m[N_MOVABLE])]
        new = new_value(m, p)
        if over_budget(m, p, new) and not lower_another(m, f, p):
            return False
        if new != m[m[VALUE] + p]:
            move(m, f, p, new)
    if m[N_MOVED] == 0:
        return False
    settle(m, f)
    return True


@compiled
def anneal(
    m: Int64, f: Float64, first: int, moves: int, total: float, start: float, floor: float,
    share: float, stop: float,
) -> int:  # fmt: skip
    """Metropolis moves at temperature ``start * max(floor, 1 - k / total)``.

    Args:
        m: integers.
        f: reals.
        first: number of moves made before, of the schedule's ``total``.
        moves: how many to make.
        total: length of the schedule; infinite for a constant temperature.
        start: first temperature, in units of the tracked search value.
        floor: last temperature as a fraction of the first.
        share: probability of a move among biases and output weights.
        stop: return once a feasible value is at most this.

    Returns:
        Number of moves made.
    """
    for k in range(first, first + moves):
        if k % _RESUM == 0:
            sum_up(m, f)
        if not propose(m, f, share):
            continue
        rise = f[TOTAL_SEARCH] - f[OLD_SEARCH]
        temperature = start * max(floor, 1.0 - k / total)
        if rise > 0 and uniform(m) >= math.exp(-rise / temperature):
            undo(m, f)
            continue
        record_best(m, f)
        if f[BEST_BROKEN] == 0 and f[BEST_VALUE] <= stop:
            return k + 1 - first
    return moves


@compiled
def try_value(m: Int64, f: Float64, p: int, new: int) -> bool:
    """Keep a parameter's new value if the search value falls."""
    begin(m, f)
    if new == m[m[VALUE] + p] or over_budget(m, p, new):
        return False
    move(m, f, p, new)
    settle(m, f)
    if f[TOTAL_SEARCH] < f[OLD_SEARCH]:
        record_best(m, f)
        return True
    undo(m, f)
    return False


@compiled
def descend(m: Int64, f: Float64, order: Int64, tries: int) -> int:
    """Try other values of the parameters in an order; how many were kept.

    Grids of at most ``tries`` numbers are tried in full, others by ``tries`` proposals.
    """
    kept = 0
    for p in order:
        at = own_grid(m, p)
        size = m[at + 2]
        whole = 0 < size <= tries
        for k in range(size if whole else tries):
            new = m[at] + m[at + 1] * k if whole else new_value(m, p)
            if try_value(m, f, p, new):
                kept += 1
    return kept
