"""min-hinge: the squared hinge of the scaled output by chords (inn.md 3.3, 3.9).

The loss f(v), v = s u = 2 s z / B, is convex, and z is an integer in known units. So at every
reachable point the highest of the chords between neighbouring reachable points is the loss itself:
t >= slope v + intercept, t >= 0 makes t = f(v) at every network, exactly. Collinear chords
are one row; for min-hinge, which is linear below v = -1, this gives the published left ray.

min-hinge is itself piecewise linear with about 2 B segments: where the reachable points are finer
than its breakpoints (no hidden layer, decimals), its segments are used instead. N q variables and
K N q rows beyond the network, K = 5 for B = 5, 14 for B = 17.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import MinHinge
from bnnbench.objectives.counts import MARGIN
from bnnbench.objectives.hinge import Loss, breakpoints, interpolant, squared_hinge
from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.network_rows import NetworkRows
from bnnbench_mip.plan import Plan

Chord = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class MinHingeMILP(NetworkMILP):
    """Least squared hinge loss of the scaled output, by chords exact at every network.

    Attributes:
        one_sided: keep only the product rows that the wanted signs of the outputs need. Same
            optimum; an incumbent may claim more loss than its network has (inn.md 3.10).
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
        most_chords: refuse problems that need more chords per output (squared hinge on fine grids).
    """

    name: ClassVar[str] = "min-hinge"
    objectives: ClassVar[tuple[str, ...]] = ("min-hinge", "squared-hinge")
    most_chords: int = 400

    def refuses(self, problem: Problem) -> str | None:
        plan = self._plans(problem)[-1]
        needed = len(_points(problem, plan)) - 1
        if needed > self.most_chords:
            return f"needs {needed} chords per output, most_chords is {self.most_chords}"
        return None

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        return math.ceil(_flat(problem) / _per_unit(problem, value))

    def output(self, net: NetworkRows) -> Block:
        targets, plan = net.samples.targets, net.plans[-1]
        signed, scale = net.output.times(targets), _per_unit(net.problem, plan.value)
        loss = _loss(net.problem)
        lines = chords(loss, _points(net.problem, plan))
        slopes = np.array([float(slope * scale) for slope, _ in lines])
        intercepts = np.array([float(intercept) for _, intercept in lines])
        t = net.rows.variables("t", signed.shape, 0, np.inf, cost=net.samples.weights[:, None])
        terms = [
            (cols[..., None, :], -coef[..., None, :] * slopes[:, None])
            for cols, coef in signed.all_terms
        ]
        net.rows.rows(
            (*signed.shape, len(lines)),
            [*terms, (t[..., None], np.ones(len(lines)))],
            intercepts + signed.constant[..., None] * slopes,
            np.inf,
        )

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            distinct, where = np.unique(z[-1] * targets, return_inverse=True)
            values = np.array([float(loss(v * scale)) for v in distinct.tolist()])
            milp.view("t", point)[:] = values[where].reshape(targets.shape)

        return Block(fill)


def chords(loss: Loss, points: Sequence[Fraction]) -> list[Chord]:
    """Slopes and intercepts of the distinct lines through neighbouring points, without t = 0."""
    lines: dict[Chord, None] = {}
    for left, right in itertools.pairwise(points):
        slope = (loss(right) - loss(left)) / (right - left)
        if slope:
            lines[slope, loss(left) - slope * left] = None
    return list(lines)


def _per_unit(problem: Problem, value: Fraction) -> Fraction:
    """V = s u per unit of s z."""
    return 2 * value / problem.output_scale


def _loss(problem: Problem) -> Loss:
    return interpolant(problem.output_scale) if _published(problem) else squared_hinge


def _published(problem: Problem) -> bool:
    return isinstance(problem.objective, MinHinge)


def _flat(problem: Problem) -> Fraction:
    """From where on the loss is 0."""
    if not _published(problem):
        return MARGIN
    return next(v for v in breakpoints(problem.output_scale) if v >= MARGIN)


def _points(problem: Problem, plan: Plan) -> Sequence[Fraction]:
    """Ascending v whose chords are exact at every network: reachable ones, or breakpoints."""
    scale, flat = _per_unit(problem, plan.value), _flat(problem)
    lowest = min(int(plan.lower.min()), -int(plan.upper.max()))
    highest = max(math.ceil(flat / scale), lowest + 1)
    if not _published(problem):
        return _Lattice(lowest, highest, scale)
    # One chord left of v = -1 is as good as all: the loss is linear there.
    lowest = max(lowest, math.floor(-1 / scale) - 1)
    segments = [v for v in breakpoints(problem.output_scale) if v <= flat]
    return segments if highest - lowest >= len(segments) else _Lattice(lowest, highest, scale)


@dataclass(frozen=True)
class _Lattice(Sequence[Fraction]):
    """``scale * z`` for lowest <= z <= highest, made only when asked for."""

    lowest: int
    highest: int
    scale: Fraction

    def __len__(self) -> int:
        return max(0, self.highest - self.lowest + 1)

    def __getitem__(self, i: Any) -> Any:
        z = range(self.lowest, self.highest + 1)[i]
        return [v * self.scale for v in z] if isinstance(z, range) else z * self.scale
