"""Greedy descent: random starts, single changes of value, restarts (qubo.md 4.7 and section 5).

A pass tries, in random order, every other value of every weight and bias and keeps what lowers the
loss at once; a pass without gain is a local optimum. The control that shows what annealing, or a
sampler followed by the same repair, is worth. A pass costs (parameters x values) evaluations by
increments, see ``kernel.py``.
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

_CHUNK = 16
_DEFAULT_STARTS = 100


@dataclass(frozen=True)
class Greedy(Solver):
    """Descent by single changes from random networks; the best local optimum.

    Attributes:
        starts: number of descents; None to use the time limit, or 100 when there is none.
        tries: values tried per parameter and pass; grids of at most so many are tried in full.
        penalty: what a wrong sign costs in the search, in typical steps, where all must be right.
        guide: how far a missed margin costs the search by its distance: 0 as a count, 1 as a ramp.
    """

    name: ClassVar[str] = "greedy"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_heuristics.warm",)
    starts: int | None = None
    tries: int = 31
    penalty: float = 16.0
    guide: float = 0.0

    def accepts(self, model: Model) -> str | None:
        return refusal(model.problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        if infeasible:
            return infeasible
        clock = Clock(limits)
        state = State(model.problem, self.penalty, self.guide)
        incumbent = Incumbent(model.problem, limits, report)
        rng = np.random.default_rng(seed)
        state.seed(rng)
        starts = self.starts
        if starts is None and math.isinf(limits.time):
            starts = _DEFAULT_STARTS
        done = 0
        while done != starts and not clock.over and not incumbent.stop:
            state.randomise(rng)
            self._descend(state, rng, incumbent, clock)
            done += 1
        ended = Termination.ITERATIONS if done == starts else Termination.TIME
        return incumbent.solution(ended, starts=done)

    def _descend(
        self, state: State, rng: np.random.Generator, incumbent: Incumbent, clock: Clock
    ) -> None:
        from bnnbench_heuristics.kernel_search import descend

        t = state.tables
        kept = 1
        while kept and not clock.over:
            kept = 0
            order = rng.permutation(t["MOVABLE"])
            for k in range(0, len(order), _CHUNK):
                kept += descend(t.ints, t.reals, order[k : k + _CHUNK], self.tries)
                if clock.over:
                    break
        incumbent.offer(state.network(best=True))
