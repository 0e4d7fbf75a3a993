"""Training rows as a program sees them: literally, or equal rows merged (mip.md section 2).

Activations and products depend on the features alone, so rows with equal features share them;
losses depend on features and label, so rows with both equal become one with a weight. Exact for
every objective that sums over rows or asks for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bnnbench.dataset import Dataset
from bnnbench.problem import Problem
from bnnbench_mip.lattice import Int64


@dataclass(frozen=True, eq=False)
class Samples:
    """What losses are charged for, and the feature rows they are about.

    Attributes:
        rows: the problem on the feature rows that get activations, m of them.
        row: feature row of each sample, shape (n,); None where sample k is row k.
        targets: wanted signs of the samples, shape (n, outputs).
        labels: their class indices, shape (n,).
        weights: how many training rows each stands for, shape (n,).
    """

    rows: Problem
    row: Int64 | None
    targets: npt.NDArray[np.int8]
    labels: Int64
    weights: Int64

    @property
    def wanted(self) -> Int64:
        """Signs wanted per feature row, 0 where its samples want both; shape (m, outputs)."""
        if self.row is None:
            return self.targets.astype(np.int64)
        shape = (self.rows.dataset.sizes[0], self.targets.shape[1])
        positive, negative = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        np.logical_or.at(positive, self.row, self.targets > 0)
        np.logical_or.at(negative, self.row, self.targets < 0)
        return positive.astype(np.int64) - negative

    def spread(self, values: Int64) -> Int64:
        """Values per feature row as values per sample."""
        return values if self.row is None else values[self.row]


def samples_of(problem: Problem, merge: bool) -> Samples:
    """The training rows of a problem, merged where they are equal, or one by one."""
    X, y = problem.dataset.part("train")
    labels = np.asarray(y, dtype=np.int64)
    if not merge:
        return Samples(problem, None, problem.targets(), labels, np.ones(len(labels), np.int64))
    _, first, row = np.unique(X, axis=0, return_index=True, return_inverse=True)
    keys = np.stack([row.reshape(-1), labels], axis=1)
    _, own, weights = np.unique(keys, axis=0, return_index=True, return_counts=True)
    data = problem.dataset
    distinct = Dataset(
        data.name, X[first], labels[first], (len(first), 0, 0), data.scale, data.classes
    )
    return Samples(
        replace(problem, dataset=distinct),
        keys[own, 0],
        problem.targets()[own],
        labels[own],
        weights,
    )
