"""The sparsity penalty of the released code (sbnn.md A.3).

With ones counted as ``1/2 sum (s + 1)``, identity from s to the latents, ``h = max(0, ones / N -
EC)`` and the data loss L: ``lambda = gamma L / (h (1 - gamma))``, a constant in the backward pass,
0 when h is at most 1e-4 (1e-5 in the ImageNet code), and the penalty is ``lambda h``. So while the
budget is broken its value is gamma / (1 - gamma) L whatever h is, and every latent is pushed down
by ``lambda / (2 N)``, which is the weaker the larger h. It is no constraint: where it ends depends
on steps and rate. Where a codebook chooses the masks, ones are counted over the chosen patterns and
the push reaches the latents by the codebook's own backward pass, the patterns not. Latents are
clamped to [-1.5, 1.5] after each step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bnnbench_gradient.budgets import CLIP, FEASIBLE
from bnnbench_gradient.sparse.layers import Binarised
from bnnbench_gradient.sparse.surrogates import slope, through


def penalty(
    loss: Tensor,
    codes: Sequence[Tensor],
    share: float,
    gamma: float,
    threshold: float = FEASIBLE,
) -> Tensor:
    """The penalty to add to a data loss.

    Args:
        loss: the data loss, a scalar.
        codes: of all binarised layers, from :func:`counted`.
        share: EC.
        gamma: share of the penalty in the total, in [0, 1).
        threshold: excess up to which nothing is added.
    """
    total = sum(c.numel() for c in codes)
    ones = torch.stack([(c + 1).sum() / 2 for c in codes]).sum()
    excess = (ones / total - share).clamp(min=0)
    if float(excess.detach()) <= threshold:
        return torch.zeros_like(loss)
    strength = gamma * loss.detach() / (excess.detach() * (1 - gamma))
    return strength * excess


def counted(layer: Binarised) -> Tensor:
    """The codes -1 / +1 of a layer in the last forward pass, differentiable by its latents."""
    latent = layer.latent
    if layer.codebook is None:
        return through(latent, torch.where(latent.detach() > 0, 1.0, -1.0).to(latent.dtype))
    codes = layer.mask.to(latent.dtype) * 2 - 1
    return through(latent, codes, slope(latent.detach(), "hard"))


@torch.no_grad()
def clamp(latents: Sequence[Tensor]) -> None:
    """What the released code does after each step with the penalty; never with a mask of top k."""
    for latent in latents:
        latent.clamp_(-CLIP, CLIP)
