"""The state of a run on training errors, shared by all methods: incumbent, bound, when to stop.

All numbers are errors beyond the base of the threshold form; what leaves the run has it added.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnnbench.interfaces import Clock, Report
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_mip.threshold_form import Firing, ThresholdForm


@dataclass(eq=False)
class Run:
    """What is known so far about one problem, in errors beyond the base.

    Attributes:
        problem: what is solved.
        limits: what may be used.
        seed: of all searches.
        report: streams nets and bounds.
        best, net: fewest errors, and who has them.
        bound: proved for all nets.
        halted: whether a report or the target ended the run.
        info: figures for the record.
    """

    problem: Problem
    limits: Limits
    seed: int
    report: Report
    best: int = 0
    net: Firing | None = None
    bound: int = -1
    halted: bool = False
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = Clock(self.limits)
        self.form = ThresholdForm.of(self.problem)
        self.best = int(self.form.weight.sum()) + 1
        shape = (self.form.X.shape[1], self.form.units)
        always = int(self.form.weight[self.form.positive].sum()) * 2 > int(self.form.weight.sum())
        idle = np.repeat(self.form.values[:1], shape[0])[:, None].repeat(shape[1], axis=1)
        reach = int(np.abs(self.form.X).sum(axis=1).max(initial=0) + 1) * int(self.form.values[-1])
        self.found(Firing(idle, np.full(shape[1], -reach if always else reach + 1), 1))
        self.proved(0, "duplicates")

    @property
    def over(self) -> bool:
        """Whether to stop: proved, told to, or out of time."""
        return self.bound >= self.best or self.halted or self.clock.over

    def found(self, net: Firing) -> bool:
        """Keep and stream a net if it is the best so far; returns whether to stop."""
        errors = self.form.excess(net)
        if errors < self.best:
            self.best, self.net = errors, net
            value = float(errors + self.form.base)
            self.halted |= self.report(self.form.network(net), objective=value)
            target = self.limits.target
            self.halted |= target is not None and value <= target
        return self.over

    def proved(self, bound: int, by: str) -> None:
        """Keep and stream a bound."""
        bound = min(bound, self.best)
        if bound > self.bound:
            self.bound = bound
            self.info["proved_by"] = by
            self.halted |= self.report(bound=float(bound + self.form.base))

    def solution(self, failure: Termination | None = None) -> Solution:
        """The claims at the end."""
        assert self.net is not None
        value, optimal = float(self.best + self.form.base), self.bound >= self.best
        termination = failure or Termination.ITERATIONS
        if optimal:
            termination = Termination.OPTIMAL
        elif self.limits.target is not None and value <= self.limits.target:
            termination = Termination.TARGET
        elif self.clock.over:
            termination = Termination.TIME
        elif self.halted:
            termination = Termination.INTERRUPTED
        return Solution(
            self.form.network(self.net),
            Status.OPTIMAL if optimal else Status.FEASIBLE,
            termination,
            value,
            float(self.bound + self.form.base),
            {"base": self.form.base, "samples": len(self.form.X), **self.info},
        )
