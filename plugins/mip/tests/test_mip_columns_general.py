"""Columns with several outputs and larger weights: optima are those of all networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bnnbench_mip.activations import enumerate_activations
from bnnbench_mip.agreement import Agreement
from bnnbench_mip.charge import Charge
from bnnbench_mip.columns import Columns
from bnnbench_mip.master import Master, Prices
from bnnbench_mip.pricing import Pricing
from bnnbench_mip.region import Region, tuples_of
from bnnbench_mip.samples import samples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_wine

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import BiasRule, Integer
from bnnbench.interfaces import direct_model
from bnnbench.network import Network
from bnnbench.objectives import LinearHinge
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status
from bnnbench.testing import optimum


def wine(features: int, n: int, hidden: int, P: int = 1) -> Problem:
    """wineD of mip.md section 2: features above their medians, three classes in turn."""
    X, y = load_wine(return_X_y=True)
    bits = (np.median(X, axis=0) < X)[:, :features].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(y))
    queues = [order[y[order] == c].tolist() for c in range(3)]
    chosen = [queues[k % 3][k // 3] for k in range(n)]
    dataset = Dataset(f"wine{features}-{n}", bits[chosen], y[chosen], (n, 0, 0))
    architecture = Architecture(features, (hidden,), 3)
    return Problem(dataset, architecture, Integer(P=P, bias="asymmetric"), LinearHinge())


def solve(problem: Problem, **parameters: Any) -> Solution:
    """Solve, checking every claim against the exact forward pass."""

    def report(
        answer: Any = None, *, objective: float | None = None, bound: float | None = None
    ) -> bool:
        if answer is not None:
            assert problem.outside(answer) is None
            assert problem.evaluate(answer).value == objective
        return False

    model, solver = direct_model(problem), Columns(**parameters)
    assert solver.accepts(model) is None
    return solver.solve(model, Limits(time=300), 0, report)


@st.composite
def tiny(draw: st.DrawFn) -> Problem:
    """Classes of up to 10^5 networks with P in 1..3 and one to three outputs."""
    shapes = [(1, 1, 1, 3), (1, 2, 1, 2), (2, 1, 1, 2), (2, 1, 2, 1), (2, 1, 3, 1), (1, 1, 2, 2)]
    d, hidden, outputs, P = draw(st.sampled_from(shapes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, scale = draw(st.integers(3, 12)), draw(st.sampled_from([1, 1, 2]))
    X = rng.integers(-2 if draw(st.booleans()) else 0, draw(st.integers(1, 3)), (n, d))
    names = ("a", "b", "c")[: max(2, outputs)]
    dataset = Dataset("tiny", X, rng.integers(0, len(names), n), (n, 0, 0), scale, names)
    bias: BiasRule = draw(st.sampled_from(["same", "none", "asymmetric"]))
    margin = draw(st.sampled_from([None, 1, 2, 3]))
    architecture = Architecture(d, (hidden,), outputs)
    return Problem(dataset, architecture, Integer(P=P, bias=bias), LinearHinge(margin))


@settings(max_examples=40, deadline=None)
@given(problem=tiny(), whole=st.sampled_from([0, 5, 1000]))
def test_tiny_classes_are_solved_to_the_optimum_of_all_networks(
    problem: Problem, whole: int
) -> None:
    solution = solve(problem, restarts=0, nodes=1, mip_columns=2, whole=whole)
    best = optimum(problem)[0].value
    assert solution.status is Status.OPTIMAL
    assert solution.objective == solution.bound == best
    assert isinstance(solution.answer, Network)
    assert problem.evaluate(solution.answer).value == best
