from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.dimod_exact import DimodExact
from bnnbench_qubo.dimod_sampler import DimodSampler
from bnnbench_qubo.dwave_sa import DwaveSA
from bnnbench_qubo.sampling import to_bqm

from bnnbench.errors import ProblemError
from bnnbench.interfaces import ignore_report
from bnnbench.solution import Limits, Status, Termination
from bnnbench.spec import parse


class Recorder:
    def __init__(self, stop_at=None):
        self.seen, self.stop_at = [], stop_at

    def __call__(self, answer=None, *, objective=None, bound=None):
        self.seen.append((answer, objective))
        return self.stop_at is not None and objective <= self.stop_at


def test_dimod_sees_the_same_energies(teacher_model):
    qubo = teacher_model.data
    states = np.random.default_rng(0).integers(0, 2, (5, qubo.n))
    assert np.allclose(to_bqm(qubo).energies(states), qubo.energy(states))


def test_annealing_finds_a_good_network_and_claims_its_true_objective(teacher_model):
    problem = teacher_model.problem
    report = Recorder()
    solution = DwaveSA(num_reads=100).solve(teacher_model, Limits(), 3, report)
    assert solution.termination is Termination.ITERATIONS
    assert problem.outside(solution.answer) is None
    assert solution.objective == float(problem.evaluate(solution.answer).value)
    assert solution.objective <= 2
    assert solution.bound is None
    claims = [objective for _, objective in report.seen]
    assert claims == sorted(claims, reverse=True)
    assert claims[-1] == solution.objective
    for network, objective in report.seen:
        assert float(problem.evaluate(network).value) == objective


def test_the_figures_of_a_run_fit_together(teacher_model):
    info = (
        DwaveSA(num_reads=40, num_sweeps=100).solve(teacher_model, Limits(), 0, ignore_report).info
    )
    assert info["reads"] == 40
    assert 1 <= info["best_reads"] <= 40
    assert 1 <= info["distinct"] <= 40
    assert 0 <= info["feasible_rate"] <= 1
    assert info["min_energy"] <= info["best_energy"]
    assert info["min_energy"] <= info["mean_energy"]
    assert (info["beta_hot"], info["beta_cold"]) == (0.02 / 0.15, 6 / 0.15)


def test_the_exact_penalty_makes_more_reads_feasible(teacher_problem):
    problem = teacher_problem(N=8)
    solver = DwaveSA(num_reads=60, num_sweeps=300)

    def rate(penalty):
        model = BnnQubo(penalty=penalty).build(problem)
        return solver.solve(model, Limits(), 0, ignore_report).info["feasible_rate"]

    assert rate(2) > rate(0.15)


def test_a_seed_fixes_the_reads_and_another_seed_changes_them(teacher_model):
    solver = DwaveSA(num_reads=20, num_sweeps=50, reads_per_batch=8)

    def run(seed):
        solution = solver.solve(teacher_model, Limits(), seed, ignore_report)
        return solution.answer.digest, solution.info["min_energy"], solution.info["mean_energy"]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_fewer_reads_are_a_prefix_of_more_reads(teacher_model):
    def incumbents(reads):
        report = Recorder()
        DwaveSA(num_reads=reads, num_sweeps=20).solve(teacher_model, Limits(), 5, report)
        return [network.digest for network, _ in report.seen]

    few, many = incumbents(13), incumbents(60)
    assert many[: len(few)] == few


def test_the_time_limit_ends_an_endless_run(teacher_model):
    solution = DwaveSA(num_sweeps=50).solve(teacher_model, Limits(time=0.5), 0, ignore_report)
    assert solution.termination is Termination.TIME
    assert solution.info["reads"] >= 1
    assert not solution.info["pilot_only"]


def test_a_limit_too_short_for_one_read_still_gives_a_network(teacher_problem):
    model = BnnQubo().build(teacher_problem(N=64, h=9))
    solution = DwaveSA(num_sweeps=1_000_000).solve(model, Limits(time=0.2), 0, ignore_report)
    assert solution.info["reads"] >= 1
    assert solution.answer is not None
    assert solution.termination is Termination.TIME
    assert solution.termination is Termination.TIME
    assert solution.objective == float(model.problem.evaluate(solution.answer).value)


def test_reaching_the_target_stops_the_run(teacher_model):
    solution = DwaveSA(num_sweeps=20).solve(teacher_model, Limits(time=20), 0, Recorder(stop_at=6))
    assert solution.termination is Termination.TARGET
    assert solution.objective <= 6


def test_annealing_learns_real_images(digits_problem):
    problem = digits_problem(16)
    model = BnnQubo().build(problem)
    solution = DwaveSA(num_reads=60).solve(model, Limits(), 0, ignore_report)
    assert problem.outside(solution.answer) is None
    assert solution.objective == float(problem.evaluate(solution.answer).value)
    assert solution.objective < float(problem.reference)


def test_a_qubo_without_roles_completion_or_lambda_is_sampled_too(teacher_model):
    data = replace(teacher_model.data, roles={}, complete=None)
    bare = replace(teacher_model, data=data, info={})
    solution = DwaveSA(num_reads=5, num_sweeps=50).solve(bare, Limits(), 0, ignore_report)
    assert solution.info["feasible_rate"] is None
    assert "beta_hot" not in solution.info
    assert solution.objective == float(bare.problem.evaluate(solution.answer).value)


@pytest.mark.parametrize("seed", range(4))
def test_enumeration_proves_the_optimum_of_an_exact_model(random_problem, seed):
    problem = random_problem(2, 3, (2,), seed=seed)
    model = BnnQubo(penalty="exact").build(problem)
    best = min(
        problem.evaluate(model.decode(np.array(bits))).value
        for bits in itertools.product((0, 1), repeat=model.info["weight_bits"])
    )
    solution = DimodExact().solve(model, Limits(), 0, ignore_report)
    assert solution.status is Status.OPTIMAL
    assert solution.objective == solution.bound == float(best)


def test_enumeration_proves_nothing_about_an_inexact_model(random_problem):
    model = BnnQubo(penalty=0.5).build(random_problem(2, 3, (1,)))
    solution = DimodExact().solve(model, Limits(), 0, ignore_report)
    assert solution.status is Status.FEASIBLE
    assert solution.bound is None
    assert solution.objective == float(model.problem.evaluate(solution.answer).value)


def test_enumeration_refuses_what_is_too_large(teacher_model):
    assert DimodExact().accepts(teacher_model) == "251 variables, over 20"


@pytest.mark.parametrize(
    "text",
    [
        "dwave.samplers.SteepestDescentSampler",
        "dwave.samplers.TabuSampler[timeout=1000,num_restarts=2]",
        "dwave.samplers.PathIntegralAnnealingSampler[num_sweeps=20]",
    ],
)
def test_any_dimod_sampler_runs_by_its_import_path(teacher_model, text):
    solver = DimodSampler(sampler=parse(text), num_reads=6)
    assert solver.available() is None
    runs = [solver.solve(teacher_model, Limits(), 1, ignore_report) for _ in range(2)]
    assert runs[0].info["reads"] == 6
    assert runs[0].objective == float(teacher_model.problem.evaluate(runs[0].answer).value)
    assert runs[0].answer.digest == runs[1].answer.digest


def test_an_unknown_sampler_is_not_available():
    assert "no sampler nowhere.Sampler" in DimodSampler(sampler="nowhere.Sampler").available()


@pytest.mark.parametrize(
    "make",
    [
        lambda: DwaveSA(num_sweeps=0),
        lambda: DwaveSA(num_reads=-1),
        lambda: DwaveSA(hot=2.0, cold=1.0),
        lambda: DimodSampler(sampler="Sampler"),
        lambda: DimodSampler(reads_per_batch=0),
    ],
)
def test_parameters_are_checked(make):
    with pytest.raises(ProblemError):
        make()
