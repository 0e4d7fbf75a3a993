"""Warm starts: a network found first by a solver of kind ``direct``, as a point of the program."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Model, Report, direct_model
from bnnbench.solution import Limits
from bnnbench.spec import Spec, as_spec
from bnnbench_mip.watch import encoded

SHARE = 0.1
"""Share of the time limit that a start may take, at most."""


def start_point(
    model: Model, start: Spec | str, seconds: float, limits: Limits, seed: int, report: Report
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
    """
    if start == "none" or model.encode is None:
        return None
    network: Any = model.problem.dataset.reference
    if start != "reference":
        from bnnbench.registry import Registry

        solver = Registry.current().solver(as_spec(start))
        share = SHARE * limits.time if math.isfinite(limits.time) else seconds
        short = replace(limits, time=min(seconds, share))
        network = solver.solve(direct_model(model.problem), short, seed, report).answer
    if network is None:
        return None
    try:
        point = encoded(model, network)
    except ValueError:
        return None
    return point if model.data.violation(point) <= 1e-6 else None
