r"""A QUBO as the arrays that the annealing kernels read.

Couplings that are whole multiples of one unit (a penalty times integers, as in ``bnn-qubo`` without
margin) are stored as int16 where every field fits: fields are then exact and rows half as wide.
Others are float32, whose fields are computed afresh every :data:`REFRESH` sweeps so that rounding
does not add up. Energies are always recomputed from the QUBO in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models import Qubo

Array = npt.NDArray[Any]

REFRESH = 256
UNIT_PARTS = 6
"""The unit is looked for among the smallest coupling and its parts down to a sixth."""
WITHIN = 1e-9


@dataclass(frozen=True, eq=False)
class SpinModel:
    """What the kernels need of a QUBO.

    Attributes:
        qubo: the model.
        unit: what couplings are multiples of; 1 if there is no such number.
        whole: whether there is one.
    """

    qubo: Qubo
    unit: float
    whole: bool

    @classmethod
    def of(cls, qubo: Qubo) -> SpinModel:
        """Find the unit, O(couplings)."""
        unit = common_unit(np.abs(qubo.values))
        return cls(qubo, unit or 1.0, unit is not None)

    @cached_property
    def couplings(self) -> Array:
        """The couplings in units, float64."""
        scaled: Array = self.qubo.values / self.unit
        return np.rint(scaled) if self.whole else scaled

    @cached_property
    def reach(self) -> Array:
        """Sums of the absolute couplings per site, in units, shape (n,)."""
        sizes, n = np.abs(self.couplings), self.qubo.n
        return np.bincount(self.qubo.rows, sizes, n) + np.bincount(self.qubo.cols, sizes, n)

    @property
    def density(self) -> float:
        """Share of all pairs that are coupled."""
        pairs = self.qubo.n * (self.qubo.n - 1) // 2
        return len(self.qubo.values) / pairs if pairs else 0.0

    @property
    def dtype(self) -> type[np.int16] | type[np.float32]:
        """Type of the couplings and fields on compressed rows."""
        small = self.whole and self.reach.max(initial=0) < 2**15
        return np.int16 if small else np.float32

    @cached_property
    def rows(self) -> tuple[Array, Array, Array]:
        """Starts, neighbours and couplings of all rows, in units, as :attr:`dtype`."""
        rows, cols = self.qubo.rows, self.qubo.cols
        source = np.concatenate([rows, cols])
        order = np.argsort(source, kind="stable")
        starts = np.zeros(self.qubo.n + 1, dtype=np.int64)
        np.cumsum(np.bincount(source, minlength=self.qubo.n), out=starts[1:])
        values = np.concatenate([self.couplings, self.couplings])[order]
        neighbours = np.concatenate([cols, rows])[order].astype(np.uint32)
        return starts, neighbours, values.astype(self.dtype)

    @cached_property
    def real_rows(self) -> tuple[Array, Array, Array]:
        """The rows of -Q / 2 in units, float32."""
        starts, neighbours, couplings = self.rows
        return starts, neighbours, np.float32(-0.5) * couplings.astype(np.float32)

    @cached_property
    def matrix(self) -> Array:
        """-Q / 2 in units, so that a flip changes E by s (centre + matrix @ s): float32 (n, n)."""
        full = np.zeros((self.qubo.n, self.qubo.n), dtype=np.float32)
        half = (-0.5 * self.couplings).astype(np.float32)
        full[self.qubo.rows, self.qubo.cols] = half
        full[self.qubo.cols, self.qubo.rows] = half
        return full

    @cached_property
    def centre(self) -> Array:
        """Mean change of a flip from s = 1 over random states, in units: l + sum_j Q_ij / 2."""
        n = self.qubo.n
        sums = np.bincount(self.qubo.rows, self.couplings, n)
        sums += np.bincount(self.qubo.cols, self.couplings, n)
        centre: Array = self.qubo.linear / self.unit + sums / 2
        return centre

    @cached_property
    def scale(self) -> float:
        """Root mean square of what one flip changes in a random state; 1 if nothing does."""
        n = self.qubo.n
        squares = np.bincount(self.qubo.rows, self.couplings**2, n)
        squares += np.bincount(self.qubo.cols, self.couplings**2, n)
        mean = float((self.centre**2 + squares / 4).mean()) if n else 0.0
        return self.unit * mean**0.5 or 1.0


def common_unit(sizes: Array) -> float | None:
    """The number that positive numbers are whole multiples of, None if there is none."""
    if not len(sizes):
        return 1.0
    least, largest = float(sizes.min()), float(sizes.max())
    for part in range(1, UNIT_PARTS + 1):
        unit = least / part
        if largest / unit > 2**15:
            return None
        for some in (sizes[:1000], sizes):
            ratios = some / unit
            if (np.abs(ratios - np.rint(ratios)) > WITHIN * ratios).any():
                break
        else:
            return unit
    return None
