"""Hinge objectives: squared, its piecewise-linear interpolant, and linear."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.exact import INT64_MAX
from bnnbench.objectives.base import (
    GroupTargets,
    Ints,
    Objective,
    Outcome,
    Score,
    majority_targets,
    weighted_sum,
)
from bnnbench.objectives.counts import MARGIN

Loss = Callable[[Fraction], Fraction]


def squared_hinge(v: Fraction) -> Fraction:
    """max(0, 1/2 - v)^2."""
    short = MARGIN - v
    return short * short if short > 0 else Fraction(0)


def breakpoints(output_scale: Fraction) -> list[Fraction]:
    """The int(2B + 1) equally spaced points of [-1, 1] that carry the interpolant (inn.md 3.3)."""
    count = max(2, math.floor(2 * output_scale + 1))
    return [Fraction(2 * i, count - 1) - 1 for i in range(count)]


def interpolant(output_scale: Fraction) -> Loss:
    """The piecewise-linear interpolant H of the squared hinge, end segments prolonged."""
    points = breakpoints(output_scale)
    step = points[1] - points[0]

    def loss(v: Fraction) -> Fraction:
        i = min(max(math.floor((v + 1) / step), 0), len(points) - 2)
        left, right = squared_hinge(points[i]), squared_hinge(points[i + 1])
        return left + (right - left) * (v - points[i]) / step

    return loss


@dataclass(frozen=True)
class SquaredHinge(Objective):
    """Sum over rows and outputs of max(0, 1/2 - s u)^2, u = 2 z / B."""

    name: ClassVar[str] = "squared-hinge"

    def _loss(self, output_scale: Fraction) -> Loss:
        return squared_hinge

    def evaluate(self, outcome: Outcome) -> Score:
        per_numerator = 2 / (outcome.output_scale * outcome.forward.output_unit)
        loss = self._loss(outcome.output_scale)
        return Score.of(weighted_sum(outcome.signed, lambda z: loss(z * per_numerator)))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction | None:
        """4 mu^2 n+ n- / (n+ + n-) per group and output: the minimum over real u."""
        clash = groups.minority > 0
        total = Fraction(0)
        pairs = zip(groups.positive[clash].tolist(), groups.negative[clash].tolist(), strict=True)
        for p, n in pairs:
            total += 4 * MARGIN * MARGIN * Fraction(p * n, p + n)
        return total

    def granularity(self, output_scale: Fraction, output_unit: int) -> Fraction | None:
        """1 / (4 B^2) for integer outputs (inn.md I6); none for a B that is no integer."""
        numerators = output_scale * output_unit
        return None if numerators.denominator != 1 else 1 / (4 * numerators * numerators)

    def reference(self, labels: Ints, targets: npt.NDArray[np.int8]) -> Fraction | None:
        return majority_targets(labels, targets) * squared_hinge(-MARGIN)


@dataclass(frozen=True)
class MinHinge(SquaredHinge):
    """The published min-hinge: the piecewise-linear interpolant of the squared hinge.

    Equal to the squared hinge at every reachable u >= -1 of a network with a hidden layer; below
    it for u < -1; an approximation without hidden layer.
    """

    name: ClassVar[str] = "min-hinge"

    def _loss(self, output_scale: Fraction) -> Loss:
        return interpolant(output_scale)

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction | None:
        """That of the squared hinge: H is convex and lies above the parabola on [-1, 1].

        None for B < 2, where the last segment slopes and goes below 0 beyond u = 1.
        """
        if breakpoints(output_scale)[-2] < MARGIN:
            return None
        return super().lower_bound(groups, output_scale)

    def granularity(self, output_scale: Fraction, output_unit: int) -> Fraction | None:
        """That of the squared hinge; None where B is no integer and chords have other values."""
        if output_scale.denominator != 1:
            return None
        return super().granularity(output_scale, output_unit)


@dataclass(frozen=True)
class LinearHinge(Objective):
    """Sum of max(0, m - s z) on the unscaled output (mip.md section 2).

    Attributes:
        margin: m; None for max(1, ceil(B / 4)).
    """

    name: ClassVar[str] = "linear-hinge"
    margin: int | None = None

    def __post_init__(self) -> None:
        if self.margin is not None and self.margin < 1:
            raise ProblemError(f"linear-hinge: margin must be at least 1, got {self.margin}.")

    def size(self, output_scale: Fraction) -> int:
        """The margin m."""
        return self.margin or max(1, math.ceil(output_scale / 4))

    def evaluate(self, outcome: Outcome) -> Score:
        m, unit = self.size(outcome.output_scale), outcome.forward.output_unit
        signed = outcome.signed
        # a row's sum may leave 64 bits where no single output does: Python integers then
        largest = m * unit + int(np.abs(signed).max(initial=0))
        numbers = signed if largest * signed.shape[1] <= INT64_MAX else signed.astype(object)
        short = np.maximum(0, m * unit - numbers)
        return Score.of(Fraction(sum(short.sum(axis=1).tolist()), unit))

    def lower_bound(self, groups: GroupTargets, output_scale: Fraction) -> Fraction:
        return Fraction(2 * self.size(output_scale) * int(groups.minority.sum()))

    def granularity(self, output_scale: Fraction, output_unit: int) -> Fraction | None:
        return Fraction(1, output_unit)
