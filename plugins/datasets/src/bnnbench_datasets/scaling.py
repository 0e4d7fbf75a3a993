"""Scaling to [0, 1], and rounding to a decimal grid (datasets.md section 4)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import DECIMALS, Table
from bnnbench.table import fixed as put_on_grid
from bnnbench_datasets.fitting import FITS, choose, fit_rows, fitted


def minmax(table: Table, *, fit: str = "train", clip: bool = False) -> Table:
    """(x - min) / (max - min) per column; a constant column becomes 0.

    Args:
        table: any table; the result is real.
        fit: where minimum and maximum come from: ``train`` rows; ``pool``, all but test rows;
            ``all`` rows, which leaks test statistics; or ``whole``, one minimum and maximum for
            all columns together, over the training rows. To fit on the pool of a few-shot draw,
            scale before the draw.
        clip: cut values of rows that were not fitted on at 0 and 1.

    Raises:
        DataError: for an unknown ``fit`` or a feature that is not finite.
    """
    choose("fit", fit, (*FITS, "whole"))
    rows = fit_rows(table, "train" if fit == "whole" else fit)
    axis = None if fit == "whole" else 0
    low = np.asarray(table.X[rows].min(axis=axis), dtype=np.float64)
    span = np.asarray(table.X[rows].max(axis=axis) - low)
    X = np.array(table.X, dtype=np.float64)
    # In place: the pixels of an image set take gigabytes as floating-point numbers.
    X -= low
    X /= np.where(span > 0, span, 1.0)
    X *= span > 0
    if clip:
        np.clip(X, 0.0, 1.0, out=X)
    return fitted(replace(table, X=X, scale=1), f"minmax(fit={fit})", rows)


def fixed(table: Table, *, decimals: int = DECIMALS) -> Table:
    """Round half to even to ``decimals`` places and keep integers over 10**decimals.

    Whole numbers (scale 1) stay as they are; a finer grid, such as 1/784 after ``downscale``, is
    rounded in integer arithmetic.

    Raises:
        DataError: for a value that is not finite, or too large for exact arithmetic.
    """
    if not 0 <= decimals <= 9:
        raise DataError(f"fixed: decimals must lie in 0..9, got {decimals}.")
    X = np.asarray(table.X)
    if not np.issubdtype(X.dtype, np.integer):
        return put_on_grid(table, decimals=decimals)
    if table.scale == 1:
        return table
    power, scale = 10**decimals, table.scale
    if X.size and int(np.abs(X.astype(np.int64)).max()) >= 2**62 // power:
        raise DataError("A feature is too large for exact arithmetic: scale it, '| minmax'.")
    quotient, rest = np.divmod(X.astype(np.int64) * power, scale)
    up = (2 * rest > scale) | ((2 * rest == scale) & (quotient % 2 == 1))
    return replace(table, X=quotient + up, scale=power)
