"""Adam with a cosine rate on stacked models (sbnn.md B.5).

Adam (0.9, 0.999, 1e-8), bias-corrected, no weight decay; the rate of step t = 0..T-1 is
``lr / 2 (1 + cos(pi t / T))``. Every operation is elementwise, one row per model with a rate of its
own, so models do not see each other. Complexity: O(K columns) per step.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


class Adam:
    """The state of one run on parameters of shape (K, columns).

    Args:
        parameters: updated in place.
        rates: initial learning rate per model, shape (K,).
        steps: T, the length of the cosine.
    """

    def __init__(self, parameters: Tensor, rates: Tensor, steps: int) -> None:
        self._parameters = parameters
        self._rates = rates[:, None]
        self._steps = steps
        self._t = 0
        self._mean = torch.zeros_like(parameters)
        self._square = torch.zeros_like(parameters)

    def step(self, gradient: Tensor) -> None:
        """One update with a gradient of the parameters' shape."""
        cosine = (1 + math.cos(math.pi * self._t / self._steps)) / 2
        self._t += 1
        self._mean.lerp_(gradient, 1 - BETA1)
        self._square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        root = math.sqrt(1 - BETA2**self._t)
        denominator = self._square.sqrt().div_(root).add_(EPS)
        rates = self._rates * (cosine / (1 - BETA1**self._t))
        self._parameters.sub_(torch.div(self._mean, denominator).mul_(rates))
