"""Which trained network is returned (sbnn.md B.7). Test rows are never looked at.

``objective``: the least exact training objective: the solver as an optimiser on the problem.
``validation``: the least errors on the validation rows, by argmax for cross-entropy and by signs
for the squared hinge. ``train-only``, for few-shot tasks: for cross-entropy the least training
cross-entropy over the fixed output factors .05, .1, .2, .4, .8; for the squared hinge the least sum
of ``max(0, 3 - s z)``; both on the integer outputs of the training rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.network import Network
from bnnbench.objectives import Score
from bnnbench.objectives.counts import expected_errors
from bnnbench.problem import Problem

if TYPE_CHECKING:
    from bnnbench_gradient.losses import LossName

Rule = Literal["objective", "validation", "train-only"]
FACTORS = (0.05, 0.1, 0.2, 0.4, 0.8)
MARGIN = 3


def rank(
    rule: Rule, loss: LossName, problem: Problem, network: Network, score: Score
) -> tuple[Any, ...]:
    """Sort key of a network, smaller is better; feasible networks come first.

    Args:
        rule: the selection rule.
        loss: what the network was trained on.
        problem: gives the rows.
        network: the candidate.
        score: its exact objective.
    """
    if rule == "objective":
        return score.key
    figure = _validation if rule == "validation" else _training
    return (not score.feasible, figure(loss, problem, network))


def _validation(loss: LossName, problem: Problem, network: Network) -> float:
    X, y = problem.dataset.part("validation")
    output = network.forward(X, problem.dataset.scale).output
    if loss == "cross-entropy":
        return float(expected_errors(output, y)[0])
    wrong = (output >= 0) != (problem.targets("validation") > 0)
    return float(wrong.any(axis=1).sum())


def _training(loss: LossName, problem: Problem, network: Network) -> float:
    X, _ = problem.dataset.part("train")
    forward = network.forward(X, problem.dataset.scale)
    outputs, signs = forward.output / forward.output_unit, problem.targets()
    if loss == "squared-hinge":
        return float(np.maximum(0, MARGIN - signs * outputs).sum())
    return min(_cross_entropy(outputs * f, signs) for f in FACTORS)


def _cross_entropy(outputs: npt.NDArray[np.float64], signs: npt.NDArray[np.int8]) -> float:
    if outputs.shape[1] == 1:
        return float(np.logaddexp(0, -signs * outputs).sum())
    own = outputs[signs > 0]
    return float((np.logaddexp.reduce(outputs, axis=1) - own).sum())
