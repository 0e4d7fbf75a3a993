"""Boolean functions on all 2^n points of {-1, +1}^n (datasets.md 6.5).

Point t has +1 in column i where bit n - 1 - i of t is 1: the first column changes slowest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.draws import uniforms
from bnnbench_datasets.fitting import choose

Bits = npt.NDArray[np.bool_]
FUNCTIONS = ("parity", "majority", "and", "or", "threshold", "multiplexer", "random")


def boolean(*, f: str, n: int, k: int | None = None, seed: int = 0) -> Table:
    """A Boolean function as a two-class set of all 2^n points of {-1, +1}^n.

    Args:
        f: ``parity`` (odd number of -1), ``majority`` (n odd), ``and``, ``or``, ``threshold`` (at
            least k times +1), ``multiplexer`` (n = a + 2^a: a address bits, then the data) or
            ``random`` (a fair coin per point).
        n: variables, 1..20.
        k: of ``threshold``.
        seed: of ``random``.

    Raises:
        DataError: when f does not exist for this n.
    """
    choose("f", f, FUNCTIONS)
    if not 1 <= n <= 20:
        raise DataError(f"boolean: n must lie in 1..20, got {n}.")
    bits = (np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1 == 1
    if f == "random":
        y = uniforms(seed).random(2**n) >= 0.5
    elif f == "multiplexer":
        y = _multiplexer(bits)
    elif f == "parity":
        y = (~bits).sum(axis=1) % 2 == 1
    else:
        y = bits.sum(axis=1) >= _least(f, n, k)
    X = np.where(bits, np.int8(1), np.int8(-1))
    return Table(X=X, y=y.astype(np.int64), classes=("false", "true"), notes={"set": "boolean"})


def _least(f: str, n: int, k: int | None) -> int:
    """How many variables must be true."""
    if f == "threshold":
        if k is None or not 0 <= k <= n:
            raise DataError(f"boolean: threshold needs k in 0..{n}, got {k}.")
        return k
    if f == "majority" and n % 2 == 0:
        raise DataError(f"boolean: majority needs an odd n, got {n}.")
    return {"and": n, "or": 1, "majority": (n + 1) // 2}[f]


def _multiplexer(bits: Bits) -> Bits:
    n = bits.shape[1]
    a = next((a for a in range(1, 5) if a + 2**a == n), None)
    if a is None:
        raise DataError(f"boolean: multiplexer needs n = 3, 6, 11 or 20, got {n}.")
    address = bits[:, :a] @ (1 << np.arange(a - 1, -1, -1))
    chosen: Bits = bits[np.arange(len(bits)), a + address]
    return chosen
