"""From real latents to values of a grid, and back to the gradient (sbnn.md B.2, A.5).

Values are numerators over the grid's scale, so that sums in floating point stay exact.

More than two values ``offset + step * i``: a latent V lives in [lo, hi] / scale and
``Q = offset + step * floor((V scale - offset) / step + 1/2)``; for integers -P..P this is
``floor(V + 1/2)``. Two values: V lives in [-1, 1] and Q = hi if V >= 0 else lo. The backward pass
is the identity times ``slope``, the grid's width over the latents' width; latents are clipped to
their range (or another ``limit``) after every step, so this equals the clipped identity.

With quotas on upper values (two-valued domains) only the largest latents of a quota's columns may
take the upper value: at most so many, or exactly so many whatever their sign. Latents are then not
clipped: clipping makes them tie (sbnn.md A.10).

Complexity: O(columns) per model; a selection of the largest on top of it with quotas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnbench.domain import Grid


@dataclass(frozen=True)
class Quota:
    """How many upper values some columns may hold.

    Attributes:
        columns: the columns.
        ones: most of them per model.
        exactly: whether there are always so many.
    """

    columns: slice
    ones: int
    exactly: bool = False

    def chosen(self, latents: Tensor) -> Tensor:
        """Which latents get the upper value; shape (K, columns) in and out."""
        positive = latents >= 0
        best = torch.topk(latents, min(self.ones, latents.shape[1]), dim=1).indices
        chosen = torch.zeros_like(positive).scatter_(1, best, True)
        return chosen if self.exactly else chosen & positive


@dataclass(frozen=True, eq=False)
class Quantiser:
    """A block of columns and the grid of each.

    Attributes:
        lo: least numerator, broadcastable to (K, columns).
        hi: largest numerator, likewise.
        step: distance between neighbouring numerators.
        scale: denominator.
        two: whether there are two values only.
        quotas: which columns may take ``hi``, and how many of them; none for all.
        arcs: which columns exist, shape (columns,); None for all.
        limit: where latents of two values are clipped.
    """

    lo: Tensor
    hi: Tensor
    step: int
    scale: int
    two: bool
    quotas: tuple[Quota, ...] = ()
    arcs: Tensor | None = None
    limit: float = 1.0

    @property
    def slope(self) -> float:
        """Derivative dQ / dV of the straight-through backward pass."""
        return self.step / 2 if self.two else float(self.scale)

    def __call__(self, latents: Tensor) -> Tensor:
        """Numerators of shape (K, columns), 0 where there is no arc."""
        if self.two:
            values = torch.where(self._upper(latents), self.hi, self.lo)
        else:
            offset = torch.remainder(self.lo, self.step)
            steps = torch.floor((latents * self.scale - offset) / self.step + 0.5)
            values = torch.minimum(torch.maximum(offset + self.step * steps, self.lo), self.hi)
        return values if self.arcs is None else values * self.arcs

    def _upper(self, latents: Tensor) -> Tensor:
        if not self.quotas:
            return latents >= 0
        rank = latents if self.arcs is None else latents.masked_fill(self.arcs == 0, -math.inf)
        parts = [quota.chosen(rank[:, quota.columns]) for quota in self.quotas]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def clip_(self, latents: Tensor) -> None:
        """Put latents back into their range, in place."""
        if self.quotas:
            return
        if self.two:
            latents.clamp_(-self.limit, self.limit)
        else:
            latents.clamp_(self.lo / self.scale, self.hi / self.scale)


def grid_quantiser(
    lo: Tensor,
    grid: Grid,
    quotas: tuple[Quota, ...] = (),
    arcs: Tensor | None = None,
    limit: float = 1.0,
) -> Quantiser:
    """The quantiser of columns whose grids are shifts of one grid, ``lo`` being where they start.

    Args:
        lo: least numerator per column, broadcastable to (K, columns).
        grid: step, scale and number of values.
        quotas: see :class:`Quantiser`; together they cover all columns in their order.
        arcs: see :class:`Quantiser`.
        limit: see :class:`Quantiser`.
    """
    hi = lo + (grid.hi - grid.lo)
    return Quantiser(lo, hi, grid.step, grid.scale, grid.size == 2, quotas, arcs, limit)
