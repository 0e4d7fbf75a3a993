"""Errors that every half-space makes, found without a solver: pairs of samples with equal sums.

If x_p + x_p' = x_q + x_q' with p, p' of one class and q, q' of the other, then no half-space has
all four right, whatever its real weights: the two sums of distances to the boundary would be equal
and on different sides (errors.md section 1.4). Such a *core* costs the least of its weights at
least, and disjoint cores add up. Cores are packed greedily, over some orders. O(n^2) pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Core = tuple[int, ...]

LARGEST = 1000
"""Most samples; there are as many pairs as half of its square."""
ORDERS = 20


def packed_cores(
    X: npt.NDArray[np.integer[Any]], positive: npt.NDArray[np.bool_], weight: Int64
) -> list[tuple[Core, int]]:
    """Cores with the weight they take from each of their samples; the sum of weights is a bound.

    Args:
        X: distinct rows, shape (n, d).
        positive: class of each.
        weight: cost of getting each wrong, positive.
    """
    rng = np.random.Generator(np.random.PCG64(0))
    shared = shared_sums(X, positive, rng)
    best: list[tuple[Core, int]] = []
    for order in range(ORDERS if shared else 0):
        if order == 0:
            classes = [shared[k] for k in np.argsort([len(a) * len(b) for a, b in shared])]
        else:
            classes = [
                (rng.permutation(ours), rng.permutation(theirs))
                for ours, theirs in (shared[k] for k in rng.permutation(len(shared)))
            ]
        found = _pack(X, weight, classes)
        if sum(w for _, w in found) > sum(w for _, w in best):
            best = found
    return best


def shared_sums(
    X: npt.NDArray[np.integer[Any]], positive: npt.NDArray[np.bool_], rng: np.random.Generator
) -> list[tuple[Int64, Int64]]:
    """Pairs of positives and pairs of negatives by sum, of the sums that both classes have.

    Sums are told apart by random 64-bit keys: pairs with equal sums come together, and so do others
    by the rarest chance. Whoever needs certainty compares the sums.

    Args:
        X: distinct rows, shape (n, d).
        positive: class of each.
        rng: of the keys.

    Returns:
        Indices of shape (pairs, 2) for each class; nothing for more than :data:`LARGEST` rows.
    """
    if len(X) > LARGEST or not len(X):
        return []
    mix = rng.integers(1, 2**62, X.shape[1], dtype=np.int64)
    key = (X.astype(np.int64) * mix).sum(axis=1)
    sides = [_pairs(np.flatnonzero(own), key) for own in (positive, ~positive)]
    shared = np.intersect1d(sides[0][1], sides[1][1])
    ours, theirs = (_matching(*side, shared) for side in sides)
    return list(zip(ours, theirs, strict=True)) if len(shared) else []


def _pairs(members: Int64, key: Int64) -> tuple[Int64, Int64]:
    """All pairs of a class, a sample with itself too, and the keys of their sums."""
    i, j = np.triu_indices(len(members))
    pairs = np.stack([members[i], members[j]], axis=1)
    return pairs, key[pairs].sum(axis=1)


def _matching(pairs: Int64, keys: Int64, shared: Int64) -> list[Int64]:
    """Pairs by shared key."""
    own = np.isin(keys, shared)
    pairs, keys = pairs[own], keys[own]
    order = np.argsort(keys, kind="stable")
    starts = np.searchsorted(keys[order], shared)
    return np.split(pairs[order], starts[1:])


def _pack(
    X: npt.NDArray[np.integer[Any]], weight: Int64, classes: list[tuple[Int64, Int64]]
) -> list[tuple[Core, int]]:
    left, found = weight.copy(), []
    for ours, theirs in classes:
        for p in ours.tolist():
            for q in theirs.tolist():
                core = tuple(sorted({*p, *q}))
                taken = int(left[list(core)].min())
                if taken and (X[p].sum(axis=0) == X[q].sum(axis=0)).all():
                    left[list(core)] -= taken
                    found.append((core, taken))
    return found
