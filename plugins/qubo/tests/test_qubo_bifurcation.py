"""Simulated bifurcation finds ground states, on rows and on a matrix, and keeps its promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from bnnbench_qubo.bifurcation import BifurcationGroup
from bnnbench_qubo.ising_sb import IsingSB
from bnnbench_qubo.spin_model import SpinModel

from bnnbench.errors import ProblemError
from bnnbench.interfaces import ignore_report
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Termination


def frustrated(n, seed=0):
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(n, 1)
    values = rng.choice([-2.0, -1.0, 1.0, 2.0], len(rows))
    sums = np.bincount(rows, values, n) + np.bincount(cols, values, n)
    return Qubo(rng.normal(size=n) - sums / 2, rows, cols, values, offset=1.0)


def group(qubo, dense, discrete, reads=64):
    return BifurcationGroup(
        SpinModel.of(qubo), 0, 0, reads, dense=dense, discrete=discrete, step=1.0, strength=0.5
    )


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_ground_state_of_a_small_model_is_found(dense, discrete, seed):
    qubo = frustrated(12, seed)
    replicas = group(qubo, dense, discrete)
    start = replicas.energies().mean()
    replicas.run(np.linspace(0, 1, 200))
    states = np.array(list(itertools.product((0, 1), repeat=12)), dtype=np.int8)
    assert replicas.energies().min() == pytest.approx(qubo.energy(states).min())
    assert replicas.energies().mean() < start
    assert np.allclose(replicas.energies(), qubo.energy(replicas.states()))


@pytest.mark.parametrize("discrete", [False, True])
def test_rows_and_matrix_move_alike(discrete):
    """Rounding differs, so only over a few steps."""
    pair = [group(frustrated(80), dense, discrete) for dense in (False, True)]
    for replicas in pair:
        replicas.run(np.full(5, 0.9))
    assert np.mean(pair[0].states() == pair[1].states()) > 0.999


@pytest.mark.parametrize("variant", ["ballistic", "discrete"])
def test_it_learns_a_teacher(teacher_model, variant):
    problem = teacher_model.problem
    solver = IsingSB(num_reads=128, variant=variant, step=0.5)
    solution = solver.solve(teacher_model, Limits(), 0, ignore_report)
    again = solver.solve(teacher_model, Limits(), 0, ignore_report)
    assert solution.answer.digest == again.answer.digest
    assert solution.termination is Termination.ITERATIONS
    assert solution.objective == float(problem.evaluate(solution.answer).value)
    assert solution.objective <= 4
    assert solution.info["reads"] == 128
    assert solution.info["acceptance_rate"] is None


def test_bifurcation_keeps_to_the_time_limit(teacher_model):
    solution = IsingSB(num_sweeps=100).solve(teacher_model, Limits(time=0.4), 0, ignore_report)
    assert solution.termination is Termination.TIME
    assert solution.info["reads"] >= 1


@pytest.mark.parametrize(
    "params",
    [{"num_sweeps": 0}, {"step": 0}, {"strength": -1}, {"variant": "heated"}, {"method": "none"}],
)
def test_parameters_of_bifurcation_are_checked(params):
    with pytest.raises(ProblemError):
        IsingSB(**params)
