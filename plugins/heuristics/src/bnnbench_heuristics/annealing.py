"""Simulated annealing on weights with incremental exact evaluation (inn.md 9.3; OURS).

Each step gives one weight or bias another value and accepts a rise of the loss by delta with
probability ``exp(-delta / T)``, ``T = T0 * step * max(0.001, 1 - elapsed / budget)``. The step is
what one move typically changes: 1 for counts, 1/3 for squared hinges. With more than 280 rows T is
multiplied by the square root of n / 280: the best first temperatures found were 0.1 for hinges and
0.3 to 0.4 for counts at 280 rows, 1 and 2 at 25,000 (flip-search.md sections 4 and 6). With more
than two outputs T is multiplied by half their number (on digits, 10 outputs, three to five times T
is best for hinges and wrong signs). Where every sign must be right, T is multiplied by the penalty
of a wrong one, so that the search settles the signs first and the weights or margins last.

With a target, runs of 0.25, 0.5, 1, ... seconds start from new random networks until it is reached:
whatever length a problem needs, it is met within a small factor (flip-search.md section 6). The
last of them takes what is left once the next would no longer fit. Every run begins hotter than the
one before, by the eighth root of 2: what short runs miss needs a wider search.

A step costs O(non-zeros of a column + flips * fan-out). Networks with one hidden layer on small
grids have a kernel of their own, see ``shallow_state.py`` for when and ``shallow_kernel.py`` for
how; everything else goes through ``kernel.py``. With many rows, moves of biases and output weights,
which touch every row, are made less often in proportion to the square root of n / 700.

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
from bnnbench_heuristics.shallow_state import ShallowState
from bnnbench_heuristics.state import State
from bnnbench_heuristics.tables import refusal

_FLOOR = 0.001
_CHUNK_SECONDS = 0.01
_FIRST_CHUNK = 64
_FIRST_RUN = 0.25
_HOTTER = 2**0.125
_ROWS = 280
_OUTPUT_SHARE = 0.3
_OUTPUT_ROWS = 700


@dataclass(frozen=True)
class Annealing(Solver):
    """Simulated annealing on single weights, exact and incremental.

    Attributes:
        T0: first temperature, in typical steps of the objective.
        moves: number of moves of all runs together; None to use the time limit, or a million
            moves when there is none.
        restarts: further runs from new random networks, each with twice the budget of the one
            before; all share one budget. None for runs from 0.25 seconds on where there is a target
            and a time limit but no number of moves, else for a single run.
        output_share: probability of a move among biases and output weights only; None for 0.3, less
            with more than 700 rows.
        penalty: what a wrong sign costs in the search, in typical steps, where every sign must be
            right.
        guide: how far a missed margin costs the search by its distance: 0 as a count, 1 as a ramp;
            none for 1, or 1/2 with more outputs of rows than parameters.
    """

    name: ClassVar[str] = "annealing"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_heuristics.warm",)
    T0: float = 0.3
    moves: int | None = None
    restarts: int | None = None
    output_share: float | None = None
    penalty: float = 16.0
    guide: float | None = None

    def accepts(self, model: Model) -> str | None:
        return refusal(model.problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        if infeasible:
            return infeasible
        run = _Run(self, model, limits, seed, report)
        for k, end in enumerate(self._ends(limits)):
            run.restart(end, _HOTTER**k)
            if run.incumbent.stop:
                break
        return run.solution()

    def _ends(self, limits: Limits) -> Iterator[float]:
        """Fractions of the budget at which the runs end."""
        if self.restarts is not None:
            runs = self.restarts + 1
            yield from ((2 ** (k + 1) - 1) / (2**runs - 1) for k in range(runs))
            return
        end, length = 0.0, _FIRST_RUN
        if limits.target is not None and self.moves is None and math.isfinite(limits.time):
            while limits.time - end >= 3 * length:
                end += length
                length *= 2
                yield end / limits.time
        yield 1.0


def usual_output_share(rows: int) -> float:
    """Share of moves among biases and output weights, which touch every row."""
    return _OUTPUT_SHARE * math.sqrt(min(1.0, _OUTPUT_ROWS / rows))


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
        self.state: State | ShallowState = ShallowState.of(
            model.problem, solver.penalty, solver.guide
        ) or State(model.problem, solver.penalty, solver.guide)
        self.rng = np.random.default_rng(seed)
        self.state.seed(self.rng)
        self.budget = _Budget(solver.moves, limits)
        self.incumbent = Incumbent(model.problem, limits, report)
        rows = model.problem.dataset.sizes[0]
        self.start = self._coolest = (
            solver.T0 * self.state.terms.heat * max(1.0, rows / _ROWS) ** 0.5
        )
        given = solver.output_share
        self.share = usual_output_share(rows) if given is None else given
        bounds = [model.problem.lower_bound, limits.target]
        goals = [float(b) for b in bounds if b is not None and math.isfinite(b)]
        self.goal = max(goals, default=-math.inf)

    def restart(self, fraction: float, heat: float) -> None:
        """Anneal from a new random network until this fraction of the budget is spent."""
        self.start = self._coolest * heat
        self.state.randomise(self.rng)
        self.incumbent.offer(self.state.network())
        if self.incumbent.stop:
            return
        known = self.state.terms.known
        self.budget.open(fraction if known else fraction / 2)
        self._anneal()
        if known or self.incumbent.stop:
            return
        self.budget.open(fraction)
        self._anneal_exactly()

    def _anneal(self) -> None:
        stop = self.state.threshold(self.goal) if self.state.terms.known else 0.0
        for size in self.budget.chunks():
            first, total = self.budget.schedule
            now = self.start
            if not self.budget.by_moves:
                now *= max(_FLOOR, 1 - self.budget.spent)
            made = self.state.anneal(first, size, total, now, _FLOOR, self.share, stop)
            self.budget.done += made
            reached = self.state.reached(stop)
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

        assert isinstance(self.state, State), "only objectives that are known have other tables"
        t = self.state.tables
        network = self.state.network()
        score = self.problem.evaluate(network)
        while self.budget.spent < 1 and not self.budget.late:
            self.budget.done += 1
            if not propose(t.ints, t.reals, self.share):
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
