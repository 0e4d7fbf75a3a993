"""Products of all activation vectors with whole numbers, exactly and quickly.

float32 holds whole numbers up to 2^24 and its products are the fastest; larger sums take float64.
Cost of a product: O(columns x rows) per vector.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench_mip.activations import Signs
from bnnbench_mip.lattice import Int64

CHUNK = 1 << 25
"""Most entries that are converted for a product at once; fewer are kept converted."""


@dataclass(eq=False)
class Agreement:
    """Activation vectors that are multiplied often.

    Attributes:
        signs: -1 / +1, shape (count, rows).
        work: signs read by products so far.
    """

    signs: Signs
    work: int = 0
    _kept: npt.NDArray[Any] | None = field(init=False, default=None)

    def products(self, vectors: Int64) -> Int64:
        """Signs @ vectors, for vectors of shape (rows, ...) with absolute sums below 2^53."""
        largest = int(np.abs(vectors).sum(axis=0).max(initial=0))
        kind: type[Any] = np.float32 if largest < 1 << 24 else np.float64
        wanted: npt.NDArray[Any] = vectors.astype(kind)
        self.work += self.signs.size * (vectors.size // max(1, len(vectors)))
        if self.signs.size <= CHUNK:
            if self._kept is None or self._kept.dtype != kind:
                self._kept = self.signs.astype(kind)
            exact: Int64 = (self._kept @ wanted).astype(np.int64)
            return exact
        step = max(1, CHUNK // max(1, self.signs.shape[1]))
        out = np.empty((len(self.signs), *vectors.shape[1:]), dtype=np.int64)
        for start in range(0, len(out), step):
            out[start : start + step] = self.signs[start : start + step].astype(kind) @ wanted
        return out
