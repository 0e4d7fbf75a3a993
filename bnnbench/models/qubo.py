"""The exchange format of kind ``qubo``: a quadratic function of 0/1 variables as plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Bits = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Qubo:
    """E(x) = linear . x + sum_k values[k] x[rows[k]] x[cols[k]] + offset, x in {0,1}^n.

    Every pair occurs once, with ``rows < cols``.

    Attributes:
        linear: shape (n,).
        rows, cols, values: the couplings, shape (m,).
        offset: constant.
        roles: name of a group of variables (weight, activation, slack, product, error) -> its
            indices, in any shape that means something to the builder.
        complete: from the weight bits, shape (reads, n_weights), to full states (reads, n) whose
            auxiliaries follow from the true forward pass; None when the builder has none.
    """

    linear: Floats
    rows: Indices
    cols: Indices
    values: Floats
    offset: float = 0.0
    roles: Mapping[str, Indices] = field(default_factory=dict)
    complete: Callable[[Bits], Bits] | None = None

    @property
    def n(self) -> int:
        """Number of variables."""
        return len(self.linear)

    def energy(self, states: npt.NDArray[Any]) -> Floats:
        """Energies of states, shape (reads, n) -> (reads,)."""
        x = np.atleast_2d(states).astype(np.float64)
        pairs = (x[:, self.rows] * x[:, self.cols]) @ self.values
        energies: Floats = x @ self.linear + pairs + self.offset
        return energies

    @classmethod
    def from_terms(
        cls, n: int, linear: Floats, rows: Indices, cols: Indices, values: Floats, **rest: Any
    ) -> Qubo:
        """Collect repeated and mirrored pairs; diagonal pairs become linear (x^2 = x)."""
        low, high = np.minimum(rows, cols), np.maximum(rows, cols)
        diagonal = low == high
        total = linear + np.bincount(low[diagonal], weights=values[diagonal], minlength=n)
        keys, where = np.unique(low[~diagonal] * n + high[~diagonal], return_inverse=True)
        merged = np.bincount(where, weights=values[~diagonal], minlength=len(keys))
        keep = merged != 0
        keys = keys[keep]
        return cls(total, keys // n, keys % n, merged[keep], **rest)
