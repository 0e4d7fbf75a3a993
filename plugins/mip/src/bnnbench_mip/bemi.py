"""bemi-stages: saturated margin, then largest margins, then fewest weights (bdnn.md C.2).

Three programs in turn, each by the inner solver, unused time passed on:

1. SM: most outputs with s u >= 1/2 (sat-margin).
2. MM: T' = rows with all outputs of SM at the margin; on T' alone, fit every sign with the largest
   sum of unit margins (max-margin with eps).
3. MW: on T', every unit keeps its margin of MM; fewest non-zero weights.

``stages`` gives the ablations of the literature: SM, SM+MM, SM+MW, SM+MM+MW. Without MM the margins
held in MW are 0. With T' empty, or when a step fails, the network of the step before is the answer.
Margins are those of the rounded network in exact arithmetic. A bound comes from SM, for problems
that ask for the saturated margin; the answer may miss more of those than the network of SM, since
later steps only keep the signs on T'. One network of the ensemble of pairs; its cost is three
programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.dataset import Dataset
from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.network import Network
from bnnbench.objectives import MaxMargin, MinWeight, SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution
from bnnbench.spec import Spec
from bnnbench_mip.course import Course, muted
from bnnbench_mip.held_margins import HeldMargins

STAGES = ("sm", "sm+mm", "sm+mw", "sm+mm+mw")


@dataclass(frozen=True)
class Bemi(Solver):
    """BeMi's lexicographic training: saturated margin, margins, then weights.

    Attributes:
        stages: sm, sm+mm, sm+mw or sm+mm+mw.
        inner: solver of all programs.
        formulation: of the first.
        margins: of the second, for the objective max-margin.
        eps: how far pre-activations that are off stay from 0.
        shares: shares of the time limit for the three steps; what is left is passed on.
    """

    name: ClassVar[str] = "bemi-stages"
    kind: ClassVar[str] = "direct"
    stages: str = "sm+mm+mw"
    inner: Name = "highs"
    formulation: Name = "sat-margin"
    margins: Name = "max-margin"
    eps: float = 0.1
    shares: tuple[float, float, float] = (0.4, 0.4, 0.2)

    def __post_init__(self) -> None:
        if self.stages not in STAGES or self.eps < 0:
            raise ProblemError(
                f"bemi-stages: stages is one of {', '.join(STAGES)}, eps at least 0."
            )
        if min(self.shares) <= 0:
            raise ProblemError("bemi-stages: shares must be positive.")

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return used(self.inner, self.formulation, self.margins)

    def accepts(self, model: Model) -> str | None:
        problem = model.problem
        if problem.objective.hard:
            return (
                f"{problem.objective.name} asks for every row, bemi-stages fits the confident ones"
            )
        first = Inner.of(self.inner, self.formulation)
        refused = first.refuses(replace(problem, objective=SaturatedMargin()))
        if refused is None and "mm" in self.stages:
            second = Inner.of(self.inner, self.margins)
            refused = second.refuses(replace(problem, objective=MaxMargin(self.eps)))
        return refused

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        return _Pipeline(self, model.problem, limits, seed, report).run()


class _Pipeline:
    """One solve."""

    def __init__(
        self, bemi: Bemi, problem: Problem, limits: Limits, seed: int, report: Report
    ) -> None:
        self.bemi, self.problem, self.limits = bemi, problem, limits
        self.seed, self.course = seed, Course(report)
        self.clock = Clock(limits)
        self.info: dict[str, float] = {}

    def run(self) -> Solution:
        own = isinstance(self.problem.objective, SaturatedMargin)
        problem = replace(self.problem, objective=SaturatedMargin())
        limits = replace(self._limits(1), target=self.limits.target if own else None)
        inner = Inner.of(self.bemi.inner, self.bemi.formulation)
        told = self.course if own else muted(self.course)
        first = inner.run(problem, limits, self.seed, told)
        self.course.passed(first)
        network = first.network
        if network is None:
            return replace(first, bound=first.bound if own else None)
        confident = confident_rows(problem, network)
        self.info = {"confident": int(confident.sum()), "nonzeros_sm": network.nonzeros}
        if confident.any() and not self.course.stopped:
            network = self._refine(network, on_rows(self.problem, confident))
        return self._solution(network, first.bound if own else None)

    def _refine(self, network: Network, part: Problem) -> Network:
        """Steps MM and MW on the confident rows."""
        margins = (0.0,) * sum(part.architecture.widths[1:])
        if "mm" in self.bemi.stages:
            part = replace(part, objective=MaxMargin(self.bemi.eps))
            found = self._step(Inner.of(self.bemi.inner, self.bemi.margins), part, 2, network)
            if found is None:
                return network
            network = found
            margins = unit_margins(part, network, Fraction(str(self.bemi.eps)))
            self.info["margins"] = sum(margins)
        if "mw" in self.bemi.stages and not self.course.stopped:
            held = HeldMargins(margins=margins, eps=self.bemi.eps)
            part = replace(part, objective=MinWeight("l0"))
            network = self._step(Inner.of(self.bemi.inner, held), part, 3, network) or network
        return network

    def _step(self, inner: Inner, part: Problem, number: int, start: Network) -> Network | None:
        """One later step; its network if it fits every row of the part."""
        seed = self.seed + number - 1
        limits, asks = self._limits(number), self.course.asks
        solution = inner.run(part, limits, seed, asks, start=start)
        self.course.passed(solution)
        network = solution.network
        if network is None or not part.evaluate(network).feasible:
            return None
        self.course(network)
        return network

    def _limits(self, number: int) -> Limits:
        """What a step may use: the shares up to its own, less what is spent."""
        share = sum(self.bemi.shares[:number]) / sum(self.bemi.shares)
        left = share * self.limits.time - self.clock.elapsed
        return self.limits.within(left)

    def _solution(self, network: Network, bound: float | None) -> Solution:
        score = self.problem.evaluate(network)
        objective = float(score.values[0]) if score.feasible else None
        ended = self.course.ended(objective, self.limits)
        info = {**self.info, "nonzeros": network.nonzeros}
        return Solution.found(network, ended, objective=objective, bound=bound, **info)


def confident_rows(problem: Problem, network: Network) -> npt.NDArray[np.bool_]:
    """T': training rows with s u >= 1/2 at every output, shape (n,)."""
    forward = network.forward(problem.dataset.part("train")[0], problem.dataset.scale)
    wanted = problem.output_scale / 4 * forward.output_unit
    least = -(-wanted.numerator // wanted.denominator)
    reached = forward.output * problem.targets() >= least
    return np.asarray(reached.all(axis=1), dtype=np.bool_)


def on_rows(problem: Problem, rows: npt.NDArray[np.bool_]) -> Problem:
    """The problem on some of its training rows."""
    data = problem.dataset
    X, y = data.part("train")
    kept = Dataset(
        data.name,
        X[rows],
        y[rows],
        (int(rows.sum()), 0, 0),
        data.scale,
        data.classes,
        data.features,
    )
    return replace(problem, dataset=kept)


def unit_margins(problem: Problem, network: Network, eps: Fraction) -> tuple[float, ...]:
    """Per unit, layer after layer: least z over the rows where z >= 0, of -z - eps elsewhere."""
    forward = network.forward(problem.dataset.part("train")[0], problem.dataset.scale)
    margins: list[float] = []
    for z, unit in zip(forward.pre, forward.units, strict=True):
        values = np.where(z >= 0, z, -z - float(eps * unit)).min(axis=0)
        margins += (values / unit).tolist()
    return tuple(margins)
