from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from bnnbench_gradient.ste import Ste
from bnnbench_gradient.training import Trainer

from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.errors import SpecError
from bnnbench.interfaces import direct_model
from bnnbench.objectives import (
    Errors,
    Hamming,
    Lexicographic,
    MinHinge,
    MinWeight,
    SaturatedMargin,
    SignErrors,
    SquaredHinge,
)
from bnnbench.solution import Status, Termination

QUICK = Ste(rounds=1, models=4, epochs=5)


def test_digits_by_argmax(digits, problem_of, solve, accuracy):
    problem = problem_of(digits, 16)
    solution = solve(Ste(rounds=1, models=8, epochs=25), problem)
    assert problem.outside(solution.answer) is None
    assert accuracy(problem, solution.answer) >= 0.85


def test_breast_cancer_by_argmax(breast_cancer, problem_of, solve, accuracy):
    problem = problem_of(breast_cancer, 16)
    solution = solve(Ste(rounds=1, models=8, epochs=40), problem)
    assert accuracy(problem, solution.answer) >= 0.93


def test_the_loss_must_match_the_metric(digits, problem_of, solve, accuracy):
    problem = problem_of(digits, 16)
    nets = [
        solve(Ste(loss=loss, rates=0.03, rounds=1, models=4, epochs=15), problem).answer
        for loss in ("squared-hinge", "cross-entropy")
    ]
    hinge, entropy = (accuracy(problem, n, all_good=True) for n in nets)
    assert hinge > entropy + 0.2
    assert accuracy(problem, nets[1]) > 0.8


def test_no_hidden_layer_learns_raw_pixels(digits, problem_of, solve, accuracy):
    problem = problem_of(digits)
    solution = solve(Ste(rounds=1, models=4, epochs=10), problem)
    assert accuracy(problem, solution.answer) >= 0.8


@pytest.mark.parametrize(
    "domain",
    [
        Binary(),
        Integer(P=7),
        FixedPoint(decimals=2),
        Integer(bias="free"),
        TwoValued(),
        TwoValued(ones=0.2),
        TwoValued(bias="same"),
    ],
    ids=lambda d: str(d.spec),
)
def test_every_domain_learns_and_is_kept(domain, breast_cancer, problem_of, solve):
    problem = problem_of(breast_cancer, 16, domain=domain)
    solution = solve(Ste(rounds=1, models=8, epochs=20), problem)
    assert problem.outside(solution.answer) is None
    assert solution.objective < 0.6 * float(problem.reference)


def test_the_loss_is_chosen_by_the_objective(small, problem_of):
    def chosen(objective):
        return Ste().recipe(problem_of(small(), 4, objective=objective)).loss

    assert chosen(Errors()) == chosen(Lexicographic(levels=(Errors(), Hamming())))
    assert chosen(Errors()) == "cross-entropy"
    for objective in (SignErrors(), MinHinge(), SquaredHinge(), SaturatedMargin(), MinWeight()):
        assert chosen(objective) == "squared-hinge"


def test_high_rates_are_left_out_where_they_collapse(small, problem_of):
    deep = problem_of(small(), 4, 4, objective=SquaredHinge())
    assert max(Ste().recipe(deep).rates) == 0.03
    assert max(Ste(loss="cross-entropy").recipe(deep).rates) == 0.1


@pytest.mark.parametrize("objective", [Errors(), SaturatedMargin(), MinHinge(), Hamming()])
def test_the_claim_is_the_exact_objective(objective, breast_cancer, problem_of, solve):
    problem = problem_of(breast_cancer, 8, objective=objective)
    streamed = []

    def report(answer=None, *, objective=None, bound=None):
        streamed.append((answer, objective))
        return False

    solution = solve(QUICK, problem, report=report)
    assert streamed[-1] == (solution.answer, solution.objective)
    for network, claim in streamed:
        assert claim == float(problem.evaluate(network).value)
    claims = [claim for _, claim in streamed]
    assert claims == sorted(claims, reverse=True)
    assert len(set(claims)) == len(claims)


def test_a_seed_decides_and_rounds_add_models(small, problem_of, solve):
    problem = problem_of(small(1), 4)
    first, again = (solve(QUICK, problem, seed=5) for _ in range(2))
    assert first.answer.digest == again.answer.digest
    assert solve(QUICK, problem, seed=6).answer.digest != first.answer.digest
    longer = solve(dataclasses.replace(QUICK, rounds=3), problem, seed=5)
    assert longer.objective <= first.objective
    assert longer.info["evaluated"] == 12
    in_one_round = solve(dataclasses.replace(QUICK, models=12), problem, seed=5)
    assert in_one_round.objective == longer.objective


@pytest.mark.parametrize("rule", ["objective", "validation", "train-only"])
@pytest.mark.parametrize("objective", [Errors(), SquaredHinge()])
def test_test_rows_change_nothing(rule, objective, small, problem_of, solve):
    data = small(2)
    keep = sum(data.sizes[:2])
    rng = np.random.default_rng(0)
    y, X = data.y.copy(), data.X.copy()
    y[keep:] = rng.permutation(y[keep:])
    X[keep:] = rng.integers(-999, 999, X[keep:].shape)
    shuffled = Dataset("shuffled", X, y, data.sizes, classes=data.classes)
    assert not np.array_equal(shuffled.y, data.y)
    solver = dataclasses.replace(QUICK, select=rule)
    nets = [solve(solver, problem_of(d, 4, objective=objective)) for d in (data, shuffled)]
    assert nets[0].answer.digest == nets[1].answer.digest


def candidates(solver, problem):
    current = Trainer(problem, solver.recipe(problem)).start(0, range(solver.models))
    current.run()
    return [current.network(k) for k in range(solver.models)]


def test_validation_errors_select(small, problem_of, solve):
    problem = problem_of(small(4, n=200), 4)
    solver = Ste(select="validation", rounds=1, models=12, epochs=5)
    X, y = problem.dataset.part("validation")

    def errors(network):
        z = network.forward(X).output
        best = z == z.max(axis=1, keepdims=True)
        return len(y) - (best[np.arange(len(y)), y] / best.sum(axis=1)).sum()

    figures = [errors(n) for n in candidates(solver, problem)]
    assert len(set(figures)) > 1
    assert errors(solve(solver, problem).answer) == pytest.approx(min(figures))


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-hinge"])
def test_train_only_selects_by_the_scaled_loss(loss, small, problem_of, solve):
    problem = problem_of(small(5), 4)
    solver = Ste(loss=loss, select="train-only", rounds=1, models=12, epochs=5)
    X, y = problem.dataset.part("train")

    def figure(network):
        z = network.forward(X).output.astype(float)
        if loss == "squared-hinge":
            return np.maximum(0, 3 - problem.targets() * z).sum()
        p = [
            np.exp(f * z) / np.exp(f * z).sum(1, keepdims=True) for f in (0.05, 0.1, 0.2, 0.4, 0.8)
        ]
        return min(-np.log(each[np.arange(len(y)), y]).sum() for each in p)

    figures = [figure(n) for n in candidates(solver, problem)]
    assert len(set(figures)) > 1
    assert figure(solve(solver, problem).answer) == pytest.approx(min(figures))


@pytest.mark.parametrize("rule", ["objective", "validation", "train-only"])
@pytest.mark.parametrize("time", [0.0, 0.2])
def test_a_cut_off_round_still_returns_a_network(rule, time, small, problem_of, solve):
    problem = problem_of(small(), 4)
    solution = solve(Ste(epochs=10**6, select=rule), problem, time=time)
    assert solution.termination is Termination.TIME
    assert solution.status is Status.FEASIBLE
    assert solution.info["rounds"] == 0
    assert problem.outside(solution.answer) is None


def test_restarts_fill_the_time_limit(small, problem_of, solve):
    problem = problem_of(small(), 2)
    solution = solve(Ste(models=2, epochs=1), problem, time=1.0)
    assert solution.termination is Termination.TIME
    assert solution.info["rounds"] > 1


def test_a_target_stops_the_run(breast_cancer, problem_of, solve):
    problem = problem_of(breast_cancer, 8)
    target = 0.5 * float(problem.reference)
    solution = solve(Ste(models=4, epochs=20), problem, time=60.0, target=target)
    assert solution.termination is Termination.TARGET
    assert solution.objective <= target


def test_a_report_that_says_stop_stops_the_run(small, problem_of, solve):
    def report(answer=None, *, objective=None, bound=None):
        return True

    solution = solve(Ste(epochs=1), problem_of(small(), 4), report=report, time=60.0)
    assert solution.termination is Termination.INTERRUPTED
    assert solution.answer is not None


def test_a_value_at_the_trivial_bound_is_optimal(problem_of, solve):
    X = np.array([[-1], [1]] * 8)
    data = Dataset("one-bit", X, (X[:, 0] > 0).astype(int), (16, 0, 0))
    solution = solve(Ste(), problem_of(data, 2), time=60.0)
    assert (solution.objective, solution.bound) == (0, 0)
    assert solution.status is Status.OPTIMAL


def test_a_broken_hard_requirement_is_not_claimed_feasible(problem_of, solve):
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 4)
    data = Dataset("xor", X, X.sum(axis=1) % 2, (16, 0, 0))
    linear = solve(QUICK, problem_of(data, objective=MinWeight()))
    assert (linear.status, linear.objective) == (Status.NONE, None)
    hidden = solve(
        Ste(rounds=2), problem_of(data, 6, objective=MinWeight(), activation="step", outputs=1)
    )
    assert hidden.status is Status.FEASIBLE
    assert hidden.objective > 0


def test_refusals_name_the_reason(small, breast_cancer, problem_of):
    rows = Dataset("no-validation", small().X, small().y, (90, 0, 0))
    reason = Ste(select="validation").accepts(direct_model(problem_of(rows, 4)))
    assert "no-validation has no validation rows" in reason
    assert Ste(select="validation").accepts(direct_model(problem_of(breast_cancer, 4))) is None
    fine = problem_of(small(), 4, domain=FixedPoint(decimals=9))
    assert "float64" in Ste().accepts(direct_model(fine))
    assert Ste(precision="float64").accepts(direct_model(fine)) is None
    for wrong in ({"loss": "hinge"}, {"models": 0}, {"rates": (0.1, -1)}, {"select": "test"}):
        with pytest.raises(SpecError, match=f"ste: {next(iter(wrong))}"):
            Ste(**wrong)


def test_listing_the_plugin_does_not_import_torch():
    names = ["ste", "sbnn", "bop", "parq", "gd-nn", "gd-b", "gd-t", "float-relu"]
    code = (
        "import sys; from bnnbench_gradient import plugin\n"
        f"assert [s.name for s in plugin.bnnbench_solvers()] == {names}\n"
        "assert all(s() is not None for s in plugin.bnnbench_solvers())\n"
        "assert not {'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
