"""Small problems as factories."""

from __future__ import annotations

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary
from bnnbench.objectives import Errors, Hamming
from bnnbench.problem import Problem


@pytest.fixture(scope="session")
def random_problem():
    """Problems with random features and labels."""

    def make(
        N=2, d=3, hidden=(2,), outputs=1, *, values=(-1, 1), bias="none", activation="sign",
        objective=None, connections=(), scale=1, domain=None, seed=0,
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        classes = max(2, outputs)
        data = Dataset(
            "random",
            rng.choice(values, size=(N, d)),
            rng.integers(0, classes, N),
            (N, 0, 0),
            scale=scale,
            classes=tuple(str(c) for c in range(classes)),
        )
        arch = Architecture(d, hidden, outputs, activation, connections)
        return Problem(data, arch, domain or Binary(bias=bias), objective or Hamming())

    return make


@pytest.fixture(scope="session")
def teacher_problem():
    """Distinct -1/+1 images labelled by a random d-h-1 network, so that 0 errors are possible."""

    def make(d=9, h=3, N=16, seed=1):
        rng = np.random.default_rng(seed)
        images = (rng.permutation(2**d)[:N, None] >> np.arange(d)) & 1
        X = 2 * images - 1
        votes = np.where(X @ rng.choice((-1, 1), (d, h)) >= 0, 1, -1)
        y = (votes.sum(axis=1) >= 0).astype(np.int64)
        data = Dataset(f"teacher-{seed}", X, y, (N, 0, 0), classes=("0", "1"))
        return Problem(data, Architecture(d, (h,), 1), Binary(bias="none"), Errors())

    return make


@pytest.fixture(scope="session")
def teacher_model(teacher_problem):
    """251 variables: a 9-3-1 teacher of 16 images, lambda = 0.15."""
    # So that no short time limit pays for imports or compilation.
    import bnnbench_qubo.warm  # noqa: F401
    import dwave.samplers  # noqa: F401

    return BnnQubo().build(teacher_problem())


@pytest.fixture(scope="session")
def digits_problem():
    """Digits 3 and 8 averaged down to 4 x 4 and cut at the training median of every pixel."""
    datasets = pytest.importorskip("sklearn.datasets")

    def make(N=32, hidden=(3,), *, pm1=True, bias="same"):
        X, y = datasets.load_digits(return_X_y=True)
        rows = np.flatnonzero((y == 3) | (y == 8))[:N]
        images = X[rows].reshape(N, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(N, 16)
        bits = (images > np.median(images, axis=0)).astype(np.int64)
        data = Dataset(
            "digits-3-8",
            2 * bits - 1 if pm1 else bits,
            (y[rows] == 8).astype(np.int64),
            (N, 0, 0),
            classes=("3", "8"),
        )
        return Problem(data, Architecture(16, hidden, 1), Binary(bias=bias), Errors())

    return make


@pytest.fixture(scope="session")
def least_energies():
    """The exact minimum over all auxiliaries, for every vector of weight bits.

    By elimination: the terms that hold a variable are replaced by their minimum over it, a table
    over its neighbours. Samples fall apart once the weights are given, so tables stay small.
    """

    def least(qubo, bits):
        parts = [_eliminated(qubo, part) for part in np.array_split(bits, -(-len(bits) // 256))]
        return np.concatenate(parts)

    return least


def _eliminated(qubo, bits):
    m, x = bits.shape[1], bits.astype(np.float64)
    couplings = np.zeros((qubo.n, qubo.n))
    couplings[qubo.rows, qubo.cols] = qubo.values
    least = qubo.offset + x @ qubo.linear[:m] + ((x @ couplings[:m, :m]) * x).sum(axis=1)
    fields = qubo.linear[m:] + x @ couplings[:m, m:]
    terms = [((v,), np.stack([0 * f, f], axis=1)) for v, f in enumerate(fields.T)]
    both = np.array([[[0.0, 0.0], [0.0, 1.0]]])
    inner = zip(*np.nonzero(couplings[m:, m:]), strict=True)
    terms += [((int(i), int(j)), both * couplings[m + i, m + j]) for i, j in inner]
    open_variables = set(range(qubo.n - m))
    while open_variables:
        scopes = {v: set().union(*(s for s, _ in terms if v in s)) for v in open_variables}
        v = min(open_variables, key=lambda u: len(scopes[u]))
        open_variables.remove(v)
        scope = tuple(sorted(scopes[v]))
        joined = sum(_over(scope, t) for t in terms if v in t[0]).min(axis=1 + scope.index(v))
        terms = [t for t in terms if v not in t[0]]
        terms.append((tuple(u for u in scope if u != v), joined))
    return least + sum(table for _, table in terms)


def _over(scope, term):
    """A term's table with an axis for every variable of a larger scope."""
    own, table = term
    return table.reshape(len(table), *(2 if v in own else 1 for v in scope))
