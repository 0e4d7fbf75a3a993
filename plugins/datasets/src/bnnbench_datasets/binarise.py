"""From numbers to bits: median, threshold and thermometer codes (datasets.md section 4)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.fitting import fit_rows, fitted, require_finite


def median(table: Table, *, pm1: bool = False, fit: str = "train") -> Table:
    """[x > median of the column], as 0/1.

    Args:
        table: any table.
        pm1: write -1/+1 instead of 0/1.
        fit: rows the median is taken over: ``train``, ``pool`` (all but test rows) or ``all``.

    Raises:
        DataError: for an unknown ``fit`` or a feature that is not finite.
    """
    rows = fit_rows(table, fit)
    values = table.X
    bits = values > np.median(values[rows], axis=0)
    return fitted(_bits(table, bits, pm1), f"median(fit={fit})", rows)


def threshold(table: Table, *, t: float, pm1: bool = False) -> Table:
    """[x >= t], as 0/1, or as -1/+1 with ``pm1``; t in units of the features.

    Raises:
        DataError: for a feature that is not finite.
    """
    require_finite(table)
    values = table.X
    if np.issubdtype(values.dtype, np.integer):
        # The decimal that was written, not the binary number next to it.
        return _bits(table, values >= ceil(Fraction(str(t)) * table.scale), pm1)
    return _bits(table, values >= t, pm1)


def thermometer(table: Table, *, b: int, pm1: bool = False, fit: str = "train") -> Table:
    """Code each column by b bits [x > j-th quantile], quantiles at j / (b + 1), j = 1..b.

    The bits of one column stand side by side. Equal quantiles give equal bits. Quantiles are
    interpolated linearly.

    Args:
        table: any table, shape (n, d); the result has b d columns.
        b: bits per column.
        pm1: write -1/+1 instead of 0/1.
        fit: rows the quantiles are taken over: ``train``, ``pool`` or ``all``.

    Raises:
        DataError: for b < 1, an unknown ``fit`` or a feature that is not finite.
    """
    if b < 1:
        raise DataError(f"thermometer: b must be at least 1, got {b}.")
    rows = fit_rows(table, fit)
    cuts = np.quantile(table.X[rows], np.arange(1, b + 1) / (b + 1), axis=0)
    bits = (table.X[:, :, None] > cuts.T[None, :, :]).reshape(len(table.y), -1)
    names = tuple(f"{name}>{j}/{b + 1}" for name in table.features for j in range(1, b + 1))
    table = replace(table, features=names)
    return fitted(_bits(table, bits, pm1), f"thermometer(fit={fit})", rows)


def _bits(table: Table, bits: npt.NDArray[Any], pm1: bool) -> Table:
    X = np.where(bits, np.int8(1), np.int8(-1)) if pm1 else bits.astype(np.uint8)
    return replace(table, X=X, scale=1)
