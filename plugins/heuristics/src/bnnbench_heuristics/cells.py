"""Partitions of the training rows into cells that share one activation pattern (bdnn.md A.7).

No network whose activations are equal within a cell can tell its rows apart, so a cell is as good
as a group of equal rows with different labels. What those prove for an objective, a partition
proves for all networks tied to it: errors >= sum over cells (|c| - max_y n_cy), Hamming loss >= sum
over cells and outputs min(n_cy, |c| - n_cy), and likewise for hinges. That is the purity bound.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import GroupTargets
from bnnbench.problem import Problem

Int64 = npt.NDArray[np.int64]
_RESTARTS = 25


@dataclass(eq=False)
class Partition:
    """Cells of the training rows.

    Attributes:
        problem: whose rows.
        cell: number of every row's cell, shape (n,).
        final: cells that cannot be split: one row, or rows that are all equal.
    """

    problem: Problem
    cell: Int64 = field(init=False)
    final: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.cell = np.zeros(self.problem.dataset.sizes[0], dtype=np.int64)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(self.cell.max()) + 1

    def worst(self, losses: Int64) -> int | None:
        """The cell with the largest summed loss that can be split; the first on ties.

        Args:
            losses: per row, shape (n,).
        """
        sums = np.bincount(self.cell, weights=losses, minlength=self.size)
        counts = np.bincount(self.cell, minlength=self.size)
        open_ = [c for c in range(self.size) if counts[c] > 1 and c not in self.final]
        return max(open_, key=lambda c: (sums[c], -c), default=None)

    def split(self, cell: int, seed: int) -> bool:
        """Split a cell in two by k-means on its features; False, and final, when it has no parts.

        The cell goes, and its parts come last (bdnn.md A.7 step 1).
        """
        rows = np.flatnonzero(self.cell == cell)
        X = self.problem.dataset.part("train")[0][rows] / self.problem.dataset.scale
        side = _two_means(X, seed)
        if side.all() or not side.any():
            self.final.add(cell)
            return False
        last = self.size - 1
        self.cell[self.cell > cell] -= 1
        self.cell[rows] = np.where(side, last + 1, last)
        self.final = {c - (c > cell) for c in self.final}
        return True

    def purity(self, rows: Int64 | None = None) -> Fraction | None:
        """The least objective of any network tied to the partition, on these rows."""
        labels = np.asarray(self.problem.dataset.part("train")[1], dtype=np.int64)
        cell = self.cell
        if rows is not None:
            labels, cell = labels[rows], cell[rows]
        _, number = np.unique(cell, return_inverse=True)
        counts = np.zeros((int(number.max()) + 1, self.problem.dataset.n_classes), dtype=np.int64)
        np.add.at(counts, (number.reshape(-1), labels), 1)
        positive = counts[:, [1]] if self.problem.architecture.outputs == 1 else counts
        groups = GroupTargets(positive, counts.sum(axis=1, keepdims=True) - positive, counts)
        return self.problem.objective.lower_bound(groups, self.problem.output_scale)


def _two_means(X: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.bool_]:
    """Which of two clusters each row is in; one cluster when the rows are equal."""
    if not np.ptp(X, axis=0).any():
        return np.zeros(len(X), dtype=bool)
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = KMeans(2, n_init=_RESTARTS, random_state=seed).fit(X)
    return np.asarray(fit.labels_ == 1)
