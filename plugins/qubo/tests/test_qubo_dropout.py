"""Consensus of subnetworks: the term it adds, what it refuses, and whole runs."""

from __future__ import annotations

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.dropout_bias import DropoutBias, first_layer

from bnnbench.errors import ProblemError
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.objectives import SquaredHinge
from bnnbench.solution import Limits, Termination
from bnnbench.spec import parse

SHORT = "ising-sa[num_reads=16,num_sweeps=60]"


@pytest.mark.parametrize("bias", ["none", "same"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_term_rewards_agreement_with_the_consensus(random_problem, bias, outputs):
    problem = random_problem(3, 5, (3,), outputs, bias=bias)
    model = BnnQubo(normalise=False).build(problem)
    rng = np.random.default_rng(0)
    consensus = rng.normal(size=(6, 3))
    if bias == "none":
        consensus[-1] = 0
    solver = DropoutBias(eta=0.3)
    biased = solver._biased(model, consensus)
    assert not biased.exact
    network = problem.random_network(rng)
    state = model.encode(network)
    added = biased.data.energy(state)[0] - model.data.energy(state)[0]
    assert added == pytest.approx(-0.3 * (consensus * first_layer(network)).sum())


@pytest.mark.parametrize("sampler", [SHORT, "dwave-sa[num_reads=8,num_sweeps=40]"])
def test_a_run_is_reproducible_and_claims_its_true_objective(teacher_problem, sampler):
    problem = teacher_problem(h=5)
    solver = DropoutBias(sampler=parse(sampler), rounds=3)
    model = direct_model(problem)
    assert solver.accepts(model) is None
    runs = [solver.solve(model, Limits(), 4, ignore_report) for _ in range(2)]
    assert runs[0].answer.digest == runs[1].answer.digest
    assert runs[0].objective == float(problem.evaluate(runs[0].answer).value)
    assert problem.outside(runs[0].answer) is None
    assert runs[0].bound is None
    assert 0 < runs[0].info["agreement"] <= 3


def test_the_time_is_shared(teacher_problem):
    solver = DropoutBias(sampler=parse("ising-sa[num_sweeps=50]"), rounds=2)
    solution = solver.solve(direct_model(teacher_problem()), Limits(time=0.8), 0, ignore_report)
    assert solution.termination is Termination.TIME
    assert solution.info["reads"] >= 1


def test_dropout_refuses_other_shapes_and_what_the_qubo_refuses(random_problem):
    solver = DropoutBias()
    assert "one hidden layer" in solver.accepts(direct_model(random_problem(hidden=(2, 2))))
    hinge = random_problem(objective=SquaredHinge())
    assert "squared-hinge" in solver.accepts(direct_model(hinge))


def test_the_sampler_must_read_qubos(random_problem):
    solver = DropoutBias(sampler="dropout-bias")
    assert "reads direct" in solver.accepts(direct_model(random_problem()))


@pytest.mark.parametrize("params", [{"rounds": 0}, {"keep": 0.0}, {"keep": 1.5}, {"gamma": 2}])
def test_parameters_of_dropout_are_checked(params):
    with pytest.raises(ProblemError):
        DropoutBias(**params)
