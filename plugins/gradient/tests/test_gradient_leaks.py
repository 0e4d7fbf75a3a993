"""Without validation rows nothing but the training rows may shape an answer, in any solver."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from bnnbench_gradient import plugin
from bnnbench_gradient.sparse.fitting import Training, fit
from bnnbench_gradient.sparse.layers import binarised
from bnnbench_gradient.sparse.masks import MaskRule
from bnnbench_gradient.sparse.networks import mlp
from bnnbench_gradient.sparse.values import Values

from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, Integer, TwoValued
from bnnbench.interfaces import direct_model
from bnnbench.objectives import Errors, SquaredHinge

SHORT = {"rounds": 2, "models": 3, "epochs": 3, "steps": 100, "max_epochs": 200}
DOMAINS = (Integer(P=1), Binary(), TwoValued(ones=0.3))


def short(cls):
    """A solver with as little work as its parameters allow."""
    names = {f.name for f in dataclasses.fields(cls)}
    return cls(**{key: value for key, value in SHORT.items() if key in names})


@pytest.fixture(scope="module")
def pair(small) -> tuple[Dataset, ...]:
    """A data set, and the same with other test rows: permuted labels, labels shifted, features."""
    data = small(2, n=120)
    X, y, train = data.X, data.y, data.sizes[0] + data.sizes[1]
    rng = np.random.default_rng(0)
    test = slice(train, None)

    def changed(name, features=None, labels=None):
        new_X, new_y = X.copy(), y.copy()
        new_X[test] = X[test] if features is None else features
        new_y[test] = y[test] if labels is None else labels
        return Dataset(name, new_X, new_y, (train, 0, len(y) - train), classes=data.classes)

    return (
        changed("plain"),
        changed("permuted", labels=rng.permutation(y[test])),
        changed("corrupt", labels=(y[test] + 1) % data.n_classes),
        changed("features", features=rng.integers(-999, 999, X[test].shape)),
    )


@pytest.mark.parametrize("cls", plugin.bnnbench_solvers(), ids=lambda c: c.name)
@pytest.mark.parametrize("objective", [Errors(), SquaredHinge()], ids=lambda o: o.name)
def test_test_rows_change_no_answer_of_any_solver(cls, objective, pair, problem_of, solve):
    solver = short(cls)
    if solver.available() is not None:
        pytest.skip(solver.available())
    accepted = 0
    for domain in DOMAINS:
        problems = [problem_of(data, 4, domain=domain, objective=objective) for data in pair]
        if solver.accepts(direct_model(problems[0])) is not None:
            continue
        accepted += 1
        digests = {solve(solver, problem, seed=1).answer.digest for problem in problems}
        assert len(digests) == 1
    assert accepted


def test_training_rows_do_change_the_answers(pair, problem_of, solve):
    """The detector can fail: corrupt training labels are noticed."""
    plain = pair[0]
    y = plain.y.copy()
    y[: plain.sizes[0]] = np.random.default_rng(1).permutation(y[: plain.sizes[0]])
    other = Dataset("train", plain.X, y, plain.sizes, classes=plain.classes)
    for cls in plugin.bnnbench_solvers():
        solver = short(cls)
        if solver.available() is not None:
            continue
        found = next(
            d
            for d in DOMAINS
            if solver.accepts(direct_model(problem_of(plain, 4, domain=d))) is None
        )
        digests = {
            solve(solver, problem_of(data, 4, domain=found), seed=1).answer.digest
            for data in (plain, other)
        }
        assert len(digests) == 2, cls.name


def test_the_loop_of_torch_modules_never_sees_test_rows(pair):
    """fit takes no test rows; with the same training rows two runs give the same weights."""
    weights = []
    for data in pair[:2]:
        X, y = data.part("train")
        torch.manual_seed(0)
        model = mlp(data.n_features, (8,), data.n_classes, lambda: Values())
        rows = torch.tensor(np.asarray(X)).float(), torch.tensor(np.asarray(y))
        fit(model, rows, Training(epochs=2, batch=16, rule=MaskRule(0.3)))
        weights.append(torch.cat([a.weight().reshape(-1) for a in binarised(model)]))
    assert torch.equal(*weights)
