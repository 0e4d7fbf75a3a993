"""Where every parameter of a network stands in one flat row.

K networks are K rows of one matrix with the columns ``[weights | biases | theta]``: weights layer
by layer (fan_in x width, row-major), then biases layer by layer, then the output scale theta. One
Adam update, one quantisation and one clipping then serve all layers and all models (sbnn.md B.6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture


@dataclass(frozen=True, eq=False)
class Place:
    """One layer: its columns among the weights and among the biases, and what it reads.

    Attributes:
        sources: layers it reads, ascending; 0 is the input.
        widths: their widths.
        shape: (fan_in, width).
        weights: columns in the weight block.
        biases: columns in the bias block.
    """

    sources: tuple[int, ...]
    widths: tuple[int, ...]
    shape: tuple[int, int]
    weights: slice
    biases: slice

    @property
    def reads_input(self) -> bool:
        """Whether features reach it directly."""
        return 0 in self.sources


@dataclass(frozen=True, eq=False)
class Layout:
    """The flat row of one architecture."""

    architecture: Architecture

    @cached_property
    def layers(self) -> tuple[Place, ...]:
        """One place per layer with weights, first to last."""
        arch = self.architecture
        places, weight, bias = [], 0, 0
        for k in range(1, arch.depth + 1):
            sources = tuple(c.source for c in arch.sources(k))
            shape = (arch.fan_in(k), arch.widths[k])
            size = shape[0] * shape[1]
            places.append(
                Place(
                    sources,
                    tuple(arch.widths[s] for s in sources),
                    shape,
                    slice(weight, weight + size),
                    slice(bias, bias + shape[1]),
                )
            )
            weight, bias = weight + size, bias + shape[1]
        return tuple(places)

    @property
    def n_weights(self) -> int:
        """Columns of weights, missing arcs included."""
        return sum(math.prod(place.shape) for place in self.layers)

    @property
    def n_biases(self) -> int:
        """Columns of biases."""
        return sum(place.shape[1] for place in self.layers)

    @property
    def size(self) -> int:
        """All columns, theta included."""
        return self.n_weights + self.n_biases + 1

    @cached_property
    def arcs(self) -> npt.NDArray[np.bool_] | None:
        """Which weight columns exist, shape (n_weights,); None when all do."""
        arch = self.architecture
        mask = np.concatenate([arch.mask(k + 1).ravel() for k in range(arch.depth)])
        return None if mask.all() else mask
