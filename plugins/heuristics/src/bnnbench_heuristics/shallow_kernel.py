"""Compiled annealing of networks with one hidden layer (flip-search.md).

A move gives one parameter another value of its grid (``shallow_proposals.py``). Its threshold of
acceptance is drawn before its loss is known: a rise is accepted when it is at most ``-T log(u)``.
The loss is then computed without writing anything, and only an accepted move is carried out, so
nothing is ever undone. See ``shallow_hidden.py`` and ``shallow_outputs.py`` for the two kinds of
moves.

Losses are looked up in the tables of ``shallow_losses.py``, so one kernel serves all objectives.
All of a small problem stays in the first-level cache; at 25,000 rows of the adult data, what moves
of indicators read is about the size of a second-level one: 0.8 MB of hidden sums, 0.2 MB of outputs
and masks. Rows, sources and table indices are unsigned because numba handles a negative index with
extra instructions.
"""

from __future__ import annotations

import numpy as np

from bnnbench_heuristics.compiling import compiled, inlined
from bnnbench_heuristics.random_bits import advance, mix
from bnnbench_heuristics.shallow_hidden import (
    collect,
    flip,
    rise_of_outputs,
    rise_of_rows,
    shift,
)
from bnnbench_heuristics.shallow_memory import (
    BEST_VALUE,
    FIRST_OUTPUT,
    IMPROVED,
    LOSS,
    RANDOM,
    SHIFT,
    Int,
    Shallow,
)
from bnnbench_heuristics.shallow_outputs import rise_of_output, shift_output
from bnnbench_heuristics.shallow_proposals import limit, other_value, pick, place


@inlined
def accept(t: Shallow, p: Int, u: Int, c: Int, new: Int, along: Int, found: Int) -> None:
    """Carry out a move, whose flips are listed."""
    delta = new - t.values[p]
    if p < t.head[FIRST_OUTPUT]:
        flip(t, u, turn(delta), along, found)
        shift(t, u, c, delta)
    else:
        shift_output(t, u, c, delta)
    t.values[p] = new


@inlined
def turn(delta: Int) -> Int:
    """By how much a hidden unit's activation changes when it flips with a step."""
    return 2 if delta > 0 else -2


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
        along, found = np.uint64(0), np.uint64(0)
        if p < t.head[FIRST_OUTPUT]:
            along, found = collect(t, u, c, delta)
            if t.row_loss.size > 0:
                loss += rise_of_rows(t, u, turn(delta), along, found)
            else:
                loss += rise_of_outputs(t, u, turn(delta), along, found)
        else:
            loss += rise_of_output(t, u, c, delta, bar)
        if loss >= bar:
            continue
        accept(t, p, u, c, new, along, found)
        t.head[LOSS] = loss
        record_best(t, loss & mask)
        if t.head[BEST_VALUE] <= stop:
            made = k + 1 - first
            break
    t.head[RANDOM] = np.int64(state)
    return made
