"""icarte-hw: a network that fits, then the full program warm-started with it (bdnn.md B.4, HW).

Step 1 asks for nothing but right signs: Hamming loss with target 0, by constraint programming in
the original, by any solver here. Step 2 is the program of the problem's own objective, min-weight
or max-margin, started from that network with the remaining time. When step 2 finds nothing better,
the network of step 1 is the answer. Both solvers run in one process, so their libraries must stand
each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.objectives import Hamming
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_mip.course import Course, muted


@dataclass(frozen=True)
class IcarteHW(Solver):
    """Hybrid HW of Toro Icarte et al.: a fitting network first, then the warm-started program.

    Attributes:
        first: solver of the first step.
        first_formulation: its formulation, for the objective hamming; ignored by direct solvers.
        inner: solver of the second step.
        formulation: its formulation, for the problem's objective.
        share: most of the time limit that the first step may take.
    """

    name: ClassVar[str] = "icarte-hw"
    kind: ClassVar[str] = "direct"
    first: Name = "highs"
    first_formulation: Name = "hamming"
    inner: Name = "highs"
    formulation: Name = "min-weight"
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ProblemError(f"icarte-hw: share must lie in (0, 1), got {self.share}.")

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        programs = self.first_formulation, self.formulation
        return (*used(self.first), *used(self.inner, *programs))

    def accepts(self, model: Model) -> str | None:
        problem = model.problem
        if not problem.objective.hard:
            return f"{problem.objective.name} does not ask for right signs on every row"
        signs = replace(problem, objective=Hamming())
        first = Inner.of(self.first, self.first_formulation)
        return first.refuses(signs) or Inner.of(self.inner, self.formulation).refuses(problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock, problem, course = Clock(limits), model.problem, Course(report)
        signs = replace(problem, objective=Hamming())
        short = limits.within(self.share * limits.time, target=0.0)
        first = Inner.of(self.first, self.first_formulation)
        fitted = first.run(signs, short, seed, muted(course))
        course.passed(fitted)
        start = fitted.network
        if fitted.bound is not None and fitted.bound > 0.5:
            return Solution.found(None, Termination.INFEASIBLE)
        if start is not None and not problem.evaluate(start).feasible:
            start = None
        if course.stopped and start is not None:
            value = float(problem.evaluate(start).values[0])
            return Solution.found(start, course.ended(value, limits), objective=value)
        left = limits.within(clock.left, limits.target)
        second = Inner.of(self.inner, self.formulation)
        solution = second.run(problem, left, seed, course, start=start)
        if start is None:
            return solution
        network, known = solution.network, problem.evaluate(start)
        if network is None or known < problem.evaluate(network):
            value = float(known.values[0])
            bound = None if solution.bound is None else min(solution.bound, value)
            ended = solution.termination
            ended = Termination.TIME if ended is Termination.OPTIMAL else ended
            return Solution.found(start, ended, objective=value, bound=bound)
        return solution
