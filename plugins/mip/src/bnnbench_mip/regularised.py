"""regularised-hamming: wrong output signs plus a penalty on the weights (bdnn.md A.4 b, c)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.objectives import GroupTargets, Hamming, Objective, Outcome, Score
from bnnbench.objectives.base import Ints


@dataclass(frozen=True)
class RegularisedHamming(Objective):
    """Outputs with the wrong sign, plus rho times the squares (l2) or sizes (l1) of all weights.

    Attributes:
        rho: weight of the penalty, as text or number.
        norm: l2 for sum w^2 + b^2, l1 for sum |w| + |b|.
    """

    name: ClassVar[str] = "regularised-hamming"
    most_chords: ClassVar[int] = 64
    """Largest bias whose square a program represents by its chords."""
    rho: str | float = "0.01"
    norm: Literal["l2", "l1"] = "l2"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", str(self.rho))
        try:
            wrong = Fraction(self.rho) <= 0 or self.norm not in ("l2", "l1")
        except (ValueError, ZeroDivisionError):
            wrong = True
        if wrong:
            raise ProblemError(
                "regularised-hamming: rho must be a positive number and norm l2 or l1, got"
                f" {self.rho!r} and {self.norm!r}."
            )

    def evaluate(self, outcome: Outcome) -> Score:
        total = Fraction(int(outcome.wrong_signs.sum()))
        network, penalty = outcome.network, Fraction(0)
        if self.norm == "l1":
            return Score.of(total + Fraction(self.rho) * network.l1)
        for layer in network.layers:
            for numbers, scale in ((layer.weights, layer.scale), (layer.bias, layer.bias_scale)):
                penalty += Fraction(sum(v * v for v in numbers.ravel().tolist()), scale * scale)
        return Score.of(total + Fraction(self.rho) * penalty)

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction:
        return Hamming().lower_bound(groups, output_scale)

    def reference(self, labels: Ints, targets: npt.NDArray[Any]) -> Fraction | None:
        return Hamming().reference(labels, targets)
