"""Columns: proofs agree with enumeration, with branch and cut, and with published optima."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bnnbench_mip import activations
from bnnbench_mip.activations import candidates, enumerate_activations, first_occurrences
from bnnbench_mip.charge import Charge
from bnnbench_mip.columns import Columns
from bnnbench_mip.highs import Highs
from bnnbench_mip.linear_hinge import LinearHingeMILP
from bnnbench_mip.samples import samples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import BiasRule, Binary, Integer, WeightDomain
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.network import Network
from bnnbench.objectives import Hamming, LinearHinge, Objective
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench.testing import optimum

ASYMMETRIC = Integer(P=1, bias="asymmetric")


def instance(features: int, n: int, hidden: int, domain: WeightDomain = ASYMMETRIC) -> Problem:
    """bcD-N of mip.md section 2: medians of all rows, classes drawn in turn, dead columns dropped."""
    X, y = load_breast_cancer(return_X_y=True)
    bits = (np.median(X, axis=0) < X)[:, :features].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(y))
    queues = [deque(order[y[order] == c].tolist()) for c in (0, 1)]
    chosen: list[int] = []
    while len(chosen) < n:
        chosen += [queue.popleft() for queue in queues if queue][: n - len(chosen)]
    kept = bits[chosen][:, bits[chosen].any(axis=0)]
    dataset = Dataset(f"bc{features}-{n}", kept, y[chosen], (n, 0, 0))
    return Problem(dataset, Architecture(kept.shape[1], (hidden,), 1), domain, LinearHinge())


class Checked:
    """A report that checks every claim against the exact forward pass."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.objectives: list[float] = []
        self.bounds: list[float] = []

    def __call__(
        self, answer: Any = None, *, objective: float | None = None, bound: float | None = None
    ) -> bool:
        if answer is not None:
            assert self.problem.outside(answer) is None
            assert self.problem.evaluate(answer).value == objective
            assert objective is not None
            self.objectives.append(objective)
        if bound is not None:
            self.bounds.append(bound)
        return False


def solve(
    problem: Problem, limits: Limits | None = None, report: Any = ignore_report, **parameters: Any
) -> Solution:
    model, solver = direct_model(problem), Columns(**parameters)
    assert solver.accepts(model) is None
    return solver.solve(model, limits or Limits(), 0, report)


@st.composite
def tiny(draw: st.DrawFn) -> Problem:
    d, hidden = draw(st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, scale = draw(st.integers(2, 12)), draw(st.sampled_from([1, 1, 2]))
    X = rng.integers(-2 if draw(st.booleans()) else 0, draw(st.integers(1, 3)), (n, d))
    dataset = Dataset("tiny", X, rng.integers(0, 2, n), (n, 0, 0), scale, ("a", "b"))
    bias: BiasRule = draw(st.sampled_from(["asymmetric", "same", "none"]))
    margin = draw(st.sampled_from([None, 1, 2, 3]))
    architecture = Architecture(d, (hidden,), 1)
    return Problem(dataset, architecture, Integer(P=1, bias=bias), LinearHinge(margin))


@settings(max_examples=60, deadline=None)
@given(problem=tiny())
def test_tiny_classes_are_solved_to_the_optimum_of_all_networks(problem: Problem) -> None:
    report = Checked(problem)
    solution = solve(problem, report=report, restarts=0)
    best = optimum(problem)[0].value
    assert solution.status is Status.OPTIMAL
    assert solution.objective == solution.bound == best
    assert isinstance(solution.answer, Network)
    assert problem.evaluate(solution.answer).value == best
    assert report.objectives == sorted(report.objectives, reverse=True)
    assert report.bounds == sorted(report.bounds)


@pytest.mark.parametrize("bias", ["asymmetric", "same", "none"])
@pytest.mark.parametrize("size", [20, 1000])
def test_same_optimum_as_branch_and_cut(bias: BiasRule, size: int) -> None:
    problem = instance(6, 60, 2, Integer(P=1, bias=bias))
    strong = {"order": "key", "merge": True, "integer_loss": True, "one_sided": True}
    model = LinearHingeMILP(symmetry=bias == "asymmetric", **strong).build(problem)
    direct = Highs().solve(model, Limits(time=120), 0, ignore_report)
    assert direct.status is Status.OPTIMAL
    solution = solve(problem, report=Checked(problem), restarts=0, mip_columns=size, nodes=2)
    assert solution.status is Status.OPTIMAL
    assert solution.objective == solution.bound == pytest.approx(direct.objective)


@pytest.mark.parametrize(
    ("features", "n", "hidden", "best"), [(10, 50, 4, 12), (10, 100, 4, 24), (10, 200, 4, 70)]
)
def test_published_optima_are_proved(features: int, n: int, hidden: int, best: int) -> None:
    problem = instance(features, n, hidden)
    report = Checked(problem)
    solution = solve(problem, Limits(time=300), report)
    assert solution.status is Status.OPTIMAL
    assert solution.objective == solution.bound == best
    assert solution.info["lp_bound"] >= 0.9 * best
    assert max(report.bounds) == best


def test_a_time_limit_claims_no_more_than_is_known() -> None:
    problem = instance(10, 200, 8)
    for seconds in (0.0, 0.05, 0.3):
        solution = solve(problem, Limits(time=seconds), Checked(problem))
        assert solution.status is not Status.OPTIMAL
        assert solution.termination is Termination.TIME
        assert solution.bound is not None
        assert solution.bound <= 84
        assert solution.objective is None or solution.objective >= 84


def test_a_target_stops_the_run() -> None:
    problem = instance(10, 100, 4)
    solution = solve(problem, Limits(target=32))
    assert solution.termination is Termination.TARGET
    assert solution.status is Status.FEASIBLE
    assert solution.objective is not None
    assert solution.objective <= 32


def test_runs_repeat() -> None:
    problem = instance(8, 100, 3)
    first, second = (solve(problem) for _ in range(2))
    assert first.answer.digest == second.answer.digest
    assert first.info == second.info


@pytest.mark.parametrize(
    ("architecture", "domain", "objective", "reason"),
    [
        (Architecture(4, (2,), 1), ASYMMETRIC, Hamming(), "linear-hinge"),
        (Architecture(4, (2,), 5), ASYMMETRIC, LinearHinge(), "at most 4 outputs"),
        (Architecture(4, (2, 2), 1), ASYMMETRIC, LinearHinge(), "hidden layer"),
        (Architecture(4, (), 1), ASYMMETRIC, LinearHinge(), "hidden layer"),
        (Architecture(4, (2,), 1, "step"), ASYMMETRIC, LinearHinge(), "sign"),
        (Architecture(4, (2,), 1), Integer(P=1, bias="free"), LinearHinge(), "bias"),
        (Architecture(4, (2,), 1), Binary(), LinearHinge(), "needs integer"),
    ],
)
def test_what_is_not_modelled_is_refused(
    architecture: Architecture, domain: WeightDomain, objective: Objective, reason: str
) -> None:
    X = np.random.default_rng(0).integers(0, 2, (9, 4))
    classes = max(2, architecture.outputs)
    names = tuple("abcde"[:classes])
    dataset = Dataset("drawn", X, np.arange(9) % classes, (9, 0, 0), 1, names)
    problem = Problem(dataset, architecture, domain, objective)
    assert reason in (Columns().accepts(direct_model(problem)) or "")


def test_too_many_candidates_are_refused_before_they_are_listed() -> None:
    problem = instance(30, 100, 2)
    assert "max_columns" in (Columns().accepts(direct_model(problem)) or "")
    assert Columns(max_columns=10).accepts(direct_model(instance(6, 60, 2))) is not None
    wide = Architecture(6, (2,), 3)
    X = np.random.default_rng(0).integers(0, 2, (60, 6))
    dataset = Dataset("drawn", X, np.arange(60) % 3, (60, 0, 0), 1, ("a", "b", "c"))
    many = Problem(dataset, wide, Integer(P=8), LinearHinge())
    refused = Columns(max_columns=10**10).accepts(direct_model(many))
    assert "pairs of activation" in (refused or "")


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 4)),
    scale=st.sampled_from([1, 3]),
    biases=st.sampled_from([(-2, 1), (-1, 1), (0, 0)]),
    P=st.sampled_from([1, 1, 2]),
)
def test_enumeration_is_complete_and_every_vector_has_its_unit(
    seed: int, shape: tuple[int, int], scale: int, biases: tuple[int, int], P: int
) -> None:
    X = np.random.default_rng(seed).integers(-3, 4, shape)
    grid = np.arange(biases[0], biases[1] + 1)
    listed = enumerate_activations(X, grid, scale, lambda: False, P)
    achieved = set()
    for w in itertools.product(range(-P, P + 1), repeat=shape[1]):
        for b in grid:
            u = np.where(X @ np.array(w) + b * scale >= 0, 1, -1)
            achieved.add(tuple((u * u[0]).tolist()))
    assert {tuple(u) for u in listed.signs.tolist()} == achieved
    assert len(listed) == len(achieved) <= candidates(X, grid, scale, P)
    z = X @ listed.weights.T.astype(np.int64) + listed.bias * scale
    np.testing.assert_array_equal(np.where(z >= 0, 1, -1).T * listed.turned[:, None], listed.signs)
    assert np.isin(listed.bias, grid).all()
    assert np.abs(listed.weights).max() <= P


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 20))
def test_first_occurrences(seed: int, width: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 2, (40, width)).astype(np.uint8)
    expected = [k for k, row in enumerate(rows.tolist()) if row not in rows[:k].tolist()]
    assert first_occurrences(rows).tolist() == expected


def test_first_occurrences_survive_colliding_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "MIX", np.uint64(0))
    rows = np.array([[3, 1], [2, 1], [3, 1], [0, 0]], dtype=np.uint8)
    assert first_occurrences(rows).tolist() == [0, 1, 3]


def test_charge_of_merged_rows_is_the_objective() -> None:
    problem = instance(6, 60, 3)
    samples = samples_of(problem, merge=True)
    charge = Charge.of(samples, 1)
    for seed in range(10):
        network = problem.random_network(np.random.default_rng(seed))
        z = network.forward(samples.rows.dataset.X).output.T
        assert charge.total(z) == replace(problem, objective=LinearHinge(1)).evaluate(network).value
