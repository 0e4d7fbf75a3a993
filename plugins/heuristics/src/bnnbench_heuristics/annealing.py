"""Simulated annealing on weights with incremental exact evaluation (inn.md 9.3; OURS).

Each step gives one weight or bias another value and accepts a rise of the loss by delta with
probability ``exp(-delta / T)``, ``T = T0 * step * max(0.001, 1 - elapsed / budget)``. The step is
what one move typically changes (1 for counts, 1/3 for squared hinges, so that T0 = 1 is the 0.3 of
inn.md 9.3), times the fourth root of n / 280 for more than 280 rows: the best first temperatures
found for hinges were 0.1 to 0.3 at 280 rows and 1 at 25,000 (flip-search.md sections 4 and 6).
Where every sign must be right, the temperature is further multiplied by 0.3 times the penalty of a
wrong one, so that the search settles the signs first and the weights or margins last. A step costs
O(non-zeros of a column + flips * fan-out), see ``kernel.py``.

Objectives that the tables cannot track are annealed by full evaluations, after half of the budget
has been spent on the number of wrong signs, a tracked stand-in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_heuristics.incumbent import Incumbent, proved_infeasible
from bnnbench_heuristics.memory import BEST_VALUE, Tables
from bnnbench_heuristics.state import State
from bnnbench_heuristics.tables import refusal

_FLOOR = 0.001
_CHUNK_SECONDS = 0.01
_FIRST_CHUNK = 64
_ROWS = 280


@dataclass(frozen=True)
class Annealing(Solver):
    """Simulated annealing on single weights, exact and incremental.

    Attributes:
        T0: first temperature, in typical steps of the objective.
        moves: number of moves of all runs together; None to use the time limit, or a million
            moves when there is none.
        restarts: further runs from new random networks, each with twice the budget of the one
            before; all share one budget.
        output_share: probability of a move among biases and output weights only.
        penalty: what a wrong sign costs in the search, in typical steps, where every sign must be
            right.
        guide: what a missed margin costs in the search beyond 1, at most, by how far it is missed.
    """

    name: ClassVar[str] = "annealing"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_heuristics.warm",)
    T0: float = 1.0
    moves: int | None = None
    restarts: int = 0
    output_share: float = 0.3
    penalty: float = 16.0
    guide: float = 1.0

    def accepts(self, model: Model) -> str | None:
        return refusal(model.problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        if infeasible:
            return infeasible
        run = _Run(self, model, limits, seed, report)
        runs = self.restarts + 1
        for k in range(runs):
            run.restart((2 ** (k + 1) - 1) / (2**runs - 1))
            if run.incumbent.stop:
                break
        return run.solution()


class _Budget:
    """How much of a run's moves or seconds is spent; chunks of work in between."""

    def __init__(self, moves: int | None, limits: Limits) -> None:
        if moves is None and math.isinf(limits.time):
            moves = 1_000_000
        self.total = math.inf if moves is None else float(moves)
        self.by_moves = moves is not None
        self.done = 0
        self._clock, self._limit = Clock(limits), limits.time
        self._size = _FIRST_CHUNK
        self._begin = self._end = 0.0

    def open(self, fraction: float) -> None:
        """Begin a run that ends when this fraction of everything is spent."""
        self._begin = float(self.done) if self.by_moves else self._clock.elapsed
        self._end = fraction * (self.total if self.by_moves else 0.99 * self._limit)

    @property
    def late(self) -> bool:
        """Whether the time limit is as good as reached."""
        return self._clock.left < min(0.05, 0.01 * self._limit)

    @property
    def spent(self) -> float:
        """Fraction of the run's budget that is spent."""
        now = float(self.done) if self.by_moves else self._clock.elapsed
        return min(1.0, (now - self._begin) / max(self._end - self._begin, 1e-9))

    @property
    def schedule(self) -> tuple[int, float]:
        """Moves made in this run, and its length in moves: infinite when time is what counts."""
        if not self.by_moves:
            return 0, math.inf
        return int(self.done - self._begin), max(1.0, self._end - self._begin)

    def chunks(self) -> Iterator[int]:
        """Numbers of moves to make next, about 10 ms each, until the run's budget is spent."""
        while self.spent < 1 and not self.late:
            started = self._clock.elapsed
            size = self._size
            if self.by_moves:
                size = max(1, min(size, math.ceil(self._end - self.done)))
            yield size
            seconds = self._clock.elapsed - started
            if seconds < _CHUNK_SECONDS:
                self._size *= 2
            elif seconds > 2 * _CHUNK_SECONDS:
                self._size = max(1, self._size // 2)


class _Run:
    """One solve: a state, its random numbers, its budget and its incumbent."""

    def __init__(
        self, solver: Annealing, model: Model, limits: Limits, seed: int, report: Report
    ) -> None:
        self.solver, self.problem = solver, model.problem
        self.state = State(model.problem, solver.penalty, solver.guide)
        self.rng = np.random.default_rng(seed)
        self.state.seed(self.rng)
        self.budget = _Budget(solver.moves, limits)
        self.incumbent = Incumbent(model.problem, limits, report)
        rows = model.problem.dataset.sizes[0]
        self.start = solver.T0 * self.state.terms.heat * max(1.0, rows / _ROWS) ** 0.25
        bounds = [model.problem.lower_bound, limits.target]
        goals = [float(b) for b in bounds if b is not None and math.isfinite(b)]
        self.goal = max(goals, default=-math.inf)

    @property
    def tables(self) -> Tables:
        return self.state.tables

    def restart(self, fraction: float) -> None:
        """Anneal from a new random network until this fraction of the budget is spent."""
        self.state.randomise(self.rng)
        self.incumbent.offer(self.state.network())
        known = self.state.terms.known
        self.budget.open(fraction if known else fraction / 2)
        self._anneal()
        if known or self.incumbent.stop:
            return
        self.budget.open(fraction)
        self._anneal_exactly()

    def _anneal(self) -> None:
        from bnnbench_heuristics.kernel_search import anneal

        share, t = self.solver.output_share, self.tables
        stop = self.state.threshold(self.goal) if self.state.terms.known else 0.0
        start = self.start * self.state.terms.step
        for size in self.budget.chunks():
            first, total = self.budget.schedule
            now = start if self.budget.by_moves else start * max(_FLOOR, 1 - self.budget.spent)
            made = anneal(t.ints, t.reals, first, size, total, now, _FLOOR, share, stop)
            self.budget.done += made
            reached = bool(t.reals[BEST_VALUE] <= stop)
            if (self.incumbent.due or reached) and self._offer_best():
                return
            if reached and made < size:
                break
        self._offer_best()

    def _offer_best(self) -> bool:
        if self.state.take_improved():
            self.incumbent.offer(self.state.network(best=True))
        return self.incumbent.stop is not None

    def _anneal_exactly(self) -> None:
        """Metropolis moves by full evaluations, for an objective that is not tracked."""
        from bnnbench_heuristics.kernel import undo
        from bnnbench_heuristics.kernel_search import propose

        t = self.tables
        network = self.state.network()
        score = self.problem.evaluate(network)
        for _ in self.budget.chunks():
            self.budget.done += 1
            if not propose(t.ints, t.reals, self.solver.output_share):
                continue
            network = self.state.network()
            new = self.problem.evaluate(network)
            temperature = self.start * max(_FLOOR, 1 - self.budget.spent)
            rise = _rise(score, new)
            if rise > 0 and self.rng.random() >= math.exp(-rise / temperature):
                undo(t.ints, t.reals)
                continue
            score = new
            best = self.incumbent.score
            if best is None or new < best:
                self.incumbent.offer(network)
            if self.incumbent.stop:
                return

    def solution(self) -> Solution:
        """The claims."""
        ended = Termination.ITERATIONS if self.budget.by_moves else Termination.TIME
        if self.budget.late and self.budget.done < self.budget.total:
            ended = Termination.TIME
        return self.incumbent.solution(ended, moves=self.budget.done)


def _rise(old: Any, new: Any) -> float:
    """How much worse a score is than another, by the first level that differs."""
    if not new.feasible:
        return math.inf if old.feasible else 0.0
    if not old.feasible:
        return -math.inf
    return next((float(b - a) for a, b in zip(old.values, new.values, strict=True) if a != b), 0.0)
