"""Arrays that grow at their end, for what is collected block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt


class Growing:
    """A flat array that blocks are appended to.

    It is enlarged by ``realloc``, which for large arrays moves pages and copies nothing; so unlike
    a list of blocks that is concatenated in the end, it is never in memory twice.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._array = np.empty(0, dtype=dtype)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, values: Any, shape: tuple[int, ...]) -> None:
        """Append values broadcast to a shape, row-major."""
        start, self._size = self._size, self._size + math.prod(shape)
        if self._size > len(self._array):
            # No view of the array ever leaves the object before the last call.
            self._array.resize(max(self._size, len(self._array) * 9 // 8), refcheck=False)
        self._array[start : self._size].reshape(shape)[...] = values

    def done(self) -> npt.NDArray[Any]:
        """The array itself, which then is nobody else's.

        Raises:
            RuntimeError: when it was given away already.
        """
        if not hasattr(self, "_array"):
            raise RuntimeError("The array was given away already: start anew.")
        self._array.resize(self._size, refcheck=False)
        array = self._array
        del self._array
        return array
