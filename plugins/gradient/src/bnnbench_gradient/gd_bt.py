"""GD_b and GD_t, the gradient baselines of Toro Icarte et al. (sbnn.md B.10.2, bdnn.md B.5).

Latent weights normal with sd 0.1 truncated at two sd, latent biases 0.1. ``sb`` is -1 / +1 with
sb(0) = -1 and backward 1 for |t| <= 1, else 0; latents are never clipped.
GD_b: ``w = sb(V)``. GD_t: ``w = (sb(V1) + sb(V2)) / 2`` of two independent sets; biases likewise.
Neither batch normalisation nor scaling. Loss: the square of the mean, over rows and outputs, of
``max(0, 1 - s z)``, with gradient 0 where s z = 1 as in TensorFlow's hinge_loss; outputs are
integers, so this is common. TensorFlow 1's Adam at a constant rate on all rows at once; every 100
updates stop at loss 0, otherwise at the time limit. At the end weights of dead inputs (features
constant over the training rows) become 0, also where the constant is not 0.
Complexity: O(rows weights) per update.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bnnbench.domain import Binary, Integer, WeightDomain
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

SD, BIAS = 0.1, 0.1
CHECK = 100
STEPS_WITHOUT_LIMIT = 15_000


@dataclass(frozen=True)
class _Port(LiteralPort):
    """Parameters and course of both."""

    sets: ClassVar[int]

    lr: float = 0.001
    steps: int | None = None

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise SpecError(f"{self.name}: lr must be positive, got {self.lr}.")
        if self.steps is not None and self.steps < 1:
            raise SpecError(f"{self.name}: steps must be at least 1, got {self.steps}.")

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        import torch

        torch.set_num_threads(max(1, limits.threads))
        problem = model.problem
        run = Descent(problem, self.lr, self.sets, seed)
        reserve = evaluation_seconds(problem, run.quantised())
        steps = self.steps
        if steps is None and limits.time == float("inf"):
            steps = STEPS_WITHOUT_LIMIT
        stopped = "steps"
        while steps is None or run.updates < steps:
            run.step()
            if run.updates % CHECK == 0 and run.loss() == 0:
                stopped = "loss"
                break
            if clock.left <= reserve:
                stopped = "time"
                break
        row, figures = run.quantised(), {"updates": run.updates, "loss": run.loss()}
        if isinstance(problem.domain, Integer):
            run.clear_dead(row)
        network = network_of(problem, row)
        return finish(problem, network, stopped, limits, report, **figures)


@dataclass(frozen=True)
class GdB(_Port):
    """GD_b of Toro Icarte et al.: literal port, weights -1 and +1.

    Signs of real weights in the forward pass, squared mean hinge on raw outputs, Adam at a constant
    rate on all rows until the loss is 0 or time is up; answers with the last parameters. For
    integer[P=1], where weights of dead inputs become 0 at the end as published, and for binary,
    which has no 0, so that they stay. Published: the best of the rates 1e-3 .. 1e-6 over five
    seeds.

    Attributes:
        lr: learning rate.
        steps: most updates; none for as many as the time limit allows, 15,000 without a limit.
    """

    name: ClassVar[str] = "gd-b"
    sets: ClassVar[int] = 1

    def accepts(self, model: Model) -> str | None:
        domain = model.problem.domain
        if not isinstance(domain, Binary) and not _ternary(domain):
            return f"GD_b has weights -1 and +1: needs binary or integer[P=1], not {domain.spec}"
        return super().accepts(model)


@dataclass(frozen=True)
class GdT(_Port):
    """GD_t of Toro Icarte et al.: literal port, weights -1, 0 and +1.

    As gd-b, with half the sum of the signs of two sets of real weights; weights of dead inputs
    become 0 at the end. For integer[P=1].

    Attributes:
        lr: learning rate.
        steps: most updates; none for as many as the time limit allows, 15,000 without a limit.
    """

    name: ClassVar[str] = "gd-t"
    sets: ClassVar[int] = 2

    def accepts(self, model: Model) -> str | None:
        domain = model.problem.domain
        if not _ternary(domain):
            return f"GD_t has weights -1, 0 and +1: needs integer[P=1], not {domain.spec}"
        return super().accepts(model)


def _ternary(domain: WeightDomain) -> bool:
    return isinstance(domain, Integer) and domain.P == 1


class Descent:
    """The latents of one run and their updates."""

    def __init__(self, problem: Problem, lr: float, sets: int, seed: int) -> None:
        import torch

        from bnnbench_gradient.chain import Chain, truncated_normal
        from bnnbench_gradient.layout import Layout
        from bnnbench_gradient.tensorflow_adam import TensorFlowAdam

        self._layout = Layout(problem.architecture)
        self._X, self._signs = tensors(problem)
        self._chain = Chain(self._layout)
        generator = torch.Generator().manual_seed(seed)
        n, biases = self._layout.n_weights, self._layout.n_biases
        self.latents = torch.full((sets, n + biases), BIAS)
        for latents in self.latents:
            latents[:n] = truncated_normal(n, SD, generator)
        self._adam = TensorFlowAdam(self.latents, lr)

    @property
    def updates(self) -> int:
        """Updates done."""
        return self._adam.done

    def quantised(self) -> Tensor:
        """Integer weights and biases, shape (n_weights + n_biases,)."""
        from bnnbench_gradient.chain import binarised

        return binarised(self.latents).mean(dim=0)

    def clear_dead(self, row: Tensor) -> None:
        """Set the weights of constant features to 0, in place."""
        first = self._layout.layers[0]
        dead = (self._X[0] == self._X).all(dim=0)
        row[first.weights].view(first.shape)[dead] = 0

    def loss(self) -> float:
        """The loss of the current parameters, dead inputs included."""
        return float(self._short(self._forward()).mean()) ** 2

    def _forward(self) -> Pass:
        return self._chain.forward(self.quantised(), self._X)

    def _short(self, done: Pass) -> Tensor:
        """max(0, 1 - s z)."""
        return (1 - self._signs * done.output).clamp_(min=0)

    def step(self) -> None:
        """One update."""
        from bnnbench_gradient.chain import window

        done = self._forward()
        short = self._short(done)
        at_output = self._signs * (short > 0) * (-2 * float(short.mean()) / short.numel())
        gradient = self._chain.backward(done, at_output) / len(self.latents)
        self._adam.step(gradient * window(self.latents))
