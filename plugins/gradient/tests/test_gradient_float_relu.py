from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from bnnbench_gradient.float_relu import FloatRelu, network_of

from bnnbench.architecture import Architecture, random_masks
from bnnbench.errors import SpecError
from bnnbench.interfaces import direct_model
from bnnbench.solution import Termination


def test_beats_linear_models_on_digits(digits, problem_of, solve, accuracy):
    problem = problem_of(digits, 100)
    found = solve(FloatRelu(), problem)
    assert accuracy(problem, found.answer) >= 0.95
    assert found.answer.architecture.text == "64-100-10+relu"
    assert found.info == {"epochs": 30, "kept_epoch": 29, "decimals": 6}


def test_the_answer_decides_as_the_float_network(digits, problem_of):
    problem = problem_of(digits, 20, 20)
    draw = torch.Generator().manual_seed(0)
    parameters = [
        (torch.randn((m, n), generator=draw) / m**0.5, torch.randn(n, generator=draw))
        for m, n in pairwise((64, 20, 20, 10))
    ]
    X, _ = digits.part("test")
    value = torch.tensor(np.asarray(X, dtype=float))
    for W, b in parameters[:-1]:
        value = (value @ W.double() + b.double()).relu()
    W, b = parameters[-1]
    expected = (value @ W.double() + b.double()).numpy()
    forward = network_of(problem, parameters, 6)[0].forward(X, digits.scale)
    assert forward.output / forward.output_unit == pytest.approx(expected, abs=1e-3)


def test_one_output_is_the_difference_of_two(breast_cancer, problem_of, solve):
    X, _ = breast_cancer.part("test")
    signs, pair = (
        solve(FloatRelu(epochs=3), problem_of(breast_cancer, 8, outputs=k)).answer.forward(
            X, breast_cancer.scale
        )
        for k in (1, 2)
    )
    decided = pair.output[:, 1] > pair.output[:, 0]
    assert np.array_equal(signs.output[:, 0] > 0, decided)
    assert 0 < decided.sum() < len(X)


def test_the_epoch_of_fewest_validation_errors_is_kept(breast_cancer, problem_of, solve):
    problem = problem_of(breast_cancer, 16)
    whole = solve(FloatRelu(epochs=40, lr=0.03), problem)
    epoch = whole.info["kept_epoch"]
    assert epoch < 39
    shorter = solve(FloatRelu(epochs=epoch + 1, lr=0.03), problem)
    assert shorter.answer.digest == whole.answer.digest


def test_weights_are_coarser_where_features_are_fine(small, problem_of, solve):
    problem = problem_of(dataclasses.replace(small(scale=10**8), scale=10**8), 6, 6)
    found = solve(FloatRelu(epochs=1), problem)
    assert 2 <= found.info["decimals"] < 6


def test_stops_at_the_time_limit(digits, problem_of, solve):
    found = solve(FloatRelu(epochs=10**6), problem_of(digits, 10), time=1.0)
    assert found.termination is Termination.TIME
    assert found.info["epochs"] < 10**6


def test_refusals(small, problem_of):
    plain = problem_of(small(), 4)
    masked = Architecture(5, (4,), 3, "sign", random_masks(plain.architecture, 0.5, 0))
    problem = dataclasses.replace(plain, architecture=masked)
    assert "chain" in FloatRelu().accepts(direct_model(problem))
    for wrong in ({"epochs": 0}, {"batch": 0}, {"lr": 0.0}, {"decimals": 1}):
        with pytest.raises(SpecError, match="float-relu"):
            FloatRelu(**wrong)
