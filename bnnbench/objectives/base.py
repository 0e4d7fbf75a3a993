"""What an objective is: one number, or a list of them, minimised, in exact arithmetic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.network import Forward, Network

Int64 = npt.NDArray[np.int64]
Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Score:
    """An objective's exact value.

    Attributes:
        feasible: False when a hard requirement of the objective is broken.
        values: the value; several entries for a lexicographic objective, most important first.
            Empty when infeasible.
    """

    feasible: bool
    values: tuple[Fraction, ...] = ()

    @classmethod
    def of(cls, value: Fraction | int) -> Score:
        """A feasible score of one number."""
        return cls(True, (Fraction(value),))

    @property
    def value(self) -> Fraction | None:
        """The most important number; None when infeasible."""
        return self.values[0] if self.values else None

    @property
    def key(self) -> tuple[Any, ...]:
        """Sort key: feasible before infeasible, then smaller values first."""
        return (not self.feasible, self.values)

    def __lt__(self, other: Score) -> bool:
        return bool(self.key < other.key)

    def __str__(self) -> str:
        return "; ".join(str(v) for v in self.values) if self.feasible else "infeasible"


INFEASIBLE = Score(False)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Everything an objective may look at.

    Attributes:
        network: the network.
        forward: its pre-activations on the training rows.
        targets: wanted output signs, -1 or +1, shape (n, outputs).
        labels: class indices, shape (n,).
        output_scale: B, so that u = 2 z / B (inn.md 2.1).
    """

    network: Network
    forward: Forward
    targets: npt.NDArray[np.int8]
    labels: Ints
    output_scale: Fraction

    @property
    def signed(self) -> Int64:
        """Numerators of s z: positive where the output has the wanted sign; shape (n, outputs)."""
        return self.forward.output * self.targets

    @property
    def wrong_signs(self) -> npt.NDArray[np.bool_]:
        """Where sgn(z), with sgn(0) = +1, is not the target; shape (n, outputs)."""
        wrong: npt.NDArray[np.bool_] = (self.forward.output >= 0) != (self.targets > 0)
        return wrong


@dataclass(frozen=True, eq=False)
class GroupTargets:
    """Equal training rows, by output: how many want +1 and how many -1; shape (groups, outputs)."""

    positive: Int64
    negative: Int64
    labels: Int64

    @property
    def minority(self) -> Int64:
        """The smaller of the two counts."""
        return np.minimum(self.positive, self.negative)


class Objective(ABC):
    """One number to minimise, defined from pre-activations and labels.

    Subclasses are frozen dataclasses; their fields are the parameters a suite can set.
    """

    name: ClassVar[str]
    hard: ClassVar[bool] = False
    """Whether every output sign must be right on every training row."""

    @abstractmethod
    def evaluate(self, outcome: Outcome) -> Score:
        """The exact value of a network."""

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction | None:
        """A bound valid for every network of every class, from contradictory duplicates alone.

        None when values are not bounded below.
        """
        return Fraction(0)

    @property
    def counts(self) -> bool:
        """Whether every value is an integer whatever the scales."""
        return False

    def granularity(self, output_scale: Fraction, output_unit: int) -> Fraction | None:
        """A positive number that divides every reachable value, or None when there is none.

        Args:
            output_scale: B.
            output_unit: denominator of the output pre-activations.
        """
        return Fraction(1) if self.counts else None

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        """The value of a network that always says the majority class, exactly at the margin.

        None for objectives in which that makes no sense.
        """
        return None


def weighted_sum(values: Int64, loss: Any) -> Fraction:
    """Sum of ``loss(value)`` over an integer array, each distinct value computed once, exactly."""
    distinct, counts = np.unique(values, return_counts=True)
    total = Fraction(0)
    for value, count in zip(distinct.tolist(), counts.tolist(), strict=True):
        total += count * loss(value)
    return total


def majority_errors(labels: Ints) -> int:
    """Training rows that are not of the most frequent class."""
    return int(len(labels) - np.bincount(labels).max()) if len(labels) else 0


def majority_targets(labels: Ints, targets: npt.NDArray[np.int8]) -> int:
    """Outputs (row, unit) at which the majority class's constant signs are wrong."""
    majority = int(np.bincount(labels).argmax())
    outputs = targets.shape[1]
    signs = np.full(outputs, -1, dtype=np.int8)
    signs[0 if outputs == 1 else majority] = 1 if outputs > 1 or majority == 1 else -1
    return int((targets != signs).sum())
