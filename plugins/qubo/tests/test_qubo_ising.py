"""The Ising machine: an exact sampler, the same reads however they are batched, honest figures."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.dwave_sa import DwaveSA
from bnnbench_qubo.ising_sa import IsingSA
from bnnbench_qubo.machine import Machine
from bnnbench_qubo.replicas import QUENCH, DenseGroup, SparseGroup
from bnnbench_qubo.spin_model import SpinModel, common_unit

from bnnbench.errors import ProblemError
from bnnbench.interfaces import ignore_report
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Termination


def random_qubo(n, density=1.0, whole=True, seed=0):
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(n, 1)
    keep = rng.random(len(rows)) < density
    rows, cols = rows[keep], cols[keep]
    if whole:
        values, linear = rng.choice([-2, -1, 1, 2], len(rows)), rng.integers(-3, 4, n)
    else:
        values, linear = rng.normal(size=len(rows)), rng.normal(size=n)
    return Qubo(0.25 * linear, rows, cols, 0.25 * values, offset=0.5)


def never():
    return False


CHI_SQUARE_63 = 103.4
"""99.9 % quantile with 63 degrees of freedom."""


@pytest.mark.parametrize("kind", [SparseGroup, DenseGroup])
@pytest.mark.parametrize("whole", [True, False])
def test_reads_at_a_fixed_beta_follow_boltzmann(kind, whole):
    qubo, reads, beta = random_qubo(6, whole=whole, seed=3), 20_000, 1.3
    states = np.array(list(itertools.product((0, 1), repeat=6)))
    group = kind(SpinModel.of(qubo), 11, 0, reads)
    group.run(np.full(120, beta))
    counts = np.bincount(group.states() @ (1 << np.arange(5, -1, -1)), minlength=64)

    def chi_square(beta):
        weights = np.exp(-beta * (qubo.energy(states) - qubo.energy(states).min()))
        expected = reads * weights / weights.sum()
        return ((counts - expected) ** 2 / expected).sum()

    assert chi_square(beta) < CHI_SQUARE_63
    assert chi_square(1.1 * beta) > CHI_SQUARE_63


@pytest.mark.parametrize(("density", "whole"), [(0.1, True), (0.1, False), (1.0, True)])
def test_tracked_and_recomputed_energies_agree(density, whole):
    qubo = random_qubo(150, density, whole)
    group = SparseGroup(SpinModel.of(qubo), 0, 0, 20)
    group.run(np.geomspace(0.1, 10, 300))
    assert group.spins.dtype == (np.int16 if whole else np.float32)
    assert np.allclose(group.energies(), qubo.energy(group.states()), rtol=0, atol=1e-9)
    within = 0 if whole else 1e-3
    assert np.allclose(group.tracked_energies(), group.energies(), rtol=0, atol=within)


def test_rows_and_matrix_make_the_same_reads():
    qubo = random_qubo(150)
    groups = [kind(SpinModel.of(qubo), 5, 0, 20) for kind in (SparseGroup, DenseGroup)]
    for group in groups:
        group.run(np.geomspace(0.02, 2, 100))
    sparse, dense = groups
    assert np.array_equal(sparse.states(), dense.states())
    assert sparse.accepted == dense.accepted > 0


@pytest.mark.parametrize("method", ["sparse", "dense"])
def test_reads_do_not_depend_on_threads_or_batches(method):
    qubo, betas = random_qubo(100), np.geomspace(0.02, 2, 30)

    def reads(threads, *sizes):
        with Machine.metropolis(qubo, method, 7, threads) as machine:
            drawn = [machine.draw(size, betas, never) for size in sizes]
        return np.concatenate([states for states, _ in drawn])

    whole = reads(1, 70)
    assert len(np.unique(whole, axis=0)) > 60
    for threads, sizes in ((1, (7, 63)), (2, (70,)), (3, (33, 5, 32)), (2, (1, 69))):
        assert np.array_equal(reads(threads, *sizes), whole)


@pytest.mark.parametrize("params", [{"replicas": 5}, {"replicas": 40}])
def test_a_seed_fixes_the_answer_whatever_the_threads(teacher_model, params):
    def run(seed, threads=1, **params):
        solver = IsingSA(num_reads=80, num_sweeps=50, **params)
        solution = solver.solve(teacher_model, Limits(threads=threads), seed, ignore_report)
        info = solution.info
        return solution.answer.digest, info["min_energy"], info["mean_objective"], info["distinct"]

    assert run(1, threads=2, **params) == run(1)
    assert run(1) != run(2)


def test_reads_are_as_good_as_those_of_dwave(teacher_model):
    """Means of the energies, and of the decoded errors, within four standard errors."""
    reads, sweeps = 400, 200
    runs = [
        solver.solve(teacher_model, Limits(), 1, ignore_report).info
        for solver in (
            IsingSA(num_reads=reads, num_sweeps=sweeps),
            DwaveSA(num_reads=reads, num_sweeps=sweeps),
        )
    ]
    with Machine.metropolis(teacher_model.data, "auto", 1, 1) as machine:
        betas = np.geomspace(0.02 / 0.15, 6 / 0.15, sweeps)
        states, energies = machine.draw(reads, betas, never)
    assert np.isclose(energies.mean(), runs[0]["mean_energy"])
    problem = teacher_model.problem
    errors = [float(problem.evaluate(teacher_model.decode(s)).value) for s in states]
    for name, values in (("mean_energy", energies), ("mean_objective", np.array(errors))):
        error = values.std() * np.sqrt(2 / reads)
        assert abs(runs[0][name] - runs[1][name]) < 4 * error


def test_figures_and_claims_fit_together(teacher_model):
    problem = teacher_model.problem
    solution = IsingSA(num_reads=70, num_sweeps=400).solve(
        teacher_model, Limits(), 3, ignore_report
    )
    info = solution.info
    assert solution.termination is Termination.ITERATIONS
    assert solution.objective == float(problem.evaluate(solution.answer).value)
    assert solution.objective <= 2
    assert problem.outside(solution.answer) is None
    assert info["reads"] == 70
    assert info["updates"] == 70 * 400 * 251
    assert 0 < info["acceptance_rate"] < 1
    assert info["overrun_seconds"] == info["quenched_reads"] == 0
    assert info["energy_drift"] < 1e-9
    assert (info["method"], info["numbers"]) == ("sparse", "int16")
    assert (info["beta_hot"], info["beta_cold"]) == (0.02 / 0.15, 6 / 0.15)


def test_an_interrupted_anneal_is_quenched():
    qubo = random_qubo(60, 0.2)
    betas = np.full(2000, 0.01)
    betas[-1] = 50.0
    with Machine.metropolis(qubo, "sparse", 0, 1) as machine:
        calls = iter(range(10**6))
        _, cut = machine.draw(32, betas, lambda: next(calls) >= 2)
        info = machine.info(1.0)
        _, hot = machine.draw(32, betas[:-1], never)
    assert info["quenched_reads"] == 32
    assert info["updates"] < 32 * 60 * 100
    assert info["updates"] >= 32 * 60 * QUENCH
    assert cut.mean() < hot.mean()


def test_the_time_limit_ends_an_endless_run(teacher_model):
    solution = IsingSA(num_sweeps=50).solve(teacher_model, Limits(time=0.5), 0, ignore_report)
    assert solution.termination is Termination.TIME
    assert solution.info["reads"] >= 16
    assert solution.info["sweeps"] == 50
    assert not solution.info["pilot_only"]


def test_sweeps_are_cut_to_what_fits_and_restarts_share_the_limit(teacher_model):
    long = IsingSA(num_sweeps=10**8)
    solution = long.solve(teacher_model, Limits(time=0.3), 0, ignore_report)
    assert solution.info["sweeps"] < 10**8
    assert solution.objective == float(teacher_model.problem.evaluate(solution.answer).value)
    few, many = (
        IsingSA(restarts=k).solve(teacher_model, Limits(time=0.5), 0, ignore_report).info["sweeps"]
        for k in (1, 20)
    )
    assert few > many
    free = IsingSA(restarts=2, replicas=16, num_sweeps=10)
    assert free.solve(teacher_model, Limits(), 0, ignore_report).info["reads"] == 32


def test_a_limit_of_nothing_still_gives_a_network(teacher_model):
    solution = IsingSA().solve(teacher_model, Limits(time=1e-6), 0, ignore_report)
    assert solution.info["pilot_only"]
    assert solution.info["overrun_seconds"] > 0
    assert solution.objective == float(teacher_model.problem.evaluate(solution.answer).value)


def test_reaching_the_target_stops_the_run(teacher_model):
    def report(answer=None, *, objective=None, bound=None):
        return objective <= 6

    solution = IsingSA(num_sweeps=20).solve(teacher_model, Limits(time=20), 0, report)
    assert solution.termination is Termination.TARGET
    assert solution.objective <= 6


def test_a_margin_makes_couplings_that_have_no_unit(teacher_problem):
    model = BnnQubo(margin=0.3).build(teacher_problem())
    info = IsingSA(num_reads=32, num_sweeps=600).solve(model, Limits(), 0, ignore_report).info
    assert info["numbers"] == "float32"
    assert 0 < info["energy_drift"] < 1e-3


def test_a_dense_model_goes_to_the_matrix(teacher_model):
    bare = replace(teacher_model, data=random_qubo(300), info={}, decode=lambda _: network)
    network = teacher_model.problem.random_network(np.random.default_rng(0))
    info = IsingSA(num_reads=16, num_sweeps=20).solve(bare, Limits(), 0, ignore_report).info
    assert info["method"] == "dense"
    assert 0.1 < info["acceptance_rate"] < 0.9


def test_a_qubo_without_couplings_is_solved_by_its_signs():
    linear = np.array([1.0, -2.0, 0.5, -0.1])
    none = np.zeros(0, dtype=np.int64)
    with Machine.metropolis(Qubo(linear, none, none, np.zeros(0)), "auto", 0, 1) as machine:
        states, energies = machine.draw(3, np.geomspace(0.1, 1000, 50), never)
    assert states.tolist() == [[0, 1, 0, 1]] * 3
    assert np.allclose(energies, -2.1)


@pytest.mark.parametrize(
    ("sizes", "unit"),
    [
        ([0.15, 0.45, 5.4], 0.15),
        ([0.3, 0.45], 0.15),
        ([1.0, np.pi], None),
        ([1e-7, 1.0], None),
        ([], 1.0),
    ],
)
def test_the_unit_of_couplings(sizes, unit):
    found = common_unit(np.array(sizes))
    assert found == (None if unit is None else pytest.approx(unit))


@pytest.mark.parametrize(
    "params",
    [
        {"num_sweeps": 0},
        {"num_reads": 0},
        {"replicas": 0},
        {"restarts": 0},
        {"hot": 2.0, "cold": 1.0},
        {"schedule": "none"},
        {"method": "full"},
    ],
)
def test_parameters_of_the_machine_are_checked(params):
    with pytest.raises(ProblemError):
        IsingSA(**params)
