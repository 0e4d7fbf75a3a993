"""BeMi: an ensemble of few-bit networks, one per pair of classes (bdnn.md part C).

Each pair's network has the problem's hidden layers and one output, +1 for the first class. Its
programs, each from what the one before has found:

1. SM: most outputs with s u >= 1/2, u = 2 z / B: the saturated margin.
2. MM: on the rows T' confident after SM, every sign right, the largest sum of the margins of all
   units. T' empty: MM and MW are skipped.
3. MW: fewest non-zero weights with every unit's margin at least that of MM.

The time limit is shared among the pairs, and within a pair 2 : 2 : 1 among the steps; unused time
passes on. Pairs without rows of both classes vote for the class that has some.

The ensemble votes with BeMi's tie rules, as one exactly equal network (see ``voting.py``). That is
no network of the problem's class, so this is a reference with class decisions only: all-good is
the published accuracy. A problem of two classes with one output is a single pair. ``info`` has the
shares of the seven statuses in training, non-zero weights and confident rows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.network import Layer, Network
from bnnbench.objectives import SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_heuristics.bemi_member import Member, Steps
from bnnbench_heuristics.restricted import one_grid
from bnnbench_heuristics.voting import ensemble, pairs, statuses

Int64 = npt.NDArray[np.int64]
SM, MM = Spec("sat-margin"), Spec("max-margin")


@dataclass(frozen=True)
class BeMi(Solver):
    """Pairwise ensemble by lexicographic programs: confident, then margin, then few weights.

    Attributes:
        first: solver of SM, of kind ``milp`` or ``direct``.
        second: solver of MM, likewise.
        third: solver of MW, of kind ``milp``.
        steps: ``sm``, ``sm+mm``, ``sm+mw`` or ``sm+mm+mw``: the literature's ablation.
        eps: margin of a unit that is off, beyond its sign.
    """

    name: ClassVar[str] = "bemi"
    reference: ClassVar[bool] = True
    first: Name = "highs"
    second: Name = "highs"
    third: Name = "highs"
    steps: Literal["sm", "sm+mm", "sm+mw", "sm+mm+mw"] = "sm+mm+mw"
    eps: str | float = "0.1"

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return (*used(self.first, SM), *used(self.second, MM), *used(self.third))

    def accepts(self, model: Model) -> str | None:
        problem = model.problem
        arch = problem.architecture
        if not arch.dense or arch.activation != "sign" or not arch.hidden:
            return "members are chains of full layers of sign units, with a hidden layer"
        if problem.domain.bias == "free":
            return "margins are unbounded with free biases"
        part = _pair(problem, 0, 1)
        if part is None:
            return one_grid(problem)
        return one_grid(problem) or Inner.of(self.first, SM).refuses(part)

    def _steps(self) -> Steps:
        return Steps(
            first=Inner.of(self.first, SM),
            second=Inner.of(self.second, MM),
            third=Inner.of(self.third, MM),
            margin="mm" in self.steps,
            sparse="mw" in self.steps,
            eps=self.eps,
        )

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        problem, clock = model.problem, Clock(limits)
        rng = np.random.default_rng(seed)
        single = problem.architecture.outputs == 1
        chosen = [(1, 0)] if single else pairs(problem.dataset.n_classes)
        steps = self._steps()
        members: list[Network] = []
        cut = False
        counts = {"confident": 0, "rows": 0, "nonzeros": 0}
        for k, (i, j) in enumerate(chosen):
            part = _pair(problem, i, j)
            if part is None:
                members.append(_constant(problem, i, j))
                continue
            time = clock.left / (len(chosen) - k)
            member = Member(steps, part, limits.within(time), rng)
            members.append(member.train())
            cut = cut or member.cut
            counts["confident"] += member.confident
            counts["rows"] += part.dataset.sizes[0]
            counts["nonzeros"] += members[-1].nonzeros
        network = members[0] if single else ensemble(members, problem.dataset.n_classes)
        report(network)
        shares = _shares(problem, members, -1 if single else 1)
        ended = Termination.TIME if cut or clock.over else Termination.ITERATIONS
        return Solution.found(network, ended, statuses=shares, **counts)


def _shares(problem: Problem, members: list[Network], sign: int) -> list[float]:
    """Shares of the seven statuses among the training rows."""
    X, y = problem.dataset.part("train")
    outputs = [m.forward(X, problem.dataset.scale).output for m in members]
    votes = sign * np.where(np.concatenate(outputs, axis=1) >= 0, 1, -1)
    found = statuses(votes, np.asarray(y, dtype=np.int64), problem.dataset.n_classes)
    shares: list[float] = (np.bincount(found, minlength=7) / len(y)).round(6).tolist()
    return shares


def _pair(problem: Problem, i: int, j: int) -> Problem | None:
    """The rows of two classes, 1 for the first; None unless there are rows of both."""
    data = problem.dataset
    X, y = data.part("train")
    rows = np.flatnonzero((y == i) | (y == j))
    labels = np.asarray(y[rows] == i, dtype=np.int64)
    if not len(rows) or labels.all() or not labels.any():
        return None
    names = (data.classes[j], data.classes[i])
    part = Dataset(data.name, X[rows], labels, (len(rows), 0, 0), data.scale, names)
    arch = Architecture(problem.architecture.inputs, problem.architecture.hidden, 1)
    return Problem(part, arch, problem.domain, SaturatedMargin())


def _constant(problem: Problem, i: int, j: int) -> Network:
    """A member that votes for the class that has rows; for the first where neither has."""
    present = problem.dataset.part("train")[1]
    arch = Architecture(problem.architecture.inputs, problem.architecture.hidden, 1)
    shapes = itertools.pairwise(arch.widths)
    weights = [np.zeros(shape, dtype=np.int64) for shape in shapes]
    if (present == j).any() and not (present == i).any():
        # without weights all hidden units are +1, so one -1 turns the vote
        weights[-1][0, 0] = -1
    return Network(arch, tuple(Layer(W, W[0] * 0) for W in weights))
