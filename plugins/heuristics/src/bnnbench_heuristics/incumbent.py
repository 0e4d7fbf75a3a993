"""The incumbent of a heuristic: exact scores, a throttled stream, and why to stop."""

from __future__ import annotations

import math
from typing import Any

from bnnbench.interfaces import Clock, Report
from bnnbench.network import Network
from bnnbench.objectives import Lexicographic, Score
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination

_PERIOD = 0.02
_SHARE = 5.0


class Incumbent:
    """The best network so far by its exact score.

    Attributes:
        network: the network, or None.
        score: its score.
        stop: why to stop: the bound or the target is reached, or the core asks for it; else None.
    """

    def __init__(self, problem: Problem, limits: Limits, report: Report) -> None:
        self.network: Network | None = None
        self.score: Score | None = None
        self.stop: Termination | None = None
        self._problem, self._target, self._report = problem, limits.target, report
        bound = problem.lower_bound
        self._bound = None if bound is None else float(bound)
        self._clock = Clock(limits)
        self._next = 0.0

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last offer to pay for another evaluation."""
        return self._clock.elapsed >= self._next

    def offer(self, network: Network) -> bool:
        """Evaluate a network, keep and stream it if it is better; True when it is."""
        started = self._clock.elapsed
        score = self._problem.evaluate(network)
        better = self.score is None or score < self.score
        if better:
            self.network, self.score = network, score
            self._stream()
        spent = self._clock.elapsed - started
        self._next = started + max(_PERIOD, _SHARE * spent)
        return better

    def _stream(self) -> None:
        value = None if self.score is None else self.score.value
        objective = None if value is None else float(value)
        asked = self._report(self.network, objective=objective, bound=self._bound)
        if value is None or objective is None:
            self.stop = Termination.INTERRUPTED if asked else None
            return
        # A bound speaks of the first level only, so it proves nothing about a list of them.
        proved = value == self._problem.lower_bound
        if proved and not isinstance(self._problem.objective, Lexicographic):
            self.stop = Termination.OPTIMAL
        elif self._target is not None and objective <= self._target:
            self.stop = Termination.TARGET
        elif asked:
            self.stop = Termination.INTERRUPTED

    def solution(self, otherwise: Termination, **info: Any) -> Solution:
        """The claims at the end, stopped by ``otherwise`` unless there is a better reason."""
        termination = self.stop or otherwise
        value = None if self.score is None else self.score.value
        if value is None:
            return Solution(self.network, Status.NONE, termination, bound=self._bound, info=info)
        return Solution.found(
            self.network, termination, objective=float(value), bound=self._bound, **info
        )


def proved_infeasible(problem: Problem) -> Solution | None:
    """The answer to a problem that contradictory rows make infeasible, else None."""
    reason = problem.infeasible
    if reason is None:
        return None
    return Solution(termination=Termination.INFEASIBLE, info={"reason": reason})


def goal(problem: Problem, limits: Limits) -> float | None:
    """The objective at which there is nothing left to do: the bound or the target."""
    known = [problem.lower_bound, limits.target]
    values = [float(v) for v in known if v is not None and math.isfinite(v)]
    return max(values, default=None)
