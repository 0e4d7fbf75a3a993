"""Problems and ground truth that the tests of this plugin share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from bnnbench_mip.plugin import bnnbench_formulations
from sklearn.datasets import load_breast_cancer

from bnnbench.dataset import Dataset
from bnnbench.interfaces import Formulation
from bnnbench.table import Table, finish


@pytest.fixture(scope="session")
def formulation() -> Callable[..., Formulation]:
    """The formulation made for an objective, by the objective's name."""
    table: dict[str, type[Formulation]] = {}
    for cls in bnnbench_formulations():
        for name in cls.objectives:
            table.setdefault(name, cls)
    return lambda objective, **parameters: table[objective](**parameters)


@pytest.fixture(scope="session")
def breast_cancer() -> Dataset:
    """40 rows of the breast-cancer data, min-max scaled to [0, 1] with 4 decimals."""
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:40]
    X, y = X[rows], y[rows]
    X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    return finish(Table(X, y), "breast-cancer-40")
