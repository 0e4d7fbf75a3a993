"""Training many models of one problem: the recipe, and what its rounds share (sbnn.md B.2, B.5).

Mini-batches, reshuffled per epoch and per model, last partial batch kept; all rows at once when
they fit into one batch. The rounds themselves are in :mod:`rounds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import torch
from torch import Tensor

from bnnbench.problem import Problem
from bnnbench_gradient.budgets import CLIP, Sparse, quotas
from bnnbench_gradient.forward import Stack
from bnnbench_gradient.layout import Layout
from bnnbench_gradient.losses import LossName
from bnnbench_gradient.quantise import Quantiser, grid_quantiser
from bnnbench_gradient.ratios import Ratios
from bnnbench_gradient.rounds import Round


@dataclass(frozen=True)
class Recipe:
    """How models are trained.

    Attributes:
        loss: name of the training loss.
        rates: initial learning rates, taken in turn by model index.
        epochs: passes over the training rows.
        batch: rows per mini-batch.
        device: torch device.
        dtype: torch floating type.
        start: latents begin uniform in [-start, start].
        sparse: how rho is learnt and a budget is kept; None to draw rho at random and to let the
            largest positive latents of the network share the budget.
    """

    loss: LossName
    rates: tuple[float, ...]
    epochs: int
    batch: int = 64
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    start: float = 1.0
    sparse: Sparse | None = None


class Trainer:
    """A problem's training rows as tensors, and the recipe."""

    def __init__(self, problem: Problem, recipe: Recipe) -> None:
        self.problem, self.recipe = problem, recipe
        X = np.asarray(problem.dataset.part("train")[0])
        self.X = self.tensor(X)
        self.signs = self.tensor(problem.targets())
        self.layout = Layout(problem.architecture)
        arcs = self.layout.arcs
        self.arcs = None if arcs is None else self.tensor(arcs)
        domain = problem.domain
        self.stack = Stack(
            self.layout,
            scale=problem.dataset.scale,
            weight_scale=domain.scale,
            low=-1 if problem.architecture.activation == "sign" else 0,
            free=domain.bias == "free",
            output_divisor=self._output_divisor(X),
            through=recipe.sparse is not None,
        )
        self.quotas = quotas(problem, self.layout, recipe.sparse)

    def tensor(self, values: object) -> Tensor:
        """Numbers as a tensor of the recipe's type on its device."""
        return torch.as_tensor(np.array(values), dtype=self.recipe.dtype).to(self.recipe.device)

    @property
    def batches(self) -> int:
        """Mini-batches per epoch."""
        return ceil(len(self.X) / self.recipe.batch)

    def _output_divisor(self, X: np.ndarray) -> float:
        last, scale = self.layout.layers[-1], self.problem.dataset.scale
        unit = (scale if last.reads_input else 1) * self.problem.domain.scale
        size = 1.0
        for source, width in zip(last.sources, last.widths, strict=True):
            size += width if source else float(np.square(X / scale).mean(axis=0).sum())
        return sqrt(size) * unit

    def quantisers(
        self, starts: Tensor, projected: bool = True
    ) -> tuple[Quantiser, Quantiser | None]:
        """Quantisers of weights and of biases; None for biases that are free or absent.

        Args:
            starts: least numerator of each layer of each model, shape (K, depth).
            projected: whether weights keep to the quotas.
        """
        domain, grids = self.problem.domain, self.problem.domain.grids()
        bias_grid = domain.bias_grid(grids[0])
        if len(grids) == 1:
            weights = biases = starts[:1, :1]
        else:
            layers = self.layout.layers
            sizes = [p.shape[0] * p.shape[1] for p in layers]
            weights = starts.repeat_interleave(self._counts(sizes), dim=1)
            biases = starts.repeat_interleave(self._counts([p.shape[1] for p in layers]), dim=1)
        held = self.quotas if projected else ()
        limit = 1.0 if projected else CLIP
        of_weights = grid_quantiser(weights, grids[0], held, self.arcs, limit)
        if bias_grid is None:
            return of_weights, None
        return of_weights, grid_quantiser(biases + (bias_grid.lo - grids[0].lo), bias_grid)

    def ratios(self, rates: Tensor, steps: int) -> Ratios:
        """The rho of as many models as there are rates."""
        assert self.recipe.sparse is not None
        grids = self.problem.domain.grids()
        allowed = self.tensor([g.lo for g in grids])
        learnt = round(self.recipe.sparse.learnt * steps)
        return Ratios(allowed, grids[0].scale, rates, steps, learnt, self.layout)

    def _counts(self, counts: Sequence[int]) -> Tensor:
        return torch.tensor(counts, device=self.recipe.device)

    def start(self, seed: int, indices: Sequence[int]) -> Round:
        """The models of these indices, initialised."""
        return Round(self, seed, indices)
