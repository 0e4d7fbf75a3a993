"""Where masks come from: budgets of ones per layer or over all layers (sbnn.md A.2, A.5, A.10).

Per layer: the ``floor(EC n_l)`` largest scores. Over the network: the ``floor(EC N)`` largest
scores of all layers in one pool, raw or divided by the sd of their layer. Ties go to the lower
layer, then to the lower index. Latents are not clamped: clamped ones tie at the bound and the mask
collapses. With a floor every output first gets its best weight, so that no layer loses its rank.
Without a budget: s = +1 iff w > 0. Complexity: O(weights), by selection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn

from bnnbench_gradient.closed_form import QuantisationError
from bnnbench_gradient.sbnn import Scope
from bnnbench_gradient.sparse.layers import Binarised, binarised

_HALVINGS = 40


@dataclass(frozen=True)
class MaskRule:
    """How masks follow from latents.

    Attributes:
        share: EC, the largest share of ones; None for no budget, which 0.5 is not.
        scope: what the budget spans.
        scaled: divide scores by the sd of their layer; for the scope ``network``.
        floor: at least one 1 per output.
    """

    share: float | None = None
    scope: Scope = "layer"
    scaled: bool = True
    floor: bool = False

    @torch.no_grad()
    def masks(self, layers: Sequence[Binarised]) -> list[Tensor]:
        """One mask per layer, of its weights' shape.

        Raises:
            QuantisationError: when the budget is less than the floor.
        """
        scores = [layer.values.score(layer.latent) for layer in layers]
        if self.share is None:
            return [score > 0 for score in scores]
        share = Fraction(str(self.share))
        if self.scope == "layer":
            return [self._largest([score], int(share * score.numel()))[0] for score in scores]
        if self.scaled:
            # by the latents, since the scores of a ternary layer have one sign only
            scores = [s / _spread(a.latent) for s, a in zip(scores, layers, strict=True)]
        return self._largest(scores, int(share * sum(s.numel() for s in scores)))

    def apply(self, model: nn.Module) -> None:
        """Set the masks of all binarised layers of a model; those with a codebook keep theirs.

        Raises:
            QuantisationError: as :meth:`masks`, and for a budget where a codebook chooses masks.
        """
        layers = [layer for layer in binarised(model) if layer.codebook is None]
        if self.share is not None and len(layers) < len(binarised(model)):
            raise QuantisationError("A codebook chooses masks itself: it cannot keep to a budget.")
        for layer, mask in zip(layers, self.masks(layers), strict=True):
            layer.mask = mask

    @torch.no_grad()
    def charge(self, layers: Sequence[Binarised]) -> None:
        """Make the codebooks of layers choose few enough ones, by the least price per one.

        Kernels then maximise their inner product with a pattern less the price of its ones: no
        other choice with as few ones has a larger sum. Latents are compared raw.

        Args:
            layers: layers with codebooks, in evaluation mode.

        Raises:
            QuantisationError: when the sparsest patterns hold more ones than the budget has.
        """
        share = Fraction(str(self.share))
        for group in [layers] if self.scope == "network" else [[layer] for layer in layers]:
            budget = int(share * sum(layer.latent.numel() for layer in group))
            if _ones_at(group, 0.0) <= budget:
                continue
            low, high = 0.0, 1 + 2 * max(_size(layer.latent) for layer in group)
            ones = _ones_at(group, high)
            if ones > budget:
                raise QuantisationError(
                    f"The sparsest patterns of a codebook hold {ones} ones, the budget is {budget}."
                )
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                low, high = (low, middle) if _ones_at(group, middle) <= budget else (middle, high)
            _ones_at(group, high)

    def _largest(self, scores: Sequence[Tensor], ones: int) -> list[Tensor]:
        pool = torch.cat([score.reshape(-1) for score in scores])
        sizes = [score.numel() for score in scores]
        held = torch.zeros_like(pool, dtype=torch.bool)
        if self.floor:
            held = torch.cat([_best_of_outputs(score).reshape(-1) for score in scores])
            ones -= int(held.sum())
            if ones < 0:
                raise QuantisationError(
                    f"A floor of one per output needs {-ones} ones more than the budget has."
                )
        chosen = held | largest(pool.masked_fill(held, -torch.inf), ones)
        parts = torch.split(chosen, sizes)
        return [part.view_as(score) for part, score in zip(parts, scores, strict=True)]


def largest(scores: Tensor, k: int) -> Tensor:
    """Mask of the k largest entries of a vector, the first of equal ones."""
    if k == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    cut = torch.topk(scores, k).values[-1]
    mask = scores > cut
    missing = k - int(mask.sum())
    mask[torch.nonzero(scores == cut)[:missing, 0]] = True
    return mask


def _ones_at(layers: Sequence[Binarised], price: float) -> int:
    """Ones that the codebooks choose at a price, which stays set."""
    for layer in layers:
        assert layer.codebook is not None
        layer.codebook.price.fill_(price)
        layer.weight()
    return sum(int(layer.mask.sum()) for layer in layers)


def _size(latent: Tensor) -> float:
    """The largest sum of absolute latents in a kernel."""
    return float(latent.abs().flatten(2).sum(dim=2).max())


def _best_of_outputs(score: Tensor) -> Tensor:
    rows = score.reshape(len(score), -1)
    first = rows.argmax(dim=1, keepdim=True)
    mask = torch.zeros_like(rows, dtype=torch.bool).scatter_(1, first, True)
    return mask.view_as(score)


def _spread(latent: Tensor) -> Tensor:
    return latent.std(correction=0).clamp(min=torch.finfo(latent.dtype).tiny)


@dataclass(frozen=True)
class Reached:
    """The ones that layers hold, scored apart from accuracy.

    Attributes:
        ones: per layer.
        sizes: weights per layer.
        share: EC; None for no budget.
    """

    ones: tuple[int, ...]
    sizes: tuple[int, ...]
    share: float | None = None

    @classmethod
    def of(cls, model: nn.Module, share: float | None = None) -> Reached:
        """Count the masks of a model's binarised layers."""
        layers = binarised(model)
        counts = tuple(int(layer.mask.sum()) for layer in layers)
        return cls(counts, tuple(layer.latent.numel() for layer in layers), share)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Share of ones per layer."""
        return tuple(k / n for k, n in zip(self.ones, self.sizes, strict=True))

    @property
    def overall(self) -> float:
        """Share of ones over all layers."""
        return sum(self.ones) / sum(self.sizes)

    @property
    def smallest(self) -> float:
        """The least share of a layer; at 0 the layer has rank one."""
        return min(self.fractions)

    @property
    def excess(self) -> float:
        """The excess h = max(0, reached - EC); 0 without a budget."""
        return 0.0 if self.share is None else max(0.0, self.overall - self.share)

    @property
    def feasible(self) -> bool:
        """Whether h = 0, counted exactly."""
        if self.share is None:
            return True
        return sum(self.ones) <= Fraction(str(self.share)) * sum(self.sizes)
