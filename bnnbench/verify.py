"""Claims against facts: everything a solver says is checked by an exact forward pass."""

from __future__ import annotations

import math

import msgspec

from bnnbench.errors import NetworkError
from bnnbench.metrics import PartMetrics, part_metrics, size_metrics
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Status

TOLERANCE = 1e-6
"""Relative tolerance of claimed objectives and bounds: the float noise of a solver, no more."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What the core found out about a network by itself.

    Attributes:
        feasible: in the problem's class and all hard requirements met.
        objective: verified objective as a float; None when infeasible or outside the class.
        exact: the same as exact text, levels separated by "; ".
        outside: why the network is not in the class; None when it is.
        parts: class decisions by part of the data.
        sizes: non-zeros, bits, bytes.
        network: digest of the network.
    """

    feasible: bool
    objective: float | None
    exact: str
    outside: str | None
    parts: dict[str, PartMetrics]
    sizes: dict[str, float]
    network: str


def evaluate(problem: Problem, network: Network, *, reference: bool = False) -> Evaluation:
    """Everything there is to say about a network on a problem.

    Args:
        problem: the problem.
        network: any network that reads the problem's features.
        reference: True for a reality check from outside the class: only its class decisions count.

    Raises:
        NetworkError: when the network does not fit the data or exact arithmetic.
    """
    train = network.forward(problem.dataset.part("train")[0], problem.dataset.scale)
    parts = part_metrics(problem, network, train)
    sizes = {} if reference else size_metrics(problem, network)
    outside = None if reference else problem.outside(network)
    score = None if reference or outside else problem.evaluate(network, train)
    return Evaluation(
        feasible=reference or (score is not None and score.feasible),
        objective=float(score.values[0]) if score and score.feasible else None,
        exact=str(score) if score else "",
        outside=outside,
        parts=parts,
        sizes=sizes,
        network=network.digest,
    )


def objective_of(problem: Problem, network: Network) -> float | None:
    """The verified objective of a streamed incumbent; None when infeasible or outside the class."""
    try:
        if problem.outside(network) is not None:
            return None
        score = problem.evaluate(network)
    except NetworkError:
        return None
    return float(score.values[0]) if score.feasible else None


def contradictions(
    evaluation: Evaluation | None,
    *,
    status: Status,
    objective: float | None,
    bound: float | None,
) -> list[str]:
    """Claims that the facts contradict, in words; empty when all hold.

    A claim may be more modest than the truth (an incumbent whose loss variables are not tight), it
    may not be better.
    """
    if evaluation is None:
        return ["claims a solution but gave no network"] if status is not Status.NONE else []
    if evaluation.outside:
        return [f"the network is outside the problem's class: {evaluation.outside}"]
    if not evaluation.feasible:
        broken = "the network breaks a hard requirement of the objective"
        return [broken] if status is not Status.NONE else []
    verified = evaluation.objective
    if verified is None:
        return []
    found = []
    slack = TOLERANCE * max(1.0, abs(verified))
    if objective is not None and not objective >= verified - slack:
        found.append(f"claims objective {objective:.9g}, verified {verified:.9g}")
    if bound is not None and not bound <= verified + slack:
        found.append(f"claims bound {bound:.9g} above the verified objective {verified:.9g}")
    if status is Status.OPTIMAL:
        claims = [c for c in (bound, objective) if c is not None and math.isfinite(c)]
        if any(verified - c > slack for c in claims[:1]):
            found.append(f"claims optimal with a gap of {verified - claims[0]:.9g}")
        elif objective is not None and objective - verified > slack:
            found.append(f"claims {objective:.9g} optimal, verified {verified:.9g} is better")
    return found
