"""The methods that are not straight-through for weights: Bop and PARQ."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from bnnbench_gradient.bop import Bop
from bnnbench_gradient.parq import Parq

from bnnbench.domain import Binary, Integer
from bnnbench.errors import SpecError
from bnnbench.interfaces import direct_model
from bnnbench.objectives import Errors, SquaredHinge

try:
    import torchao  # noqa: F401
except ImportError:
    NO_TORCHAO = True
else:
    NO_TORCHAO = False
NEEDS = pytest.mark.skipif(NO_TORCHAO, reason="torchao is not installed")
SOLVERS = [Bop(rates=0.03), pytest.param(Parq(), marks=NEEDS)]


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: s.name)
@pytest.mark.parametrize("bias", ["same", "free", "none"])
def test_digits_with_every_kind_of_bias(solver, bias, digits, problem_of, solve, accuracy):
    problem = problem_of(digits, 16, domain=Binary(bias=bias))
    solution = solve(dataclasses.replace(solver, rounds=1, models=2, epochs=10), problem)
    assert problem.outside(solution.answer) is None
    assert solution.objective == float(problem.evaluate(solution.answer).value)
    assert accuracy(problem, solution.answer) >= 0.7


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: s.name)
def test_a_seed_decides_and_a_cut_off_round_counts(solver, small, problem_of, solve):
    problem = problem_of(small(1), 4, domain=Binary(), objective=SquaredHinge())
    quick = dataclasses.replace(solver, rounds=1, models=3, epochs=3)
    first, again = (solve(quick, problem, seed=5) for _ in range(2))
    assert first.answer.digest == again.answer.digest
    cut = solve(dataclasses.replace(solver, epochs=10**6), problem, time=0.2)
    assert problem.outside(cut.answer) is None


def test_bop_flips_against_the_gradient_only(small, problem_of):
    problem = problem_of(small(), 3, domain=Binary())
    current = Bop(rounds=1, models=2).trainer(problem).start(0, range(2))
    before = current._latents.clone()
    n = current.trainer.binary
    gradient = torch.zeros_like(before)
    gradient[:, :n] = before[:, :n]  # every weight has the sign of its gradient
    gradient[:, 0] *= -1
    current._update(gradient * 1e3)
    assert torch.equal(current._latents[:, 1:n], -before[:, 1:n])
    assert torch.equal(current._latents[:, 0], before[:, 0])
    current._update(gradient * 0)
    assert torch.equal(current._latents[:, 1:n], -before[:, 1:n])


@NEEDS
def test_parq_ends_on_two_values_per_layer_and_model(digits, problem_of):
    problem = problem_of(digits, 16, domain=Binary(), objective=Errors())
    solver = Parq(models=3, epochs=3)
    current = solver.trainer(problem).start(0, range(3))
    real, _ = current.quantised()
    assert len(real[0].unique()) > 100
    current.run()
    hard, biases = current.quantised()
    layout = current.trainer.layout
    for place in layout.layers:
        for k in range(3):
            values = torch.cat((hard[k, place.weights], biases[k, place.biases])).unique()
            assert len(values) == 2
            assert values[0] == -values[1]
    signs, _ = current._final()
    assert torch.equal(signs, torch.where(hard >= 0, 1.0, -1.0))


def test_refusals_name_the_reason(small, problem_of):
    for solver in (Bop(), Parq()):
        for domain in (Integer(), Binary(bias="asymmetric")):
            reason = solver.accepts(direct_model(problem_of(small(), 4, domain=domain)))
            assert "needs the domain binary" in reason
    wrong = ({"adaptivity": 0.0}, {"threshold": -1.0})
    for fields in wrong:
        with pytest.raises(SpecError, match=f"bop: {next(iter(fields))}"):
            Bop(**fields)
    for fields in ({"rates": (0.1, 0.2)}, {"anneal": (0.5, 0.5)}, {"steepness": 0.0}):
        with pytest.raises(SpecError, match=f"parq: {next(iter(fields))}"):
            Parq(**fields)


def test_a_missing_torchao_is_named(monkeypatch):
    from importlib import metadata

    def version(name):
        if name == "torchao":
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    assert "pip install torchao" in Parq().available()
    assert Bop().available() is None
