"""Compiled losses: the row, parameter and unit terms of ``terms.py`` on the tables.

``m`` and ``f`` are the blocks of ``memory.py``. ``row_loss`` costs O(outputs) per row and term;
``unit_margin`` O(n).
"""

from __future__ import annotations

import numpy as np

from bnnbench_heuristics.compiling import compiled, inlined
from bnnbench_heuristics.memory import (
    CONSTANTS,
    COST_FACTOR,
    COST_KIND,
    COST_SEARCH,
    COST_VALUE,
    EPS,
    HAS_MARGIN,
    KINDS,
    LABELS,
    MARGIN_FACTOR,
    MARGIN_SEARCH,
    MARGIN_VALUE,
    MARGINS,
    N_HIDDEN,
    N_OUTPUTS,
    N_PARAMETERS,
    N_ROWS,
    N_TERMS,
    N_UNITS,
    PENALTY,
    PRE,
    ROWS,
    SIGNS,
    TOTAL_BROKEN,
    TOTAL_SEARCH,
    TOTAL_VALUE,
    VALUE,
    WEIGHTS,
    Float64,
    Int64,
)
from bnnbench_heuristics.terms import (
    EXPECTED,
    HAMMING,
    HARD,
    L1,
    LINEAR,
    SATURATED,
    SIGN,
    SQUARED,
)


@inlined
def hinge(kind: int, a: int, b: int, c: int, v: int) -> float:
    """Hinge of one output with signed numerator v, as an integer over the term's scale."""
    if kind == SQUARED:
        short = float(a - b * v)
        return short * short if short > 0 else 0.0
    if kind == LINEAR:
        return float(max(0, a - v))
    scaled = (b * v + a) * c
    zero = (3 * c + 3) // 4
    if zero < c and scaled >= 2 * a * zero:
        return 0.0
    i = min(max(scaled // (2 * a), 0), c - 1)
    left = float(max(0, 3 * c - 4 * i))
    right = float(max(0, 3 * c - 4 * i - 4))
    left, right = left * left, right * right
    return max(0.0, 2.0 * a * left + (right - left) * float(scaled - 2 * a * i))


@inlined
def margin_loss(kind: int, a: int, b: int, c: int, v: int) -> tuple[float, float]:
    """Value of one output with signed numerator v, and what its distance adds to a missed margin.

    For b = 2 a the sum is a ramp 2 min(2 a, a - v), from 0 at the margin to twice the count.
    """
    if kind != SATURATED:
        return hinge(kind, a, b, c, v), 0.0
    if v < a:
        return float(b), float(min(2 * a, -2 * v))
    return 0.0, 0.0


@compiled
def tabulate(
    kind: int, a: int, b: int, c: int, reach: int, values: Float64, extra: Float64
) -> None:
    """Fill in :func:`margin_loss` of the numerators -reach..reach."""
    for k in range(2 * reach + 1):
        values[k], extra[k] = margin_loss(kind, a, b, c, k - reach)


@inlined
def argmax_loss(m: Int64, i: int, kind: int, shares: int) -> float:
    """Errors of a row by argmax: a tie costs its expected errors, or one with UNIQUE."""
    n = m[N_ROWS]
    z = m[PRE] + m[N_HIDDEN] * n + i
    own = m[z + n * m[m[LABELS] + i]]
    winners = 0
    for j in range(m[N_OUTPUTS]):
        other = m[z + n * j]
        if other > own:
            return float(shares) if kind == EXPECTED else 1.0
        if other == own:
            winners += 1
    if kind == EXPECTED:
        return shares - shares / winners
    return 0.0 if winners == 1 else 1.0


@inlined
def sign_loss(m: Int64, i: int) -> tuple[int, int]:
    """Wrong signs, and outputs >= 0, of a row."""
    n = m[N_ROWS]
    z, s = m[PRE] + m[N_HIDDEN] * n + i, m[SIGNS] + i
    wrong = positive = 0
    for _ in range(m[N_OUTPUTS]):
        up = m[z] >= 0
        if up:
            positive += 1
        if up != (m[s] > 0):
            wrong += 1
        z += n
        s += n
    return wrong, positive


@inlined
def output_loss(m: Int64, f: Float64, k: int, i: int) -> tuple[float, float]:
    """Search value and value of a row under a term that sums over outputs."""
    n = m[N_ROWS]
    z, s = m[PRE] + m[N_HIDDEN] * n + i, m[SIGNS] + i
    kind, at = m[m[KINDS] + k], m[CONSTANTS] + 3 * k
    a, b, c = m[at], m[at + 1], m[at + 2]
    value = extra = 0.0
    for _ in range(m[N_OUTPUTS]):
        loss, short = margin_loss(kind, a, b, c, m[s] * m[z])
        z += n
        s += n
        value += loss
        extra += short
    return value + f[m[WEIGHTS] + 3 * k + 2] * extra, value


@inlined
def term_loss(m: Int64, f: Float64, k: int, i: int) -> tuple[float, float, float]:
    """Search value, value and broken requirements of a row under one term."""
    kind = m[m[KINDS] + k]
    if SATURATED <= kind <= LINEAR:
        search, value = output_loss(m, f, k, i)
        return search, value, 0.0
    if HAMMING < kind != SIGN and kind != HARD:
        value = argmax_loss(m, i, kind, m[m[CONSTANTS] + 3 * k])
        return value, value, 0.0
    wrong, positive = sign_loss(m, i)
    if kind == HAMMING:
        return float(wrong), float(wrong), 0.0
    if kind == HARD:
        return 0.0, 0.0, float(wrong)
    value = 1.0 if wrong > 0 else 0.0
    strict = m[m[CONSTANTS] + 3 * k] > 0
    return value, value, 1.0 if strict and positive != 1 else 0.0


@inlined
def row_loss(m: Int64, f: Float64, i: int) -> tuple[float, float, float]:
    """Search value, value and broken requirements of a row, all terms weighted."""
    search = value = broken = 0.0
    for k in range(m[N_TERMS]):
        s, v, b = term_loss(m, f, k, i)
        at = m[WEIGHTS] + 3 * k
        search += f[at] * s + f[PENALTY] * b
        value += f[at + 1] * v
        broken += b
    return search, value, broken


@compiled
def add_cost(m: Int64, f: Float64, p: int, value: int, sign: float) -> None:
    """Add a parameter's share of the norm to the totals, or take it out with ``sign`` -1."""
    share = sign * f[m[COST_FACTOR] + p]
    if m[COST_KIND] == L1:
        share *= abs(value)
    elif value == 0:
        return
    f[TOTAL_SEARCH] += f[COST_SEARCH] * share
    f[TOTAL_VALUE] += f[COST_VALUE] * share


@compiled
def unit_margin(m: Int64, f: Float64, u: int) -> float:
    """Least distance of a unit's pre-activations to its threshold (bdnn.md B.10 T3)."""
    least = np.inf
    factor = f[m[MARGIN_FACTOR] + u]
    start = m[PRE] + u * m[N_ROWS]
    for i in range(start, start + m[N_ROWS]):
        z = m[i] * factor
        least = min(least, z if z >= 0 else -z - f[EPS])
    return least


@compiled
def add_margin(m: Int64, f: Float64, u: int, sign: float) -> None:
    """Add a unit's stored margin to the totals, or take it out with ``sign`` -1."""
    margin = f[m[MARGINS] + u]
    f[TOTAL_SEARCH] -= sign * f[MARGIN_SEARCH] * margin
    f[TOTAL_VALUE] -= sign * f[MARGIN_VALUE] * margin
    if margin < 0:
        f[TOTAL_BROKEN] += sign
        f[TOTAL_SEARCH] += sign * f[PENALTY]


@compiled
def sum_up(m: Int64, f: Float64) -> None:
    """Sum all rows, parameters and units afresh into the totals."""
    for k in range(3):
        f[TOTAL_SEARCH + k] = 0.0
        for i in range(m[N_ROWS]):
            f[TOTAL_SEARCH + k] += f[m[ROWS] + 3 * i + k]
    if m[COST_KIND] > 0:
        for p in range(m[N_PARAMETERS]):
            add_cost(m, f, p, m[m[VALUE] + p], 1.0)
    if m[HAS_MARGIN] > 0:
        for u in range(m[N_UNITS]):
            add_margin(m, f, u, 1.0)
