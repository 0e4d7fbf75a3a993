"""Figures of one network or one run: accuracies, sizes, primal integral, time to target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bnnbench.dataset import PARTS
from bnnbench.network import Forward, Network, storage_bits
from bnnbench.objectives.counts import expected_errors
from bnnbench.problem import Problem


class PartMetrics(msgspec.Struct, frozen=True):
    """Class decisions of a network on one part of the data.

    Attributes:
        rows: how many rows.
        argmax: accuracy with a tie of m maximisers, the label among them, counted 1/m.
        ties: share of rows whose maximum is not unique.
        all_good: share of rows on which every output has the wanted sign, sgn(0) = +1.
    """

    rows: int
    argmax: float
    ties: float
    all_good: float


class TracePoint(NamedTuple):
    """A moment of a run: seconds since the start of building, best objective and bound so far."""

    time: float
    objective: float | None
    bound: float | None


def part_metrics(
    problem: Problem, network: Network, train: Forward | None = None
) -> dict[str, PartMetrics]:
    """Class decisions on every part that has rows, by an exact forward pass.

    Args:
        problem: the problem.
        network: the network.
        train: its forward pass on the training rows, where that is known already.
    """
    found: dict[str, PartMetrics] = {}
    for part in PARTS:
        X, y = problem.dataset.part(part)
        if not len(y):
            continue
        known = train if part == "train" else None
        z = (known or network.forward(X, problem.dataset.scale)).output
        errors, tied = expected_errors(z, y)
        right = ((z >= 0) == (problem.targets(part) > 0)).all(axis=1)
        found[part] = PartMetrics(
            rows=len(y),
            argmax=float(1 - errors / len(y)),
            ties=tied / len(y),
            all_good=float(right.mean()),
        )
    return found


SIZES = ("nonzeros", "bits", "bytes")
"""What :func:`size_metrics` gives."""


def size_metrics(problem: Problem, network: Network) -> dict[str, float]:
    """Non-zero parameters, bits and bytes of a network stored plainly in the problem's domain."""
    bits = storage_bits(network, problem.domain)
    return dict(zip(SIZES, (network.nonzeros, bits, bits / 8), strict=True))


def primal_integral(trace: Sequence[TracePoint], best: float, start: float, limit: float) -> float:
    """Mean normalised primal gap over the time limit (Berthold 2013), between 0 and 1.

    The gap at a time is ``|best - incumbent| / max(|best|, |incumbent|)``, 1 before the first
    incumbent and 0 where both are 0 or equal.

    Args:
        trace: points in order of time.
        best: best objective known for the problem.
        start: not used as incumbent, but the moment from which time counts.
        limit: seconds over which to take the mean.
    """
    if not math.isfinite(limit) or limit <= 0:
        return math.nan
    area, gap, at = 0.0, 1.0, start
    for point in trace:
        if point.objective is None:
            continue
        now = min(max(point.time, at), start + limit)
        area += gap * (now - at)
        at, gap = now, _primal_gap(point.objective, best)
    return (area + gap * (start + limit - at)) / limit


def time_to_target(trace: Sequence[TracePoint], target: float) -> float:
    """Seconds until the objective was first at most the target; infinite when it never was."""
    hits = (p.time for p in trace if p.objective is not None and p.objective <= target + 1e-9)
    return next(hits, math.inf)


def _primal_gap(incumbent: float, best: float) -> float:
    if incumbent == best or abs(incumbent - best) <= 1e-12:
        return 0.0
    if incumbent * best < 0:
        return 1.0
    return min(1.0, abs(incumbent - best) / max(abs(incumbent), abs(best)))
