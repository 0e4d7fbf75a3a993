"""Errors of every cut of many sums at once: one sort of integers that carry their sample's weight.

A half-space cuts the samples in the order of x w. With the signed weight s of a sample (positive
for the class that should lie above) the errors of a cut are those of cutting below everything, plus
the sum of s over the samples below it. So a key

    2^b x w + (largest - s),    0 <= largest - s < 2^b,

sorts the samples, and its low bits give s back for the running sum, without a second array to
permute. Among equal x w the largest s comes first, so no cut between equals looks better than those
around them. O(samples log samples) per row; the narrowest integers that hold the keys are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench_mip.lattice import Int64

Keys = npt.NDArray[Any]


def narrowest(largest: int) -> npt.DTypeLike:
    """The shortest signed integers that hold numbers up to this in absolute value."""
    for kind in (np.int16, np.int32):
        if largest <= np.iinfo(kind).max:
            return kind
    return np.int64


@dataclass(frozen=True, eq=False)
class SignedWeights:
    """Signed weights of samples, to be carried by keys.

    Attributes:
        low: largest - s by sample, shape (samples,).
        largest: largest absolute weight.
        shift: b.
        total: type of the running sums.
    """

    low: Int64
    largest: int
    shift: int
    total: npt.DTypeLike

    @classmethod
    def of(cls, signed: Int64) -> SignedWeights:
        """From the signed weights."""
        largest = int(np.abs(signed).max(initial=0))
        wide = int(np.abs(signed).sum()) > np.iinfo(np.int32).max
        total = np.int64 if wide else np.int32
        return cls(largest - signed, largest, (2 * largest).bit_length(), total)

    def keys(self, sums: Keys, reach: int) -> Keys:
        """Sorted keys of sums up to ``reach`` in absolute value, shape (rows, samples)."""
        kind = narrowest((reach + 1) << self.shift)
        keys: Keys = np.left_shift(sums.astype(kind, copy=False), self.shift, dtype=kind)
        keys += self.low.astype(kind)
        keys.sort(axis=1)
        return keys

    def running(self, keys: Keys) -> Keys:
        """Sums of the signed weights up to every position of sorted keys."""
        signed = self.largest - (keys & ((1 << self.shift) - 1))
        return np.cumsum(signed, axis=1, dtype=self.total)

    def sums(self, keys: Keys) -> Keys:
        """The x w of keys."""
        return keys >> self.shift
