"""Compiled annealing of networks with one hidden layer (flip-search.md).

A move gives one parameter another value of its grid. Its threshold of acceptance is drawn before
its loss is known: a rise is accepted when it is at most ``-T log(u)``. The loss is then computed
without writing anything, and only an accepted move is carried out, so nothing is ever undone.

* A weight from a feature, or a hidden bias, shifts one hidden unit's pre-activations on the rows
  where the feature is not 0. The rows whose sign changes are collected without a branch; only they
  reach the outputs. O(non-zeros of the column + flips * outputs).
* A weight to an output, or an output bias, shifts one output of all rows: O(n).

Losses are looked up in the tables of ``shallow_losses.py``, so one kernel serves all objectives.
All of a small problem stays in the first-level cache. Rows, sources and table indices are unsigned
because numba handles a negative index with extra instructions.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from bnnbench_heuristics.compiling import compiled, inlined
from bnnbench_heuristics.random_bits import advance, mix

Array: TypeAlias = npt.NDArray[Any]
# Integers of any width and sign: mixing them in one expression would make a float.
Int: TypeAlias = Any

(
    RANDOM, LOSS, BEST_VALUE, IMPROVED, SHIFT, N_SOURCES, FIRST_OUTPUT, N_BIASES, BIAS_GAIN,
    N_SCALARS,
) = range(10)  # fmt: skip
_HIGH = np.uint64(32)
_LOW_BITS = np.uint64(0xFFFFFFFF)
_TOP = np.uint64(63)
_BLOCK = 512
_TO_UNIT = 2.0**-32


class Shallow(NamedTuple):
    """A problem and a network as arrays; n rows, h hidden units, q outputs, c sources of a unit.

    The c sources are the features with a non-zero, then the bias if biases may move. The values
    are those of the hidden units, unit by unit, then those of the outputs, source by source.

    Attributes:
        head: scalars, see the names in this module.
        values: parameters.
        best: the best ones.
        grids: lo, step, size of weights and of biases, shape (2, 3).
        first: where a feature's rows begin, shape (features + 1,).
        rows: rows on which a feature is not 0, feature by feature.
        entries: what the feature is there.
        common: the one non-zero number of a feature, 0 if it has several.
        pre: hidden pre-activations by unit, and 0 for that of output biases, shape (h + 1, n).
        out: addresses of the outputs' losses in ``code``, shape (q, n).
        code: loss of an output, or its share of the row's code.
        totals: losses of the outputs, where ``row_loss`` is empty, shape (q,).
        rises: by how much they rise with the current move, shape (q,).
        row_code: codes of the rows, where ``row_loss`` is not empty.
        row_loss: loss of a row by its code; empty where the losses of its outputs are summed.
        flips: rows collected by a move.
    """

    head: Array
    values: Array
    best: Array
    grids: Array
    first: Array
    rows: Array
    entries: Array
    common: Array
    pre: Array
    out: Array
    code: Array
    totals: Array
    rises: Array
    row_code: Array
    row_loss: Array
    flips: Array


@inlined
def collect(t: Shallow, u: Int, c: Int, delta: Int) -> Int:
    """Collect the rows on which a hidden unit's sign changes; how many there are."""
    found = np.uint64(0)
    if c >= t.common.size:
        step = delta * t.head[BIAS_GAIN]
        for i in range(t.pre.shape[1]):
            old = t.pre[u, i]
            t.flips[found] = i
            found += np.uint64(old ^ (old + step)) >> _TOP
    elif t.common[c] != 0:
        step = delta * t.common[c]
        for e in range(np.uint64(t.first[c]), np.uint64(t.first[c + 1])):
            i = t.rows[e]
            old = t.pre[u, i]
            t.flips[found] = i
            found += np.uint64(old ^ (old + step)) >> _TOP
    else:
        for e in range(np.uint64(t.first[c]), np.uint64(t.first[c + 1])):
            i = t.rows[e]
            old = t.pre[u, i]
            t.flips[found] = i
            found += np.uint64(old ^ (old + delta * t.entries[e])) >> _TOP
    return found


@inlined
def shift(t: Shallow, u: Int, c: Int, delta: Int) -> None:
    """Shift a hidden unit's pre-activations."""
    if c >= t.common.size:
        step = delta * t.head[BIAS_GAIN]
        for i in range(t.pre.shape[1]):
            t.pre[u, i] += step
    elif t.common[c] != 0:
        step = delta * t.common[c]
        for e in range(np.uint64(t.first[c]), np.uint64(t.first[c + 1])):
            t.pre[u, t.rows[e]] += step
    else:
        for e in range(np.uint64(t.first[c]), np.uint64(t.first[c + 1])):
            t.pre[u, t.rows[e]] += delta * t.entries[e]


@inlined
def sign(z: Int) -> Int:
    """-1 for a negative number of 32 bits, else 1."""
    return (z >> 31) | 1


@inlined
def turn(t: Shallow, u: Int, i: Int) -> Int:
    """By how much a hidden unit's activation changes when it flips on a row."""
    return -2 * sign(t.pre[u, i])


@inlined
def rise_of_outputs(t: Shallow, u: Int, found: Int) -> Int:
    """Sum of the rises of the outputs' losses when a hidden unit flips on the collected rows."""
    total, weights = 0, t.head[FIRST_OUTPUT] + u * t.out.shape[0]
    for j in range(t.out.shape[0]):
        weight, rise = t.values[weights + j], 0
        for k in range(found):
            i = t.flips[k]
            at = t.out[j, i]
            rise += t.code[np.uint32(at + turn(t, u, i) * weight)] - t.code[np.uint32(at)]
        t.rises[j] = rise
        total += rise
    return total


@inlined
def rise_of_rows(t: Shallow, u: Int, found: Int) -> Int:
    """Sum of the rises of the rows' losses when a hidden unit flips on the collected rows."""
    rise, weights = 0, t.head[FIRST_OUTPUT] + u * t.out.shape[0]
    for k in range(found):
        i = t.flips[k]
        step, old = turn(t, u, i), t.row_code[i]
        new = old
        for j in range(t.out.shape[0]):
            at = t.out[j, i]
            new += t.code[np.uint32(at + step * t.values[weights + j])] - t.code[np.uint32(at)]
        rise += t.row_loss[np.uint32(new)] - t.row_loss[np.uint32(old)]
    return rise


@inlined
def flip(t: Shallow, u: Int, found: Int) -> None:
    """Flip a hidden unit on the collected rows, before its pre-activations are shifted."""
    weights = t.head[FIRST_OUTPUT] + u * t.out.shape[0]
    for j in range(t.out.shape[0]):
        weight = t.values[weights + j]
        for k in range(found):
            move_output(t, j, t.flips[k], turn(t, u, t.flips[k]) * weight)
        t.totals[j] += t.rises[j]


@inlined
def move_output(t: Shallow, j: Int, i: Int, step: Int) -> None:
    """Add to an output of a row, and to the code of the row."""
    at = t.out[j, i]
    if t.row_loss.size > 0:
        t.row_code[i] += t.code[np.uint32(at + step)] - t.code[np.uint32(at)]
    t.out[j, i] = at + step


@inlined
def outputs_after(t: Shallow, u: Int, j: Int, delta: Int, start: Int, end: Int) -> Int:
    """Losses of an output on some rows after a step of its weight from a unit."""
    loss = 0
    for i in range(np.uint64(start), np.uint64(end)):
        loss += t.code[np.uint32(t.out[j, i] + delta * sign(t.pre[u, i]))]
    return loss


@inlined
def rows_after(t: Shallow, u: Int, j: Int, delta: Int, start: Int, end: Int) -> Int:
    """Losses of some rows after a step of an output's weight from a unit."""
    loss = 0
    for i in range(np.uint64(start), np.uint64(end)):
        at = t.out[j, i]
        new = at + delta * sign(t.pre[u, i])
        code = t.row_code[i] + t.code[np.uint32(new)] - t.code[np.uint32(at)]
        loss += t.row_loss[np.uint32(code)]
    return loss


@inlined
def rise_of_output(t: Shallow, u: Int, j: Int, delta: Int, bar: Int) -> Int:
    """By how much the loss rises when a weight to an output, or its bias, changes.

    Losses are not negative, so a sum that has passed ``bar``, the first loss that is refused, is
    not carried on.
    """
    loss = 0 if t.row_loss.size > 0 else t.head[LOSS] - t.totals[j]
    for start in range(0, t.out.shape[1], _BLOCK):
        end = min(t.out.shape[1], start + _BLOCK)
        if t.row_loss.size > 0:
            loss += rows_after(t, u, j, delta, start, end)
        else:
            loss += outputs_after(t, u, j, delta, start, end)
        if loss >= bar:
            break
    t.rises[j] = loss - t.head[LOSS]
    return loss - t.head[LOSS]


@inlined
def shift_output(t: Shallow, u: Int, j: Int, delta: Int) -> None:
    """Change an output on all rows by the step of a weight from a hidden unit, or of its bias."""
    for i in range(t.out.shape[1]):
        move_output(t, j, i, delta * sign(t.pre[u, i]))
    t.totals[j] += t.rises[j]


@inlined
def pick(t: Shallow, bits: np.uint64, share: float) -> Int:
    """Index of a random parameter; with probability ``share`` a bias or a weight to an output."""
    high, low = bits >> _HIGH, bits & _LOW_BITS
    first, biases = t.head[FIRST_OUTPUT], t.head[N_BIASES]
    hot = biases + t.values.size - first
    if low * _TO_UNIT >= share:
        return np.int64((high * np.uint64(t.values.size)) >> _HIGH)
    k = np.int64((high * np.uint64(hot)) >> _HIGH)
    return (k + 1) * t.head[N_SOURCES] - 1 if k < biases else first + k - biases


@inlined
def place(t: Shallow, p: Int) -> tuple[Int, Int]:
    """Unit and source of a parameter of the hidden layer; else source and output."""
    first = t.head[FIRST_OUTPUT]
    if p < first:
        width = t.head[N_SOURCES]
        return p // width, p % width
    return (p - first) // t.out.shape[0], (p - first) % t.out.shape[0]


@inlined
def other_value(t: Shallow, p: Int, u: Int, c: Int, bits: np.uint64) -> Int:
    """Another value of a parameter; its own when it has no other."""
    is_bias = c >= t.common.size if p < t.head[FIRST_OUTPUT] else u >= t.pre.shape[0] - 1
    grid = 1 if is_bias else 0
    old, step, size = t.values[p], t.grids[grid, 1], t.grids[grid, 2]
    k = np.int64(((bits >> _HIGH) * np.uint64(max(0, size - 1))) >> _HIGH)
    new = t.grids[grid, 0] + step * k
    return new + (step if new >= old and size > 1 else 0)


@inlined
def limit(bits: np.uint64, temperature: float, most: Int) -> Int:
    """The largest rise that is accepted: -T log(u)."""
    chance = ((bits & _LOW_BITS) + 1.0) * _TO_UNIT
    return np.int64(min(-temperature * math.log(chance), float(most)))


@inlined
def accept(t: Shallow, p: Int, u: Int, c: Int, new: Int, found: Int) -> None:
    """Carry out a move, whose flips are collected."""
    delta = new - t.values[p]
    if p < t.head[FIRST_OUTPUT]:
        flip(t, u, found)
        shift(t, u, c, delta)
    else:
        shift_output(t, u, c, delta)
    t.values[p] = new


@inlined
def record_best(t: Shallow, value: Int) -> None:
    """Keep the network if its value is the smallest so far."""
    if value < t.head[BEST_VALUE]:
        t.head[BEST_VALUE] = value
        t.head[IMPROVED] = 1
        for p in range(t.values.size):
            t.best[p] = t.values[p]


@compiled
def anneal_shallow(
    t: Shallow, first: int, moves: int, total: float, start: float, floor: float, share: float,
    stop: int,
) -> int:  # fmt: skip
    """Metropolis moves at temperature ``start * max(floor, 1 - k / total)``.

    Args:
        t: the problem and its network.
        first: number of moves made before, of the schedule's ``total``.
        moves: how many to make.
        total: length of the schedule; infinite for a constant temperature.
        start: first temperature, in units of the tables' search values.
        floor: last temperature as a fraction of the first.
        share: probability of a move among biases and output weights.
        stop: return once the value is at most this.

    Returns:
        Number of moves made.
    """
    shift_by = t.head[SHIFT]
    mask = (1 << shift_by) - 1 if shift_by > 0 else -1
    most, slope = 1 << (61 - shift_by), 1.0 / total
    state = np.uint64(t.head[RANDOM])
    made = moves
    for k in range(first, first + moves):
        state = advance(state)
        p = pick(t, mix(state), share)
        state = advance(state)
        bits = mix(state)
        u, c = place(t, p)
        new = other_value(t, p, u, c, bits)
        loss, delta = t.head[LOSS], new - t.values[p]
        rise = limit(bits, start * max(floor, 1.0 - k * slope), most)
        # The first loss that is refused; only its search value counts.
        bar = ((loss >> shift_by) + rise + 1) << shift_by
        found = np.uint64(0)
        if p < t.head[FIRST_OUTPUT]:
            found = collect(t, u, c, delta)
            by_row = t.row_loss.size > 0
            loss += rise_of_rows(t, u, found) if by_row else rise_of_outputs(t, u, found)
        else:
            loss += rise_of_output(t, u, c, delta, bar)
        if loss >= bar:
            continue
        accept(t, p, u, c, new, found)
        t.head[LOSS] = loss
        record_best(t, loss & mask)
        if t.head[BEST_VALUE] <= stop:
            made = k + 1 - first
            break
    t.head[RANDOM] = np.int64(state)
    return made
