"""Small networks of binarised layers: ``mlp``, ``cnn-s`` and VGG-small (sbnn.md A.3, A.9.3).

``mlp``: both matrices binary, normalisation before every sign, outputs ``exp(t) z / sqrt(n) + b``.
``cnn-s``: real conv 3x3 to 32, then binary convolutions 32-64 (stride 2), 64-64 and 64-128
(stride 2), a sign before and normalisation after each, global average pool, real linear layer.
``vgg-small``: 3x3 convolutions 128, 128, 256, 256, 512, 512, max-pool after the 2nd, 4th and 6th,
one linear layer; first convolution and classifier real; 4,571,136 binary weights. Its details are
the usual ones of the binary-network literature, not of one paper.

Real layers count neither in sparsity nor in size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Literal, cast

import torch
from torch import Tensor, nn

from bnnbench_gradient.sparse.layers import BinaryConv2d, BinaryLinear
from bnnbench_gradient.sparse.surrogates import Sign, Surrogate
from bnnbench_gradient.sparse.values import Values

Make = Callable[[], Values]
Name = Literal["cnn-s", "vgg-small", "resnet-18", "reactnet-18"]


class Outputs(nn.Module):
    """``exp(t) z / sqrt(n) + b`` of a binarised linear layer, t and b learnt."""

    def __init__(self, layer: BinaryLinear) -> None:
        super().__init__()
        self.layer = layer
        self.t = nn.Parameter(torch.tensor(0.0))
        self.bias = nn.Parameter(torch.zeros(len(layer.latent)))

    def forward(self, x: Tensor) -> Tensor:
        """Real outputs (n, classes)."""
        z = cast(Tensor, self.layer(x))
        return z * (self.t.exp() / sqrt(self.layer.fan_in)) + self.bias


def mlp(
    inputs: int, hidden: Sequence[int], classes: int, make: Make, surrogate: Surrogate = "hard"
) -> nn.Sequential:
    """Fully connected layers, all binarised; reads (n, inputs)."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [BinaryLinear(inputs, width, make()), nn.BatchNorm1d(width), Sign(surrogate)]
        inputs = width
    return nn.Sequential(*layers, Outputs(BinaryLinear(inputs, classes, make())))


def cnn_s(
    channels: int, classes: int, make: Make, surrogate: Surrogate = "hard", width: int = 32
) -> nn.Sequential:
    """The small convolutional network; reads (n, channels, h, w).

    Args:
        channels: of the images.
        classes: outputs.
        make: values of each binarised layer.
        surrogate: backward pass of the signs.
        width: channels after the first convolution; those that follow have 2, 2 and 4 times these.
    """
    layers: list[nn.Module] = [real_conv(channels, width), nn.BatchNorm2d(width)]
    for inputs, outputs, stride in ((1, 2, 2), (2, 2, 1), (2, 4, 2)):
        layers += [
            Sign(surrogate),
            BinaryConv2d(inputs * width, outputs * width, make(), stride=stride),
            nn.BatchNorm2d(outputs * width),
        ]
    return nn.Sequential(*layers, *classifier(4 * width, classes))


def vgg_small(classes: int, make: Make, surrogate: Surrogate = "hard") -> nn.Sequential:
    """VGG-small for 32x32 images of three channels."""
    widths = (128, 128, 256, 256, 512, 512)
    layers: list[nn.Module] = [real_conv(3, widths[0]), nn.BatchNorm2d(widths[0])]
    for k in range(1, len(widths)):
        layers += [Sign(surrogate), BinaryConv2d(widths[k - 1], widths[k], make())]
        layers += [nn.MaxPool2d(2)] if k % 2 else []
        layers += [nn.BatchNorm2d(widths[k])]
    return nn.Sequential(
        *layers, Sign(surrogate), nn.Flatten(), nn.Linear(widths[-1] * 4 * 4, classes)
    )


def real_conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution in floating point that is not counted."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def classifier(features: int, classes: int) -> list[nn.Module]:
    """Global average pool and a real linear layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes)]


def network(name: Name, classes: int, make: Make) -> nn.Module:
    """A convolutional network by its name, for images of three channels.

    Raises:
        ValueError: for an unknown name.
    """
    from bnnbench_gradient.sparse.residual import reactnet_18, resnet_18

    if name == "cnn-s":
        return cnn_s(3, classes, make)
    if name == "vgg-small":
        return vgg_small(classes, make)
    if name == "resnet-18":
        return resnet_18(classes, make)
    if name == "reactnet-18":
        return reactnet_18(classes, make)
    raise ValueError(f"Known networks are cnn-s, vgg-small, resnet-18, reactnet-18; got {name!r}.")
