"""Training losses of many models at once, with their gradients (sbnn.md B.4).

Cross-entropy: softmax over the outputs, mean over the batch; a single output takes the logistic
loss ``log(1 + exp(-s o))``. Squared hinge: mean over the batch of ``sum_j max(0, 1 - s_j o_j)^2``.
Complexity: O(K batch outputs).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

LossName = Literal["cross-entropy", "squared-hinge"]
Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def cross_entropy(outputs: Tensor, signs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss per model and its gradient with respect to the outputs.

    Args:
        outputs: real outputs, shape (K, batch, q).
        signs: wanted signs -1 / +1, same shape.

    Returns:
        Losses (K,) and gradients (K, batch, q).
    """
    batch = outputs.shape[1]
    if outputs.shape[2] == 1:
        margins = outputs * signs
        loss = functional.softplus(-margins).mean(dim=(1, 2))
        return loss, signs * torch.sigmoid(-margins) / -batch
    wanted = (signs > 0).to(outputs.dtype)
    logs = torch.log_softmax(outputs, dim=2)
    loss = (logs * wanted).sum(dim=(1, 2)) / -batch
    return loss, (logs.exp() - wanted) / batch


def squared_hinge(outputs: Tensor, signs: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`cross_entropy`, for the squared hinge with margin 1."""
    batch = outputs.shape[1]
    short = (1 - outputs * signs).clamp_(min=0)
    return short.square().sum(dim=(1, 2)) / batch, signs * short * (-2 / batch)


LOSSES: dict[LossName, Loss] = {"cross-entropy": cross_entropy, "squared-hinge": squared_hinge}
