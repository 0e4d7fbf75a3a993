"""Early stopping: of all incumbents of another solver the one that does best on rows held out.

The inner solver minimises the objective on the training rows as ever; each incumbent that it
streams is scored on the validation rows, and the best is the answer, the earliest on ties. Where
the data set has no validation rows, a share of each class of the training rows is held out from the
inner solver. Test rows are never looked at.

With ``average`` > 1 the mean of so many last incumbents, element by element and rounded to the
grid, is a candidate too. Incumbents of one run differ in few weights, so units correspond; means
over separate runs would mix units in different orders. (OURS; averages as in stochastic weight
averaging.)
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Model, Report, Solver
from bnnbench.network import Network
from bnnbench.objectives.counts import expected_errors
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Point, Solution, Status, Termination
from bnnbench.spec import Spec
from bnnbench_heuristics.incumbent import proved_infeasible
from bnnbench_heuristics.subset import mean_network, on_rows

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EarlyStopping(Solver):
    """The incumbent of another solver that is best on validation rows.

    Attributes:
        inner: any solver.
        formulation: its formulation; none where the solver is direct.
        measure: ``argmax`` or ``all-good`` accuracy on the validation rows.
        patience: stop after so many incumbents without a better one; none to run to the end.
        average: incumbents whose mean is a candidate too; 1 for none.
        hold: share of the training rows held out where there are no validation rows.
    """

    name: ClassVar[str] = "early-stopping"
    inner: Name = "annealing"
    formulation: Name | None = None
    measure: Literal["argmax", "all-good"] = "argmax"
    patience: int | None = None
    average: int = 1
    hold: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.hold < 1 or self.average < 1:
            raise ProblemError("early-stopping: hold must lie in (0, 1), average be at least 1.")

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return used(self.inner, self.formulation)

    def accepts(self, model: Model) -> str | None:
        return Inner.of(self.inner, self.formulation).refuses(self._drawn(model.problem, 0))

    def _drawn(self, problem: Problem, seed: int) -> Problem:
        """The problem with validation rows."""
        train, validation, _ = problem.dataset.sizes
        if validation:
            return problem
        rng = np.random.default_rng(seed)
        y = problem.dataset.part("train")[1]
        held = np.zeros(train, dtype=bool)
        for label in np.unique(y):
            rows = rng.permutation(np.flatnonzero(y == label))
            held[rows[: math.floor(self.hold * len(rows))]] = True
        if not held.any():
            held[rng.integers(train)] = train > 1
        return on_rows(problem, np.flatnonzero(~held), np.flatnonzero(held))

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        if infeasible:
            return infeasible
        drawn = self._drawn(model.problem, seed)
        inner = Inner.of(self.inner, self.formulation)
        part = inner.model(drawn)
        watch = _Watch(self, model.problem, part, report)
        own = drawn is model.problem
        answer = inner.solve(part, limits if own else replace(limits, target=None), seed, watch)
        if answer.network is not None:
            watch.consider(answer.network)
        return watch.solution(answer.termination, limits.target)


class _Watch:
    """The report of the inner solver: keeps what is best on the validation rows."""

    def __init__(self, solver: EarlyStopping, problem: Problem, part: Model, report: Report):
        self.solver, self.problem, self.part, self.report = solver, problem, part, report
        self.drawn: Problem = part.problem
        self.last: deque[Network] = deque(maxlen=solver.average)
        self.best: Network | None = None
        self.accuracy = -math.inf
        self.seen = self.idle = self.best_at = 0

    def __call__(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """See :class:`bnnbench.interfaces.Report`."""
        if answer is None:
            return self.report()
        return self.consider(self.part.network(answer))

    def consider(self, network: Network) -> bool:
        """Score an incumbent, and the mean of the last ones; whether to stop."""
        self.seen += 1
        self.last.append(network)
        candidates = [network]
        if len(self.last) > 1:
            candidates.append(mean_network(self.problem, self.last, [1.0] * len(self.last)))
        found = max((self._accuracy(c), -k) for k, c in enumerate(candidates))
        if found[0] <= self.accuracy:
            self.idle += 1
            return self.impatient
        self.accuracy, self.best = found[0], candidates[-found[1]]
        self.idle, self.best_at = 0, self.seen
        return self.report(self.best, objective=self._objective())

    @property
    def impatient(self) -> bool:
        """Whether there have been too many incumbents without a better one."""
        patience = self.solver.patience
        return patience is not None and self.idle >= patience

    def _accuracy(self, network: Network) -> float:
        data = self.drawn.dataset
        X, y = data.part("validation")
        output = network.forward(X, data.scale).output
        if self.solver.measure == "argmax":
            return float(1 - expected_errors(output, y)[0] / len(y))
        right = (output >= 0) == (self.drawn.targets("validation") > 0)
        return float(right.all(axis=1).mean())

    def _objective(self) -> float | None:
        assert self.best is not None
        value = self.problem.evaluate(self.best).value
        return None if value is None else float(value)

    def solution(self, termination: Termination, target: float | None) -> Solution:
        """The claims; nothing is optimal that was chosen by other rows."""
        if self.best is None:
            return Solution.found(None, termination)
        done = termination is Termination.OPTIMAL or self.impatient
        ended = Termination.ITERATIONS if done else termination
        objective = self._objective()
        if target is not None and objective is not None and objective <= target:
            ended = Termination.TARGET
        status = Status.NONE if objective is None else Status.FEASIBLE
        info = {"validation": self.accuracy, "incumbents": self.seen, "best_at": self.best_at}
        return Solution(self.best, status, ended, objective, info=info)
