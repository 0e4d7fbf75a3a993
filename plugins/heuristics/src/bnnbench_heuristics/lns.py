"""Large-neighbourhood search: a few units or weights are freed and left to an exact solver.

From an annealed network, each step chooses at random a neighbourhood, either units with all weights
into and out of them (and the output biases) or single parameters of any layer, holds all other
parameters, and gives the program to the inner solver with the objective at hand as its cutoff. What
is as good is taken, so that the search can walk along plateaus. A neighbourhood that is solved to
its end is made larger, one that ran into its time limit smaller. After so many steps without gain
the search starts from a new annealed network.

The program of the whole problem is built once; a step changes bounds only, and presolve removes
what is held. (OURS; large neighbourhoods for programs as in local branching and RINS.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name, next_seed, used
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.network import Network
from bnnbench.objectives import Score
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_heuristics.incumbent import Incumbent, goal, proved_infeasible
from bnnbench_heuristics.program import Masks, Program, parameters
from bnnbench_heuristics.restricted import ProgramSolver

_GROW, _SHRINK = 1.25, 0.7
_STEPS = 100


@dataclass(frozen=True)
class LargeNeighbourhood(ProgramSolver):
    """Frees a few units or weights at a time and solves for them exactly, from annealed networks.

    Attributes:
        inner: a solver of kind ``milp``.
        formulation: of kind ``milp``, for the problem's objective; no symmetry, no merged rows.
        start: direct solver of the first network, and of every restart.
        start_share: share of the time limit for each start.
        free: ``units`` frees hidden units, ``weights`` single parameters.
        size: how many at first: units, or parameters; it adapts.
        step: most seconds of one program; none for a thirtieth of the time limit.
        patience: steps without gain after which the search starts again.
        steps: most programs; none for the time limit, or 100 where there is none.
    """

    name: ClassVar[str] = "lns"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_heuristics.warm",)
    start: Name = "annealing"
    start_share: float = 0.1
    free: Literal["units", "weights"] = "units"
    size: int = 1
    step: float | None = None
    patience: int = 30
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 < self.start_share < 1:
            raise ProblemError("lns: size must be at least 1 and start_share lie in (0, 1).")

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return (*super().uses, *used(self.start))

    def refuses(self, problem: Problem) -> str | None:
        if self.free == "units" and not problem.architecture.hidden:
            return "no hidden units to free; free=weights frees weights"
        return Inner.of(self.start).refuses(problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        return infeasible or _Search(self, model.problem, limits, seed, report).solution()


class _Search:
    """One solve."""

    def __init__(
        self,
        solver: LargeNeighbourhood,
        problem: Problem,
        limits: Limits,
        seed: int,
        report: Report,
    ) -> None:
        self.solver, self.problem, self.limits = solver, problem, limits
        self.clock, self.report = Clock(limits), report
        self.incumbent = Incumbent(problem, limits, report)
        self.rng = np.random.default_rng(seed)
        self.inner = solver.part()
        self.program = Program(self.inner.model(problem))
        self.goal = goal(problem, limits)
        finite = math.isfinite(limits.time)
        self.most = solver.steps or (math.inf if finite else _STEPS)
        self.time = solver.step or (limits.time / 30 if finite else math.inf)
        self.size = float(solver.size)
        self.done = self.gains = self.starts = 0
        self.cut = False

    @property
    def over(self) -> bool:
        return self.done >= self.most or self.clock.over or self.incumbent.stop is not None

    def solution(self) -> Solution:
        while not self.over:
            network = self._start()
            if network is None:
                break
            self._descend(network)
        ended = Termination.TIME if self.cut or self.clock.over else Termination.ITERATIONS
        info = {"steps": self.done, "gains": self.gains, "starts": self.starts, "size": self.size}
        return self.incumbent.solution(ended, **info)

    def _start(self) -> Network | None:
        """A network of the starting solver, kept if it is the best so far."""
        start = Inner.of(self.solver.start)
        self.starts += 1
        time = self.solver.start_share * self.limits.time
        limits = self.limits.within(min(self.clock.left, time), self.limits.target)
        found = start.solve(start.model(self.problem), limits, next_seed(self.rng))
        self.cut = self.cut or found.cut
        if found.network is not None:
            self.incumbent.offer(found.network)
        return found.network

    def _descend(self, network: Network) -> None:
        """Steps from a network until there have been too many without gain."""
        score, idle = self.problem.evaluate(network), 0
        while not self.over and idle < self.solver.patience:
            found = self._step(network, score)
            idle += 1
            if found is None:
                continue
            new = self.problem.evaluate(found)
            if new < score:
                idle, self.gains = 0, self.gains + 1
                self.incumbent.offer(found)
            if not score < new:
                network, score = found, new

    def _step(self, network: Network, score: Score) -> Network | None:
        """The best network of a random neighbourhood, if it is as good as this one."""
        self.done += 1
        free = self._units() if self.solver.free == "units" else self._weights()
        program = self.program.freed(network, free)
        if score.value is not None:
            program = program.at_most(float(score.value))
        limits = self.limits.within(min(self.time, self.clock.left), self.goal)
        found = self.inner.solve(program.model, limits, next_seed(self.rng))
        self.cut = self.cut or found.cut
        self.size = max(1.0, self.size * (_SHRINK if found.cut else _GROW))
        return found.network

    def _units(self) -> Masks:
        """Random hidden units: weights into them, out of them, their biases, output biases."""
        arch = self.problem.architecture
        free = parameters(self.problem, weights=False, biases=False)
        units = [(k, j) for k, width in enumerate(arch.hidden, start=1) for j in range(width)]
        count = min(len(units), int(self.size))
        for pick in self.rng.choice(len(units), count, replace=False):
            k, j = units[pick]
            free[k - 1][0][:, j] = arch.mask(k)[:, j]
            free[k - 1][1][j] = True
            for target in range(k + 1, arch.depth + 1):
                row = 0
                for c in arch.sources(target):
                    if c.source == k:
                        free[target - 1][0][row + j] = arch.mask(target)[row + j]
                    row += arch.widths[c.source]
        free[-1][1][:] = True
        return free

    def _weights(self) -> Masks:
        """Random parameters of all layers."""
        everything = parameters(self.problem, weights=True, biases=True)
        free = parameters(self.problem, weights=False, biases=False)
        places = [
            (k, part, place)
            for k, masks in enumerate(everything)
            for part in (0, 1)
            for place in np.flatnonzero(masks[part])
        ]
        count = min(len(places), int(self.size))
        for pick in self.rng.choice(len(places), count, replace=False):
            k, part, place = places[pick]
            free[k][part].flat[place] = True
        return free
