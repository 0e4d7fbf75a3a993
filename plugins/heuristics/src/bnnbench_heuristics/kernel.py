"""Compiled moves: change a parameter, propagate what flips, undo.

``m`` and ``f`` are the blocks of ``memory.py``. A changed parameter shifts one unit's
pre-activations on the rows where its source is not 0; only rows on which a hidden unit's activation
flips reach deeper layers, and only rows whose outputs change have their losses computed again. With
z non-zeros in a feature's column, f flips and fan-out h: O(z + f h) per move on the first layer,
O(n) on others. A rejected move is undone by the inverse shifts, exact in integers; its losses are
restored from a log.
"""

from __future__ import annotations

from bnnbench_heuristics.compiling import compiled, inlined
from bnnbench_heuristics.kernel_loss import add_cost, add_margin, row_loss, sum_up, unit_margin
from bnnbench_heuristics.memory import (
    ACTIVE,
    BEST,
    BEST_BROKEN,
    BEST_GRID,
    BEST_VALUE,
    BIAS_GAIN,
    BIAS_GRIDS,
    BUDGET,
    COLUMN_FIRST,
    COLUMN_ROW,
    COLUMN_VALUE,
    COST_KIND,
    DIRTY,
    FIRST_PARAMETER,
    FIRST_UNIT,
    GAIN,
    GRID,
    HAS_MARGIN,
    IMPROVED,
    IS_DIRTY,
    IS_TOUCHED,
    LAYER,
    LOW,
    MARGINS,
    MOVED,
    MOVED_LAYER,
    N_DIRTY,
    N_FEATURES,
    N_HIDDEN,
    N_LAYERS,
    N_MOVED,
    N_PARAMETERS,
    N_ROWS,
    N_TOUCHED,
    N_UNITS,
    OLD_GRID,
    OLD_MARGINS,
    OLD_ROWS,
    OLD_SEARCH,
    OLD_VALUES,
    ONES,
    OUT_FIRST,
    OUT_PARAMETER,
    OUT_TARGET,
    PRE,
    ROWS,
    SOURCE,
    TARGET,
    TOTAL_BROKEN,
    TOTAL_SEARCH,
    TOTAL_VALUE,
    TOUCHED,
    VALUE,
    WEIGHT_GRIDS,
    Float64,
    Int64,
)


@inlined
def mark_row(m: Int64, i: int) -> None:
    """Remember that a row's outputs have changed."""
    if m[m[IS_DIRTY] + i] == 0:
        m[m[IS_DIRTY] + i] = 1
        m[m[DIRTY] + m[N_DIRTY]] = i
        m[N_DIRTY] += 1


@inlined
def mark_unit(m: Int64, u: int) -> None:
    """Remember that a unit's margin may have changed."""
    if m[HAS_MARGIN] > 0 and m[m[IS_TOUCHED] + u] == 0:
        m[m[IS_TOUCHED] + u] = 1
        m[m[TOUCHED] + m[N_TOUCHED]] = u
        m[N_TOUCHED] += 1


@compiled
def switch(m: Int64, u: int, i: int) -> None:
    """Flip a hidden unit's activation on a row and shift the units that read it."""
    n = m[N_ROWS]
    at = u * n + i
    new = 1 if m[m[PRE] + at] >= 0 else m[LOW]
    delta = new - m[m[ACTIVE] + at]
    m[m[ACTIVE] + at] = new
    pre, hidden = m[PRE] + i, m[N_HIDDEN]
    for e in range(m[m[OUT_FIRST] + u], m[m[OUT_FIRST] + u + 1]):
        w = m[m[OUT_TARGET] + e]
        m[pre + w * n] += delta * m[m[GAIN] + w] * m[m[VALUE] + m[m[OUT_PARAMETER] + e]]
        mark_unit(m, w)
        if w >= hidden:
            mark_row(m, i)


@compiled
def flip(m: Int64, u: int, i: int) -> None:
    """Flip a unit on a row, then all later hidden units whose sign has changed."""
    switch(m, u, i)
    for v in range(m[m[FIRST_UNIT] + m[m[LAYER] + u] + 1], m[N_HIDDEN]):
        at = v * m[N_ROWS] + i
        if (m[m[PRE] + at] >= 0) != (m[m[ACTIVE] + at] == 1):
            switch(m, v, i)


@inlined
def shift(m: Int64, u: int, pre: int, is_output: bool, i: int, delta: int) -> None:
    """Add to a unit's pre-activation on a row; its table begins at ``pre``."""
    old = m[pre + i]
    m[pre + i] = old + delta
    if is_output:
        mark_row(m, i)
    elif (old ^ (old + delta)) < 0:
        flip(m, u, i)


@compiled
def change(m: Int64, f: Float64, p: int, new: int) -> None:
    """Give a parameter a value; of the totals only the norm's share is brought up to date."""
    old = m[m[VALUE] + p]
    if m[COST_KIND] > 0:
        add_cost(m, f, p, old, -1.0)
        add_cost(m, f, p, new, 1.0)
    delta = new - old
    m[m[VALUE] + p] = new
    u, source = m[m[TARGET] + p], m[m[SOURCE] + p]
    pre, is_output = m[PRE] + u * m[N_ROWS], u >= m[N_HIDDEN]
    mark_unit(m, u)
    if source < 0:
        step = delta * m[m[BIAS_GAIN] + u]
        for i in range(m[N_ROWS]):
            shift(m, u, pre, is_output, i, step)
    elif source < m[N_FEATURES]:
        rows, values = m[COLUMN_ROW], m[COLUMN_VALUE]
        for e in range(m[m[COLUMN_FIRST] + source], m[m[COLUMN_FIRST] + source + 1]):
            shift(m, u, pre, is_output, m[rows + e], delta * m[values + e])
    else:
        step = delta * m[m[GAIN] + u]
        active = m[ACTIVE] + (source - m[N_FEATURES]) * m[N_ROWS]
        for i in range(m[N_ROWS]):
            if m[active + i] != 0:
                shift(m, u, pre, is_output, i, step * m[active + i])


@inlined
def grid_of(m: Int64, p: int, g: int) -> int:
    """Address of lo, step, size of a parameter's grid number g."""
    start: int = m[BIAS_GRIDS] if m[m[SOURCE] + p] < 0 else m[WEIGHT_GRIDS]
    return start + 3 * g


@inlined
def own_grid(m: Int64, p: int) -> int:
    """Address of the grid that a parameter's layer has chosen."""
    return grid_of(m, p, m[m[GRID] + m[m[LAYER] + m[m[TARGET] + p]]])


@inlined
def is_upper(m: Int64, p: int, value: int) -> bool:
    """Whether a value of a weight counts against the budget."""
    at = own_grid(m, p)
    top: int = m[at] + m[at + 1] * (m[at + 2] - 1)
    return bool(m[m[SOURCE] + p] >= 0) and value == top


@compiled
def move(m: Int64, f: Float64, p: int, new: int) -> None:
    """Change a parameter as part of the current move."""
    old, k = m[m[VALUE] + p], m[N_MOVED]
    m[m[MOVED] + k] = p
    m[m[OLD_VALUES] + k] = old
    m[N_MOVED] = k + 1
    if m[BUDGET] >= 0:
        m[ONES] += int(is_upper(m, p, new)) - int(is_upper(m, p, old))
    change(m, f, p, new)


@compiled
def count_ones(m: Int64) -> int:
    """Weights that take the upper value of their layer's grid."""
    ones = 0
    for p in range(m[N_PARAMETERS]):
        if is_upper(m, p, m[m[VALUE] + p]):
            ones += 1
    return ones


@compiled
def regrid(m: Int64, f: Float64, layer: int, g: int) -> None:
    """Let a layer choose another grid; every number keeps its index, or takes the last."""
    m[MOVED_LAYER] = layer
    m[OLD_GRID] = m[m[GRID] + layer]
    first, last = m[m[FIRST_PARAMETER] + layer], m[m[FIRST_PARAMETER] + layer + 1]
    for p in range(first, last):
        old, new = grid_of(m, p, m[OLD_GRID]), grid_of(m, p, g)
        if m[old + 2] > 0:
            index = (m[m[VALUE] + p] - m[old]) // m[old + 1]
            value = m[new] + m[new + 1] * min(index, m[new + 2] - 1)
            if value != m[m[VALUE] + p]:
                move(m, f, p, value)
    m[m[GRID] + layer] = g
    m[ONES] = count_ones(m)


@compiled
def settle(m: Int64, f: Float64) -> None:
    """Bring the totals up to date after the changes of a move."""
    for k in range(m[N_DIRTY]):
        i = m[m[DIRTY] + k]
        search, value, broken = row_loss(m, f, i)
        now, log = m[ROWS] + 3 * i, m[OLD_ROWS] + 3 * k
        for j in range(3):
            f[log + j] = f[now + j]
        f[TOTAL_SEARCH] += search - f[now]
        f[TOTAL_VALUE] += value - f[now + 1]
        f[TOTAL_BROKEN] += broken - f[now + 2]
        f[now] = search
        f[now + 1] = value
        f[now + 2] = broken
    for k in range(m[N_TOUCHED]):
        u = m[m[TOUCHED] + k]
        add_margin(m, f, u, -1.0)
        f[m[OLD_MARGINS] + k] = f[m[MARGINS] + u]
        f[m[MARGINS] + u] = unit_margin(m, f, u)
        add_margin(m, f, u, 1.0)


@compiled
def begin(m: Int64, f: Float64) -> None:
    """Start a move: forget what the last one changed, remember the totals."""
    for k in range(m[N_DIRTY]):
        m[m[IS_DIRTY] + m[m[DIRTY] + k]] = 0
    for k in range(m[N_TOUCHED]):
        m[m[IS_TOUCHED] + m[m[TOUCHED] + k]] = 0
    m[N_DIRTY] = 0
    m[N_TOUCHED] = 0
    m[N_MOVED] = 0
    m[MOVED_LAYER] = -1
    for k in range(3):
        f[OLD_SEARCH + k] = f[TOTAL_SEARCH + k]


@compiled
def undo(m: Int64, f: Float64) -> None:
    """Take back the settled move since :func:`begin`."""
    for k in range(m[N_MOVED] - 1, -1, -1):
        p, old = m[m[MOVED] + k], m[m[OLD_VALUES] + k]
        if m[BUDGET] >= 0:
            m[ONES] += int(is_upper(m, p, old)) - int(is_upper(m, p, m[m[VALUE] + p]))
        change(m, f, p, old)
    if m[MOVED_LAYER] >= 0:
        m[m[GRID] + m[MOVED_LAYER]] = m[OLD_GRID]
        m[ONES] = count_ones(m)
    for k in range(m[N_DIRTY]):
        now, log = m[ROWS] + 3 * m[m[DIRTY] + k], m[OLD_ROWS] + 3 * k
        for j in range(3):
            f[now + j] = f[log + j]
    for k in range(m[N_TOUCHED]):
        f[m[MARGINS] + m[m[TOUCHED] + k]] = f[m[OLD_MARGINS] + k]
    for k in range(3):
        f[TOTAL_SEARCH + k] = f[OLD_SEARCH + k]


@compiled
def record_best(m: Int64, f: Float64) -> None:
    """Keep the network if it breaks fewer requirements, or as few at a smaller value."""
    broken, value = f[TOTAL_BROKEN], f[TOTAL_VALUE]
    if broken > f[BEST_BROKEN] or (broken == f[BEST_BROKEN] and value >= f[BEST_VALUE]):
        return
    f[BEST_BROKEN] = broken
    f[BEST_VALUE] = value
    m[IMPROVED] = 1
    for p in range(m[N_PARAMETERS]):
        m[m[BEST] + p] = m[m[VALUE] + p]
    for layer in range(m[N_LAYERS]):
        m[m[BEST_GRID] + layer] = m[m[GRID] + layer]


@compiled
def add_parameter(m: Int64, p: int) -> None:
    """Add a parameter's share to the pre-activations of its unit, without propagation."""
    u, source, value = m[m[TARGET] + p], m[m[SOURCE] + p], m[m[VALUE] + p]
    pre = m[PRE] + u * m[N_ROWS]
    if 0 <= source < m[N_FEATURES]:
        for e in range(m[m[COLUMN_FIRST] + source], m[m[COLUMN_FIRST] + source + 1]):
            m[pre + m[m[COLUMN_ROW] + e]] += value * m[m[COLUMN_VALUE] + e]
        return
    for i in range(m[N_ROWS]):
        if source < 0:
            m[pre + i] += value * m[m[BIAS_GAIN] + u]
        else:
            active = m[ACTIVE] + (source - m[N_FEATURES]) * m[N_ROWS]
            m[pre + i] += value * m[m[GAIN] + u] * m[active + i]


@compiled
def rebuild(m: Int64, f: Float64) -> None:
    """Compute pre-activations, activations, losses and totals from the parameters alone."""
    n = m[N_ROWS]
    for at in range(m[PRE], m[PRE] + m[N_UNITS] * n):
        m[at] = 0
    for layer in range(m[N_LAYERS]):
        for p in range(m[m[FIRST_PARAMETER] + layer], m[m[FIRST_PARAMETER] + layer + 1]):
            add_parameter(m, p)
        for at in range(m[m[FIRST_UNIT] + layer] * n, m[m[FIRST_UNIT] + layer + 1] * n):
            m[m[ACTIVE] + at] = 1 if m[m[PRE] + at] >= 0 else m[LOW]
    for i in range(n):
        at = m[ROWS] + 3 * i
        f[at], f[at + 1], f[at + 2] = row_loss(m, f, i)
    if m[HAS_MARGIN] > 0:
        for u in range(m[N_UNITS]):
            f[m[MARGINS] + u] = unit_margin(m, f, u)
    sum_up(m, f)
    m[ONES] = count_ones(m)
    begin(m, f)
