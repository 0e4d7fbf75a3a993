"""Problems of the conformance cases: tiny ones whose optimum is known, and one too hard to finish.

All come from the core alone, so that a plugin can be checked with nothing else installed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture, layered
from bnnbench.dataset import Dataset, IntArray
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued, WeightDomain
from bnnbench.objectives import Errors, Objective, Score
from bnnbench.problem import Problem
from bnnbench.testing.exhaustive import class_size, optimum

MOST_NETWORKS = 10_000


def tiny_problems(objective: Objective | None = None) -> tuple[Problem, ...]:
    """Nine problems of different topology, domain and data, with one objective.

    - ``linear``: no hidden layer, weights -1, 0, 1, labels that contradict each other;
    - ``hidden``: two hidden units, weights -1 and 1, labels drawn by a network of the class;
    - ``planted``: the same with three hidden units, too large to enumerate;
    - ``ternary``: two hidden units, weights -1, 0, 1, integer features;
    - ``micro``: two weights and three rows, for solvers of a handful of variables;
    - ``classes``: three classes, an output for each, integer features;
    - ``skipping``: step activations and a connection that skips the hidden layer, features with a
      decimal;
    - ``two-valued``: {rho, rho + 1} weights with a free threshold;
    - ``fixed-point``: weights with one decimal.

    Args:
        objective: fewest errors by default.
    """
    problems = _tiny()
    return (
        problems if objective is None else tuple(replace(p, objective=objective) for p in problems)
    )


def large_problem(objective: Objective | None = None) -> Problem:
    """Random labels on 80 rows of 9 signs, 9-4-1: nothing finishes it within a short limit."""
    rng = np.random.default_rng(7)
    X, y = _signs(rng, 80, 9), rng.integers(0, 2, 80)
    problem = Problem(_data("large", X, y), Architecture(9, (4,), 1), Binary(), Errors())
    return problem if objective is None else replace(problem, objective=objective)


def known_optimum(problem: Problem) -> Score | None:
    """The optimum of a tiny problem; None when it is too large or not bounded."""
    if problem.domain.bias == "free" and "max-margin" in str(problem.objective.name):
        return None
    return _optimum(_Key(problem)) if class_size(problem) <= MOST_NETWORKS else None


class _Key:
    """A problem that is hashed by its digest."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __hash__(self) -> int:
        return hash(self.problem.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.problem.digest == self.problem.digest


@lru_cache(maxsize=256)
def _optimum(key: _Key) -> Score:
    return optimum(key.problem)[0]


@lru_cache(maxsize=1)
def _tiny() -> tuple[Problem, ...]:
    rng = np.random.default_rng(3)
    X, y = _signs(rng, 8, 3), np.array([0, 1, 1, 0, 1, 0, 1, 1])
    contradicted = _data("linear", np.concatenate([X, X[:2]]), np.concatenate([y, 1 - y[:2]]))
    decimals = rng.integers(-10, 11, (6, 2))
    two = np.array([0, 1, 1, 0, 1, 0])
    return (
        Problem(contradicted, Architecture(3, (), 1), Integer(P=1), Errors()),
        _drawn("hidden", _signs(rng, 8, 3), Architecture(3, (2,), 1), Binary(), rng),
        _drawn("planted", _signs(rng, 16, 5), Architecture(5, (3,), 1), Binary(bias="none"), rng),
        Problem(
            _data("ternary", rng.integers(-3, 4, (7, 2)), np.arange(7) % 2),
            Architecture(2, (2,), 1),
            Integer(P=1, bias="none"),
            Errors(),
        ),
        Problem(
            _data("micro", np.array([[-1, 1], [1, 1], [1, -1]]), np.array([0, 1, 0])),
            Architecture(2, (), 1),
            Binary(bias="none"),
            Errors(),
        ),
        Problem(
            _data("classes", rng.integers(-3, 4, (9, 2)), np.arange(9) % 3),
            Architecture(2, (), 3),
            Integer(P=1, bias="none"),
            Errors(),
        ),
        Problem(
            _data("skipping", decimals, two, scale=10),
            layered(2, (1,), 1, "step", skips=[(0, 2)]),
            Integer(P=1, bias="asymmetric"),
            Errors(),
        ),
        Problem(
            _data("two-valued", rng.integers(0, 3, (6, 2)), two),
            Architecture(2, (), 1),
            TwoValued(d=1, rhos=(-1, 0)),
            Errors(),
        ),
        Problem(
            _data("fixed-point", decimals, two[::-1].copy(), scale=10),
            Architecture(2, (), 1),
            FixedPoint(decimals=1, bias="none"),
            Errors(),
        ),
    )


def _signs(rng: np.random.Generator, n: int, d: int) -> npt.NDArray[np.int8]:
    """Rows of -1 and +1, different where there are enough of them."""
    codes = rng.permutation(2**d)[:n] if n <= 2**d else rng.integers(0, 2**d, n)
    return (2 * ((codes[:, None] >> np.arange(d)) & 1) - 1).astype(np.int8)


def _data(name: str, X: IntArray, y: IntArray, scale: int = 1) -> Dataset:
    classes = tuple(str(c) for c in range(max(2, int(y.max()) + 1)))
    return Dataset(f"conformance-{name}", X, y, (len(y), 0, 0), scale, classes)


def _drawn(
    name: str,
    X: IntArray,
    architecture: Architecture,
    domain: WeightDomain,
    rng: np.random.Generator,
) -> Problem:
    """Labels by a random network of the class that uses both of them."""
    blank = Problem(_data(name, X, np.zeros(len(X), np.int64)), architecture, domain, Errors())
    while True:
        network = blank.random_network(rng)
        y = (network.forward(X).output[:, 0] >= 0).astype(np.int64)
        if 0.3 < y.mean() < 0.7:
            data = replace(_data(name, X, y), reference=network)
            return Problem(data, architecture, domain, Errors())
