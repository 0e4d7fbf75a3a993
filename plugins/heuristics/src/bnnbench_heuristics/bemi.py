"""BeMi: an ensemble of few-bit networks, one per pair of classes (bdnn.md part C).

Each pair's network has the problem's hidden layers and one output, +1 for the first class. Its
programs, each from what the one before has found:

1. SM: most outputs with s u >= 1/2, u = 2 z / B: the saturated margin.
2. MM: on the rows T' confident after SM, every sign right, the largest sum of the margins of all
   units. T' empty: MM and MW are skipped.
3. MW: fewest non-zero weights with every unit's margin at least that of MM.

MM and MW are solved in two parts: first with the hidden activations of the network at hand, which
gives what a warm start would, then with all of them free and its value as cutoff.

The time limit is shared among the pairs, and within a pair 2 : 2 : 1 among the steps; unused time
passes on. A step without answer leaves the network of the step before. Pairs without rows of both
classes vote for the class that has some.

The ensemble votes with BeMi's tie rules, as one exactly equal network (see ``voting.py``). That is
no network of the problem's class, so this is a reference with class decisions only: all-good is
the published accuracy. A problem of two classes with one output is a single pair. ``info`` has the
shares of the seven statuses in training, non-zero weights and confident rows.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import MatrixMILP
from bnnbench.network import Layer, Network
from bnnbench.objectives import MaxMargin, SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_heuristics.inner import Inner, Name, called, next_seed, one_grid, seconds
from bnnbench_heuristics.program import Program
from bnnbench_heuristics.subset import on_rows
from bnnbench_heuristics.voting import ensemble, pairs, statuses

Int64 = npt.NDArray[np.int64]
SM, MM = Spec("sat-margin"), Spec("max-margin")
_SHARES = (0.4, 0.4, 0.2)
_TOLERANCE = 1e-6


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
        return (*called(self.first, SM), *called(self.second, MM), *called(self.third))

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

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        problem, clock = model.problem, Clock(limits)
        rng = np.random.default_rng(seed)
        single = problem.architecture.outputs == 1
        chosen = [(1, 0)] if single else pairs(problem.dataset.n_classes)
        members: list[Network] = []
        counts = {"confident": 0, "rows": 0, "nonzeros": 0}
        for k, (i, j) in enumerate(chosen):
            part = _pair(problem, i, j)
            if part is None:
                members.append(_constant(problem, i, j))
                continue
            time = clock.left / (len(chosen) - k)
            member = _Member(self, part, seconds(limits, time), rng)
            members.append(member.train())
            counts["confident"] += member.confident
            counts["rows"] += part.dataset.sizes[0]
            counts["nonzeros"] += members[-1].nonzeros
        network = members[0] if single else ensemble(members, problem.dataset.n_classes)
        report(network)
        shares = _shares(problem, members, -1 if single else 1)
        ended = Termination.TIME if clock.over else Termination.ITERATIONS
        return Solution.found(network, ended, statuses=shares, **counts)


@dataclass(eq=False)
class _Member:
    """The training of one pair's network.

    Attributes:
        solver: parameters.
        problem: the pair's, with one output.
        limits: for all three steps.
        rng: seeds of the inner solves.
        confident: rows of T'.
    """

    solver: BeMi
    problem: Problem
    limits: Limits
    rng: np.random.Generator
    confident: int = field(init=False, default=0)

    def train(self) -> Network:
        """SM, MM, MW, as far as they get."""
        clock = Clock(self.limits)
        steps = self.solver.steps
        first = Inner.of(self.solver.first, SM)
        network = self._solve(first, self.problem, _SHARES[0] * self.limits.time)
        if network is None:
            return self.problem.random_network(np.random.default_rng(next_seed(self.rng)))
        rows = _confident(self.problem, network)
        self.confident = len(rows)
        if not len(rows) or steps == "sm":
            return network
        part = replace(on_rows(self.problem, rows), objective=MaxMargin(eps=self.solver.eps))
        if "mm" in steps:
            share = 1.0 if "mw" not in steps else 1 - _SHARES[2] / (_SHARES[1] + _SHARES[2])
            network = self._margin(part, network, share * clock.left)
        if "mw" in steps and part.evaluate(network).feasible:
            network = self._sparse(part, network, clock)
        return network

    def _solve(self, inner: Inner, problem: Problem, time: float) -> Network | None:
        if inner.refuses(problem) is not None:
            return None
        limits = seconds(self.limits, time)
        return inner.solve(inner.model(problem), limits, next_seed(self.rng)).network

    def _margin(self, part: Problem, network: Network, time: float) -> Network:
        """MM: with the activations at hand, then with all of them free."""
        inner = Inner.of(self.solver.second, MM)
        if inner.formulation is None:
            found = self._solve(inner, part, time)
            return network if found is None else _better(part, network, found)
        if inner.refuses(part) is not None:
            return network
        program, clock = Program(inner.model(part)), Clock(Limits(time))
        for free in (False, True):
            value = part.evaluate(network).value
            restricted = program if free else self._held(program, network)
            if free and value is not None:
                restricted = restricted.at_most(float(value))
            limits = seconds(self.limits, clock.left if free else clock.left / 2)
            found = inner.solve(restricted.model, limits, next_seed(self.rng)).network
            network = network if found is None else _better(part, network, found)
        return network

    def _sparse(self, part: Problem, network: Network, clock: Clock) -> Network:
        """MW: fewest non-zero weights with margins no smaller; as :meth:`_margin` in two parts."""
        inner = Inner.of(self.solver.third, MM)
        if inner.refuses(part) is not None:
            return network
        program = Program(inner.model(part))
        margins = program.encoded(network) if "mm" in self.solver.steps else None
        for free in (False, True):
            restricted = program if free else self._held(program, network)
            sparse = _fewest_weights(restricted, margins)
            if free:
                sparse = Program(sparse).at_most(network.nonzeros).model
            limits = seconds(self.limits, clock.left if free else clock.left / 2)
            found = inner.solve(sparse, limits, next_seed(self.rng)).network
            if found is not None and self._sparser(part, network, found):
                network = found
        return network

    def _held(self, program: Program, network: Network) -> Program:
        return program.activated(network, range(1, network.architecture.depth))

    def _sparser(self, part: Problem, old: Network, new: Network) -> bool:
        if not part.evaluate(new).feasible or new.nonzeros >= old.nonzeros:
            return False
        return "mm" not in self.solver.steps or not part.evaluate(old) < part.evaluate(new)


def _fewest_weights(program: Program, point: npt.NDArray[np.float64] | None) -> Model:
    """The program with margins at least those of a point, and |w| <= bound v, min sum v."""
    milp = program.milp
    margins, weights = (program.columns(re.compile(p)) for p in (r"m\d+", r"w\d+"))
    lower = milp.lower.copy()
    if point is not None:
        lower[margins] = np.clip(point[margins] - _TOLERANCE, 0, None)
    count = len(weights)
    new = milp.n_cols + np.arange(count)
    bound = np.maximum(np.abs(milp.lower[weights]), np.abs(milp.upper[weights]))
    columns = np.stack([weights, new], axis=1)
    two_sided = [np.stack([np.ones(count), sign * bound], axis=1) for sign in (-1.0, 1.0)]
    extended = MatrixMILP(
        c=np.concatenate([np.zeros(milp.n_cols), np.ones(count)]),
        indptr=np.concatenate(
            [milp.indptr, milp.indptr[-1] + 2 * np.arange(1, 2 * count + 1)]
        ).astype(np.int32),
        indices=np.concatenate([milp.indices, columns.ravel(), columns.ravel()]).astype(np.int32),
        data=np.concatenate([milp.data, *(a.ravel() for a in two_sided)]),
        row_lower=np.concatenate([milp.row_lower, np.full(count, -np.inf), np.zeros(count)]),
        row_upper=np.concatenate([milp.row_upper, np.zeros(count), np.full(count, np.inf)]),
        lower=np.concatenate([lower, np.zeros(count)]),
        upper=np.concatenate([milp.upper, np.ones(count)]),
        integer=np.concatenate([milp.integer, np.ones(count, dtype=bool)]),
        blocks={**milp.blocks, "v": (milp.n_cols, (count,))},
    )
    return replace(program.model, data=extended, encode=None, exact=False)


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


def _confident(problem: Problem, network: Network) -> Int64:
    """T': rows whose output is right with s u >= 1/2."""
    data = problem.dataset
    forward = network.forward(data.part("train")[0], data.scale)
    signed = (forward.output * problem.targets())[:, 0]
    least = problem.output_scale * forward.output_unit / 4
    return np.flatnonzero(signed >= math.ceil(least))


def _better(part: Problem, old: Network, new: Network) -> Network:
    return new if part.evaluate(new) < part.evaluate(old) else old


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
