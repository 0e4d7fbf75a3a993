"""Memory of the search among networks with one hidden layer: its arrays and scalars.

Types are as narrow as a problem allows: what makes up hidden sums has 16 bits where all of it fits,
else 32; so have the addresses of the outputs' losses where the tables are that short.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
# Integers of any width and sign: mixing them in one expression would make a float.
Int: TypeAlias = Any

BLOCK = 512
(
    RANDOM, LOSS, BEST_VALUE, IMPROVED, SHIFT, N_SOURCES, FIRST_OUTPUT, N_FEATURES, N_BIASES, UNIT,
    START, N_SCALARS,
) = range(12)  # fmt: skip


class Shallow(NamedTuple):
    """A problem and a network as arrays; n rows, h hidden units, q outputs, c sources of a unit.

    The c sources are the features with a non-zero, then the bias if biases may move. The values
    are those of the hidden units, unit by unit, then those of the outputs, source by source. Rows
    are in the order of ``shallow_columns.row_order``, those of hidden units padded to words of 64.

    Attributes:
        head: scalars, see the names in this module.
        values: parameters.
        best: the best ones.
        grids: lo, step, size of weights and of biases, shape (2, 3).
        first: where the words of a part of a feature begin, shape (2 * features + 3,).
        words: words in which a part has rows, part by part.
        masks: which rows of the word.
        sizes: the part's entries in units, 0 if they differ or are no multiples.
        entry_first: where in ``entries`` the latter begin.
        entries: the part's sizes of entries on all rows of its words.
        sums: hidden pre-activations in units, rounded down, by unit; and 0 for that of output
            biases, shape (h + 1, padded n).
        rests: what is left of them, shape (h, padded n).
        out: addresses of the outputs' losses in ``code``, shape (q, n).
        code: loss of an output, or its share of the row's code.
        totals: losses of the outputs, where ``row_loss`` is empty, shape (q,).
        rises: by how much they rise with the current move, shape (q,).
        row_code: codes of the rows, where ``row_loss`` is not empty.
        row_loss: loss of a row by its code; empty where the losses of its outputs are summed.
        flips: rows collected by a move.
        spots: addresses after a move, of a block of rows.
    """

    head: Array
    values: Array
    best: Array
    grids: Array
    first: Array
    words: Array
    masks: Array
    sizes: Array
    entry_first: Array
    entries: Array
    sums: Array
    rests: Array
    out: Array
    code: Array
    totals: Array
    rises: Array
    row_code: Array
    row_loss: Array
    flips: Array
    spots: Array
