"""Rounds of Bop: binary weights flipped by averaged gradients (sbnn.md B.11; Helwegen et al. 2019).

There are no latent weights. With g the gradient at a weight w of -1 or +1,

    m <- (1 - gamma) m + gamma g,    w <- -w where abs(m) > threshold and sgn(m) = sgn(w),

and gamma falls along a cosine. Biases in the weights' set are treated alike; free thresholds and
the output scale are real parameters and go by Adam. Complexity: that of a round of :mod:`rounds`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from bnnbench.problem import Problem
from bnnbench_gradient.rounds import Round
from bnnbench_gradient.training import Recipe, Trainer


class BopTrainer(Trainer):
    """As :class:`Trainer`, with rounds of Bop.

    Args:
        problem: what is trained for.
        recipe: its rates are those of the real parameters.
        adaptivity: gamma.
        threshold: least average that flips a weight.
    """

    def __init__(
        self, problem: Problem, recipe: Recipe, adaptivity: float, threshold: float
    ) -> None:
        super().__init__(problem, recipe)
        self.adaptivity, self.threshold = adaptivity, threshold
        n = self.layout.n_weights
        self.binary = n if problem.domain.bias == "free" else n + self.layout.n_biases

    def start(self, seed: int, indices: Sequence[int]) -> BopRound:
        """The models of these indices, initialised."""
        return BopRound(self, seed, indices)


class BopRound(Round):
    """K models whose binary columns hold -1 and +1 themselves."""

    trainer: BopTrainer

    def __init__(self, trainer: BopTrainer, seed: int, indices: Sequence[int]) -> None:
        super().__init__(trainer, seed, indices)
        binary = self._latents[:, : trainer.binary]
        binary.copy_(torch.where(binary >= 0, 1.0, -1.0))
        self._average = torch.zeros_like(binary)
        self._steps = trainer.recipe.epochs * trainer.batches

    def _update(self, gradient: Tensor) -> None:
        trainer = self.trainer
        binary = self._latents[:, : trainer.binary]
        cosine = (1 + math.cos(math.pi * self.done / self._steps)) / 2
        self._average.lerp_(gradient[:, : trainer.binary], trainer.adaptivity * cosine)
        flipped = torch.where(self._average * binary > trainer.threshold, -binary, binary)
        # Adam moves all columns; the binary ones are put back
        self._adam.step(gradient)
        binary.copy_(flipped)
