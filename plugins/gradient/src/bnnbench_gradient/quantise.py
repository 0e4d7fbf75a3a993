"""From real latents to values of a grid, and back to the gradient (sbnn.md B.2, A.5).

Values are numerators over the grid's scale, so that sums in floating point stay exact.

More than two values ``offset + step * i``: a latent V lives in [lo, hi] / scale and
``Q = offset + step * floor((V scale - offset) / step + 1/2)``; for integers -P..P this is
``floor(V + 1/2)``. Two values: V lives in [-1, 1] and Q = hi if V >= 0 else lo. The backward pass
is the identity times ``slope``, the grid's width over the latents' width; latents are clipped to
their range after every step, so this equals the clipped identity.

With a budget on upper values (two-valued domains) only the ``budget`` largest latents of a model
may take the upper value, and latents are not clipped: clipping makes them tie.

Complexity: O(columns) per model; a selection of the largest on top of it with a budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnbench.domain import Grid


@dataclass(frozen=True, eq=False)
class Quantiser:
    """A block of columns and the grid of each.

    Attributes:
        lo: least numerator, broadcastable to (K, columns).
        hi: largest numerator, likewise.
        step: distance between neighbouring numerators.
        scale: denominator.
        two: whether there are two values only.
        budget: how many columns per model may take ``hi``; None for all.
        arcs: which columns exist, shape (columns,); None for all.
    """

    lo: Tensor
    hi: Tensor
    step: int
    scale: int
    two: bool
    budget: int | None = None
    arcs: Tensor | None = None

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
        positive = latents >= 0
        if self.budget is None:
            return positive
        rank = latents if self.arcs is None else latents.masked_fill(self.arcs == 0, -math.inf)
        best = torch.topk(rank, min(self.budget, rank.shape[1]), dim=1).indices
        chosen = torch.zeros_like(positive).scatter_(1, best, True)
        return chosen & positive

    def clip_(self, latents: Tensor) -> None:
        """Put latents back into their range, in place."""
        if self.budget is not None:
            return
        if self.two:
            latents.clamp_(-1.0, 1.0)
        else:
            latents.clamp_(self.lo / self.scale, self.hi / self.scale)


def grid_quantiser(
    lo: Tensor, grid: Grid, budget: int | None = None, arcs: Tensor | None = None
) -> Quantiser:
    """The quantiser of columns whose grids are shifts of one grid, ``lo`` being where they start.

    Args:
        lo: least numerator per column, broadcastable to (K, columns).
        grid: step, scale and number of values.
        budget: see :class:`Quantiser`.
        arcs: see :class:`Quantiser`.
    """
    hi = lo + (grid.hi - grid.lo)
    return Quantiser(lo, hi, grid.step, grid.scale, grid.size == 2, budget, arcs)
