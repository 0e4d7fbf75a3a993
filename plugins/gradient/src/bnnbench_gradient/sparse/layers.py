"""Linear layers and convolutions whose weights take few values (sbnn.md A.1, A.3).

The mask is not the layer's own affair, since one budget spans all layers: a rule of :mod:`masks`
sets it before a forward pass. Convolutions pad with 0 after the activation, so a border tap counts
for nothing instead of alpha or beta. Layers carry no bias: normalisation follows.
"""

from __future__ import annotations

from math import prod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnbench_gradient.sparse.codebook import Codebook
from bnnbench_gradient.sparse.values import Values

START = 0.1
"""Latents begin uniform in [-START, START]: of both signs, so that no mask starts all ones."""


class Binarised(nn.Module):
    """What both kinds of layer share.

    Attributes:
        latent: real numbers behind the weights, the outputs first.
        values: what the codes stand for.
        mask: which weights are beta, or not 0; set by a mask rule.
        codebook: restricts the mask to few patterns per kernel; None for any mask.
        real: use latents themselves as weights, for training in floating point.
        fixed: weights that replace all of this, from a closed form.
    """

    mask: Tensor
    fixed: Tensor | None

    def __init__(self, shape: tuple[int, ...], values: Values) -> None:
        super().__init__()
        self.latent = nn.Parameter(torch.empty(shape).uniform_(-START, START))
        self.values = values
        self.codebook: Codebook | None = None
        self.real = False
        self.register_buffer("mask", self.latent.detach() > 0)
        self.register_buffer("fixed", None)

    @property
    def fan_in(self) -> int:
        """Inputs per output."""
        return prod(self.latent.shape[1:])

    def weight(self) -> Tensor:
        """The weights of this forward pass."""
        if self.fixed is not None:
            return self.fixed
        if self.real:
            return self.latent
        if self.codebook is not None:
            codes = cast(Tensor, self.codebook(self.latent))
            self.mask = codes.detach() > 0
            return self.values.tau * codes + self.values.phi
        return self.weight_of(self.mask)

    def weight_of(self, mask: Tensor) -> Tensor:
        """The weights a mask stands for, differentiable."""
        latent = self.latent
        weights: Tensor = self.values(latent, self.values.codes(latent.detach(), mask))
        return weights


class BinaryLinear(Binarised):
    """A matrix product: (n, fan_in) gives (n, outputs)."""

    def __init__(self, inputs: int, outputs: int, values: Values) -> None:
        super().__init__((outputs, inputs), values)

    def forward(self, x: Tensor) -> Tensor:
        """Products with the weights."""
        return functional.linear(x, self.weight())


class BinaryConv2d(Binarised):
    """A convolution with zero padding; keeps the size at stride 1 for odd kernels."""

    def __init__(
        self, inputs: int, outputs: int, values: Values, kernel: int = 3, stride: int = 1
    ) -> None:
        super().__init__((outputs, inputs, kernel, kernel), values)
        self.stride, self.padding = stride, kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of (n, inputs, h, w)."""
        return functional.conv2d(x, self.weight(), stride=self.stride, padding=self.padding)


def binarised(model: nn.Module) -> list[Binarised]:
    """The binarised layers of a model in their order: what sparsity and size are counted over."""
    return [layer for layer in model.modules() if isinstance(layer, Binarised)]
