"""Problems that several tests of the plugin share."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.objectives import MinHinge
from bnnbench.problem import Problem


@pytest.fixture(scope="session")
def tiny_data() -> Callable[..., Dataset]:
    """Random small data: rows, features (the last one always 0), classes, scale, seed."""

    def make(n: int, d: int, classes: int, scale: int, seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        X = rng.integers(-scale, scale + 1, size=(n, d)) * (rng.random((n, d)) < 0.7)
        X[:, -1] = 0
        names = tuple(str(c) for c in range(classes))
        y = rng.integers(0, classes, n)
        return Dataset("tiny", X, y, (n - 2, 1, 1), scale, names)

    return make


@pytest.fixture(scope="session")
def breast_cancer() -> Dataset:
    """Breast cancer, shuffled, min-max by training rows, 4 decimals: 200 training rows."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    low, high = X[:200].min(axis=0), X[:200].max(axis=0)
    grid = np.rint((X - low) / (high - low) * 10_000).astype(np.int64)
    return Dataset("breast-cancer", grid, y, (200, 100, 269), 10_000)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """Digits, pixels 0..16 over 16: 1000 training rows of 64 features, 10 classes."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return Dataset("digits", X.astype(np.int64), y, (1000, 397, 400), 16)


@pytest.fixture
def hinge_problem(breast_cancer: Dataset) -> Problem:
    """Min-hinge on breast cancer, 30-8-2, weights and biases in -1..1."""
    return Problem(breast_cancer, Architecture(30, (8,), 2), Integer(P=1), MinHinge())


@pytest.fixture
def variant(hinge_problem: Problem) -> Callable[..., Problem]:
    """The hinge problem with other fields."""

    def make(**fields: Any) -> Problem:
        return dataclasses.replace(hinge_problem, **fields)

    return make
