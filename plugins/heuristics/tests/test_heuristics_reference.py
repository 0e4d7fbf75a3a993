"""The reality checks: majority class and logistic regression as networks."""

import warnings

import numpy as np
import pytest
from bnnbench_heuristics.constant import Constant
from bnnbench_heuristics.logistic_regression import LogisticRegression

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.solution import Limits


def answer(solver, data, outputs):
    problem = Problem(data, Architecture(data.n_features, (3,), outputs), Integer(), Errors())
    return solver.solve(direct_model(problem), Limits(), 0, ignore_report).answer


def predictions(network, X, scale):
    z = network.forward(X, scale).output
    return (z[:, 0] >= 0).astype(int) if z.shape[1] == 1 else z.argmax(axis=1)


@pytest.mark.parametrize(
    ("name", "outputs"), [("breast_cancer", 2), ("breast_cancer", 1), ("digits", 10)]
)
def test_the_exported_regression_predicts_like_scikit_learn(name, outputs, request):
    from sklearn.linear_model import LogisticRegression as Fit

    data = request.getfixturevalue(name)
    X, y = data.part("train")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = Fit().fit(X / data.scale, y)
    network = answer(LogisticRegression(), data, outputs)
    for part in ("train", "test"):
        X, y = data.part(part)
        np.testing.assert_array_equal(
            predictions(network, X, data.scale), fit.predict(X / data.scale)
        )
        assert (predictions(network, X, data.scale) == y).mean() > 0.85


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("majority", [0, 1])
def test_the_constant_is_the_majority_class(outputs, majority):
    y = np.array([majority, majority, 1 - majority, 1 - majority, 1 - majority])
    data = Dataset("few", np.arange(10).reshape(5, 2), y, (3, 0, 2))
    network = answer(Constant(), data, outputs)
    assert set(predictions(network, data.X, 1)) == {majority}


def test_a_class_without_rows_is_never_predicted():
    rng = np.random.default_rng(0)
    X, y = rng.integers(-9, 10, size=(40, 3)), np.repeat([0, 2], 20)
    data = Dataset("gap", X, y, (40, 0, 0), 1, ("a", "b", "c", "d"))
    assert set(predictions(answer(LogisticRegression(), data, 4), X, 1)) == {0, 2}


def test_one_class_only_gives_the_constant():
    data = Dataset("one", np.eye(4, dtype=int), np.array([1, 1, 1, 0]), (3, 0, 1))
    assert set(predictions(answer(LogisticRegression(), data, 2), data.X, 1)) == {1}
