"""Columns with several outputs and larger weights: optima are those of all networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bnnbench_mip.activations import enumerate_activations
from bnnbench_mip.agreement import Agreement
from bnnbench_mip.charge import Charge
from bnnbench_mip.columns import Columns
from bnnbench_mip.highs import Highs
from bnnbench_mip.linear_hinge import LinearHingeMILP
from bnnbench_mip.master import Master, Prices
from bnnbench_mip.pricing import Pricing
from bnnbench_mip.region import Region, RowSum, tuples_of
from bnnbench_mip.samples import samples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_wine

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import BiasRule, Integer
from bnnbench.interfaces import direct_model, ignore_report
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
    """Classes of some 10^4 networks with P in 1..3 and one to three outputs."""
    biased = [(1, 1, 1, 3), (2, 1, 1, 2), (2, 1, 2, 1), (1, 1, 3, 1), (1, 1, 2, 2)]
    plain = [(1, 2, 1, 2), (2, 2, 2, 1), (1, 2, 3, 1), (2, 1, 3, 1), (3, 1, 2, 2)]
    bias: BiasRule = draw(st.sampled_from(["same", "none", "asymmetric"]))
    d, hidden, outputs, P = draw(st.sampled_from(plain if bias == "none" else biased))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, scale = draw(st.integers(3, 12)), draw(st.sampled_from([1, 1, 2]))
    X = rng.integers(-2 if draw(st.booleans()) else 0, draw(st.integers(1, 3)), (n, d))
    names = ("a", "b", "c")[: max(2, outputs)]
    dataset = Dataset("tiny", X, rng.integers(0, len(names), n), (n, 0, 0), scale, names)
    margin = draw(st.sampled_from([None, 1, 2, 3]))
    architecture = Architecture(d, (hidden,), outputs)
    return Problem(dataset, architecture, Integer(P=P, bias=bias), LinearHinge(margin))


@settings(max_examples=15, deadline=None)
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


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from([(1, 1), (2, 1), (1, 2), (1, 3)]))
def test_any_prices_bound_every_net_of_a_region(seed: int, shape: tuple[int, int]) -> None:
    P, outputs = shape
    rng, problem = np.random.default_rng(seed), wine(4, 30, 2)
    samples = samples_of(problem, merge=True)
    samples = replace(samples, targets=samples.targets[:, :outputs])
    X, biases = np.asarray(samples.rows.dataset.X, dtype=np.int64), np.arange(-P - 1, P + 1)
    signs = enumerate_activations(X, biases, 1, lambda: False, P).signs
    tuples, margin, units = tuples_of(P, outputs), int(rng.integers(1, 4)), 3
    master = Master(samples, margin, units, biases, tuples, signs)
    v, u = rng.integers(len(tuples), size=units), rng.integers(len(signs), size=units)
    bias = rng.choice(biases, outputs)
    kinds = len(tuples) // 2
    region = drawn_region(rng, master, (v, u), bias)
    pricing = Pricing(Agreement(signs), master, region, np.arange(len(tuples) * len(signs)))
    rows = master.loss_rows(region)
    for _ in range(3):
        losses = rng.uniform(-0.5, 1.5, len(rows.sample)) * samples.weights[rows.sample]
        sums = rng.normal(0, 3, len(region.sums))
        pricing.price(Prices(losses, sums, np.zeros(kinds)))
    output = tuples[v].T @ signs[u].astype(np.int64) + bias[:, None]
    loss = Charge.of(samples, margin).total(output)
    assert loss % region.step(margin) == 0
    assert pricing.least <= loss
    place = np.searchsorted(pricing.columns, v * len(signs) + u)
    assert (pricing.columns[place] == v * len(signs) + u).all()
    assert pricing.useful(loss + 1)[place].all()


def drawn_region(
    rng: np.random.Generator, master: Master, units: tuple[Any, Any], bias: Any
) -> Region:
    """A region with a given net in it, bounded at random on all sides."""
    v, u = units
    kind, sign = v % master.kinds, np.where(v < master.kinds, 1, -1)
    numbers = np.bincount(kind, minlength=master.kinds)
    sums = []
    for row in rng.permutation(master.signs.shape[1])[:3].tolist():
        t = int(rng.choice(kind))
        total = int((sign * master.signs[u, row])[kind == t].sum())
        sums.append(RowSum(t, row, total - int(rng.integers(3)), total + int(rng.integers(3))))
    parity = (master.tuples[v].sum(axis=0) + bias) % 2
    known = rng.random(len(bias)) < 0.7
    region = Region(
        tuple((int(b) - int(rng.integers(2)), int(b) + int(rng.integers(2))) for b in bias),
        tuple(int(p) if k else None for p, k in zip(parity, known, strict=True)),
        tuple((max(0, int(n) - int(rng.integers(2))), int(n) + 1) for n in numbers),
        tuple(sums),
    )
    tightened = region.tightened(master.units, master.tuples)
    assert tightened is not None
    return tightened


@pytest.mark.parametrize(("features", "n", "P", "gap"), [(5, 30, 1, True), (3, 30, 2, False)])
def test_three_classes_are_proved_as_by_branch_and_cut(
    features: int, n: int, P: int, gap: bool
) -> None:
    problem = wine(features, n, 2, P)
    solution = solve(problem, whole=100)
    strong = {"order": "key", "merge": True, "integer_loss": True, "one_sided": True}
    model = LinearHingeMILP(symmetry=True, **strong).build(problem)
    direct = Highs().solve(model, Limits(time=120), 0, ignore_report)
    assert direct.status is solution.status is Status.OPTIMAL
    assert solution.objective == solution.bound == pytest.approx(direct.objective)
    assert (solution.info["lp_bound"] <= solution.bound - 1) == gap
    assert (solution.info["regions"] > 3) == gap


@settings(max_examples=6, deadline=None)
@given(problem=tiny())
def test_pricing_by_a_program_bounds_the_optimum_of_all_networks(problem: Problem) -> None:
    solution = solve(problem, max_columns=0, pricing="highs", restarts=3)
    best = optimum(problem)[0].value
    assert solution.bound is not None
    assert solution.objective is not None
    assert solution.bound <= best <= solution.objective
    assert (solution.status is Status.OPTIMAL) == (solution.bound == solution.objective)


@pytest.mark.parametrize("outputs", [1, 3])
def test_pricing_by_a_program_reaches_the_bound_of_the_full_list(outputs: int) -> None:
    problem = wine(5, 30, 2)
    if outputs == 1:
        data = replace(problem.dataset, y=(problem.dataset.y > 0).astype(int), classes=("a", "b"))
        architecture = Architecture(5, (2,), 1)
        problem = replace(problem, dataset=data, architecture=architecture)
    listed = solve(problem, whole=100)
    priced = solve(problem, max_columns=0, pricing="highs")
    assert listed.status is Status.OPTIMAL
    assert priced.info["columns"] < listed.info["columns"]
    assert priced.bound is not None
    assert priced.objective is not None
    assert listed.objective is not None
    assert listed.info["lp_bound"] - 1e-3 <= priced.bound <= listed.objective <= priced.objective


def test_thirty_features_are_priced_to_a_proof() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:40]
    bits = (np.median(X, axis=0) < X)[rows].astype(np.int64)
    data = Dataset("bc30-40", bits, y[rows], (40, 0, 0))
    domain = Integer(P=1, bias="asymmetric")
    problem = Problem(data, Architecture(30, (1,), 1), domain, LinearHinge())
    assert "max_columns" in (Columns().accepts(direct_model(problem)) or "")
    solution = solve(problem, pricing="highs")
    assert solution.bound == solution.objective
    cut = Columns(pricing="highs[nodes=0]").solve(
        direct_model(problem), Limits(time=60), 0, ignore_report
    )
    assert cut.bound is not None
    assert cut.bound <= (solution.bound or 0)


def test_a_solver_that_prices_is_named() -> None:
    assert Columns().uses == ()
    assert [str(spec) for _, spec in Columns(pricing="scip[nodes=9]").uses] == ["scip[nodes=9]"]
