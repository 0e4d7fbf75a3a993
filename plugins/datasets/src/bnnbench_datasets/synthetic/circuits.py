"""Networks that compute Boolean functions of {-1, +1}^n without error, for sign units.

A function of the form [at least k variables are +1] is one unit: with s the sum of the variables,
s >= 2k - n. Parity needs n hidden units. With thresholds a_i = n - 2 (i - 1), i = 1..n, unit
u_i = sgn(s - a_i) is +1 unless at least i variables are -1, so sum_i (-1)^i u_i alternates between
-(n mod 2) and 2 - (n mod 2) with the number of -1, and is at least 1 exactly where that number is
odd. Since s has the parity of n, a unit is written as s >= a or as the complement of -s >= 2 - a,
whichever has the smaller bias.
"""

from __future__ import annotations

import numpy as np

from bnnbench.architecture import Architecture
from bnnbench.network import Layer, Network


def at_least(n: int, k: int) -> Network:
    """A single unit that is >= 0 where at least k of n variables are +1."""
    return Network(Architecture(n, (), 1), (_unit(n, min(n - 2 * k, n + 1 - 2 * k, key=abs)),))


def parity(n: int) -> Network:
    """With n hidden units, an output that is >= 0 where an odd number of variables are -1."""
    thresholds = n - 2 * np.arange(n)
    direct = np.abs(thresholds) <= np.abs(thresholds - 2)
    signs = np.where(direct, 1, -1)
    hidden = Layer(
        np.tile(signs, (n, 1)), np.where(direct, -thresholds, thresholds - 2).astype(np.int64)
    )
    alternating = np.where(np.arange(n) % 2 == 0, -1, 1)
    output = Layer((alternating * signs)[:, None], np.array([(n % 2) - 1], dtype=np.int64))
    return Network(Architecture(n, (n,), 1), (hidden, output))


def _unit(n: int, bias: int) -> Layer:
    return Layer(np.ones((n, 1), dtype=np.int64), np.array([bias], dtype=np.int64))
