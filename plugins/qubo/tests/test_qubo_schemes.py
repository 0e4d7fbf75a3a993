"""Mini-batches with linear penalties, and lambda by trying."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from bnnbench_qubo.batch_bias import BatchBias, _biased
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.dropout_bias import DropoutBias
from bnnbench_qubo.ising_sa import IsingSA
from bnnbench_qubo.penalty_sweep import PenaltySweep

from bnnbench.errors import ProblemError
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.solution import Limits, Termination
from bnnbench.spec import parse

SAMPLER = parse("ising-sa[num_reads=32,num_sweeps=50]")


def test_batches_train_on_all_rows_and_claim_the_loss_on_all(teacher_problem):
    problem = teacher_problem(N=30)
    model = direct_model(problem)
    solver = BatchBias(sampler=SAMPLER, batch=8, epochs=2)
    assert solver.accepts(model) is None
    runs = [solver.solve(model, Limits(), 1, ignore_report) for _ in range(2)]
    assert runs[0].info["batches"] == 8
    assert runs[0].objective == float(problem.evaluate(runs[0].answer).value)
    assert runs[0].answer.digest == runs[1].answer.digest
    assert runs[0].objective < float(problem.reference)
    batches = solver._batches(problem, 1)
    assert np.array_equal(np.sort(np.concatenate(batches[:4])), np.arange(30))


def test_the_linear_term_favours_the_weights_before(teacher_problem):
    """E changes by -sum g (2 w - 1): no coupling, no other variable."""
    model = BnnQubo().build(teacher_problem(N=8))
    bits = model.info["weight_bits"]
    biases = np.random.default_rng(0).normal(size=bits)
    states = np.random.default_rng(1).integers(0, 2, (5, model.data.n), dtype=np.int8)
    change = _biased(model, biases).data.energy(states) - model.data.energy(states)
    assert np.allclose(change, -(2.0 * states[:, :bits] - 1) @ biases)
    assert not _biased(model, biases).exact


def test_the_published_formulation_runs_in_batches(teacher_problem):
    problem = teacher_problem(7, 3, 16)
    formulation = parse("sasdelli-chin[penalty=2.0]")
    solver = BatchBias(sampler=SAMPLER, formulation=formulation, batch=4)
    solution = solver.solve(direct_model(problem), Limits(), 0, ignore_report)
    assert solution.objective == float(problem.evaluate(solution.answer).value)


def test_the_sweep_tries_all_penalties_and_says_which_was_best(teacher_problem):
    problem = teacher_problem()
    solver = PenaltySweep(sampler=SAMPLER, penalties=(0.1, 1.0, 8.0))
    solution = solver.solve(direct_model(problem), Limits(), 0, ignore_report)
    assert solution.info["tried"] == 4
    assert solution.info["penalty"] in (0.1, 1.0)
    assert solution.objective == float(problem.evaluate(solution.answer).value)
    assert solution.bound is None


@pytest.mark.parametrize(
    "solver",
    [
        PenaltySweep(sampler=parse("ising-sa[num_sweeps=50]"), penalties=(0.1, 1.0)),
        BatchBias(sampler=parse("ising-sa[num_sweeps=50]"), batch=16),
    ],
)
def test_the_time_limit_is_shared(teacher_problem, solver):
    import bnnbench_qubo.warm  # noqa: F401

    model = direct_model(teacher_problem(N=64))
    solution = solver.solve(model, Limits(time=1.0), 0, ignore_report)
    assert solution.answer is not None
    assert solution.info.get("tried", 3) == 3
    assert solution.info.get("batches", 4) == 4


def test_a_target_ends_the_schemes(teacher_problem):
    model = direct_model(teacher_problem(N=8))

    def reached(answer=None, *, objective=None, bound=None):
        return objective is not None and objective <= 3

    for solver in (PenaltySweep(sampler=SAMPLER), BatchBias(sampler=SAMPLER, batch=4, epochs=9)):
        solution = solver.solve(model, Limits(target=3), 0, reached)
        assert solution.termination is Termination.TARGET
        assert solution.objective <= 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: BatchBias(batch=0),
        lambda: BatchBias(alpha=-1),
        lambda: PenaltySweep(penalties=()),
        lambda: PenaltySweep(share=1.0),
    ],
)
def test_parameters_are_checked(make):
    with pytest.raises(ProblemError):
        make()


@pytest.mark.parametrize("solver", [BatchBias, DropoutBias, PenaltySweep])
def test_parts_must_be_of_the_right_kind(solver, teacher_problem):
    model = direct_model(teacher_problem())
    assert "of kind qubo" in solver(sampler="random").accepts(model)
    if solver is not PenaltySweep:  # which sets the penalty of a formulation that has one
        assert "builds milp" in solver(formulation="errors").accepts(model)


@pytest.mark.parametrize("solver", [BatchBias, DropoutBias, PenaltySweep])
def test_a_run_whose_first_part_the_clock_cut_says_time(solver, teacher_problem, monkeypatch):
    sample, runs = IsingSA.solve, []

    def solve(*arguments):
        runs.append(sample(*arguments))
        cut = Termination.TIME if len(runs) == 1 else runs[-1].termination
        return dataclasses.replace(runs[-1], termination=cut)

    monkeypatch.setattr(IsingSA, "solve", solve)
    model = direct_model(teacher_problem(N=10))
    ended = solver(sampler=SAMPLER).solve(model, Limits(), 0, ignore_report).termination
    assert len(runs) > 1
    assert ended is Termination.TIME
    assert {run.termination for run in runs} == {Termination.ITERATIONS}


def test_a_sweep_streams_only_what_is_better_than_all_before(teacher_problem):
    found = []

    def report(answer=None, *, objective=None, bound=None):
        found.extend([] if objective is None else [objective])
        return False

    solver = PenaltySweep(sampler=SAMPLER, penalties=(0.1, 1.0))
    solver.solve(direct_model(teacher_problem(N=12)), Limits(), 0, report)
    assert found == sorted(set(found), reverse=True)
