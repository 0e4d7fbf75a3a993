"""Adam as TensorFlow 1 wrote it (sbnn.md B.10.1).

``V -= r(t) sqrt(1 - b2^T) / (1 - b1^T) m / (sqrt(v) + 1e-8)`` with T = t + 1 and t the updates done
before; the rate is ``r(t) = lr decay^(t / 1000)``, the exponent continuous. The epsilon stands
beside the uncorrected root, so tiny gradients move less than in the article's form.
Complexity: O(columns) per step.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
PERIOD = 1000


class TensorFlowAdam:
    """The state of one run.

    Args:
        parameters: updated in place.
        rate: initial learning rate.
        decay: factor on the rate per 1000 updates; 1 for a constant rate.
    """

    def __init__(self, parameters: Tensor, rate: float, decay: float = 1.0) -> None:
        self._parameters, self._rate, self._decay = parameters, rate, decay
        self._mean = torch.zeros_like(parameters)
        self._square = torch.zeros_like(parameters)
        self.done = 0

    def step(self, gradient: Tensor) -> None:
        """One update with a gradient of the parameters' shape."""
        rate = self._rate * self._decay ** (self.done / PERIOD)
        self.done += 1
        rate *= math.sqrt(1 - BETA2**self.done) / (1 - BETA1**self.done)
        self._mean.mul_(BETA1).add_(gradient, alpha=1 - BETA1)
        self._square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        self._parameters.addcdiv_(self._mean, self._square.sqrt().add_(EPS), value=-rate)
