"""Image augmentation and mixup of the published recipes, on batches (sbnn.md A.3).

Random crop: the image padded by 4 zeros, a window of the first size. Flip: left to right with
probability 1/2. Rotation (CIFAR-100): by a uniform angle of up to 15 degrees, bilinear, zeros
outside. Mixup: one lambda ~ Beta(a, a) per batch, rows paired at random inside it, and the loss
``lambda CE(y_a) + (1 - lambda) CE(y_b)``. All draws come from a generator that the caller owns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PADDING = 4


@dataclass(frozen=True)
class Augment:
    """Random crops and flips, and rotations where asked for.

    Attributes:
        rotation: largest angle in degrees.
    """

    rotation: float = 0.0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Other views of images (n, channels, h, w), before they are normalised."""
        images = _crops(images, generator)
        flip = torch.rand(len(images), generator=generator) < 0.5
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        return _rotated(images, self.rotation, generator) if self.rotation else images


def _crops(images: Tensor, generator: torch.Generator) -> Tensor:
    n, _, h, w = images.shape
    padded = functional.pad(images, (PADDING,) * 4)
    top, left = torch.randint(2 * PADDING + 1, (2, n), generator=generator)
    rows = top[:, None] + torch.arange(h)
    columns = left[:, None] + torch.arange(w)
    each = torch.arange(n)[:, None, None]
    return padded.movedim(1, 3)[each, rows[:, :, None], columns[:, None, :]].movedim(3, 1)


def _rotated(images: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    angles = (torch.rand(len(images), generator=generator) * 2 - 1) * torch.pi * degrees / 180
    cos, sin = angles.cos(), angles.sin()
    zeros = torch.zeros_like(cos)
    rows = (torch.stack((cos, -sin, zeros), 1), torch.stack((sin, cos, zeros), 1))
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid.to(images.dtype), align_corners=False)


@dataclass(frozen=True, eq=False)
class Mixed:
    """A batch of convex combinations.

    Attributes:
        inputs: ``lam x_a + (1 - lam) x_b``.
        first: labels a.
        second: labels b.
        lam: the weight of a.
    """

    inputs: Tensor
    first: Tensor
    second: Tensor
    lam: float

    def loss(self, outputs: Tensor) -> Tensor:
        """Cross-entropy of both labels, weighted."""
        entropy = functional.cross_entropy
        if self.lam == 1:
            return entropy(outputs, self.first)
        other = entropy(outputs, self.second)
        return self.lam * entropy(outputs, self.first) + (1 - self.lam) * other


def mixup(inputs: Tensor, labels: Tensor, a: float, generator: torch.Generator) -> Mixed:
    """Mix a batch; a = 0 leaves it as it is."""
    if a == 0:
        return Mixed(inputs, labels, labels, 1.0)
    shape = torch.full((2,), float(a))
    gammas = torch._standard_gamma(shape, generator=generator)
    lam = float(gammas[0] / gammas.sum())
    other = torch.randperm(len(inputs), generator=generator)
    return Mixed(lam * inputs + (1 - lam) * inputs[other], labels, labels[other], lam)
