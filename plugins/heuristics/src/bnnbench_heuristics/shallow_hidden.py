"""Moves of weights from features and of hidden biases, of networks with one hidden layer.

Such a move shifts one hidden unit's sums on the rows of a column. Words of 64 rows are compared at
once (``word_bits.py``); the rows whose sign changes are listed without a branch that depends on a
row, and only they reach the outputs. All flips of a part of a column turn the unit the same way, so
the step of an output is one number. O(words of the column + flips * outputs).
"""

from __future__ import annotations

import numpy as np

from bnnbench_heuristics.compiling import inlined
from bnnbench_heuristics.shallow_memory import FIRST_OUTPUT, START, UNIT, Int, Shallow
from bnnbench_heuristics.word_bits import (
    crossing,
    crossing_finely,
    entry,
    lowest,
    ones,
    shift_finely,
    shift_sums,
)

_ONE = np.uint64(1)
_CHUNK = np.uint64(4)
_WORD = np.uint64(64)


@inlined
def unpack(t: Shallow, found: Int, word: Int, bits: np.uint64) -> Int:
    """Append the rows of a word whose bits are set; how many are listed then.

    Four at a time, set or not: most words have fewer, and the number of rounds is what a processor
    can guess.
    """
    end, row = found + ones(bits), word * _WORD
    while True:
        for k in range(_CHUNK):
            t.flips[found + np.uint64(k)] = row + lowest(bits)
            bits &= bits - _ONE
        found += _CHUNK
        if found >= end:
            return end


@inlined
def collect_part(t: Shallow, u: Int, part: Int, delta: Int, found: Int) -> Int:
    """List the rows of a part of a column on which a unit's sign changes."""
    base, size = u * t.sums.shape[1], t.sizes[part]
    start, end = np.uint64(t.first[part]), np.uint64(t.first[part + 1])
    if size > 0:
        for e in range(start, end):
            word = np.uint64(t.words[e])
            at = base + np.int64(word * _WORD)
            found = unpack(t, found, word, crossing(t.sums, at, t.masks[e], delta * size))
    else:
        entries, unit = t.entry_first[part], t.head[UNIT]
        for e in range(start, end):
            word = np.uint64(t.words[e])
            at = base + np.int64(word * _WORD)
            bits = crossing_finely(t.sums, t.rests, t.entries, at, entries, unit, delta)
            found = unpack(t, found, word, bits)
            entries += 64
    return found


@inlined
def collect(t: Shallow, u: Int, c: Int, delta: Int) -> tuple[Int, Int]:
    """List the rows on which a hidden unit's sign changes.

    Returns:
        How many turn as delta says, at the head of the list; how many there are.
    """
    along = collect_part(t, u, 2 * c, delta, np.uint64(0))
    return along, collect_part(t, u, 2 * c + 1, -delta, along)


@inlined
def shift_part(t: Shallow, u: Int, part: Int, delta: Int) -> None:
    """Shift a hidden unit's sums on the rows of a part of a column."""
    base, size = u * t.sums.shape[1], t.sizes[part]
    start, end = np.uint64(t.first[part]), np.uint64(t.first[part + 1])
    if size > 0:
        for e in range(start, end):
            at = base + np.int64(np.uint64(t.words[e]) * _WORD)
            shift_sums(t.sums, at, t.masks[e], delta * size)
    else:
        entries, unit = t.entry_first[part], t.head[UNIT]
        for e in range(start, end):
            at = base + np.int64(np.uint64(t.words[e]) * _WORD)
            shift_finely(t.sums, t.rests, t.entries, at, entries, unit, delta)
            entries += 64


@inlined
def shift(t: Shallow, u: Int, c: Int, delta: Int) -> None:
    """Shift a hidden unit's sums."""
    shift_part(t, u, 2 * c, delta)
    shift_part(t, u, 2 * c + 1, -delta)


@inlined
def rise_of_steps(t: Shallow, j: Int, step: Int, start: Int, end: Int) -> Int:
    """Rise of an output's losses with one step on some of the listed rows."""
    rise = 0
    for k in range(start, end):
        at = t.out[j, t.flips[k]]
        rise += entry(t.code, at + step) - entry(t.code, at)
    return rise


@inlined
def rise_of_outputs(t: Shallow, u: Int, turn: Int, along: Int, found: Int) -> Int:
    """Sum of the rises of the outputs' losses when a hidden unit flips on the listed rows."""
    total, weights = 0, t.head[FIRST_OUTPUT] + u * t.out.shape[0]
    for j in range(t.out.shape[0]):
        step = turn * t.values[weights + j]
        rise = rise_of_steps(t, j, step, np.uint64(0), along)
        rise += rise_of_steps(t, j, -step, along, found)
        t.rises[j] = rise
        total += rise
    return total


@inlined
def rise_of_row_steps(t: Shallow, weights: Int, turn: Int, start: Int, end: Int) -> Int:
    """Rise of the rows' losses with one turn of a unit on some of the listed rows."""
    rise = 0
    for k in range(start, end):
        i = t.flips[k]
        code = t.head[START]
        for j in range(t.out.shape[0]):
            code += entry(t.code, np.int64(t.out[j, i]) + turn * t.values[weights + j])
        rise += entry(t.row_loss, code) - entry(t.row_loss, t.row_code[i])
    return rise


@inlined
def rise_of_rows(t: Shallow, u: Int, turn: Int, along: Int, found: Int) -> Int:
    """Sum of the rises of the rows' losses when a hidden unit flips on the listed rows."""
    weights = t.head[FIRST_OUTPUT] + u * t.out.shape[0]
    rise = rise_of_row_steps(t, weights, turn, np.uint64(0), along)
    return rise + rise_of_row_steps(t, weights, -turn, along, found)


@inlined
def flip_rows(t: Shallow, weights: Int, turn: Int, start: Int, end: Int) -> None:
    """Carry one turn of a unit on some of the listed rows to the outputs and codes."""
    for k in range(start, end):
        i = t.flips[k]
        code = t.head[START]
        for j in range(t.out.shape[0]):
            at = np.int64(t.out[j, i]) + turn * t.values[weights + j]
            t.out[j, i] = at
            code += entry(t.code, at)
        t.row_code[i] = code


@inlined
def flip_output(t: Shallow, j: Int, step: Int, start: Int, end: Int) -> None:
    """Add to an output on some of the listed rows."""
    for k in range(start, end):
        t.out[j, t.flips[k]] += step


@inlined
def flip(t: Shallow, u: Int, turn: Int, along: Int, found: Int) -> None:
    """Carry the flips of a hidden unit to the outputs."""
    weights = t.head[FIRST_OUTPUT] + u * t.out.shape[0]
    if t.row_loss.size > 0:
        flip_rows(t, weights, turn, np.uint64(0), along)
        flip_rows(t, weights, -turn, along, found)
        return
    for j in range(t.out.shape[0]):
        step = turn * t.values[weights + j]
        flip_output(t, j, step, np.uint64(0), along)
        flip_output(t, j, -step, along, found)
        t.totals[j] += t.rises[j]
