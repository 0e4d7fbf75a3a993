"""A solver and a formulation as parts of another solver: refusals, limits, claims, starts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.errors import UnknownNameError
from bnnbench.inner import Inner, next_seed, used
from bnnbench.interfaces import Formulation, Model, Solver
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench.spec import parse

DATA = Dataset("d", np.array([[1], [2], [3]]), np.array([0, 1, 1]), (3, 0, 0))
PROBLEM = Problem(DATA, Architecture(1, (), 2), Integer(), Errors())
SECOND = PROBLEM.random_network(np.random.default_rng(2))


@dataclass(frozen=True)
class Lists(Formulation):
    """The points of this model are numbers of networks."""

    name: ClassVar[str] = "lists"
    kind: ClassVar[str] = "list"
    exact: bool = True
    most: int = 9

    def accepts(self, problem: Problem) -> str | None:
        n = problem.dataset.sizes[0]
        return f"more than {self.most} rows" if n > self.most else None

    def build(self, problem: Problem) -> Model:
        def decode(point):
            return problem.random_network(np.random.default_rng(int(point[0])))

        return Model(problem, self.kind, None, decode, exact=self.exact)


@dataclass(frozen=True)
class Picks(Solver):
    """Streams networks 0 and 1 and claims that the second is optimal."""

    name: ClassVar[str] = "picks"
    kind: ClassVar[str] = "list"
    start: str = "none"
    refusal: str | None = None
    heard: list = field(default_factory=list, compare=False)

    def accepts(self, model: Model) -> str | None:
        return self.refusal

    def solve(self, model: Model, limits, seed, report) -> Solution:
        known = model.problem.dataset.reference if self.start == "reference" else None
        self.heard.append((limits, seed, known))
        stop = [report(np.array([k]), objective=k, bound=0.5) for k in (0, 1)]
        return Solution.found(
            np.array([2]), Termination.OPTIMAL, objective=1, bound=0.5, stopped=stop
        )


@pytest.mark.parametrize("exact", [True, False])
def test_an_answer_is_a_network_and_a_bound_of_an_inexact_model_is_none(exact):
    told = []

    def report(answer=None, *, objective=None, bound=None):
        told.append((answer, objective, bound))
        return objective == 1

    found = Inner(Picks(), Lists(exact=exact)).run(PROBLEM, Limits(5), 0, report)
    assert found.answer is found.network
    assert found.network.digest == SECOND.digest
    assert found.status is (Status.OPTIMAL if exact else Status.FEASIBLE)
    assert found.termination is Termination.OPTIMAL
    assert not found.cut
    bound = 0.5 if exact else None
    assert found.bound == bound
    assert found.info["stopped"] == [False, True]
    assert [(o, b) for _, o, b in told] == [(0, bound), (1, bound)]
    assert all(PROBLEM.outside(network) is None for network, _, _ in told)


def test_what_is_refused_is_said_and_has_no_answer(toys):
    toys.share()
    try:
        coin, reader = Inner.of("coin"), Inner.of("reader")
        milp = Inner.of("reader", "program")
    finally:
        Registry._current = None
    assert coin.refuses(PROBLEM) is None
    assert "of kind milp, coin reads direct" in coin.refuses(PROBLEM, kind="milp")
    assert "needs a formulation" in reader.refuses(PROBLEM)
    assert milp.refuses(PROBLEM, kind="milp") is None
    assert "reads milp, lists builds list" in replace(milp, formulation=Lists()).refuses(PROBLEM)
    small = Inner(Picks(), Lists(most=2))
    assert small.refuses(PROBLEM) == "lists: more than 2 rows"
    picky = Inner(Picks(refusal="too odd"), Lists())
    assert picky.refuses(PROBLEM) is None
    for inner, reason in ((small, "lists: more than 2 rows"), (picky, "too odd")):
        found = inner.run(PROBLEM, Limits(5), 0)
        assert (found.network, found.termination) == (None, Termination.ERROR)
        assert found.info["refused"] == reason
        assert inner.solver.heard == []


def test_parts_are_looked_up_by_name_or_taken_as_they_are(toys):
    toys.share()
    try:
        inner = Inner.of(parse("coin[tries=3]"), "program")
        assert (inner.solver.tries, inner.formulation) == (3, None)
        assert Inner.of("reader", "program[tight=true]").formulation.tight
        lists = Lists(most=4)
        assert Inner.of(Picks(), lists).formulation is lists
        with pytest.raises(UnknownNameError, match="nobody"):
            Inner.of("nobody")
    finally:
        Registry._current = None


def test_a_part_has_limits_of_its_own_and_none_without_time():
    whole = Limits(60, threads=3, memory=5, target=2.0)
    inner = Inner(Picks(), Lists())
    inner.run(PROBLEM, whole.within(20), 7)
    inner.run(PROBLEM, whole.within(20, target=1.0), 7)
    assert [h[:2] for h in inner.solver.heard] == [
        (Limits(20, 3, 5, None), 7),
        (Limits(20, 3, 5, 1.0), 7),
    ]
    late = inner.run(PROBLEM, whole.within(-1), 0)
    assert (late.network, late.cut) == (None, True)
    assert len(inner.solver.heard) == 2
    assert Limits().within(math.inf) == Limits()


def test_a_start_is_handed_to_solvers_that_take_one(toys):
    first = PROBLEM.random_network(np.random.default_rng(0))
    inner = Inner(Picks(), Lists())
    inner.run(PROBLEM, Limits(5), 0)
    inner.run(PROBLEM, Limits(5), 0, start=first)
    assert [h[2] for h in inner.solver.heard] == [None, first]
    coin = Inner(toys.solver(parse("coin")))
    assert coin.run(PROBLEM, Limits(5), 2, start=first).network.digest == SECOND.digest


def test_names_that_are_used():
    spec = parse("highs[nodes=3]")
    assert used(spec) == (("solver", spec),)
    assert used("a", None, "f[x=1]") == (("solver", parse("a")), ("formulation", parse("f[x=1]")))


def test_seeds_of_parts_differ_and_are_reproducible():
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    seeds = [next_seed(first) for _ in range(20)]
    assert seeds == [next_seed(second) for _ in range(20)]
    assert len(set(seeds)) == 20
