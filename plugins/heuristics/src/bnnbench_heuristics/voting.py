"""Pairwise ensembles as one network: member nets side by side, then the vote (bdnn.md C.1).

Members: for every pair i < j of classes a network with one output, s_ij = +1 for i and -1 for j,
s_ji = -s_ij. Let c_i be the number of votes for class i. The rule of BeMi: a unique maximum of c
wins; of exactly two tied maxima, the vote of their own network decides; three or more tied
maxima are unlabelled. Class i is the label exactly where

    d_ij = sgn(2 (c_i - c_j) + s_ij) = +1 for all j        i beats j by count, or by their own vote
    e_ij = sgn(c_i - c_j - 1) = +1 for all j but at most one

since c_i - c_j is an integer and s_ij odd, d_ij never sits on 0. With D = sum_j d_ij, E = sum_j
e_ij and q classes,

    z_i = 2 (D - (q - 1)) + E - (q - 3)  >= 0   if and only if   i is the label:

with all d = +1, z_i >= 0 is E >= q - 3, one miss at most; one d = -1 costs 4 and E - (q - 3) is at
most 2. So an ensemble is a masked network of the core: the members' hidden layers as blocks, a
layer of votes, a layer of the signs d and e of all ordered pairs, and the outputs z. Its all-good
accuracy is the accuracy of BeMi, its rows without any z >= 0 are the unlabelled ones. argmax may
still be right on an unlabelled row.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture, Connection
from bnnbench.network import Layer, Network

Int64 = npt.NDArray[np.int64]


def pairs(classes: int) -> list[tuple[int, int]]:
    """All i < j, in the order of members."""
    return list(itertools.combinations(range(classes), 2))


def ensemble(members: Sequence[Network], classes: int) -> Network:
    """The vote of pairwise members, one per pair of :func:`pairs`, as one masked network.

    Members share their architecture: one output, sign activations, a chain of full layers.
    """
    blocks = [_stacked(members, k) for k in range(members[0].architecture.depth)]
    counts = np.zeros((len(members), classes), dtype=np.int64)
    for p, (i, j) in enumerate(pairs(classes)):
        counts[p, [i, j]] = 1, -1
    layers = [*(layer for layer, _ in blocks), *_vote(counts, classes)]
    masks = [mask for _, mask in blocks]
    connections = tuple(
        Connection(k, k + 1, masks[k] if k < len(masks) else layer.weights != 0)
        for k, layer in enumerate(layers)
    )
    widths = [layer.weights.shape[1] for layer in layers]
    inputs = members[0].architecture.inputs
    arch = Architecture(inputs, tuple(widths[:-1]), widths[-1], "sign", connections)
    return Network(arch, tuple(layers))


def _stacked(members: Sequence[Network], k: int) -> tuple[Layer, npt.NDArray[np.bool_]]:
    """Layer k of all members side by side: on shared inputs, then on blocks of their own."""
    parts = [n.layers[k] for n in members]
    rows, width = parts[0].weights.shape
    height = rows if k == 0 else rows * len(members)
    weights = np.zeros((height, width * len(members)), dtype=np.int64)
    mask = np.zeros(weights.shape, dtype=bool)
    for p, part in enumerate(parts):
        top = 0 if k == 0 else p * rows
        place = slice(top, top + rows), slice(p * width, (p + 1) * width)
        weights[place], mask[place] = part.weights, True
    bias = np.concatenate([part.bias for part in parts])
    return Layer(weights, bias, parts[0].scale, parts[0].bias_scale), mask


def _vote(counts: Int64, classes: int) -> tuple[Layer, Layer]:
    """The layers of d and e, and of z. The sum of +-1 votes is 2 c_i - (classes - 1)."""
    ordered = list(itertools.permutations(range(classes), 2))
    own = {pair: p for p, pair in enumerate(pairs(classes))}
    beats = np.zeros((len(counts), len(ordered)), dtype=np.int64)
    leads = np.zeros_like(beats)
    outputs = np.zeros((2 * len(ordered), classes), dtype=np.int64)
    for k, (i, j) in enumerate(ordered):
        leads[:, k] = counts[:, i] - counts[:, j]
        beats[:, k] = leads[:, k]
        beats[own[min(i, j), max(i, j)], k] += 1 if i < j else -1
        outputs[k, i], outputs[len(ordered) + k, i] = 2, 1
    signs = Layer(
        np.concatenate([beats, leads], axis=1),
        np.repeat(np.array([0, -2], dtype=np.int64), len(ordered)),
    )
    threshold = np.full(classes, -2 * (classes - 1) - (classes - 3), dtype=np.int64)
    return signs, Layer(outputs, threshold)


def statuses(votes: Int64, labels: Int64, classes: int) -> Int64:
    """BeMi's statuses 0..6 of rows (bdnn.md C.1).

    0 unique and right; 1 two tied, own vote right; 2 two tied, own vote wrong, the other right;
    3 three or more tied, label among them; 4 not among them; 5 two tied, neither right; 6 unique
    and wrong.

    Args:
        votes: +1 for the first class of a pair and -1 for the second, shape (n, pairs).
        labels: class indices, shape (n,).
        classes: how many.
    """
    count = np.zeros((len(votes), classes), dtype=np.int64)
    for p, (i, j) in enumerate(pairs(classes)):
        count[:, i] += votes[:, p] > 0
        count[:, j] += votes[:, p] < 0
    top = count == count.max(axis=1, keepdims=True)
    tied = top.sum(axis=1)
    among = top[np.arange(len(labels)), labels]
    found = np.where(among, 0, 6)
    found[tied >= 3] = np.where(among[tied >= 3], 3, 4)
    for p, (i, j) in enumerate(pairs(classes)):
        rows = (tied == 2) & top[:, i] & top[:, j]
        chosen = np.where(votes[rows, p] > 0, i, j)
        found[rows] = np.where(among[rows], np.where(chosen == labels[rows], 1, 2), 5)
    return found
