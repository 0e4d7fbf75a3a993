"""Moves of weights to outputs and of output biases, of networks with one hidden layer.

Such a move changes one output on all rows, by a step or its opposite: O(n). The addresses of the
losses afterwards are computed for a block of rows at once, in 16 bits and without a branch, then
looked up.
"""

from __future__ import annotations

import numpy as np

from bnnbench_heuristics.compiling import inlined
from bnnbench_heuristics.shallow_memory import BLOCK, LOSS, Int, Shallow
from bnnbench_heuristics.word_bits import entry


@inlined
def aim(t: Shallow, u: Int, j: Int, delta: Int, start: Int, end: Int) -> None:
    """Addresses of an output on a block of rows after a step of its weight from a unit."""
    for i in range(np.uint64(start), np.uint64(end)):
        negative = t.sums[u, i] >> 31
        t.spots[i - np.uint64(start)] = t.out[j, i] + ((delta ^ negative) - negative)


@inlined
def outputs_after(t: Shallow, size: Int) -> Int:
    """Losses of an output on a block of rows, in two sums that do not wait for each other."""
    even, odd = 0, 0
    pairs = np.uint64(size) & ~np.uint64(3)
    for k in range(np.uint64(0), pairs, np.uint64(4)):
        even += entry(t.code, t.spots[k]) + entry(t.code, t.spots[k + np.uint64(2)])
        odd += entry(t.code, t.spots[k + np.uint64(1)]) + entry(t.code, t.spots[k + np.uint64(3)])
    for k in range(pairs, np.uint64(size)):
        even += entry(t.code, t.spots[k])
    return even + odd


@inlined
def rows_after(t: Shallow, j: Int, start: Int, end: Int) -> Int:
    """Losses of a block of rows."""
    loss = 0
    for i in range(np.uint64(start), np.uint64(end)):
        new = entry(t.code, t.spots[i - np.uint64(start)])
        code = t.row_code[i] + new - entry(t.code, t.out[j, i])
        loss += entry(t.row_loss, code)
    return loss


@inlined
def rise_of_output(t: Shallow, u: Int, j: Int, delta: Int, bar: Int) -> Int:
    """By how much the loss rises when a weight to an output, or its bias, changes.

    Losses are not negative, so a sum that has passed ``bar``, the first loss that is refused, is
    not carried on.
    """
    loss = 0 if t.row_loss.size > 0 else t.head[LOSS] - t.totals[j]
    for start in range(0, t.out.shape[1], BLOCK):
        end = min(t.out.shape[1], start + BLOCK)
        aim(t, u, j, delta, start, end)
        if t.row_loss.size > 0:
            loss += rows_after(t, j, start, end)
        else:
            loss += outputs_after(t, end - start)
        if loss >= bar:
            break
    t.rises[j] = loss - t.head[LOSS]
    return loss - t.head[LOSS]


@inlined
def shift_output(t: Shallow, u: Int, j: Int, delta: Int) -> None:
    """Change an output on all rows by the step of a weight from a hidden unit, or of its bias."""
    for start in range(0, t.out.shape[1], BLOCK):
        end = min(t.out.shape[1], start + BLOCK)
        aim(t, u, j, delta, start, end)
        if t.row_loss.size > 0:
            for i in range(np.uint64(start), np.uint64(end)):
                new = entry(t.code, t.spots[i - np.uint64(start)])
                t.row_code[i] += new - entry(t.code, t.out[j, i])
        for i in range(np.uint64(start), np.uint64(end)):
            t.out[j, i] = t.spots[i - np.uint64(start)]
    t.totals[j] += t.rises[j]
