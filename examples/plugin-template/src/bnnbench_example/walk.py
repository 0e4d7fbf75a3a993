"""A random walk that never goes uphill: the shape of a solver that keeps all rules.

A step changes one weight or bias and costs one exact evaluation, O(rows x weights).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination


@dataclass(frozen=True)
class Walk(Solver):
    """Keeps a random change of one weight when it is not worse.

    Attributes:
        steps: how many changes to try.
    """

    name: ClassVar[str] = "example-walk"
    # kind is "direct": it reads problems. requires = ("some-library",) would name what it needs.
    steps: int = 2000

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        problem, clock = model.problem, Clock(limits)
        rng = np.random.default_rng(seed)
        network = problem.random_network(rng)
        score = problem.evaluate(network)
        ended = Termination.ITERATIONS
        stop = self._tell(report, network, _number(score.value))
        for _ in range(self.steps):
            if stop:
                ended = Termination.INTERRUPTED
                break
            if clock.over:
                ended = Termination.TIME
                break
            other = changed(problem, network, rng)
            new = problem.evaluate(other)
            if score < new or problem.outside(other):
                continue
            better = new < score
            network, score = other, new
            if better:
                stop = self._tell(report, network, _number(score.value))
        value = _number(score.value)
        if value is None:
            return Solution(termination=ended)
        if limits.target is not None and value <= limits.target:
            ended = Termination.TARGET
        return Solution.found(network, ended, objective=value)

    @staticmethod
    def _tell(report: Report, network: Network, value: float | None) -> bool:
        """Stream an incumbent; True when the run is to stop."""
        return value is not None and report(network, objective=value)


def changed(problem: Problem, network: Network, rng: np.random.Generator) -> Network:
    """The network with one number of one layer drawn anew from its grid."""
    layers = list(network.layers)
    k = int(rng.integers(len(layers)))
    layer = layers[k]
    arcs = np.argwhere(network.architecture.mask(k + 1))
    grid = problem.domain.layer_grid(layer.weights[tuple(arcs.T)])
    assert grid is not None
    biases = problem.domain.bias_grid(grid)
    weights, bias = layer.weights.copy(), layer.bias.copy()
    if biases is not None and rng.integers(len(arcs) + len(bias)) < len(bias):
        bias[rng.integers(len(bias))] = rng.choice(biases.values)
    else:
        weights[tuple(arcs[rng.integers(len(arcs))])] = rng.choice(grid.values)
    layers[k] = Layer(weights, bias, layer.scale, layer.bias_scale)
    return Network(network.architecture, tuple(layers))


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]
