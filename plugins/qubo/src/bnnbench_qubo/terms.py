"""Accumulates quadratic terms as arrays: squares of affine expressions, products, constants.

A squared layer of S samples, W units, F arcs with shared coefficients and T further terms per unit
costs O(S F^2 + W F^2) for the arc-arc block, which is one Gram matrix for all units (qubo.md
section 1.3), plus S W T (F + T) couplings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
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
        arcs: variable of every arc, :data:`NONE` for none: shape (F, W); below all of ``own``.
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

    def without_unused(self) -> Affine:
        """The same without arcs and terms that are no variable in any expression."""
        arcs, own = (self.arcs != NONE).any(axis=1), (self.own != NONE).any(axis=(0, 1))
        if arcs.all() and own.all():
            return self
        return replace(
            self,
            arcs=self.arcs[arcs],
            shared=self.shared[:, arcs],
            own=self.own[..., own],
            coefficients=self.coefficients[..., own],
        )


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

    def pairs(
        self, first: Any, second: Any, values: Any, *, repeats: bool = True, ordered: bool = False
    ) -> None:
        """Add ``values * x[first] * x[second]``, broadcast together.

        Args:
            first: variables.
            second: others.
            values: coefficients.
            repeats: False if no pair among these was or will be added otherwise.
            ordered: whether every first variable is below its second.
        """
        a, b, c = np.broadcast_arrays(first, second, np.asarray(values, dtype=np.float64))
        keep = (
            (np.asarray(first) != NONE) & (np.asarray(second) != NONE) & (np.asarray(values) != 0)
        )
        if not keep.all():
            keep = np.broadcast_to(keep, c.shape)
            a, b, c = a[keep], b[keep], c[keep]
        if not ordered:
            a, b = np.minimum(a, b), np.maximum(a, b)
        self._pairs.append((a, b, c))
        self.repeats = self.repeats or (repeats and c.size > 0)

    def square(self, e: Affine, weight: float) -> None:
        """Add ``weight`` times the sum of all squared expressions."""
        e = e.without_unused()
        if len(e.arcs):
            self._square_shared(e, weight)
            self._cross(e, weight)
        self._square_own(e, weight)
        self.constant(weight * e.constant**2)

    def _square_shared(self, e: Affine, weight: float) -> None:
        gram = e.shared.T @ e.shared
        i, j = _pairs_of(len(gram))
        self.pairs(e.arcs[i], e.arcs[j], 2 * weight * gram[i, j][:, None], repeats=False)
        crossed = 2 * e.shared.T @ e.constant
        self.linear(e.arcs, weight * (gram.diagonal()[:, None] + crossed))

    def _cross(self, e: Affine, weight: float) -> None:
        """Arcs times own terms, by rising own terms: adjacency lists then grow at their ends."""
        # Numbers of 16 bits are sorted by radix.
        numbers = (e.own - NONE).astype(np.min_scalar_type(self.n))
        order = np.argsort(numbers, axis=None, kind="stable")
        samples, units, _ = np.unravel_index(order, e.own.shape)
        own, scaled = e.own.ravel()[order], 2 * weight * e.coefficients.ravel()[order]
        values = e.shared.take(samples, axis=0)
        values *= scaled[:, None]
        arcs = e.arcs.T.take(units, axis=0)
        self.pairs(arcs, own[:, None], values, repeats=False, ordered=True)

    def _square_own(self, e: Affine, weight: float) -> None:
        c = e.coefficients
        i, j = _pairs_of(c.shape[-1])
        products = 2 * weight * c[..., i] * c[..., j]
        self.pairs(e.own[..., i], e.own[..., j], products, repeats=e.repeats)
        self.linear(e.own, weight * c * (c + 2 * e.constant[..., None]))

    def qubo(self, **rest: Any) -> Qubo:
        """The finished function, repeated terms collected."""
        variables = np.concatenate([t[0] for t in self._linear])
        values = np.concatenate([t[1] for t in self._linear])
        linear = np.bincount(variables, weights=values, minlength=self.n).astype(np.float64)
        low, high, couplings = self._joined()
        rest["offset"] = self.offset
        if self.repeats:
            return Qubo.from_terms(self.n, linear, low, high, couplings, **rest)
        return Qubo(linear, low, high, couplings, **rest)

    def _joined(self) -> tuple[Int64, Int64, Floats]:
        """All pairs as flat arrays, the lower variable first.

        Broadcast views are written straight into their place, without large temporaries.
        """
        size = sum(t[2].size for t in self._pairs)
        low, high = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
        couplings, at = np.empty(size), 0
        for first, second, values in self._pairs:
            part = slice(at, at + values.size)
            low[part].reshape(values.shape)[...] = first
            high[part].reshape(values.shape)[...] = second
            couplings[part].reshape(values.shape)[...] = values
            at += values.size
        return low, high, couplings


@lru_cache(maxsize=8)
def _pairs_of(count: int) -> tuple[Int64, Int64]:
    """All i < j below ``count``."""
    i, j = np.triu_indices(count, k=1)
    return i, j
