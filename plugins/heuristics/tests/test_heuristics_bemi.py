"""Pairwise ensembles: the vote as a network, and the lexicographic training of members."""

import itertools

import bnnbench_heuristics.warm  # noqa: F401  limits are in seconds: compiled before
import numpy as np
import pytest
from bnnbench_heuristics.bemi import BeMi
from bnnbench_heuristics.voting import ensemble, pairs, statuses

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.network import Layer, Network
from bnnbench.objectives import MaxMargin, SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits
from bnnbench.verify import evaluate


def published_vote(votes, classes):
    """The label by the rule of BeMi, -1 for none; votes per pair, +1 for the first class."""
    count = dict.fromkeys(range(classes), 0)
    for (i, j), vote in zip(pairs(classes), votes, strict=True):
        count[i if vote > 0 else j] += 1
    top = [c for c in count if count[c] == max(count.values())]
    if len(top) == 1:
        return top[0]
    if len(top) == 2:
        i, j = top
        return i if votes[pairs(classes).index((i, j))] > 0 else j
    return -1


def copying_members(classes):
    """A member per pair that votes what a feature of its own says."""
    count = len(pairs(classes))
    members = []
    for p in range(count):
        W = np.zeros((count, 1), dtype=np.int64)
        W[p] = 1
        second = Layer(np.ones((1, 1), dtype=np.int64), np.zeros(1, dtype=np.int64))
        first = Layer(W, np.zeros(1, dtype=np.int64))
        members.append(Network(Architecture(count, (1,), 1), (first, second)))
    return members


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
def test_the_network_says_exactly_what_the_vote_says(classes):
    """On all 2^pairs votes."""
    network = ensemble(copying_members(classes), classes)
    votes = np.array(list(itertools.product((-1, 1), repeat=len(pairs(classes)))))
    good = network.forward(votes).output >= 0
    for row, vote in zip(good, votes, strict=True):
        label = published_vote(vote, classes)
        assert np.flatnonzero(row).tolist() == ([] if label < 0 else [label])


@pytest.mark.parametrize("classes", [3, 4])
def test_statuses_follow_the_vote(classes):
    votes = np.array(list(itertools.product((-1, 1), repeat=len(pairs(classes)))))
    for label in range(classes):
        found = statuses(votes, np.full(len(votes), label), classes)
        for status, vote in zip(found, votes, strict=True):
            said = published_vote(vote, classes)
            assert (status in (0, 1)) == (said == label)
            assert (status in (3, 4)) == (said == -1)


@pytest.fixture
def digits_problem(digits):
    """Three classes of digits, four rows of each, two hidden units per member."""
    chosen = np.concatenate([np.flatnonzero(digits.y == c)[:4] for c in (0, 1, 2)])
    rest = np.setdiff1d(np.flatnonzero(digits.y < 3), chosen)
    order = np.concatenate([chosen, rest])
    sizes = (len(chosen), 0, len(rest))
    data = Dataset("digits", digits.X[order], digits.y[order], sizes, 16, ("0", "1", "2"))
    arch, domain = Architecture(64, (2,), 3), Integer(P=1, bias="none")
    return Problem(data, arch, domain, SaturatedMargin())


def test_an_ensemble_fits_its_rows_and_says_so(digits_problem):
    model = direct_model(digits_problem)
    solver = BeMi(first="annealing[moves=20000]", second="annealing[moves=20000]", steps="sm+mm")
    assert solver.accepts(model) is None
    solution = solver.solve(model, Limits(6), 0, ignore_report)
    facts = evaluate(digits_problem, solution.answer, reference=True)
    shares = solution.info["statuses"]
    assert facts.parts["train"].all_good == pytest.approx(shares[0] + shares[1])
    assert facts.parts["train"].all_good == 1
    assert facts.parts["test"].all_good > 0.6


def test_margins_grow_and_weights_go(digits_problem):
    """One pair, by programs: MM after SM, MW after MM."""
    y = digits_problem.dataset.y
    keep = np.concatenate([np.flatnonzero(y[:12] == c) for c in (0, 1)])
    data = digits_problem.dataset
    data = Dataset("pair", data.X[keep], y[keep], (len(keep), 0, 0), 16, ("0", "1"))
    arch = Architecture(64, (2,), 1)
    problem = Problem(data, arch, digits_problem.domain, SaturatedMargin())
    margin = Problem(data, arch, digits_problem.domain, MaxMargin(eps="0.1"))
    networks = {}
    for steps in ("sm", "sm+mm", "sm+mw", "sm+mm+mw"):
        solver = BeMi(first="annealing[moves=20000]", steps=steps)
        networks[steps] = solver.solve(direct_model(problem), Limits(3), 0, ignore_report).answer
        assert problem.outside(networks[steps]) is None
        assert margin.evaluate(networks[steps]).feasible
    value = {steps: margin.evaluate(n).value for steps, n in networks.items()}
    assert max(value["sm+mm"], value["sm+mm+mw"]) < value["sm"]
    assert networks["sm+mw"].nonzeros < networks["sm"].nonzeros / 4


def test_pairs_without_rows_vote_for_the_class_that_has_some(digits_problem):
    data = digits_problem.dataset
    keep = np.flatnonzero(data.y[:12] < 2)
    data = Dataset("two", data.X[keep], data.y[keep], (len(keep), 0, 0), 16, ("0", "1", "2"))
    problem = Problem(
        data, digits_problem.architecture, digits_problem.domain, digits_problem.objective
    )
    solver = BeMi(first="annealing[moves=20000]", steps="sm")
    solution = solver.solve(direct_model(problem), Limits(3), 0, ignore_report)
    assert evaluate(problem, solution.answer, reference=True).parts["train"].all_good == 1
