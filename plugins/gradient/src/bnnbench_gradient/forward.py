"""Forward and backward pass of K quantised networks at once (sbnn.md B.2, B.6).

Layer: ``z = a Q + c b`` on numerators. Features come as integers over a scale S; where they enter a
layer, hidden values and biases of that layer are multiplied by c = S (c = 1 elsewhere), so that all
terms of a sum have one unit and float32 is exact below 2**24.

Hidden unit: sigma = population sd of z over the mini-batch, per model and unit, + 1e-5 (1 for a
mini-batch of one), a constant in the backward pass; a = sgn(z) with sgn(0) = +1, or [z >= 0] for
step; ``da/dz = [|z / sigma| <= 1] / sigma``, half of it for step. No mean is subtracted, so the
decisions are those of the integer network.

Free thresholds (the other hypothesis class of sbnn.md B.1): batch normalisation without a factor,
whose sign would be the only thing that matters. ``z - mu + d sigma >= 0`` is, for integer z,
``z + b >= 0`` with b = floor(d sigma - mu); mu and sigma are those of the mini-batch, constants in
the backward pass unless ``through`` is set, and ``db/dd = sigma``. With ``through`` they are
differentiated: of the gradient at z its mean and its part along the normalised z are taken out, so
that a common shift of all z, such as another rho gives them, counts for nothing. An output has no
sign to protect and is not normalised: ``b = floor(d r + 1/2)`` with r the divisor below,
``db/dd = r``.

Output: ``o = exp(theta) z / sqrt(n + 1)``, n the fan-in. Features that reach the output directly
count in n with their mean square instead of 1, which keeps o of order one for any feature range.

Complexity: O(K batch weights), by one batched product per layer forward and two backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bnnbench_gradient.layout import Layout, Place

EPS = 1e-5


@dataclass(frozen=True, eq=False)
class Step:
    """What the backward pass needs of one layer.

    Attributes:
        inputs: stacked sources, shape (K, batch, fan_in).
        weights: numerators, shape (K, fan_in, width).
        pre: pre-activations with bias, shape (K, batch, width).
        sigma: their sd, shape (K, 1, width); None for the output.
        bias_slope: derivative of ``pre`` with respect to the bias parameter, or (K, width) of them.
    """

    inputs: Tensor
    weights: Tensor
    pre: Tensor
    sigma: Tensor | None
    bias_slope: Tensor | float


@dataclass(frozen=True, eq=False)
class Stack:
    """The computation that K networks of one layout share.

    Attributes:
        layout: columns of the parameters.
        scale: S, denominator of the features.
        weight_scale: denominator of weights and bounded biases.
        low: lower activation, -1 for sign and 0 for step.
        free: whether biases are free thresholds.
        output_divisor: sqrt(n + 1) times the unit of the output pre-activation.
        through: whether batch statistics are differentiated.
    """

    layout: Layout
    scale: int
    weight_scale: int
    low: int
    free: bool
    output_divisor: float
    through: bool = False
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", len(self.layout.layers))

    def factor(self, place: Place) -> int:
        """The multiplier c of hidden values and biases in a layer."""
        return self.scale if place.reads_input else 1

    def forward(self, weights: Tensor, biases: Tensor, features: Tensor) -> list[Step]:
        """All layers of one mini-batch.

        Args:
            weights: numerators, shape (K, n_weights).
            biases: numerators, or latent thresholds d for free ones, shape (K, n_biases).
            features: integers as floats, shape (K, batch, d).
        """
        values, steps = [features], []
        for k, place in enumerate(self.layout.layers, start=1):
            inputs = self._stack(place, values)
            matrix = weights[:, place.weights].reshape(-1, *place.shape)
            step = self._layer(place, inputs, matrix, biases[:, place.biases], k == self.depth)
            steps.append(step)
            if k < self.depth:
                values.append((step.pre >= 0).to(features.dtype).mul_(1 - self.low).add_(self.low))
        return steps

    def _layer(
        self, place: Place, inputs: Tensor, matrix: Tensor, biases: Tensor, last: bool
    ) -> Step:
        c = self.factor(place)
        unit = c * self.weight_scale
        if self.free and not last:
            pre = torch.bmm(inputs, matrix)
            mean, sigma = spread(pre, unit)
            pre += torch.floor(biases[:, None] * sigma - mean)
            return Step(inputs, matrix, pre, sigma, sigma[:, 0])
        shifts = self.output_shifts(biases) if self.free else biases * c
        pre = torch.baddbmm(shifts[:, None], inputs, matrix)
        slope = self.output_divisor if self.free else c
        return Step(inputs, matrix, pre, None if last else spread(pre, unit)[1], slope)

    def output_shifts(self, latents: Tensor) -> Tensor:
        """Numerators of free output biases."""
        return torch.floor(latents * self.output_divisor + 0.5)

    def _stack(self, place: Place, values: Sequence[Tensor]) -> Tensor:
        c = self.factor(place)
        parts = [values[s] if s == 0 or c == 1 else values[s] * c for s in place.sources]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    def outputs(self, last: Step, theta: Tensor) -> Tensor:
        """Real outputs o of the last layer; theta has shape (K,)."""
        return last.pre * (theta.exp() / self.output_divisor)[:, None, None]

    def backward(self, steps: Sequence[Step], gradient: Tensor, into: Tensor) -> None:
        """Gradients with respect to numerators (or latent thresholds), written into ``into``.

        Args:
            steps: from :meth:`forward`.
            gradient: with respect to the output pre-activations, shape (K, batch, q).
            into: shape (K, size); its last column, theta, is left alone.
        """
        at_values: dict[int, Tensor] = {}
        offset = self.layout.n_weights
        for k in range(self.depth, 0, -1):
            place, step = self.layout.layers[k - 1], steps[k - 1]
            at_pre = gradient if k == self.depth else self._through(step, at_values.pop(k, None))
            at_bias = at_pre.sum(dim=1) * step.bias_slope
            if self.through and k < self.depth:
                at_pre = orthogonal(step, at_pre)
            into[:, place.weights] = torch.bmm(step.inputs.transpose(1, 2), at_pre).flatten(1)
            into[:, offset + place.biases.start : offset + place.biases.stop] = at_bias
            self._spread_back(place, step, at_pre, at_values)

    def _through(self, step: Step, at_value: Tensor | None) -> Tensor:
        """Back through the activation; nothing arrives at a layer that feeds no other."""
        assert step.sigma is not None
        if at_value is None:
            return torch.zeros_like(step.pre)
        window = (step.pre.abs() <= step.sigma).to(at_value.dtype)
        return at_value * window * ((1 - self.low) / 2 / step.sigma)

    def _spread_back(
        self, place: Place, step: Step, at_pre: Tensor, at_values: dict[int, Tensor]
    ) -> None:
        if place.sources == (0,):
            return
        at_inputs = torch.bmm(at_pre, step.weights.transpose(1, 2))
        parts = torch.split(at_inputs, list(place.widths), dim=2)
        for source, part in zip(place.sources, parts, strict=True):
            if source == 0:
                continue
            share = part * self.factor(place)
            at_values[source] = at_values[source] + share if source in at_values else share


def orthogonal(step: Step, at_pre: Tensor) -> Tensor:
    """The gradient at z of a normalised unit: without its mean and its part along z."""
    assert step.sigma is not None
    normalised = (step.pre - step.pre.mean(dim=1, keepdim=True)) / step.sigma
    along = (at_pre * normalised).mean(dim=1, keepdim=True)
    return at_pre - at_pre.mean(dim=1, keepdim=True) - normalised * along


def spread(pre: Tensor, unit: int) -> tuple[Tensor, Tensor]:
    """Mean and sigma over the mini-batch, shapes (K, 1, width), in numerators over ``unit``."""
    mean = pre.mean(dim=1, keepdim=True)
    if pre.shape[1] == 1:
        return mean, torch.full_like(mean, unit)
    return mean, (pre - mean).square_().mean(dim=1, keepdim=True).sqrt_().add_(EPS * unit)
