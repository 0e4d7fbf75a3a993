"""Memory of a compiled search: one block of integers and one of reals, addressed by named fields.

Compiled code handles two flat arrays far better than a structure of fifty: passing the latter
around costs more than most moves compute. ``ints[FIELD]`` is a scalar, or the offset at which an
array begins: in ``ints`` for the integer arrays, in ``reals`` for the real ones. The first entries
of ``reals`` are its scalars. :class:`Tables` gives the arrays back as shaped views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

SCALARS = (
    "N_ROWS", "N_FEATURES", "N_HIDDEN", "N_UNITS", "N_OUTPUTS", "N_LAYERS", "N_PARAMETERS",
    "N_MOVABLE", "N_HOT", "N_GRIDS", "N_TERMS", "LOW", "BUDGET", "COST_KIND", "HAS_MARGIN",
    "N_DIRTY", "N_MOVED", "N_TOUCHED", "ONES", "MOVED_LAYER", "OLD_GRID", "IMPROVED", "RANDOM",
)  # fmt: skip
INTEGER_ARRAYS = (
    "SOURCE", "TARGET", "VALUE", "BEST", "LAYER", "GAIN", "BIAS_GAIN", "OUT_FIRST",
    "OUT_PARAMETER", "OUT_TARGET", "FIRST_UNIT", "FIRST_PARAMETER", "GRID", "BEST_GRID",
    "BIAS_LIMIT", "WEIGHT_GRIDS", "BIAS_GRIDS", "MOVABLE", "HOT", "COLUMN_FIRST", "COLUMN_ROW",
    "COLUMN_VALUE", "SIGNS", "LABELS", "KINDS", "CONSTANTS", "PRE", "ACTIVE", "IS_DIRTY", "DIRTY",
    "IS_TOUCHED", "TOUCHED", "MOVED", "OLD_VALUES",
)  # fmt: skip
REAL_SCALARS = (
    "TOTAL_SEARCH", "TOTAL_VALUE", "TOTAL_BROKEN", "OLD_SEARCH", "OLD_VALUE", "OLD_BROKEN",
    "BEST_VALUE", "BEST_BROKEN", "COST_SEARCH", "COST_VALUE", "MARGIN_SEARCH", "MARGIN_VALUE",
    "EPS", "PENALTY",
)  # fmt: skip
REAL_ARRAYS = ("WEIGHTS", "COST_FACTOR", "MARGIN_FACTOR", "MARGINS", "OLD_MARGINS", "ROWS",
               "OLD_ROWS")  # fmt: skip

_INT_NAMES = SCALARS + INTEGER_ARRAYS + REAL_ARRAYS

# Each name is the index of its entry in the header of ``ints``.
(
    N_ROWS, N_FEATURES, N_HIDDEN, N_UNITS, N_OUTPUTS, N_LAYERS, N_PARAMETERS, N_MOVABLE, N_HOT,
    N_GRIDS, N_TERMS, LOW, BUDGET, COST_KIND, HAS_MARGIN, N_DIRTY, N_MOVED, N_TOUCHED, ONES,
    MOVED_LAYER, OLD_GRID, IMPROVED, RANDOM,
    SOURCE, TARGET, VALUE, BEST, LAYER, GAIN, BIAS_GAIN, OUT_FIRST, OUT_PARAMETER, OUT_TARGET,
    FIRST_UNIT, FIRST_PARAMETER, GRID, BEST_GRID, BIAS_LIMIT, WEIGHT_GRIDS, BIAS_GRIDS, MOVABLE,
    HOT, COLUMN_FIRST, COLUMN_ROW, COLUMN_VALUE, SIGNS, LABELS, KINDS, CONSTANTS, PRE, ACTIVE,
    IS_DIRTY, DIRTY, IS_TOUCHED, TOUCHED, MOVED, OLD_VALUES,
    WEIGHTS, COST_FACTOR, MARGIN_FACTOR, MARGINS, OLD_MARGINS, ROWS, OLD_ROWS,
) = range(len(_INT_NAMES))  # fmt: skip
# And these are entries of ``reals``.
(
    TOTAL_SEARCH, TOTAL_VALUE, TOTAL_BROKEN, OLD_SEARCH, OLD_VALUE, OLD_BROKEN, BEST_VALUE,
    BEST_BROKEN, COST_SEARCH, COST_VALUE, MARGIN_SEARCH, MARGIN_VALUE, EPS, PENALTY,
) = range(len(REAL_SCALARS))  # fmt: skip


class Tables:
    """The two blocks of memory and shaped views of their arrays.

    Attributes:
        ints: header, then integer arrays.
        reals: scalars, then real arrays.
    """

    def __init__(
        self,
        scalars: Mapping[str, int],
        arrays: Mapping[str, npt.NDArray[Any]],
        real_scalars: Mapping[str, float],
    ) -> None:
        header = np.zeros(len(_INT_NAMES), dtype=np.int64)
        for name, value in scalars.items():
            header[SCALARS.index(name)] = value
        offsets = {False: len(header), True: len(REAL_SCALARS)}
        for name in INTEGER_ARRAYS + REAL_ARRAYS:
            real = name in REAL_ARRAYS
            header[_INT_NAMES.index(name)] = offsets[real]
            offsets[real] += arrays[name].size
        self.ints: Int64 = np.zeros(offsets[False], dtype=np.int64)
        self.reals: Float64 = np.zeros(offsets[True])
        self.ints[: len(header)] = header
        for name, real_value in real_scalars.items():
            self.reals[REAL_SCALARS.index(name)] = real_value
        self._shapes = {name: array.shape for name, array in arrays.items()}
        for name, array in arrays.items():
            self[name][...] = array

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """A view of an array by its field's name."""
        shape = self._shapes[name]
        start = int(self.ints[_INT_NAMES.index(name)])
        block: npt.NDArray[Any] = self.reals if name in REAL_ARRAYS else self.ints
        return block[start : start + int(np.prod(shape))].reshape(shape)
