"""All activation vectors that one threshold unit with whole weights -P..P achieves on given rows.

A hidden unit matters only through u = sgn(X w + b) on the rows, and u up to its sign is enough
where the outgoing weight may have either (mip.md section 4.3). For integer features sgn(-X w + b)
is the negative of sgn(X w - b - 1), so all w up to sign with all offsets b and -b - 1 give all u
up to sign, whatever the bias range.

The sums X w are grown feature by feature. A sum that no later feature and no offset can bring back
across its threshold is clipped, sums that became equal are merged, and so are equal vectors at the
end. Equality is found by a 64-bit hash and checked on the rows themselves. At most
:func:`candidates` vectors; time and memory O(candidates x rows) bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench_mip.lattice import Int64

Bytes = npt.NDArray[np.uint8]
Signs = npt.NDArray[np.int8]
MIX = np.uint64(0x9E3779B97F4A7C15)


class OutOfTimeError(Exception):
    """The enumeration was stopped."""


@dataclass(frozen=True, eq=False)
class Activations:
    """Distinct activation vectors up to sign, each with a unit that achieves it.

    Attributes:
        signs: -1 / +1, the first entry +1; shape (count, rows).
        weights: of the unit, shape (count, features).
        bias: of the unit, shape (count,).
        turned: -1 where ``signs`` is the negative of what the unit says; shape (count,).
    """

    signs: Signs
    weights: Signs
    bias: Int64
    turned: Signs

    def __len__(self) -> int:
        return len(self.signs)


def candidates(X: Int64, biases: Int64, scale: int, P: int = 1) -> int:
    """How many vectors are tried at most: weight sums of equal features, times offsets."""
    live = X[:, (X != 0).any(axis=0)].T
    if not len(live):
        return len(_offsets(biases, scale))
    first = np.take_along_axis(live, (live != 0).argmax(axis=1)[:, None], 1)
    _, counts = np.unique(live * np.sign(first), axis=0, return_counts=True)
    weights = math.prod(2 * P * int(r) + 1 for r in counts)
    return (weights // 2 + 1) * len(_offsets(biases, scale))


def enumerate_activations(
    X: Int64, biases: Int64, scale: int, stop: Callable[[], bool], P: int = 1
) -> Activations:
    """All achievable vectors.

    Args:
        X: features as integers over ``scale``, shape (rows, features); the rows are distinct.
        biases: what a bias may be, whole numbers.
        scale: denominator of the features.
        stop: asked between steps.
        P: largest absolute weight.

    Raises:
        OutOfTimeError: when ``stop`` says so.
    """
    offsets = _offsets(biases, scale)
    sums, weights = _sums(X, int(np.abs(offsets).max()), stop, P)
    packed, origin = [], []
    for number, offset in enumerate(offsets.tolist()):
        if stop():
            raise OutOfTimeError
        above = sums >= -offset
        above ^= ~above[:, :1]
        bits = np.packbits(above, axis=1)
        kept = first_occurrences(bits)
        packed.append(bits[kept])
        origin.append(np.stack([kept, np.full(len(kept), number)], axis=1))
    bits, where = np.concatenate(packed), np.concatenate(origin)
    kept = first_occurrences(bits)
    if stop():
        raise OutOfTimeError
    source, offset = where[kept, 0], offsets[where[kept, 1]]
    signs = np.unpackbits(bits[kept], axis=1, count=X.shape[0]).view(np.int8) * np.int8(2)
    signs -= np.int8(1)
    # The unit itself where the offset is a bias, else its mirror image.
    own = np.isin(offset, biases * scale)
    bias = np.where(own, offset, -offset - 1) // scale
    first = np.where(sums[source, 0] >= -offset, 1, -1)
    turned = np.where(own, first, -first).astype(np.int8)
    return Activations(signs, np.where(own[:, None], 1, -1) * weights[source], bias, turned)


def _offsets(biases: Int64, scale: int) -> Int64:
    """The offsets t of sgn(X w + t) that stand for all biases with w up to sign."""
    return np.unique(np.concatenate([biases * scale, -biases * scale - 1]))


def _sums(
    X: Int64, beyond: int, stop: Callable[[], bool], P: int
) -> tuple[npt.NDArray[Any], Signs]:
    """Distinct clipped sums X w, one of each pair +-w, and a w for each."""
    reach = P * np.abs(X).sum(axis=1)
    limit = int(reach.max(initial=0)) + beyond + 1
    dtype = next(t for t in (np.int8, np.int16, np.int32, np.int64) if limit < np.iinfo(t).max)
    sums, weights = np.zeros((1, len(X)), dtype), np.zeros((1, X.shape[1]), np.int8)
    for i in np.flatnonzero((X != 0).any(axis=0)):
        if stop():
            raise OutOfTimeError
        # The first sum is 0: adding x and -x there gives the same pair.
        steps = [(0, p) for p in range(P + 1)] + [(1, -p) for p in range(1, P + 1)]
        grown = [weights[start:].copy() for start, _ in steps]
        for part, (_, p) in zip(grown, steps, strict=True):
            part[:, i] = p
        x = X[:, i].astype(dtype)
        sums = np.concatenate([sums[start:] + p * x for start, p in steps])
        weights = np.concatenate(grown)
        reach = reach - P * np.abs(X[:, i])
        bound = (reach + beyond + 1).astype(dtype)
        np.clip(sums, -bound, bound, out=sums)
        kept = first_occurrences(sums.view(np.uint8))
        sums, weights = sums[kept], weights[kept]
    return sums, weights


def first_occurrences(rows: Bytes) -> Int64:
    """Indices of the first of all equal rows, ascending; shape (count, bytes)."""
    width = -(-rows.shape[1] // 8) * 8
    padded = rows
    if width != rows.shape[1]:
        padded = np.zeros((len(rows), width), np.uint8)
        padded[:, : rows.shape[1]] = rows
    words = np.ascontiguousarray(padded).view(np.uint64)
    total = np.zeros(len(words), np.uint64)
    for k in range(words.shape[1]):
        total = (total ^ words[:, k]) * MIX
        total ^= total >> np.uint64(29)
    _, first, inverse = np.unique(total, return_index=True, return_inverse=True)
    if not (words[first[inverse.reshape(-1)]] == words).all():
        _, first = np.unique(words, axis=0, return_index=True)
    return np.sort(first)
