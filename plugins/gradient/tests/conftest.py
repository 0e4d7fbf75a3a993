from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution
from bnnbench.table import Table, finish

# The project can be installed without this plugin, whose torch is large.
INSTALLED = importlib.util.find_spec("torch") is not None
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not INSTALLED:
        terminalreporter.write_line("plugins/gradient: not tested, torch is not installed")


def split(n: int, seed: int, validation: float = 0.0) -> np.ndarray:
    """70 % training rows (a share of them validation), 30 % test rows."""
    order = np.random.default_rng(seed).permutation(n)
    part = np.full(n, 2)
    train = order[: round(0.7 * n)]
    part[train] = 0
    part[train[: round(validation * n)]] = 1
    return part


@pytest.fixture(scope="session")
def digits() -> Dataset:
    X, y = load_digits(return_X_y=True)
    return finish(Table(X.astype(np.int64), y, split(len(y), 0)), "digits")


@pytest.fixture(scope="session")
def breast_cancer() -> Dataset:
    X, y = load_breast_cancer(return_X_y=True)
    part = split(len(y), 1, validation=0.1)
    low, high = X[part == 0].min(axis=0), X[part == 0].max(axis=0)
    return finish(Table((X - low) / (high - low), y, part), "breast-cancer")


@pytest.fixture(scope="session")
def problem_of() -> Callable[..., Problem]:
    def build(data: Dataset, *hidden: int, domain: Any = None, objective: Any = None, **k: Any):
        outputs = k.pop("outputs", data.n_classes)
        architecture = Architecture(data.n_features, hidden, outputs, **k)
        return Problem(data, architecture, domain or Integer(P=1), objective or Errors())

    return build


@pytest.fixture(scope="session")
def small() -> Callable[..., Dataset]:
    """A noisy linear problem of small integers, with as many classes and parts as asked for."""

    def build(seed: int = 0, n: int = 90, d: int = 5, q: int = 3, scale: int = 1) -> Dataset:
        rng = np.random.default_rng(seed)
        X = rng.integers(-5, 6, (n, d)) * scale
        y = (X @ rng.integers(-2, 3, (d, q)) + rng.normal(0, 2, (n, q))).argmax(axis=1)
        y[:q] = np.arange(q)
        sizes = (n - 2 * (n // 5), n // 5, n // 5)
        classes = tuple(map(str, range(q)))
        return Dataset(f"small-{seed}", X, y, sizes, scale=scale, classes=classes)

    return build


@pytest.fixture(scope="session")
def solve() -> Callable[..., Solution]:
    def run(solver: Any, problem: Problem, seed: int = 0, report: Any = ignore_report, **limits):
        model = direct_model(problem)
        assert solver.accepts(model) is None
        return solver.solve(model, Limits(**limits), seed, report)

    return run


@pytest.fixture(scope="session")
def accuracy() -> Callable[..., float]:
    """Argmax accuracy on the test rows, a tie of m counted 1/m; or of all signs together."""

    def measure(problem: Problem, network: Any, all_good: bool = False) -> float:
        X, y = problem.dataset.part("test")
        z = network.forward(X, problem.dataset.scale).output
        if all_good:
            return float(((z >= 0) == (problem.targets("test") > 0)).all(axis=1).mean())
        best = z == z.max(axis=1, keepdims=True)
        return float((best[np.arange(len(y)), y] / best.sum(axis=1)).mean())

    return measure
