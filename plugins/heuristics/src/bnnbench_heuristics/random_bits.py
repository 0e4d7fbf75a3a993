"""Splitmix64, compiled: a seed means the same numbers everywhere."""

from __future__ import annotations

import numpy as np

from bnnbench_heuristics.compiling import inlined

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)


@inlined
def advance(state: np.uint64) -> np.uint64:
    """The next state."""
    return state + _GAMMA


@inlined
def mix(state: np.uint64) -> np.uint64:
    """64 random bits from a state."""
    z = (state ^ (state >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)
