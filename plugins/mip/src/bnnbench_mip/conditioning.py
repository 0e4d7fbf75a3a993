"""Row scaling that keeps floating-point solvers able to tell neighbouring integers apart.

In integer units a row of a threshold unit holds coefficients up to its big-M. Solvers check rows
against an absolute tolerance; rounding alone moves a row with coefficients near 10^9 by 10^-7,
which is more than a tolerance small enough for that big-M. Dividing such a row by a power of two,
so exactly, leaves its solutions unchanged and rounding far below the tolerance. Rows with moderate
coefficients are left as they are. Cost: O(nnz).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnbench.models import MatrixMILP

LARGE, WANTED = 2.0**20, 2.0**10
"""Rows whose largest coefficient exceeds LARGE are scaled so that it is at most WANTED."""


def conditioned(milp: MatrixMILP) -> MatrixMILP:
    """The same program with large rows divided by powers of two."""
    if max(milp.data.max(initial=0.0), -milp.data.min(initial=0.0)) <= LARGE:
        return milp
    lengths = np.diff(milp.indptr)
    largest = np.zeros(milp.n_rows)
    filled = lengths > 0
    largest[filled] = np.maximum.reduceat(np.abs(milp.data), milp.indptr[:-1][filled])
    large = largest > LARGE
    factors = np.ones(milp.n_rows)
    factors[large] = 2.0 ** -np.ceil(np.log2(largest[large] / WANTED))
    return replace(
        milp,
        data=milp.data * np.repeat(factors, lengths),
        row_lower=milp.row_lower * factors,
        row_upper=milp.row_upper * factors,
    )
