"""Tabu search on single weights: the best of sampled moves, with recent parameters forbidden.

Each step evaluates a sample of moves (one weight or bias, another value) and makes the best of
them, also where it makes things worse; the parameter moved then stays as it is for some steps,
unless moving it again would give a new best. Evaluations are the increments of ``kernel.py``, so a
step costs ``tries`` of them. A layer with a choice of grids keeps the one drawn at the start.
(OURS, after Glover's tabu search; the sample stands for the whole neighbourhood.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_heuristics.incumbent import Incumbent, goal, proved_infeasible
from bnnbench_heuristics.state import State
from bnnbench_heuristics.tables import refusal

_CHUNK_SECONDS = 0.01
_DEFAULT_STEPS = 10_000


@dataclass(frozen=True)
class Tabu(Solver):
    """Tabu search on single weights, exact and incremental.

    Attributes:
        steps: number of steps; none to use the time limit, or 10,000 where there is none.
        tries: moves sampled per step.
        tenure: least steps for which a moved parameter stays; none for a tenth of their number.
        penalty: what a wrong sign costs in the search, in typical steps, where all must be right.
        guide: how far a missed margin costs the search by its distance: 0 as a count, 1 as a ramp;
            none for 1, or 1/2 with more outputs of rows than parameters.
    """

    name: ClassVar[str] = "tabu"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_heuristics.warm",)
    steps: int | None = None
    tries: int = 16
    tenure: int | None = None
    penalty: float = 16.0
    guide: float | None = None

    def __post_init__(self) -> None:
        if any(v is not None and v < 1 for v in (self.steps, self.tries, self.tenure)):
            raise ProblemError("tabu: steps, tries and tenure must be at least 1.")

    def accepts(self, model: Model) -> str | None:
        return refusal(model.problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        from bnnbench_heuristics.kernel_tabu import tabu_steps

        problem, clock = model.problem, Clock(limits)
        infeasible = proved_infeasible(problem)
        if infeasible:
            return infeasible
        incumbent = Incumbent(problem, limits, report)
        state, rng = State(problem, self.penalty, self.guide), np.random.default_rng(seed)
        state.seed(rng)
        state.randomise(rng)
        incumbent.offer(state.network())
        wanted = goal(problem, limits)
        stop = -math.inf if wanted is None or not state.terms.known else state.threshold(wanted)
        t = state.tables
        movable = len(t["MOVABLE"])
        tenure = self.tenure or max(1, movable // 10)
        until = np.zeros(len(t["VALUE"]), dtype=np.int64)
        most = self.steps or (_DEFAULT_STEPS if math.isinf(limits.time) else None)
        done, chunk = 0, 1
        while movable and done != most and not clock.over and not incumbent.stop:
            size = chunk if most is None else min(chunk, most - done)
            started = clock.elapsed
            made = tabu_steps(t.ints, t.reals, until, done, size, self.tries, tenure, stop)
            done += made
            if (incumbent.due or made < size) and state.take_improved():
                incumbent.offer(state.network(best=True))
            chunk = chunk * 2 if clock.elapsed - started < _CHUNK_SECONDS else max(1, chunk // 2)
            if made < size:
                break
        if state.take_improved():
            incumbent.offer(state.network(best=True))
        ended = Termination.ITERATIONS if done == most else Termination.TIME
        return incumbent.solution(ended, steps=done)
