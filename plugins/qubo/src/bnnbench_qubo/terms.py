"""Accumulates quadratic terms as arrays: squares of affine expressions, products, constants.

A squared layer of S samples, W units, F arcs with shared coefficients and T further terms per unit
costs O(S F^2 + W F^2) for the arc-arc block, which is one Gram matrix for all units (qubo.md
section 1.3), plus S W T (F + T) couplings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models import Qubo

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NONE = -1
"""Index that stands for "no variable"; its terms are dropped."""


@dataclass(frozen=True, eq=False)
class Affine:
    """One affine expression per (sample, unit): shared arcs + own terms + constant.

    Attributes:
        arcs: variable of every arc, :data:`NONE` for none: shape (F, W).
        shared: coefficient of an arc on a sample, the same for all units: shape (S, F).
        own: variables of further terms, shape (S, W, T).
        coefficients: of the further terms, shape (S, W, T).
        constant: shape (S, W).
        repeats: whether two own terms of a sample may be the same for several units.
    """

    arcs: Int64
    shared: Floats
    own: Int64
    coefficients: Floats
    constant: Floats
    repeats: bool = True


@dataclass(eq=False)
class Terms:
    """A growing quadratic function of ``n`` 0/1 variables.

    Attributes:
        n: number of variables.
        offset: constant.
        repeats: whether a pair may have been added more than once.
    """

    n: int
    offset: float = 0.0
    repeats: bool = False
    _linear: list[tuple[Int64, Floats]] = field(default_factory=list)
    _pairs: list[tuple[Int64, Int64, Floats]] = field(default_factory=list)

    def constant(self, value: Any) -> None:
        """Add the sum of ``value``."""
        self.offset += float(np.sum(value))

    def linear(self, variables: Any, values: Any) -> None:
        """Add ``values * x[variables]``, broadcast together."""
        v, c = np.broadcast_arrays(variables, np.asarray(values, dtype=np.float64))
        keep = (v != NONE) & (c != 0)
        self._linear.append((v[keep], c[keep]))

    def pairs(self, first: Any, second: Any, values: Any, *, repeats: bool = True) -> None:
        """Add ``values * x[first] * x[second]``, broadcast together.

        Args:
            first: variables.
            second: others.
            values: coefficients.
            repeats: False if no pair among these was or will be added otherwise.
        """
        a, b, c = np.broadcast_arrays(first, second, np.asarray(values, dtype=np.float64))
        keep = (
            (np.asarray(first) != NONE) & (np.asarray(second) != NONE) & (np.asarray(values) != 0)
        )
        if keep.all():
            self._pairs.append((a.ravel(), b.ravel(), c.ravel()))
        else:
            keep = np.broadcast_to(keep, c.shape)
            self._pairs.append((a[keep], b[keep], c[keep]))
        self.repeats = self.repeats or (repeats and bool(keep.any()))

    def square(self, e: Affine, weight: float) -> None:
        """Add ``weight`` times the sum of all squared expressions."""
        self._square_shared(e, weight)
        self._square_own(e, weight)
        self.pairs(
            e.arcs[None, :, :, None],
            e.own[:, None, :, :],
            2 * weight * e.shared[:, :, None, None] * e.coefficients[:, None, :, :],
            repeats=False,
        )
        self.constant(weight * e.constant**2)

    def _square_shared(self, e: Affine, weight: float) -> None:
        gram = e.shared.T @ e.shared
        i, j = np.triu_indices(len(gram), k=1)
        self.pairs(e.arcs[i], e.arcs[j], 2 * weight * gram[i, j][:, None], repeats=False)
        crossed = 2 * e.shared.T @ e.constant
        self.linear(e.arcs, weight * (np.diag(gram)[:, None] + crossed))

    def _square_own(self, e: Affine, weight: float) -> None:
        c = e.coefficients
        i, j = np.triu_indices(c.shape[-1], k=1)
        products = 2 * weight * c[..., i] * c[..., j]
        self.pairs(e.own[..., i], e.own[..., j], products, repeats=e.repeats)
        self.linear(e.own, weight * c * (c + 2 * e.constant[..., None]))

    def qubo(self, **rest: Any) -> Qubo:
        """The finished function, repeated terms collected."""
        variables = np.concatenate([t[0] for t in self._linear])
        values = np.concatenate([t[1] for t in self._linear])
        linear = np.bincount(variables, weights=values, minlength=self.n).astype(np.float64)
        first = np.concatenate([t[0] for t in self._pairs])
        second = np.concatenate([t[1] for t in self._pairs])
        couplings = np.concatenate([t[2] for t in self._pairs])
        rest["offset"] = self.offset
        if self.repeats:
            return Qubo.from_terms(self.n, linear, first, second, couplings, **rest)
        low, high = np.minimum(first, second), np.maximum(first, second)
        return Qubo(linear, low, high, couplings, **rest)
