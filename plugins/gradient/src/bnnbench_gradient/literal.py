"""What the literal ports of the papers' gradient code have in common (sbnn.md B.10).

The answer of a port is the network of its last parameters, as published: intermediate networks are
neither compared nor streamed, so a port has one trace point, at its end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bnnbench.interfaces import Model, Report, Solver
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_gradient.layout import Layout

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LiteralPort(Solver):
    """A port of a paper's own gradient baseline, weaknesses included."""

    kind: ClassVar[str] = "direct"
    requires: ClassVar[tuple[str, ...]] = ("torch",)
    preload: ClassVar[tuple[str, ...]] = ("torch",)

    def accepts(self, model: Model) -> str | None:
        architecture, domain = model.problem.architecture, model.problem.domain
        if not architecture.dense:
            return "the published code has fully connected layers in a chain only"
        if architecture.activation != "sign":
            return "the published code has sign activations only"
        if domain.bias != "same":
            return f"the published code takes biases from the weights' set, not bias={domain.bias}"
        return None


def tensors(problem: Problem) -> tuple[Tensor, Tensor]:
    """Feature values (rows, d) and wanted signs (rows, outputs) of the training rows, float32."""
    import torch

    X = problem.dataset.part("train")[0] / problem.dataset.scale
    signs = problem.targets().astype(np.float32)
    return torch.as_tensor(X.astype(np.float32)), torch.as_tensor(signs)


def network_of(problem: Problem, row: Tensor) -> Network:
    """The network of a row of weights and biases, rounded to integers."""
    layout = Layout(problem.architecture)
    numbers = np.rint(row.numpy()).astype(np.int64)
    weights, biases = numbers[: layout.n_weights], numbers[layout.n_weights :]
    return Network(
        problem.architecture,
        tuple(Layer(weights[p.weights].reshape(p.shape), biases[p.biases]) for p in layout.layers),
    )


def evaluation_seconds(problem: Problem, row: Tensor) -> float:
    """Seconds to keep for the last evaluation, with a margin."""
    start = time.monotonic()
    problem.evaluate(network_of(problem, row))
    return 1.5 * (time.monotonic() - start)


def finish(
    problem: Problem, network: Network, stopped: str, limits: Limits, report: Report, **info: Any
) -> Solution:
    """Evaluate and stream the last network.

    Args:
        problem: what was to be solved.
        network: the answer.
        stopped: the rule that ended the run; ``time`` for the time limit.
        limits: hold the target.
        report: streams the answer.
        info: further figures of the run.
    """
    termination = Termination.TIME if stopped == "time" else Termination.ITERATIONS
    value, info = problem.evaluate(network).value, {"stopped": stopped, **info}
    if value is None:
        return Solution(network, Status.NONE, termination, info=info)
    report(network, objective=float(value))
    if limits.target is not None and float(value) <= limits.target:
        termination = Termination.TARGET
    return Solution.found(network, termination, objective=float(value), **info)
