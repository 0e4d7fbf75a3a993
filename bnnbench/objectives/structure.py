"""Objectives on a network that fits every row: min-weight, max-margin; and lexicographic lists."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.objectives.base import (
    INFEASIBLE,
    GroupTargets,
    Ints,
    Objective,
    Outcome,
    Score,
)


@dataclass(frozen=True)
class MinWeight(Objective):
    """Fit every output sign on every row with the least weight (inn.md 3.4).

    Attributes:
        norm: ``l1`` for the sum of absolute weights and biases, ``l0`` for how many are not 0.
    """

    name: ClassVar[str] = "min-weight"
    hard: ClassVar[bool] = True
    norm: Literal["l1", "l0"] = "l1"

    def __post_init__(self) -> None:
        if self.norm not in ("l1", "l0"):
            raise ProblemError(f"min-weight: norm must be l1 or l0, got {self.norm!r}.")

    def evaluate(self, outcome: Outcome) -> Score:
        if outcome.wrong_signs.any():
            return INFEASIBLE
        return Score.of(outcome.network.l1 if self.norm == "l1" else outcome.network.nonzeros)

    @property
    def counts(self) -> bool:
        return self.norm == "l0"


@dataclass(frozen=True)
class MaxMargin(Objective):
    """Fit every output sign with the largest sum of margins (bdnn.md B.10 T3); value = -sum.

    The margin of a unit is the least over the rows of z where z >= 0, and of -z - eps elsewhere.
    ``eps`` 0 gives the plain distance to the threshold.
    """

    name: ClassVar[str] = "max-margin"
    hard: ClassVar[bool] = True
    eps: str | float = "0"

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", str(self.eps))
        try:
            negative = Fraction(self.eps) < 0
        except (ValueError, ZeroDivisionError) as error:
            raise ProblemError(f"max-margin: eps is not a number: {self.eps!r}.") from error
        if negative:
            raise ProblemError(f"max-margin: eps must not be negative, got {self.eps}.")

    def evaluate(self, outcome: Outcome) -> Score:
        if outcome.wrong_signs.any():
            return INFEASIBLE
        total, eps = Fraction(0), Fraction(self.eps)
        for z, unit in zip(outcome.forward.pre, outcome.forward.units, strict=True):
            for column in z.T:
                sides = []
                if (column >= 0).any():
                    sides.append(Fraction(int(column[column >= 0].min()), unit))
                if (column < 0).any():
                    sides.append(Fraction(-int(column[column < 0].max()), unit) - eps)
                margin = min(sides)
                if margin < 0:
                    return INFEASIBLE
                total += margin
        return Score.of(-total)

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction | None:
        return None


@dataclass(frozen=True)
class Lexicographic(Objective):
    """Several objectives, the earlier ones infinitely more important.

    A network is infeasible when any level says so. Bounds and gaps speak of the first level.
    """

    name: ClassVar[str] = "lexicographic"
    levels: tuple[Objective, ...] = ()

    def __post_init__(self) -> None:
        if not self.levels:
            raise ProblemError("lexicographic: needs at least one level.")

    def evaluate(self, outcome: Outcome) -> Score:
        scores = [level.evaluate(outcome) for level in self.levels]
        if not all(s.feasible for s in scores):
            return INFEASIBLE
        return Score(True, tuple(v for s in scores for v in s.values))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction | None:
        return self.levels[0].lower_bound(groups, output_scale)

    @property
    def counts(self) -> bool:
        return self.levels[0].counts

    def granularity(self, output_scale: Fraction, output_unit: int) -> Fraction | None:
        return self.levels[0].granularity(output_scale, output_unit)

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        return self.levels[0].reference(labels, targets)
