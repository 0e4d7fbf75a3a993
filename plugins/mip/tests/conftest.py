"""Problems and ground truth that the tests of this plugin share."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from bnnbench_mip.plugin import bnnbench_formulations
from sklearn.datasets import load_breast_cancer

from bnnbench.dataset import Dataset
from bnnbench.interfaces import Formulation
from bnnbench.table import Table, finish


@pytest.fixture(scope="session")
def exhaustive() -> ModuleType:
    """Complete enumeration of small classes."""
    path = Path(__file__).with_name("exhaustive_proposal.py")
    spec = importlib.util.spec_from_file_location("exhaustive_proposal", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def formulation() -> Callable[..., Formulation]:
    """The formulation made for an objective, by the objective's name."""
    table = {name: cls for cls in bnnbench_formulations() for name in cls.objectives}
    return lambda objective, **parameters: table[objective](**parameters)


@pytest.fixture(scope="session")
def breast_cancer() -> Dataset:
    """40 rows of the breast-cancer data, min-max scaled to [0, 1] with 4 decimals."""
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:40]
    X, y = X[rows], y[rows]
    X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    return finish(Table(X, y), "breast-cancer-40")
