"""The training of one pair's network: SM, MM and MW, as far as they get (bdnn.md C.2).

MM and MW are solved in two parts, each with half of the time left: first with the hidden
activations of the network at hand, which gives what a warm start would, then with all of them
free and its value as cutoff. A step without answer leaves the network of the step before.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from bnnbench.inner import Inner, next_seed
from bnnbench.interfaces import Clock, Model
from bnnbench.models import MatrixMILP
from bnnbench.network import Network
from bnnbench.objectives import MaxMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits
from bnnbench_heuristics.program import Program
from bnnbench_heuristics.subset import on_rows

Int64 = npt.NDArray[np.int64]
_SHARES = (0.4, 0.4, 0.2)
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Steps:
    """How a member is trained.

    Attributes:
        first, second, third: solvers of SM, MM and MW.
        margin, sparse: whether there is MM, and MW.
        eps: margin of a unit that is off, beyond its sign.
    """

    first: Inner
    second: Inner
    third: Inner
    margin: bool
    sparse: bool
    eps: str | float


@dataclass(eq=False)
class Member:
    """The training of one pair's network.

    Attributes:
        steps: parameters.
        problem: the pair's, with one output.
        limits: for all three steps.
        rng: seeds of the inner solves.
        confident: rows of T'.
        cut: whether the clock cut a step.
    """

    steps: Steps
    problem: Problem
    limits: Limits
    rng: np.random.Generator
    confident: int = field(init=False, default=0)
    cut: bool = field(init=False, default=False)

    def train(self) -> Network:
        """SM, MM, MW, as far as they get."""
        clock = Clock(self.limits)
        first = self.steps.first
        network = self._solve(first, self.problem, _SHARES[0] * self.limits.time)
        if network is None:
            return self.problem.random_network(np.random.default_rng(next_seed(self.rng)))
        rows = _confident(self.problem, network)
        self.confident = len(rows)
        if not len(rows) or not (self.steps.margin or self.steps.sparse):
            return network
        part = replace(on_rows(self.problem, rows), objective=MaxMargin(eps=self.steps.eps))
        if self.steps.margin:
            share = 1.0 if not self.steps.sparse else 1 - _SHARES[2] / (_SHARES[1] + _SHARES[2])
            network = self._margin(part, network, share * clock.left)
        if self.steps.sparse and part.evaluate(network).feasible:
            network = self._sparse(part, network, clock)
        return network

    def _solve(self, inner: Inner, problem: Problem, time: float) -> Network | None:
        if inner.refuses(problem) is not None:
            return None
        return self._answer(inner, inner.model(problem), time)

    def _answer(self, inner: Inner, model: Model, time: float) -> Network | None:
        found = inner.solve(model, self.limits.within(time), next_seed(self.rng))
        self.cut = self.cut or found.cut
        return found.network

    def _margin(self, part: Problem, network: Network, time: float) -> Network:
        """MM: with the activations at hand, then with all of them free."""
        inner = self.steps.second
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
            found = self._answer(inner, restricted.model, clock.left / (1 if free else 2))
            network = network if found is None else _better(part, network, found)
        return network

    def _sparse(self, part: Problem, network: Network, clock: Clock) -> Network:
        """MW: fewest non-zero weights with margins no smaller; as :meth:`_margin` in two parts."""
        inner = self.steps.third
        if inner.refuses(part) is not None:
            return network
        program = Program(inner.model(part))
        margins = program.encoded(network) if self.steps.margin else None
        for free in (False, True):
            restricted = program if free else self._held(program, network)
            sparse = _fewest_weights(restricted, margins)
            if free:
                sparse = Program(sparse).at_most(network.nonzeros).model
            found = self._answer(inner, sparse, clock.left / (1 if free else 2))
            if found is not None and self._sparser(part, network, found):
                network = found
        return network

    def _held(self, program: Program, network: Network) -> Program:
        return program.activated(network, range(1, network.architecture.depth))

    def _sparser(self, part: Problem, old: Network, new: Network) -> bool:
        if not part.evaluate(new).feasible or new.nonzeros >= old.nonzeros:
            return False
        return not self.steps.margin or not part.evaluate(old) < part.evaluate(new)


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


def _confident(problem: Problem, network: Network) -> Int64:
    """T': rows whose output is right with s u >= 1/2."""
    data = problem.dataset
    forward = network.forward(data.part("train")[0], data.scale)
    signed = (forward.output * problem.targets())[:, 0]
    least = problem.output_scale * forward.output_unit / 4
    return np.flatnonzero(signed >= math.ceil(least))


def _better(part: Problem, old: Network, new: Network) -> Network:
    return new if part.evaluate(new) < part.evaluate(old) else old
