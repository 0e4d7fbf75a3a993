"""neuron-penalty: a loss of the integer-network MIP plus alpha for every hidden neuron in use.

Objective of inn.md section 4.1. A neuron is in use when a weight into it, its bias or a weight out
of it is not 0. The last hidden layer counts at least q neurons, the row sum H >= q of the program.
With H counted neurons in its last hidden layer, a network's sat-margin is measured at the scale
B' = B (H + 1) / (n + 1) of the network without the others (inn.md 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.network import Network
from bnnbench.objectives import (
    GroupTargets,
    MinHinge,
    Objective,
    Outcome,
    SaturatedMargin,
    Score,
    SignErrors,
)
from bnnbench.objectives.base import INFEASIBLE, Ints

LOSSES: dict[str, Objective] = {
    "sign-errors": SignErrors(strict=True),
    "saturated-margin": SaturatedMargin(),
    "min-hinge": MinHinge(),
}


@dataclass(frozen=True)
class NeuronPenalty(Objective):
    """A loss plus alpha times the number of hidden neurons in use.

    Attributes:
        loss: saturated-margin, sign-errors (strict, as published) or min-hinge.
        alpha: price of a neuron, as text or number; none for 1 / number of hidden neurons, which
            is what the published min-hinge always takes.
    """

    name: ClassVar[str] = "neuron-penalty"
    loss: Literal["saturated-margin", "sign-errors", "min-hinge"] = "saturated-margin"
    alpha: str | float | None = "0.1"

    def __post_init__(self) -> None:
        try:
            if self.alpha is not None:
                object.__setattr__(self, "alpha", str(self.alpha))
            wrong = self.loss not in LOSSES or Fraction(self.alpha or 0) < 0
        except (ValueError, ZeroDivisionError):
            wrong = True
        if wrong:
            raise ProblemError(
                f"neuron-penalty: loss is one of {', '.join(LOSSES)} and alpha a number of at least"
                f" 0, got {self.loss!r} and {self.alpha!r}."
            )

    def price(self, hidden: tuple[int, ...]) -> Fraction:
        """Alpha."""
        return Fraction(1, max(1, sum(hidden))) if self.alpha is None else Fraction(self.alpha)

    def evaluate(self, outcome: Outcome) -> Score:
        arch = outcome.network.architecture
        if not arch.hidden or arch.hidden[-1] < arch.outputs:
            return INFEASIBLE
        counts = counted(outcome.network)
        if self.loss == "saturated-margin":
            scale = outcome.output_scale * Fraction(counts[-1] + 1, arch.hidden[-1] + 1)
            outcome = replace(outcome, output_scale=scale)
        score = LOSSES[self.loss].evaluate(outcome)
        if not score.feasible:
            return INFEASIBLE
        return Score.of(score.values[0] + self.price(arch.hidden) * sum(counts))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction | None:
        return LOSSES[self.loss].lower_bound(groups, output_scale)

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        return LOSSES[self.loss].reference(labels, targets)


def in_use(network: Network) -> list[npt.NDArray[np.bool_]]:
    """Per hidden layer of a chain, which neurons have a weight or bias that is not 0."""
    used = []
    for own, after in zip(network.layers, network.layers[1:], strict=False):
        into: npt.NDArray[Any] = own.weights.any(axis=0) | (own.bias != 0)
        used.append(into | after.weights.any(axis=1))
    return used


def counted(network: Network) -> list[int]:
    """Neurons in use per hidden layer, in the last at least as many as outputs."""
    counts = [int(used.sum()) for used in in_use(network)]
    counts[-1] = max(counts[-1], network.architecture.outputs)
    return counts
