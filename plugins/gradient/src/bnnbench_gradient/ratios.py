"""The ratio rho of two-valued layers, learnt and then fixed (sbnn.md A.1, A.6, A.8).

A layer of weights ``tau s + phi``, s = -1 / +1, is ``tau (s + kappa)`` with ``kappa = phi / tau``,
or ``2 tau (m + rho)`` with ``rho = (kappa - 1) / 2``. In front of a normalised sign, and in front
of the output's learnt scale, tau changes nothing that the domain can express, so kappa alone is
learnt: from phi = 0, by Adam at the model's rate, kept between the extremes that the domain allows.
After a share of the steps every kappa moves to the nearest one allowed, and training goes on with
it: latents and thresholds adapt to the ratio that is exported.
Complexity: O(K weights) per step, for the sums of gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnbench_gradient.adam import Adam
from bnnbench_gradient.layout import Layout


class Ratios:
    """rho of K models' layers as numerators over ``span``, real while they are learnt.

    Args:
        allowed: numerators the domain allows, shape (R,).
        span: their denominator, which is also beta - alpha in numerators.
        rates: learning rate per model, shape (K,).
        steps: length of the training.
        learnt: how many of the steps rho is learnt.
        layout: gives the layers.
    """

    def __init__(
        self, allowed: Tensor, span: int, rates: Tensor, steps: int, learnt: int, layout: Layout
    ) -> None:
        self._kappas = 2 * allowed.sort().values / span + 1
        self._span, self._left, self._layout = span, learnt, layout
        start = self._kappas[self._kappas.abs().argmin()]
        self._kappa = start.repeat(len(rates), len(layout.layers))
        self._adam = Adam(self._kappa, rates, steps)
        if learnt < 1 or len(self._kappas) == 1:
            self._snap()

    @property
    def fixed(self) -> bool:
        """Whether they have their final values."""
        return self._left == 0

    @property
    def lower(self) -> Tensor:
        """Numerators of alpha, shape (K, depth)."""
        return (self._kappa - 1) * (self._span / 2)

    @property
    def final(self) -> Tensor:
        """As :attr:`lower`, each moved to the nearest numerator allowed."""
        nearest = (self._kappa[..., None] - self._kappas).abs().argmin(dim=-1)
        return torch.round((self._kappas[nearest] - 1) * (self._span / 2))

    def step(self, at_weights: Tensor) -> None:
        """One update; the gradient with respect to the weights' numerators has (K, weights)."""
        sums = [at_weights[:, place.weights].sum(dim=1) for place in self._layout.layers]
        self._adam.step(torch.stack(sums, dim=1) * (self._span / 2))
        self._kappa.clamp_(self._kappas[0], self._kappas[-1])
        self._left -= 1
        if self._left == 0:
            self._snap()

    def _snap(self) -> None:
        self._kappa.copy_(1 + 2 * self.final / self._span)
        self._left = 0
