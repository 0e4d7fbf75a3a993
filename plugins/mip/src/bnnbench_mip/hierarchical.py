"""neurons-hierarchical: least loss first, then fewest neurons at nearly that loss (inn.md 4.2).

Step 1 minimises the loss L alone. Step 2 minimises the number of neurons in use under
L <= L1 + delta, delta = tau N for max-correct (tau = 0.1 as published) and 0 for sat-margin,
started from the network of step 1; among networks with as few neurons it prefers less loss. Only
the weighted form is an objective (``neuron-penalty``), and by that the answer is judged; a bound on
the loss plus the price of the neurons that any network counts bounds it too. There is no such form
of min-hinge. Two programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution
from bnnbench.spec import Spec
from bnnbench_mip.course import Course, muted
from bnnbench_mip.neuron_penalty import NeuronPenalty, counted
from bnnbench_mip.neurons import Neurons

TAU = {"sign-errors": 0.1, "saturated-margin": 0.0}
"""Published: by how much of N the loss may grow while neurons are removed."""


@dataclass(frozen=True)
class Hierarchical(Solver):
    """Least loss, then fewest neurons at nearly that loss, as published.

    Attributes:
        inner: solver of both programs, of kind milp.
        tau: by how much, as a share of the training rows, the loss may grow in the second step;
            none for 0.1 with sign-errors and 0 with saturated-margin.
        share: most of the time limit that the first step may take.
        one_sided: only half the product rows of the output layer; not for sign-errors.
    """

    name: ClassVar[str] = "neurons-hierarchical"
    kind: ClassVar[str] = "direct"
    inner: Name = "highs"
    tau: float | None = None
    share: float = 0.5
    one_sided: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or (self.tau is not None and self.tau < 0):
            raise ProblemError("neurons-hierarchical: share lies in (0, 1), tau is at least 0.")

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return used(self.inner)

    def accepts(self, model: Model) -> str | None:
        objective = model.problem.objective
        if not isinstance(objective, NeuronPenalty):
            return f"needs the objective neuron-penalty, not {objective.name}"
        if objective.loss not in TAU:
            return f"there is no lexicographic form of {objective.loss}"
        return Inner.of(self.inner, Neurons(one_sided=self.one_sided)).refuses(model.problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock, problem = Clock(limits), model.problem
        penalty = problem.objective
        assert isinstance(penalty, NeuronPenalty)
        alone = replace(problem, objective=replace(penalty, alpha="0"))
        short = limits.within(self.share * limits.time)
        program, course = Neurons(one_sided=self.one_sided), Course(report)
        first = Inner.of(self.inner, program).run(alone, short, seed, muted(course))
        course.passed(first)
        network = first.network
        if network is None:
            return replace(first, bound=None)
        loss = float(alone.evaluate(network).values[0])
        left = limits.within(clock.left)
        fewer = None if course.stopped else self._fewer(problem, network, loss, left, seed, course)
        if fewer is not None:
            course(fewer)
            network = fewer
        price = penalty.price(problem.architecture.hidden) * problem.architecture.outputs
        bound = None if first.bound is None else first.bound + float(price)
        value = float(problem.evaluate(network).values[0])
        ended = course.ended(value, limits)
        figures = {"loss": loss, "neurons": sum(counted(network))}
        return Solution.found(network, ended, objective=value, bound=bound, **figures)

    def _fewer(
        self,
        problem: Problem,
        network: Network,
        loss: float,
        limits: Limits,
        seed: int,
        course: Course,
    ) -> Network | None:
        """A network with fewer neurons, or with less loss at as many; None for none."""
        penalty, n = problem.objective, problem.dataset.sizes[0]
        assert isinstance(penalty, NeuronPenalty)
        tau = TAU[penalty.loss] if self.tau is None else self.tau
        most = loss + tau * n
        # A neuron costs more than all losses together.
        dear = replace(penalty, alpha=str(n * problem.architecture.outputs + 1))
        program = Neurons(one_sided=self.one_sided, most_loss=most + 1e-6)
        part = replace(problem, objective=dear)
        inner = Inner.of(self.inner, program)
        second = inner.run(part, limits, seed + 1, course.asks, start=network)
        course.passed(second)
        found = second.network
        if found is None or part.evaluate(network).values < part.evaluate(found).values:
            return None
        alone = replace(problem, objective=replace(penalty, alpha="0"))
        return found if float(alone.evaluate(found).values[0]) <= most + 1e-9 else None
