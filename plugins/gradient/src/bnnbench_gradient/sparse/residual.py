"""The two 18-layer residual networks for 32x32 images (sbnn.md A.3).

ResNet-18: real conv 3x3 to 64 and normalisation; stages 64, 128, 256, 512 of two blocks. Block:
``hardtanh(BN(bconv(sign x)))``, then ``BN(bconv(sign .)) + shortcut``, then hardtanh; average pool
4x4, normalisation over the 512 features, linear.
ReActNet-18: real conv 3x3 to 64, normalisation, max-pool; stages of four blocks of one convolution:
shift, sign, bconv, BN, + shortcut, shift, PReLU, shift. A shortcut is the identity, or a real 1x1
convolution with BN when the shape changes, in ReActNet behind an average pool.

Both have 16 binary 3x3 convolutions with 10,985,472 weights.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnbench_gradient.sparse.layers import BinaryConv2d
from bnnbench_gradient.sparse.networks import Make, classifier, real_conv
from bnnbench_gradient.sparse.surrogates import Sign

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))


class ResBlock(nn.Module):
    """Two binary convolutions around one shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, make: Make) -> None:
        super().__init__()
        self.first = _binary(inputs, outputs, stride, make)
        self.second = _binary(outputs, outputs, 1, make)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            pointwise = real_conv(inputs, outputs, 1, stride)
            self.shortcut = nn.Sequential(pointwise, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        inner = functional.hardtanh(self.first(x))
        return functional.hardtanh(self.second(inner) + self.shortcut(x))


def _binary(inputs: int, outputs: int, stride: int, make: Make) -> nn.Sequential:
    conv = BinaryConv2d(inputs, outputs, make(), stride=stride)
    return nn.Sequential(Sign("ede"), conv, nn.BatchNorm2d(outputs))


def resnet_18(classes: int, make: Make) -> nn.Sequential:
    """ResNet-18 of the released CIFAR-10 code; signs with the surrogate ``ede``."""
    layers: list[nn.Module] = [real_conv(3, 64), nn.BatchNorm2d(64)]
    inputs = 64
    for width, stride in STAGES:
        layers += [ResBlock(inputs, width, stride, make), ResBlock(width, width, 1, make)]
        inputs = width
    pool, flatten, linear = classifier(512, classes)
    return nn.Sequential(*layers, pool, flatten, nn.BatchNorm1d(512), linear)


class Shift(nn.Module):
    """A learnt number per channel, added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The input plus the shifts."""
        return x + self.shift


class ReActBlock(nn.Module):
    """One binary convolution with a shortcut and learnt shifts."""

    def __init__(self, inputs: int, outputs: int, stride: int, make: Make) -> None:
        super().__init__()
        self.binary = nn.Sequential(
            Shift(inputs),
            Sign("react"),
            BinaryConv2d(inputs, outputs, make(), stride=stride),
            nn.BatchNorm2d(outputs),
        )
        self.activation = nn.Sequential(Shift(outputs), nn.PReLU(outputs), Shift(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride), real_conv(inputs, outputs, 1), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        return cast(Tensor, self.activation(self.binary(x) + self.shortcut(x)))


def reactnet_18(classes: int, make: Make) -> nn.Sequential:
    """ReActNet-18 of the released CIFAR-100 code; signs with the surrogate ``react``."""
    layers: list[nn.Module] = [
        real_conv(3, 64),
        nn.BatchNorm2d(64),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    inputs = 64
    for width, stride in STAGES:
        layers.append(ReActBlock(inputs, width, stride, make))
        layers += [ReActBlock(width, width, 1, make) for _ in range(3)]
        inputs = width
    return nn.Sequential(*layers, *classifier(512, classes))
