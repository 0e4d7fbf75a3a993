"""One round: K models trained side by side from their own seeds (sbnn.md B.2, B.5, B.6).

A model is known by its index: the index fixes its rate (``rates[index % R]``) and, with the seed,
its generator, from which its grids, its latents U(-1, 1) and its permutations come. So its result
does not depend on how many models share the round, up to the summation order of the batched
product.

Complexity: epochs x rows x weights per model, three products each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bnnbench.network import Layer, Network
from bnnbench_gradient.adam import Adam
from bnnbench_gradient.budgets import push
from bnnbench_gradient.losses import LOSSES
from bnnbench_gradient.thresholds import population_thresholds

if TYPE_CHECKING:
    from bnnbench_gradient.training import Trainer


class Round:
    """K models and the state of their training.

    Attributes:
        indices: who they are.
        losses: mean training loss per model over the current epoch so far, shape (K,).
        done: steps taken.
    """

    def __init__(self, trainer: Trainer, seed: int, indices: Sequence[int]) -> None:
        self.trainer, self.indices = trainer, tuple(indices)
        recipe, layout = trainer.recipe, trainer.layout
        self._generators = [_generator(seed, index) for index in indices]
        lowest = trainer.tensor([g.lo for g in trainer.problem.domain.grids()])
        choices = [
            torch.randint(len(lowest), (len(layout.layers),), generator=g) for g in self._generators
        ]
        latents = [
            torch.rand(layout.size, generator=g, dtype=torch.float64) * 2 - 1
            for g in self._generators
        ]
        self._latents = torch.stack(latents).to(recipe.device, recipe.dtype) * recipe.start
        self._latents[:, -1] = 0
        rates = trainer.tensor([recipe.rates[i % len(recipe.rates)] for i in indices])
        steps = recipe.epochs * trainer.batches
        self._ratios = None if recipe.sparse is None else trainer.ratios(rates, steps)
        self._starts = lowest[torch.stack(choices).to(recipe.device)]
        self._quantise()
        self._adam = Adam(self._latents, rates, steps)
        self._gradient = torch.zeros_like(self._latents)
        self.losses = torch.zeros(len(self.indices), dtype=recipe.dtype, device=recipe.device)
        self.done = 0
        self._exported: tuple[int, tuple[np.ndarray, np.ndarray]] | None = None

    def _quantise(self, final: bool = False) -> None:
        """Quantisers of the current rho, or of the rho and the quotas of the exported network."""
        if self._ratios is not None:
            self._starts = self._ratios.final if final else self._ratios.lower
        sparse = self.trainer.recipe.sparse
        projected = final or sparse is None or sparse.gamma is None
        self._of_weights, self._of_biases = self.trainer.quantisers(self._starts, projected)

    def run(self, expired: Callable[[], bool] = lambda: False) -> bool:
        """Train to the end; False when ``expired()`` became true before, asked at every step."""
        for _ in range(self.trainer.recipe.epochs):
            rows = self._permutations()
            total = torch.zeros_like(self.losses)
            for b in range(self.trainer.batches):
                if expired():
                    return False
                total += self._step(*self._batch(rows, b))
                self.losses = total / (b + 1)
        return True

    def _permutations(self) -> Tensor | None:
        """Row order per model, shape (K, N); None when one batch holds all rows."""
        if self.trainer.batches == 1:
            return None
        n = len(self.trainer.X)
        orders = [torch.randperm(n, generator=g) for g in self._generators]
        return torch.stack(orders).to(self.trainer.recipe.device)

    def _batch(self, rows: Tensor | None, b: int) -> tuple[Tensor, Tensor]:
        X, signs = self.trainer.X, self.trainer.signs
        if rows is None:
            k = len(self.indices)
            return X.expand(k, *X.shape), signs.expand(k, *signs.shape)
        size = self.trainer.recipe.batch
        chosen = rows[:, b * size : (b + 1) * size]
        return functional.embedding(chosen, X), functional.embedding(chosen, signs)

    def _parts(self) -> tuple[Tensor, Tensor]:
        """Views of the latents of weights and of biases."""
        n = self.trainer.layout.n_weights
        return self._latents[:, :n], self._latents[:, n:-1]

    def quantised(self) -> tuple[Tensor, Tensor]:
        """Numerators to train with: weights, and biases or free thresholds, which are latent."""
        weights, biases = self._parts()
        if self._of_biases is not None:
            return self._of_weights(weights), self._of_biases(biases)
        free = self.trainer.stack.free
        return self._of_weights(weights), biases if free else torch.zeros_like(biases)

    def _step(self, features: Tensor, signs: Tensor) -> Tensor:
        """One update of all models; returns their losses before it."""
        stack, n = self.trainer.stack, self.trainer.layout.n_weights
        theta, gradient = self._latents[:, -1], self._gradient
        steps = stack.forward(*self.quantised(), features)
        outputs = stack.outputs(steps[-1], theta)
        losses, at_outputs = LOSSES[self.trainer.recipe.loss](outputs, signs)
        factor = theta.exp() / stack.output_divisor
        stack.backward(steps, at_outputs * factor[:, None, None], gradient)
        self._learn_ratios(gradient[:, :n])
        gradient[:, :n] *= self._of_weights.slope
        gradient[:, :n] += self._push(losses)
        if self._of_biases is not None:
            gradient[:, n:-1] *= self._of_biases.slope
        elif not stack.free:
            gradient[:, n:-1] = 0
        gradient[:, -1] = (at_outputs * outputs).sum(dim=(1, 2))
        self._update(gradient)
        self.done += 1
        return losses

    def _update(self, gradient: Tensor) -> None:
        """One step of the optimiser on all latents."""
        self._adam.step(gradient)
        weights, biases = self._parts()
        self._of_weights.clip_(weights)
        if self._of_biases is not None:
            self._of_biases.clip_(biases)

    def _learn_ratios(self, at_weights: Tensor) -> None:
        """Move rho by the gradient with respect to the weights' numerators, while it is learnt."""
        if self._ratios is None or self._ratios.fixed:
            return
        arcs = self.trainer.arcs
        self._ratios.step(at_weights if arcs is None else at_weights * arcs)
        self._quantise()

    def _push(self, losses: Tensor) -> Tensor | float:
        """The penalty's gradient on every latent weight, shape (K, 1)."""
        trainer, sparse = self.trainer, self.trainer.recipe.sparse
        budget = sum(quota.ones for quota in trainer.quotas)
        if sparse is None or sparse.gamma is None or not budget:
            return 0.0
        upper = self._parts()[0] >= 0
        if trainer.arcs is not None:
            upper = upper & (trainer.arcs > 0)
        n_weights = trainer.problem.architecture.n_weights
        return push(losses, upper.sum(dim=1), budget, n_weights, sparse.gamma)[:, None]

    def _final(self) -> tuple[Tensor, Tensor]:
        """As :meth:`quantised`, of the network to export."""
        self._quantise(final=True)
        numbers = self.quantised()
        self._quantise()
        return numbers

    def _numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """:meth:`_final` on the host, formed once for all models of a step."""
        if self._exported is None or self._exported[0] != self.done:
            weights, biases = self._final()
            self._exported = self.done, (weights.cpu().numpy(), biases.cpu().numpy().copy())
        return self._exported[1]

    def network(self, k: int) -> Network:
        """Model k as integers: sigma and theta are dropped, latents rounded (sbnn.md B.3)."""
        layout, problem = self.trainer.layout, self.trainer.problem
        weights, biases = (part[k] for part in self._numbers())
        numerators = np.rint(weights).astype(np.int64)
        matrices = [numerators[p.weights].reshape(p.shape) for p in layout.layers]
        shifts = [biases[p.biases] for p in layout.layers]
        if self.trainer.stack.free:
            last = self.trainer.stack.output_shifts(torch.as_tensor(shifts.pop()))
            return population_thresholds(problem, matrices, shifts, last.to(torch.int64).numpy())
        scale = problem.domain.scale
        layers = [
            Layer(m, np.rint(s).astype(np.int64), scale, scale)
            for m, s in zip(matrices, shifts, strict=True)
        ]
        return Network(problem.architecture, tuple(layers))


def _generator(seed: int, index: int) -> torch.Generator:
    state = np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))
