"""Sasdelli and Chin's QUBO, and QUBOs as mixed-integer programs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.qubo_milp import QuboMilp, linearised
from bnnbench_qubo.sasdelli_chin import SasdelliChin, counter_bits

from bnnbench.domain import Integer
from bnnbench.errors import NetworkError, ProblemError
from bnnbench.interfaces import ignore_report
from bnnbench.models import Qubo
from bnnbench.registry import Registry
from bnnbench.solution import Limits
from bnnbench.spec import Spec, parse


@pytest.mark.parametrize(
    ("widths", "N", "n"),
    [((3, 3), 4, 108), ((3, 3), 8, 204), ((7, 3), 8, 336), ((7, 7), 16, 1464), ((9, 3), 16, 798)],
)
def test_sizes_are_the_published_ones(random_problem, widths, N, n):
    model = SasdelliChin().build(random_problem(N, widths[0], (widths[1],)))
    assert model.data.n == n
    assert model.info["majority"] == (9 not in widths)


CASES = {
    "hidden layer, majority": ({"N": 1, "hidden": (1,)}, True),
    "three hidden": ({"N": 1, "d": 1, "hidden": (3,)}, True),
    "no hidden layer": ({"N": 2, "hidden": ()}, True),
    "fan-in 5, threshold 4": ({"N": 1, "d": 5, "hidden": (), "bias": "free"}, False),
    "fan-in 2, threshold 2": ({"N": 1, "d": 2, "hidden": (2,), "bias": "free"}, False),
}


@pytest.mark.parametrize(("case", "exact"), CASES.values(), ids=CASES)
def test_the_minimum_over_auxiliaries_is_the_loss_of_the_trained_threshold(
    random_problem, case, exact
):
    problem = random_problem(**case)
    model = SasdelliChin(penalty=1.0).build(problem)
    assert model.exact == exact
    bits = model.info["weight_bits"]
    free = model.data.n - bits
    aux = ((np.arange(2**free)[:, None] >> np.arange(free)) & 1).astype(np.int8)
    for w in itertools.product((0, 1), repeat=bits):
        states = np.concatenate([np.tile(np.array(w, np.int8), (2**free, 1)), aux], axis=1)
        network = model.decode(states[0])
        assert problem.outside(network) is None
        loss = float(problem.evaluate(network).value)
        assert model.data.energy(states).min() == pytest.approx(loss)
        assert model.data.energy(model.encode(network))[0] == pytest.approx(loss)


def test_without_biases_a_power_of_two_threshold_is_another_model(random_problem):
    """Fan-in 5 fires from 4 agreements, the majority from 3: some network's energy is not its loss."""
    problem = random_problem(4, 5, ())
    model = SasdelliChin().build(problem)
    assert counter_bits(5) == 2
    assert not model.exact
    states = [model.data.complete(np.array([w], np.int8))[0] for w in np.ndindex(*[2] * 5)]
    energies = model.data.energy(np.array(states))
    losses = [float(problem.evaluate(model.decode(s)).value) for s in states]
    assert not np.allclose(energies, losses)


def test_the_published_formulation_says_what_it_cannot_take(random_problem):
    build = SasdelliChin()
    assert "-1 and +1" in build.accepts(random_problem(3, 3, (2,), values=(0, 1)))
    assert "bias none or free" in build.accepts(random_problem(3, 3, (2,), bias="same"))
    assert "binary" in build.accepts(random_problem(3, 3, (2,), domain=Integer(P=1)))
    assert "sign" in build.accepts(random_problem(3, 3, (2,), activation="step"))
    with pytest.raises(ProblemError):
        SasdelliChin(penalty=0)
    problem = random_problem(3, 3, (2,), bias="free")
    with pytest.raises(NetworkError):
        build.build(problem).encode(problem.random_network(np.random.default_rng(0)))


def test_the_linearised_program_has_the_qubos_values():
    rng = np.random.default_rng(0)
    rows, cols = np.triu_indices(6, 1)
    qubo = Qubo(rng.normal(size=6), rows, cols, rng.normal(size=15), offset=0.5)
    program = linearised(qubo)
    for x in itertools.product((0.0, 1.0), repeat=6):
        x = np.array(x)
        point = np.concatenate([x, x[rows] * x[cols]])
        assert program.violation(point) == 0
        assert program.objective(point) == pytest.approx(float(qubo.energy(x)[0]))
        up = np.maximum(0, x[rows] + x[cols] - 1)
        down = np.minimum(x[rows], x[cols])
        assert np.array_equal(np.where(qubo.values > 0, up, down), point[6:])


def test_a_mip_solver_proves_the_optimum_of_a_tiny_qubo(random_problem):
    highs = Registry.load().solver(parse("highs"))
    problem = random_problem(2, 3, (1,), seed=1)
    model = QuboMilp().build(problem)
    assert model.kind == "milp"
    assert model.exact
    solution = highs.solve(model, Limits(time=20), 0, ignore_report)
    networks = [
        problem.evaluate(BnnQubo(penalty="exact").build(problem).decode(np.array(w))).value
        for w in itertools.product((0, 1), repeat=3)
    ]
    assert solution.objective == pytest.approx(float(min(networks)))
    network = model.network(solution.answer)
    assert model.data.violation(model.encode(network)) == 0


def test_only_an_inner_qubo_that_cannot_undercut_the_loss_is_linearised(random_problem):
    problem = random_problem(2, 3, (1,))
    for inner in (Spec("bnn-qubo"), Spec.of("bnn-qubo", penalty="exact", margin=0.5)):
        assert "below the training loss" in QuboMilp(inner=inner).accepts(problem)
        with pytest.raises(ProblemError, match="below the training loss"):
            QuboMilp(inner=inner).build(problem)
    assert QuboMilp().accepts(problem) is None
    assert "not qubo" in QuboMilp(inner="errors").accepts(problem)
