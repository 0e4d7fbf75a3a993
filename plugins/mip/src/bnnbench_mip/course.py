"""How a pipeline of programs goes: what its steps may report, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass

from bnnbench.interfaces import Report
from bnnbench.network import Network
from bnnbench.solution import Limits, Point, Solution, Termination


@dataclass(eq=False)
class Course:
    """How a pipeline goes: a report that remembers, and why the steps so far ended.

    Attributes:
        report: what is told.
        stopped: whether it has asked to stop.
        cut: whether the clock cut a step.
    """

    report: Report
    stopped: bool = False
    cut: bool = False

    def __call__(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """See :class:`bnnbench.interfaces.Report`."""
        asked = self.report(answer, objective=objective, bound=bound)
        self.stopped = self.stopped or asked
        return self.stopped

    def asks(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """A report for a step whose networks are not yet answers: it only asks whether to stop."""
        return self()

    def passed(self, step: Solution) -> None:
        """Take note of a step's end."""
        self.cut = self.cut or step.cut

    def ended(self, objective: float | None, limits: Limits) -> Termination:
        """Why a pipeline whose answer has this objective stopped."""
        if limits.target is not None and objective is not None and objective <= limits.target:
            return Termination.TARGET
        if self.stopped:
            return Termination.INTERRUPTED
        return Termination.TIME if self.cut else Termination.ITERATIONS


def muted(report: Report) -> Report:
    """A report for a step with another objective: its networks count, its figures do not."""

    def told(
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        return report(answer)

    return told
