"""Compiled sums of set bits: the inner loops of packed inference (sbnn.md A.6).

``llvm.ctpop`` becomes the processor's population count, on many words at once where it has one.
Complexity: O(rows outputs words).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.extending import intrinsic

Words = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


def _popcount(typing_context: Any, word: Any) -> Any:
    """Set bits of a 64-bit word."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


popcount: Any = intrinsic(_popcount)

_compile = numba.njit(cache=True, error_model="numpy", nogil=True)


@_compile
def weighed_counts(
    rows: Words, masks: Words, span: int, shared: int, constant: Counts, into: Counts
) -> None:
    """``into[r, j] = span pop(rows[r] AND masks[j]) + shared pop(rows[r]) + constant[j]``.

    Shapes (R, w), (m, w), (m,) and (R, m).
    """
    for r in range(rows.shape[0]):
        set_bits = np.uint64(0)
        for w in range(rows.shape[1]):
            set_bits += popcount(rows[r, w])
        base = shared * np.int64(set_bits)
        for j in range(masks.shape[0]):
            common = np.uint64(0)
            for w in range(masks.shape[1]):
                common += popcount(rows[r, w] & masks[j, w])
            into[r, j] = span * np.int64(common) + base + constant[j]


@_compile
def xor_counts(rows: Words, masks: Words, into: Counts) -> None:
    """``into[r, j] = pop(rows[r] XOR masks[j])``; shapes (R, w), (m, w) and (R, m)."""
    for r in range(rows.shape[0]):
        for j in range(masks.shape[0]):
            total = np.uint64(0)
            for w in range(masks.shape[1]):
                total += popcount(rows[r, w] ^ masks[j, w])
            into[r, j] = total
