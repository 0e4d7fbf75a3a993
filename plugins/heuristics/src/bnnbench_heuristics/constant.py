"""The majority class as a network: no hidden layer, zero weights, biases of +1 and -1.

The least that any trained network must beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.architecture import Architecture
from bnnbench.interfaces import Model, Report, Solver
from bnnbench.network import Layer, Network
from bnnbench.solution import Limits, Solution, Termination


@dataclass(frozen=True)
class Constant(Solver):
    """Always the most frequent class of the training rows; the lowest of several."""

    name: ClassVar[str] = "constant"
    reference: ClassVar[bool] = True

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        problem = model.problem
        outputs, inputs = problem.architecture.outputs, problem.dataset.n_features
        majority = int(np.bincount(problem.dataset.part("train")[1]).argmax())
        if outputs == 1:
            bias = np.array([1 if majority == 1 else -1])
        else:
            bias = np.where(np.arange(outputs) == majority, 1, -1)
        layer = Layer(np.zeros((inputs, outputs), dtype=np.int64), bias)
        network = Network(Architecture(inputs, (), outputs), (layer,))
        report(network)
        return Solution.found(network, Termination.ITERATIONS)
