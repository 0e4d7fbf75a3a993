"""The claims of a solver that has found the least energy of a QUBO."""

from __future__ import annotations

from typing import Any

from bnnbench.interfaces import Model
from bnnbench.solution import Solution, Status, Termination
from bnnbench_qubo.harvest import Harvest


def exact_answer(model: Model, harvest: Harvest, stop: bool, least: float, **info: Any) -> Solution:
    """The best network decoded; optimal, and the energy a bound, where the model is exact.

    Args:
        model: what was solved.
        harvest: holds the states of least energy.
        stop: whether a report or the target would have ended the run.
        least: the least energy.
        info: figures for the record.
    """
    value = None if harvest.best is None else harvest.best.value
    ended = Termination.TARGET if stop else Termination.ITERATIONS
    return Solution(
        answer=harvest.answer,
        status=Status.OPTIMAL if model.exact else Status.FEASIBLE,
        termination=Termination.OPTIMAL if model.exact else ended,
        objective=None if value is None else float(value),
        bound=model.problem.round_bound(least) if model.exact else None,
        info={"min_energy": least, **info, "decode_seconds": harvest.seconds},
    )
