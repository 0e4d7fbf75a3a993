"""Random search: the best of networks drawn uniformly, the weakest control (qubo.md section 5).

A draw costs one full forward pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_heuristics.incumbent import Incumbent, proved_infeasible
from bnnbench_heuristics.state import State
from bnnbench_heuristics.tables import refusal

_DEFAULT_DRAWS = 1000


@dataclass(frozen=True)
class RandomSearch(Solver):
    """The best of random networks.

    Attributes:
        draws: how many; None to use the time limit, or 1000 when there is none.
    """

    name: ClassVar[str] = "random"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_heuristics.warm",)
    draws: int | None = None

    def accepts(self, model: Model) -> str | None:
        return refusal(model.problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        if infeasible:
            return infeasible
        clock, incumbent = Clock(limits), Incumbent(model.problem, limits, report)
        state, rng = State(model.problem), np.random.default_rng(seed)
        draws = self.draws
        if draws is None and math.isinf(limits.time):
            draws = _DEFAULT_DRAWS
        done = 0
        while done != draws and not clock.over and not incumbent.stop:
            state.randomise(rng)
            incumbent.offer(state.network())
            done += 1
        ended = Termination.ITERATIONS if done == draws else Termination.TIME
        return incumbent.solution(ended, draws=done)
