"""Warm starts: a network found first by a solver of kind ``direct``, as a point of the program."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Model, Report
from bnnbench.solution import Limits
from bnnbench.spec import Spec
from bnnbench_mip.watch import encoded

SHARE = 0.1
"""Share of the time limit that a start may take, at most."""


def used_by_start(start: Name) -> tuple[tuple[str, Spec], ...]:
    """What a solver with this ``start`` looks up by name."""
    return () if start in ("none", "reference") else used(start)


def start_point(
    model: Model, start: Name, seconds: float, limits: Limits, seed: int, report: Report
) -> npt.NDArray[np.float64] | None:
    """A feasible point to start from; None when none is asked for or found.

    Args:
        model: the program, whose formulation can encode networks.
        start: a solver of kind ``direct``, as a spec; ``none`` for no start, ``reference`` for the
            network known with the data.
        seconds: wall seconds for it, at most a tenth of the limit.
        limits: of the whole run.
        seed: of the start.
        report: hears the start's network as the first incumbent.

    Raises:
        ProblemError: when the start refuses the problem.
    """
    if start == "none" or model.encode is None:
        return None
    network = model.problem.dataset.reference
    if start != "reference":
        share = SHARE * limits.time if math.isfinite(limits.time) else seconds
        short = limits.within(min(seconds, share), limits.target)
        inner = Inner.of(start)
        reason = inner.refuses(model.problem)
        if reason is not None:
            raise ProblemError(f"start {start}: {reason}.")
        network = inner.run(model.problem, short, seed, report).network
    if network is None:
        return None
    try:
        point = encoded(model, network)
    except ValueError:
        return None
    return point if model.data.violation(point) <= 1e-6 else None
