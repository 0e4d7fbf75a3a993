"""Objectives that count: errors, sign errors, Hamming, missed margins."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

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
    majority_errors,
    majority_targets,
)

MARGIN = Fraction(1, 2)


def expected_errors(output: npt.NDArray[Any], labels: Ints) -> tuple[Fraction, int]:
    """Expected errors of argmax with ties drawn fairly, and the number of tied rows.

    A single output decides by its sign (z >= 0 is class 1) and is never tied.

    Args:
        output: output pre-activations, shape (n, outputs).
        labels: class indices, shape (n,).
    """
    if output.shape[1] == 1:
        return Fraction(int(((output[:, 0] >= 0) != (labels == 1)).sum())), 0
    best = output.max(axis=1, keepdims=True)
    winners = output == best
    ties = winners.sum(axis=1)
    hit = winners[np.arange(len(labels)), labels]
    right = np.bincount(ties[hit], minlength=2)
    total = sum((Fraction(int(n), k) for k, n in enumerate(right) if n), Fraction(0))
    return len(labels) - total, int((ties > 1).sum())


@dataclass(frozen=True)
class Errors(Objective):
    """Misclassified training rows by argmax.

    ``ties='expected'`` counts a tie of m maximisers, the label among them, as 1 - 1/m errors;
    ``ties='wrong'`` as one.
    """

    name: ClassVar[str] = "errors"
    ties: Literal["expected", "wrong"] = "expected"

    def __post_init__(self) -> None:
        if self.ties not in ("expected", "wrong"):
            raise ProblemError(f"errors: ties must be expected or wrong, got {self.ties!r}.")

    def evaluate(self, outcome: Outcome) -> Score:
        z, labels = outcome.forward.output, outcome.labels
        if self.ties == "expected" or z.shape[1] == 1:
            return Score.of(expected_errors(z, labels)[0])
        own = z[np.arange(len(labels)), labels]
        unique = (z == z.max(axis=1, keepdims=True)).sum(axis=1) == 1
        return Score.of(int((~(unique & (own == z.max(axis=1)))).sum()))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction:
        """Per group of equal rows: all but the largest class are wrong."""
        return _group_errors(groups)

    @property
    def counts(self) -> bool:
        return self.ties == "wrong"

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        return Fraction(majority_errors(labels))


@dataclass(frozen=True)
class SignErrors(Objective):
    """Rows whose label's output is not the only one >= 0: max-correct (inn.md 3.1).

    With ``strict`` exactly one output must be >= 0 on every training row, wrong ones included, as
    in the published program; a network that breaks this is infeasible.
    """

    name: ClassVar[str] = "sign-errors"
    strict: bool = False

    def evaluate(self, outcome: Outcome) -> Score:
        z = outcome.forward.output
        if self.strict and z.shape[1] > 1 and bool(((z >= 0).sum(axis=1) != 1).any()):
            return INFEASIBLE
        return Score.of(int(outcome.wrong_signs.any(axis=1).sum()))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction:
        return _group_errors(groups)

    @property
    def counts(self) -> bool:
        return True

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        return Fraction(majority_errors(labels))


@dataclass(frozen=True)
class Hamming(Objective):
    """Outputs (row, unit) with the wrong sign: one-hot Hamming loss (bdnn.md A.4 b)."""

    name: ClassVar[str] = "hamming"

    def evaluate(self, outcome: Outcome) -> Score:
        return Score.of(int(outcome.wrong_signs.sum()))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction:
        return Fraction(int(groups.minority.sum()))

    @property
    def counts(self) -> bool:
        return True

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        return Fraction(majority_targets(labels, targets))


@dataclass(frozen=True)
class SaturatedMargin(Objective):
    """Outputs (row, unit) with s u < 1/2, u = 2 z / B: sat-margin (inn.md 3.2)."""

    name: ClassVar[str] = "saturated-margin"

    def evaluate(self, outcome: Outcome) -> Score:
        wanted = MARGIN * outcome.output_scale / 2 * outcome.forward.output_unit
        return Score.of(int((outcome.signed < -(-wanted.numerator // wanted.denominator)).sum()))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction:
        return Fraction(int(groups.minority.sum()))

    @property
    def counts(self) -> bool:
        return True

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        return Fraction(majority_targets(labels, targets))


def _group_errors(groups: GroupTargets) -> Fraction:
    return Fraction(int((groups.labels.sum(axis=1) - groups.labels.max(axis=1)).sum()))
