"""Signs and codes with a backward pass of their own (sbnn.md A.3, B.2).

Forward: +1 for t >= 0 and -1 below for activations; codes of weights are chosen elsewhere, with the
one rule s = +1 iff w > 0. The released code takes 0 at 0 in one place and -1 in another.

==========  =====================================================================================
surrogate   backward factor
==========  =====================================================================================
``hard``    1 for abs(t) <= 1, else 0
``ede``     k f (1 - tanh(f t)^2), f = 10^(-1 + 2 e / E) in epoch e of E, k = max(1/f, 1)
``react``   2 + 2 t on [-1, 0), 2 - 2 t on [0, 1), else 0
``identity``  1
==========  =====================================================================================
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

Surrogate = Literal["identity", "hard", "ede", "react"]


class _Through(torch.autograd.Function):
    """A constant in the forward pass, a multiple of the gradient in the backward pass."""

    @staticmethod
    def forward(ctx: Any, latent: Tensor, codes: Tensor, factor: Tensor | None) -> Tensor:
        ctx.factor = factor
        return codes.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        return gradient if ctx.factor is None else gradient * ctx.factor, None, None


def through(latent: Tensor, codes: Tensor, factor: Tensor | None = None) -> Tensor:
    """``codes``, with the gradient times ``factor`` passed to ``latent``."""
    result: Tensor = _Through.apply(latent, codes, factor)  # type: ignore[no-untyped-call]
    return result


def slope(t: Tensor, surrogate: Surrogate, sharpness: float = 1.0) -> Tensor | None:
    """Backward factor of a surrogate at t; None for the identity.

    Args:
        t: latents or pre-activations.
        surrogate: see the module.
        sharpness: f of ``ede``.
    """
    if surrogate == "identity":
        return None
    if surrogate == "ede":
        bend = 1 - torch.tanh(sharpness * t).square()
        return max(1 / sharpness, 1.0) * sharpness * bend
    size = t.abs()
    if surrogate == "hard":
        return (size <= 1).to(t.dtype)
    return (2 - 2 * size).clamp(min=0)


def ede_sharpness(epoch: int, epochs: int) -> float:
    """The parameter f of ``ede`` in an epoch counted from 0."""
    return float(10 ** (-1 + 2 * epoch / epochs))


class Sign(nn.Module):
    """The sign activation, +1 at 0.

    Attributes:
        surrogate: its backward pass.
        sharpness: f of ``ede``, moved by the training loop.
    """

    def __init__(self, surrogate: Surrogate = "hard") -> None:
        super().__init__()
        self.surrogate: Surrogate = surrogate
        self.sharpness = ede_sharpness(0, 1)

    def forward(self, t: Tensor) -> Tensor:
        """Signs of t."""
        signs = (t >= 0).to(t.dtype) * 2 - 1
        with torch.no_grad():
            factor = slope(t, self.surrogate, self.sharpness)
        return through(t, signs, factor)
