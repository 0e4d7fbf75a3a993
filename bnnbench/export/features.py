"""What an exported model may read: integers of a stated range over a stated scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bnnbench.errors import NetworkError
from bnnbench.exact import Ints

TYPES = ("uint8", "int8", "int32", "int64")


@dataclass(frozen=True)
class Features:
    """The inputs that a model is exported for.

    Attributes:
        low: least numerator.
        high: largest numerator.
        scale: denominator; the model reads numerators.
    """

    low: int
    high: int
    scale: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high or self.scale < 1:
            raise NetworkError(
                f"Features need low <= high and a positive scale, got {self.low}..{self.high}"
                f" over {self.scale}."
            )

    @classmethod
    def of(cls, X: Ints, scale: int) -> Features:
        """The range of some rows, shape (n, d)."""
        return cls(int(X.min(initial=0)), int(X.max(initial=0)), scale)

    @property
    def dtype(self) -> npt.DTypeLike:
        """The smallest of uint8, int8, int32 and int64 that holds all numerators."""
        for name in TYPES:
            info = np.iinfo(name)
            if info.min <= self.low and self.high <= info.max:
                return np.dtype(name)
        raise NetworkError(f"Features of {self.low}..{self.high} do not fit into 64 bits.")

    @property
    def reach(self) -> int:
        """Largest absolute numerator: of the whole type for 8 bits, else of the range."""
        dtype = np.dtype(self.dtype)
        if dtype.itemsize == 1:
            info = np.iinfo(dtype)
            return max(-int(info.min), int(info.max))
        return max(abs(self.low), abs(self.high))
