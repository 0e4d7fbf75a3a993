"""What every adapter of kind ``milp`` does with incumbents, bounds and the last word of its solver.

An incumbent's loss variables may be slack (an error counted that is none), so its objective may be
worse than its network. Where the formulation can encode networks, an incumbent is replaced by the
encoding of its network whenever that is better; also when the incumbent is better by no more than
its integer variables' tolerances add up to. A claim that is *better* than the network by more is
left as it is, for the verification to find.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.network import Network
from bnnbench.solution import Limits, Solution, Status, Termination

FINEST, COARSEST = 1e-10, 1e-6
NOISE = 1e-5
"""By how much, relatively, many integer variables a tolerance off may flatter an objective."""


@dataclass(eq=False)
class Watch:
    """One run: streams what is found, and knows when to stop.

    Attributes:
        model: what is solved.
        tighten: whether to take the slack out of incumbents.
        report: streams incumbents and bounds.
        limits: what may be used.
        clock: of the run.
        stop: whether a report or the target ended the run.
        point, objective, bound: the best so far.
        better: a tightened point that the solver does not know yet.
        failure: what went wrong in a callback, where many solvers would swallow it; it stops the
            run, and :meth:`solution` raises it.
    """

    model: Model
    tighten: bool
    report: Report
    limits: Limits
    clock: Clock
    stop: bool = False
    on_target: bool = False
    point: npt.NDArray[np.float64] | None = None
    objective: float = math.inf
    bound: float = -math.inf
    better: npt.NDArray[np.float64] | None = None
    failure: Exception | None = None

    @property
    def over(self) -> bool:
        """Whether the solver should stop."""
        return self.stop or self.clock.over

    @property
    def seconds(self) -> float | None:
        """A solver's own time limit: a little less than what is left; None without limit."""
        return max(0.01, 0.99 * self.clock.left) if math.isfinite(self.clock.left) else None

    @property
    def goal(self) -> float | None:
        """The objective at which the target counts as reached; None without target."""
        target = self.limits.target
        return None if target is None else target + 1e-9 * max(1.0, abs(target))

    def found(self, point: npt.NDArray[np.float64], objective: float) -> None:
        """Keep and stream a point if it is the best so far."""
        try:
            self._found(point, objective)
        except Exception as error:
            self.failure, self.stop = error, True

    def bounded(self, bound: float) -> None:
        """Keep and stream a bound if it is the best so far."""
        if math.isfinite(bound) and bound > self.bound:
            self.bound = bound
            try:
                self.stop |= self.report(bound=settled(bound, self.objective))
            except Exception as error:
                self.failure, self.stop = error, True

    def _found(self, point: npt.NDArray[np.float64], objective: float) -> None:
        tight = self.tightened(point)
        if tight is not None:
            value = self.model.data.objective(tight)
            if value < objective - 1e-9:
                self.better = tight
            if value <= objective + NOISE * max(1.0, abs(objective)):
                point, objective = tight, value
        if objective >= self.objective:
            return
        self.point, self.objective = point, objective
        self.on_target = self.goal is not None and objective <= self.goal
        self.stop |= self.report(point, objective=objective) or self.on_target

    def tightened(self, point: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """The encoding of a point's network, None where there is none or it is infeasible."""
        if not self.tighten or self.model.encode is None:
            return None
        try:
            tight = encoded(self.model, self.model.decode(point))
        except ValueError:
            return None
        return tight if self.model.data.violation(tight) <= COARSEST else None

    def solution(self, termination: Termination, bound: float, **info: Any) -> Solution:
        """The claims at the end.

        Args:
            termination: why the solver says it stopped.
            bound: its last bound; not finite for none.
            info: figures for the record.

        Raises:
            Exception: the failure of a callback.
        """
        if self.failure is not None:
            raise self.failure
        if termination is Termination.INTERRUPTED and self.on_target:
            termination = Termination.TARGET
        elif termination is Termination.INTERRUPTED and self.clock.over:
            termination = Termination.TIME
        held = Status.NONE if self.point is None else Status.FEASIBLE
        if self.point is not None and termination is Termination.OPTIMAL:
            held = Status.OPTIMAL
        if not math.isfinite(bound) or termination is Termination.ERROR:
            bound = self.bound
        return Solution(
            answer=self.point,
            status=held,
            termination=termination,
            objective=None if self.point is None else self.objective,
            bound=settled(bound, self.objective) if math.isfinite(bound) else None,
            info=info,
        )


def encoded(model: Model, network: Network) -> npt.NDArray[np.float64]:
    """The point of a network.

    Raises:
        ValueError: when the network has none in the program, by its formulation.
        ProblemError: when the point is none of the program's.
    """
    assert model.encode is not None
    point, count = np.asarray(model.encode(network), dtype=np.float64), model.data.n_cols
    if point.shape != (count,):
        raise ProblemError(
            f"The model of {model.problem.dataset.name} for {model.problem.objective.name} has"
            f" {count} variables, but its encode makes points of {point.size}. Where variables"
            " were added to the program (bnnbench_mip.pyomo_model.joined), give the model"
            " encode=None, or one that fills them in."
        )
    return point


def mip_tolerance(model: Model) -> float:
    """A tolerance so small that integer variables cannot shift a row by half a unit."""
    milp = model.data
    coefficients = np.abs(milp.data[milp.integer[milp.indices]])
    largest = float(model.info.get("big_m", coefficients.max(initial=1.0)))
    return min(COARSEST, max(FINEST, 0.1 / max(1.0, largest)))


def settled(bound: float, objective: float) -> float:
    """A bound that passes the objective by rounding only is the objective.

    More than that is a contradiction, and left for the verification to find.
    """
    near = objective < bound <= objective + 1e-6 * max(1.0, abs(objective))
    return objective if near else bound
