"""The float network that Kurtz & Bah compared with (sbnn.md B.10.3, bdnn.md A.12).

Widths of the problem, real weights and biases, ReLU hidden units, softmax. Cross-entropy, Adam at
1e-3, batches of 64 in a new random order every epoch, 30 epochs (20 in the robust experiment), the
epoch of the fewest validation errors. The published text does not say how weights begin, nor what
"best" counts: here weights and biases are uniform in +-1/sqrt(n_in), and of equal epochs the first
is kept; without validation rows, the last. Features enter as X / scale: scale them in the suite.

The answer holds the weights rounded to decimals, as many as exact 64-bit sums allow; its units are
no thresholds, so it is a reference with class decisions only. Two classes with one output are
trained as two outputs, whose difference is kept.
Complexity: O(epochs rows weights).
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bnnbench.architecture import Architecture
from bnnbench.dataset import Part
from bnnbench.errors import NetworkError, SpecError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Generator, Tensor

    Parameters = list[tuple[Tensor, Tensor]]
    """Weights (fan_in, width) and biases (width,) of every layer."""

LEAST_DECIMALS = 2


@dataclass(frozen=True)
class FloatRelu(Solver):
    """The float ReLU network of Kurtz & Bah: their classical rival, no binary network.

    Softmax cross-entropy by Adam; answers with the epoch of the fewest validation errors. A
    reference: only its class decisions count. For dense chains.

    Attributes:
        epochs: passes over the training rows; 20 in the robust experiment.
        batch: rows per mini-batch; the last one may be smaller.
        lr: rate of Adam.
        decimals: most decimal places of the weights in the answer.
    """

    name: ClassVar[str] = "float-relu"
    requires: ClassVar[tuple[str, ...]] = ("torch",)
    preload: ClassVar[tuple[str, ...]] = ("torch",)
    reference: ClassVar[bool] = True

    epochs: int = 30
    batch: int = 64
    lr: float = 1e-3
    decimals: int = 6

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise SpecError("float-relu: epochs and batch must be at least 1.")
        if not self.lr > 0:
            raise SpecError(f"float-relu: lr must be positive, got {self.lr}.")
        if not LEAST_DECIMALS <= self.decimals <= 9:
            raise SpecError(
                f"float-relu: decimals must lie in {LEAST_DECIMALS}..9, got {self.decimals}."
            )

    def accepts(self, model: Model) -> str | None:
        if not model.problem.architecture.dense:
            return "the published network has fully connected layers in a chain only"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        import torch

        torch.set_num_threads(max(1, limits.threads))
        problem, run = model.problem, _Run(model.problem, self, seed)
        start = time.monotonic()
        network_of(problem, run.parameters, self.decimals)
        reserve = 2 * (time.monotonic() - start)
        best, kept, chosen = math.inf, None, 0
        for epoch in range(self.epochs):
            for _ in run.epoch():
                if clock.left <= reserve:
                    break
            wrong = run.errors("validation")
            if wrong is None or wrong < best or kept is None:
                best, kept, chosen = math.nan if wrong is None else wrong, run.copy(), epoch
            if clock.left <= reserve:
                break
        assert kept is not None
        network, decimals = network_of(problem, kept, self.decimals)
        report(network)
        ended = Termination.TIME if clock.left <= reserve else Termination.ITERATIONS
        info = {"epochs": epoch + 1, "kept_epoch": chosen, "decimals": decimals}
        return Solution.found(network, ended, **info)


class _Run:
    """Parameters of one network and their updates."""

    def __init__(self, problem: Problem, solver: FloatRelu, seed: int) -> None:
        import torch

        self._problem, self._batch = problem, solver.batch
        self._generator = torch.Generator().manual_seed(seed)
        arch = problem.architecture
        widths = (arch.inputs, *arch.hidden, problem.dataset.n_classes)
        self.parameters = [
            (_uniform(m, (m, n), self._generator), _uniform(m, (n,), self._generator))
            for m, n in itertools.pairwise(widths)
        ]
        self._X, self._y = self._rows("train")
        flat = [p.requires_grad_() for pair in self.parameters for p in pair]
        self._adam = torch.optim.Adam(flat, lr=solver.lr)

    def _rows(self, part: Part) -> tuple[Tensor, Tensor]:
        import torch

        X, y = self._problem.dataset.part(part)
        values = np.asarray(X / self._problem.dataset.scale, dtype=np.float32)
        return torch.as_tensor(values), torch.tensor(np.asarray(y), dtype=torch.int64)

    def epoch(self) -> Iterator[None]:
        """Update on every batch in turn."""
        import torch
        from torch.nn import functional

        order = torch.randperm(len(self._X), generator=self._generator)
        for rows in torch.split(order, self._batch):
            loss = functional.cross_entropy(self._outputs(self._X[rows]), self._y[rows])
            self._adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self._adam.step()
            yield

    def _outputs(self, X: Tensor) -> Tensor:
        for W, b in self.parameters[:-1]:
            X = (X @ W + b).relu()
        W, b = self.parameters[-1]
        return X @ W + b

    def errors(self, part: Part) -> int | None:
        """Wrong rows of a part; None without rows."""
        import torch

        X, y = self._rows(part)
        with torch.no_grad():
            return int((self._outputs(X).argmax(dim=1) != y).sum()) if len(y) else None

    def copy(self) -> Parameters:
        """The parameters of this moment."""
        return [(W.detach().clone(), b.detach().clone()) for W, b in self.parameters]


def _uniform(inputs: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    import torch

    return (2 * torch.rand(shape, generator=generator) - 1) / math.sqrt(inputs)


def network_of(problem: Problem, parameters: Parameters, decimals: int) -> tuple[Network, int]:
    """The network of rounded parameters, and its decimal places.

    Raises:
        NetworkError: when 64 bits hold no sum of weights with two decimals.
    """
    arrays = [(W.detach().double().numpy(), b.detach().double().numpy()) for W, b in parameters]
    arch, data = problem.architecture, problem.dataset
    if arch.outputs == 1:
        W, b = arrays[-1]
        arrays[-1] = W[:, 1:] - W[:, :1], b[1:] - b[:1]
    of_relus = Architecture(arch.inputs, arch.hidden, arch.outputs, "relu")
    for places in range(decimals, LEAST_DECIMALS - 1, -1):
        scale = 10**places
        rounded = [[np.rint(a * scale).astype(np.int64) for a in pair] for pair in arrays]
        network = Network(of_relus, tuple(Layer(W, b, scale, scale) for W, b in rounded))
        try:
            network.forward(data.X, data.scale)
        except NetworkError:
            continue
        return network, places
    raise NetworkError(
        f"float-relu: sums of {arch.text} on {data.name} do not fit into 64 bits."
        " Use fewer decimals for the features."
    )
