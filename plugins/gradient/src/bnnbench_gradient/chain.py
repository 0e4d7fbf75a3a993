"""Forward and backward pass of the solver papers' gradient code (sbnn.md B.10).

Dense layers ``z = a W + b`` on feature values in float32. Hidden units
``a = sb(z + 0.001)`` with ``sb(t) = 2 rint(clip((t + 1) / 2, 0, 1)) - 1``, halves to even, so
sb(0) = -1; backward 1 for |z + 0.001| <= 1, else 0. The 0.001 sends z = 0 to +1 as the evaluated
network does, but also every z in (-0.001, 0), which the evaluated network sends to -1.
Complexity: O(rows weights) per pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bnnbench_gradient.layout import Layout

SHIFT = 0.001


def binarised(t: Tensor) -> Tensor:
    """sb(t): -1 or +1, with sb(0) = -1."""
    return ((t + 1) / 2).clamp_(0, 1).round_().mul_(2).sub_(1)


def window(t: Tensor) -> Tensor:
    """The derivative that sb is given: 1 for |t| <= 1, else 0."""
    return (t.abs() <= 1).to(t.dtype)


def truncated_normal(columns: int, sd: float, generator: torch.Generator) -> Tensor:
    """Normal numbers of mean 0, redrawn outside two standard deviations; shape (columns,)."""
    values = torch.empty(columns)
    torch.nn.init.trunc_normal_(values, 0.0, sd, -2 * sd, 2 * sd, generator=generator)
    return values


@dataclass(frozen=True, eq=False)
class Pass:
    """What the backward pass needs.

    Attributes:
        row: weights and biases, shape (n_weights + n_biases,).
        inputs: per layer what it reads, shape (rows, fan_in).
        pre: per layer the pre-activations, shape (rows, width).
    """

    row: Tensor
    inputs: tuple[Tensor, ...]
    pre: tuple[Tensor, ...]

    @property
    def output(self) -> Tensor:
        """Output pre-activations, shape (rows, outputs)."""
        return self.pre[-1]


@dataclass(frozen=True, eq=False)
class Chain:
    """The computation of a dense network whose weights and biases stand in one row."""

    layout: Layout

    def forward(self, row: Tensor, features: Tensor) -> Pass:
        """All layers; ``row`` holds weights, then biases, ``features`` values (rows, d)."""
        n, inputs = self.layout.n_weights, [features]
        pre: list[Tensor] = []
        for place in self.layout.layers:
            if pre:
                inputs.append(binarised(pre[-1] + SHIFT))
            biases = row[n + place.biases.start : n + place.biases.stop]
            pre.append(torch.addmm(biases, inputs[-1], row[place.weights].view(place.shape)))
        return Pass(row, tuple(inputs), tuple(pre))

    def backward(self, done: Pass, at_output: Tensor) -> Tensor:
        """The gradient with respect to the row, from that with respect to the output."""
        n, into, at_pre = self.layout.n_weights, torch.empty_like(done.row), at_output
        for k in range(len(done.pre) - 1, -1, -1):
            place = self.layout.layers[k]
            torch.mm(done.inputs[k].T, at_pre, out=into[place.weights].view(place.shape))
            into[n + place.biases.start : n + place.biases.stop] = at_pre.sum(dim=0)
            if k:
                matrix = done.row[place.weights].view(place.shape)
                at_pre = (at_pre @ matrix.T) * window(done.pre[k - 1] + SHIFT)
        return into
