"""Proposals of the search among networks with one hidden layer: which parameter, which value."""

from __future__ import annotations

import math

import numpy as np

from bnnbench_heuristics.compiling import inlined
from bnnbench_heuristics.shallow_memory import (
    FIRST_OUTPUT,
    N_BIASES,
    N_FEATURES,
    N_SOURCES,
    Int,
    Shallow,
)

_HIGH = np.uint64(32)
_LOW_BITS = np.uint64(0xFFFFFFFF)
_TO_UNIT = 2.0**-32


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
    is_bias = c >= t.head[N_FEATURES] if p < t.head[FIRST_OUTPUT] else u >= t.sums.shape[0] - 1
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
