"""gd_nn, the gradient baseline of Thorbjarnarson & Yorke-Smith (sbnn.md B.10.1, inn.md 6).

Latents V, normal with sd P/2 truncated at two sd; Q = rint(clip(V, -P, P)), halves to even, with
the gradient of the clip; latents are never clipped. Loss: sum over rows and outputs of
``max(0, 1/2 - s u)^2``, ``u = 2 z / B``, ``B = (n + 1) P`` with n the width before the output, also
without hidden layer. TensorFlow 1's Adam at the rate ``lr 0.9^(t / 1000)``. Mini-batches are
consecutive slices, the same in every epoch; an incomplete last one is dropped.

After every epoch the loss of all training rows decides: stop at 0.025 per row, when the population
sd of the last 500 such losses is at most 1e-5, at the time limit, or after epoch number max_epochs
(the first is number 0). Losses not yet seen are uniform random numbers.
Complexity: O(max_epochs rows weights).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bnnbench.domain import Integer
from bnnbench.errors import SpecError
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution
from bnnbench_gradient.literal import (
    LiteralPort,
    evaluation_seconds,
    finish,
    network_of,
    tensors,
)

if TYPE_CHECKING:
    from torch import Tensor

    from bnnbench_gradient.chain import Pass

MARGIN, DECAY = 0.5, 0.9
LOSS_PER_ROW = 0.025
WINDOW, STALLED = 500, 1e-5


@dataclass(frozen=True)
class GdNn(LiteralPort):
    """gd_nn of Thorbjarnarson & Yorke-Smith: literal port of their gradient baseline.

    Integer weights by rounding real ones in the forward pass, squared hinge with margin 1/2 on the
    scaled output, Adam with decaying rate, the published stop rules; answers with the last
    parameters. For integer domains and dense sign networks, features in [0, 1]. The published runs
    have the defaults; those of the batch experiment lr=0.1, batch=100, max_epochs=1000.

    Attributes:
        lr: initial learning rate.
        batch: rows per mini-batch, consecutive; none for all rows.
        max_epochs: number, counted from 0, of the last epoch.
    """

    name: ClassVar[str] = "gd-nn"

    lr: float = 0.01
    batch: int | None = None
    max_epochs: int = 10_000

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise SpecError(f"gd-nn: lr must be positive, got {self.lr}.")
        if self.batch is not None and self.batch < 1:
            raise SpecError(f"gd-nn: batch must be at least 1, got {self.batch}.")
        if self.max_epochs < 0:
            raise SpecError(f"gd-nn: max_epochs must not be negative, got {self.max_epochs}.")

    def accepts(self, model: Model) -> str | None:
        domain, rows = model.problem.domain, model.problem.dataset.sizes[0]
        if not isinstance(domain, Integer):
            return f"gd_nn rounds to integers -P..P: needs domain integer, not {domain.kind}"
        if self.batch is not None and self.batch > rows:
            return f"incomplete batches are dropped: batch={self.batch} leaves none of {rows} rows"
        return super().accepts(model)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        import torch

        torch.set_num_threads(max(1, limits.threads))
        problem = model.problem
        run = Descent(problem, self.lr, self.batch, seed)
        reserve = evaluation_seconds(problem, run.quantised())
        losses = np.random.default_rng(seed).random(WINDOW)
        for epoch in range(self.max_epochs + 1):
            losses[epoch % WINDOW] = loss = run.epoch(lambda: clock.left <= reserve)
            stopped = self._stop(loss, losses, problem.dataset.sizes[0])
            if stopped is not None or clock.left <= reserve:
                break
        stopped = stopped or ("epochs" if clock.left > reserve else "time")
        network = network_of(problem, run.quantised())
        figures = {"epochs": epoch + 1, "updates": run.updates, "loss": loss}
        return finish(problem, network, stopped, limits, report, **figures)

    @staticmethod
    def _stop(loss: float, losses: np.ndarray, rows: int) -> str | None:
        if loss <= LOSS_PER_ROW * rows:
            return "loss"
        return "stalled" if float(losses.std()) <= STALLED else None


class Descent:
    """The latents of one run and their updates."""

    def __init__(self, problem: Problem, lr: float, batch: int | None, seed: int) -> None:
        import torch

        from bnnbench_gradient.chain import Chain, truncated_normal
        from bnnbench_gradient.layout import Layout
        from bnnbench_gradient.tensorflow_adam import TensorFlowAdam

        layout = Layout(problem.architecture)
        assert isinstance(problem.domain, Integer)
        self._P = problem.domain.P
        self._B = (layout.layers[-1].shape[0] + 1) * self._P
        self._X, self._signs = tensors(problem)
        self._size = batch or len(self._X)
        self._chain = Chain(layout)
        generator = torch.Generator().manual_seed(seed)
        columns = layout.n_weights + layout.n_biases
        self.latents = truncated_normal(columns, self._P / 2, generator)
        self._adam = TensorFlowAdam(self.latents, lr, DECAY)
        self._whole: Pass | None = None

    @property
    def updates(self) -> int:
        """Updates done."""
        return self._adam.done

    def quantised(self) -> Tensor:
        """Integer weights and biases, shape (n_weights + n_biases,)."""
        return self.latents.clamp(-self._P, self._P).round_()

    def epoch(self, expired: Callable[[], bool]) -> float:
        """Updates on all slices, until ``expired()``; the loss of all training rows thereafter."""
        rows = len(self._X)
        for start in range(0, rows - self._size + 1, self._size):
            chosen = slice(start, start + self._size)
            # one slice of all rows: the pass that gave the last loss is the one needed here
            known = self._whole if self._size == rows else None
            self._update(known or self._forward(chosen), chosen)
            if expired():
                break
        self._whole = self._forward(slice(0, rows))
        return float(self._short(self._whole, self._signs).square().sum())

    def _forward(self, rows: slice) -> Pass:
        return self._chain.forward(self.quantised(), self._X[rows])

    def _short(self, done: Pass, signs: Tensor) -> Tensor:
        """max(0, 1/2 - s u)."""
        return (MARGIN - signs * done.output * (2 / self._B)).clamp_(min=0)

    def _update(self, done: Pass, rows: slice) -> None:
        signs = self._signs[rows]
        at_output = signs * self._short(done, signs) * (-4 / self._B)
        gradient = self._chain.backward(done, at_output)
        self._adam.step(gradient.mul_(self.latents.abs() <= self._P))
