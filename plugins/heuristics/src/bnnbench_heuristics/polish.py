"""Fix and polish: any network, then every neuron by itself for margin or weight (bdnn.md B.4).

Step 1 finds a network with any inner solver. Step 2 fixes all its activations on the training rows,
outputs included; every pre-activation is then linear, and the joint program falls apart into one
small program per neuron (see ``neurons.py``): the largest margin, or the least weight, with every
sign as it is. With constraint programming in step 1 this is the HA of Toro Icarte et al., and the
margin polish of bdnn.md A.13 for real weights.

The inner solver minimises ``first``: nothing but feasibility where every sign must be right
(``hamming``, stopped at 0), otherwise the problem's own objective. A neuron is replaced where its
program finds a better one, unless that makes the problem's objective worse, as it may where the
sizes of outputs count. Cost: one inner solve, one small program per neuron.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Clock, Model, Report, Solver, ignore_report
from bnnbench.network import Network
from bnnbench.objectives import Hamming, MaxMargin, MinWeight, Objective
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_heuristics.incumbent import Incumbent, proved_infeasible
from bnnbench_heuristics.neurons import Neuron, neurons
from bnnbench_heuristics.restricted import one_grid

PROGRAMS = {"margin": Spec("max-margin"), "weight": Spec("min-weight")}


@dataclass(frozen=True)
class Polish(Solver):
    """Polishes any solver's network: all activations fixed, every neuron by itself.

    Attributes:
        inner: the solver of the first step.
        formulation: its formulation; none where the solver is direct.
        first: ``own`` to minimise the problem's objective in the first step, ``hamming`` to look
            for right signs only, ``auto`` for signs where all must be right.
        goal: ``margin`` for the largest margin of each neuron, ``weight`` for the least weight.
        norm: of the weight, ``l1`` or ``l0``.
        eps: of the margin of a unit that is off, unless the problem's objective has one.
        polisher: the solver of the neurons' programs.
        share: most of the time limit that the first step may take.
    """

    name: ClassVar[str] = "polish"
    inner: Name = "annealing"
    formulation: Name | None = None
    first: Literal["auto", "own", "hamming"] = "auto"
    goal: Literal["margin", "weight"] = "margin"
    norm: Literal["l1", "l0"] = "l1"
    eps: str | float = "0"
    polisher: Name = "highs"
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ProblemError(f"polish: share must lie in (0, 1), got {self.share}.")

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        programs = used(self.polisher, PROGRAMS[self.goal])
        return (*used(self.inner, self.formulation), *programs)

    def accepts(self, model: Model) -> str | None:
        problem = model.problem
        reason = one_grid(problem)
        return reason or Inner.of(self.inner, self.formulation).refuses(self._first(problem))

    def _first(self, problem: Problem) -> Problem:
        """The problem of the first step."""
        signs = problem.objective.hard if self.first == "auto" else self.first == "hamming"
        return replace(problem, objective=Hamming()) if signs else problem

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        problem, clock = model.problem, Clock(limits)
        infeasible = proved_infeasible(problem)
        if infeasible:
            return infeasible
        incumbent = Incumbent(problem, limits, report)
        start = self._start(problem, limits, seed, report)
        if start.network is None:
            cut = start.cut or clock.over
            return incumbent.solution(Termination.TIME if cut else Termination.ITERATIONS)
        incumbent.offer(start.network)
        network, better, refused, cut = self._polished(problem, start.network, limits, clock, seed)
        cut = cut or start.cut or clock.over
        ended = Termination.TIME if cut else Termination.ITERATIONS
        info: dict[str, Any] = {"better": better, "units": sum(problem.architecture.widths[1:])}
        if refused:
            info["refused"] = refused
        incumbent.offer(network)
        # an equal objective with polished neurons is what was asked for
        incumbent.network = network
        return incumbent.solution(ended, **info)

    def _start(self, problem: Problem, limits: Limits, seed: int, report: Report) -> Solution:
        part = self._first(problem)
        own = part is problem
        inner = Inner.of(self.inner, self.formulation)
        target = limits.target if own else 0.0
        time = self.share * limits.time if math.isfinite(limits.time) else limits.time
        return inner.solve(
            inner.model(part),
            limits.within(time, target),
            seed,
            report if own and inner.formulation is None else ignore_report,
        )

    def _polished(
        self, problem: Problem, network: Network, limits: Limits, clock: Clock, seed: int
    ) -> tuple[Network, int, str, bool]:
        """The network with better neurons, how many, why not others, whether the clock cut any."""
        polisher = Inner.of(self.polisher, PROGRAMS[self.goal])
        left, better, refused, cut = sum(problem.architecture.widths[1:]), 0, "", False
        score = problem.evaluate(network)
        for neuron in neurons(problem, network, self._objective(problem)):
            reason = polisher.refuses(neuron.problem)
            time = clock.left if math.isinf(clock.left) else 0.98 * clock.left / left
            left -= 1
            if reason or clock.over:
                refused = refused or reason or ""
                continue
            found = polisher.solve(polisher.model(neuron.problem), limits.within(time), seed)
            single, cut = found.network, cut or found.cut
            if single is None or not _improves(neuron, single):
                continue
            candidate = neuron.put_into(network, single)
            new = problem.evaluate(candidate)
            if not score < new:
                network, score, better = candidate, new, better + 1
        return network, better, refused, cut

    def _objective(self, problem: Problem) -> Objective:
        own = problem.objective
        if self.goal == "weight":
            return own if isinstance(own, MinWeight) else MinWeight(norm=self.norm)
        return own if isinstance(own, MaxMargin) else MaxMargin(eps=self.eps)


def _improves(neuron: Neuron, single: Network) -> bool:
    part = neuron.problem
    if part.outside(single) is not None:
        return False
    return part.evaluate(single) < part.evaluate(neuron.network)
