"""Rounds of PARQ: piecewise-affine regularised weights, hardened gradually (sbnn.md B.11).

torchao's ``QuantOptimizer`` keeps latent weights, lets Adam update them, and hands the forward pass
their proximal map: the identity at first, then affine pieces of growing slope around 0, at the end
the two values -v and +v, v the mean absolute latent of a layer; the straight-through estimator is
the limit of slope infinity. The gradient is taken at the mapped weights. A row of a parameter is
one model, so torchao's values per channel are values per model and layer. Biases in the weights'
set are rows of the layer's matrix; v > 0 changes neither signs nor the argmax, and signs are
exported. Complexity: that of a round of :mod:`rounds`.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bnnbench.problem import Problem
from bnnbench_gradient.rounds import Round
from bnnbench_gradient.training import Recipe, Trainer

with warnings.catch_warnings():
    # it warns of absent kernels, which are not used here
    warnings.simplefilter("ignore")
    logging.getLogger("torchao").setLevel(logging.ERROR)
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
    from torchao.prototype.parq.optim import ProxPARQ, QuantOptimizer
    from torchao.prototype.parq.quant import LSBQuantizer


class ParqTrainer(Trainer):
    """As :class:`Trainer`, with rounds of PARQ.

    Args:
        problem: what is trained for.
        recipe: with one rate.
        anneal: shares of the steps at which hardening begins and ends.
        steepness: of the sigmoid in between.
        period: steps between updates of v.
    """

    def __init__(
        self,
        problem: Problem,
        recipe: Recipe,
        anneal: tuple[float, float],
        steepness: float,
        period: int,
    ) -> None:
        super().__init__(problem, recipe)
        self.anneal, self.steepness, self.period = anneal, steepness, period

    def columns(self) -> list[Tensor]:
        """The quantised columns of each layer."""
        n, same = self.layout.n_weights, self.problem.domain.bias == "same"
        parts = []
        for place in self.layout.layers:
            weights = torch.arange(place.weights.start, place.weights.stop)
            biases = torch.arange(place.biases.start, place.biases.stop) + n
            parts.append(torch.cat((weights, biases)) if same else weights)
        return parts

    def start(self, seed: int, indices: Sequence[int]) -> ParqRound:
        """The models of these indices, initialised."""
        return ParqRound(self, seed, indices)


class ParqRound(Round):
    """K models whose quantised columns belong to torchao's optimiser."""

    trainer: ParqTrainer

    def __init__(self, trainer: ParqTrainer, seed: int, indices: Sequence[int]) -> None:
        super().__init__(trainer, seed, indices)
        self._steps = trainer.recipe.epochs * trainer.batches
        self._columns = trainer.columns()
        self._matrices = [
            torch.nn.Parameter(self._latents[:, columns]) for columns in self._columns
        ]
        self._parq = self._optimiser()

    def _optimiser(self) -> Any:
        trainer = self.trainer
        rate = trainer.recipe.rates[0]
        group = {"params": self._matrices, "quant_bits": 1}
        first, last = (round(share * self._steps) for share in trainer.anneal)
        return QuantOptimizer(
            torch.optim.Adam([group], lr=rate),
            LSBQuantizer(),
            ProxPARQ(first, max(first + 1, last), steepness=trainer.steepness),
            quant_period=trainer.period,
            quant_per_channel=True,
        )

    def quantised(self) -> tuple[Tensor, Tensor]:
        """Mapped weights and biases, real until they are hard; free thresholds are latent."""
        weights, biases = self._parts()
        arcs = self.trainer.arcs
        unused = self.trainer.problem.domain.bias == "none"
        return (
            weights if arcs is None else weights * arcs,
            torch.zeros_like(biases) if unused else biases,
        )

    def _final(self) -> tuple[Tensor, Tensor]:
        return super().quantised()

    def _update(self, gradient: Tensor) -> None:
        rate = self.trainer.recipe.rates[0]
        cosine = (1 + math.cos(math.pi * self.done / self._steps)) / 2
        for group in self._parq.param_groups:
            group["lr"] = rate * cosine
        for matrix, columns in zip(self._matrices, self._columns, strict=True):
            matrix.grad = gradient[:, columns]
        self._parq.step()
        self._adam.step(gradient)
        for matrix, columns in zip(self._matrices, self._columns, strict=True):
            self._latents[:, columns] = matrix.detach()
