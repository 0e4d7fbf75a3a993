"""Inference on bits: AND-popcount for weights of two values (sbnn.md A.6).

Inputs x in {-1, +1}^n are bits X (1 for +1), or x in {0, 1}^n are bits themselves; weights are a
mask M (1 for beta) per output. With pop the number of set bits,

    x in {-1, +1}:   m.x = 2 pop(M AND X) - pop(M),   1.x = 2 pop(X) - n,
    x in {0, 1}:     m.x = pop(M AND X),              1.x = pop(X),
    W.x = (beta - alpha) m.x + alpha 1.x,

so one AND-popcount per output and one popcount that all outputs share. All is integer: alpha, beta
and biases are numerators, and the sums equal the dense product exactly. In front of a sign the
constants fold into one integer threshold per output, ``2 (beta - alpha) pop(M AND X) + 2 alpha
pop(X) >= t_j`` for x in {-1, +1}. Padding bits are 0 in M and in X.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Activation
from bnnbench.errors import NetworkError
from bnnbench.network import Layer, Network

Words = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]
WORD = 64


def pack(bits: npt.NDArray[np.bool_]) -> Words:
    """Rows of bits as 64-bit words, the first bit lowest; (r, n) gives (r, ceil(n / 64))."""
    rows, n = bits.shape
    words = -(-n // WORD)
    padded = np.zeros((rows, words * WORD), dtype=bool)
    padded[:, :n] = bits
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


@dataclass(frozen=True, eq=False)
class PackedLayer:
    """Weights of two values as bits, with integer thresholds.

    Attributes:
        masks: where a weight is beta, one row of words per output, shape (m, ceil(n / 64)).
        n: inputs.
        span: beta - alpha.
        alpha: the other value.
        constant: what is added to every output once the two counts are weighed, shape (m,).
        activation: of the inputs, ``sign`` for {-1, +1} and ``step`` for {0, 1}.
    """

    masks: Words
    n: int
    span: int
    alpha: int
    constant: Int64
    activation: Activation

    @classmethod
    def of(cls, layer: Layer, activation: Activation) -> PackedLayer:
        """Pack a layer that reads hidden units only.

        Raises:
            NetworkError: when its weights take more than two values.
        """
        values = np.unique(layer.weights)
        if len(values) > 2:
            raise NetworkError(f"Packing needs weights of two values, got {len(values)}.")
        unit = math.lcm(layer.scale, layer.bias_scale)
        factor = unit // layer.scale
        alpha, beta = int(values[0]) * factor, int(values[-1]) * factor
        mask = np.equal(layer.weights.T, values[-1])
        constant = layer.bias * (unit // layer.bias_scale)
        if activation == "sign":
            constant = constant - (beta - alpha) * mask.sum(axis=1) - alpha * mask.shape[1]
        return cls(pack(mask), mask.shape[1], beta - alpha, alpha, constant, activation)

    def __call__(self, rows: Words) -> Int64:
        """Numerators of the pre-activations; (r, words) gives (r, m)."""
        from bnnbench_gradient.popcount import weighed_counts

        gain = 2 if self.activation == "sign" else 1
        total = np.empty((len(rows), len(self.masks)), dtype=np.int64)
        weighed_counts(rows, self.masks, gain * self.span, gain * self.alpha, self.constant, total)
        return total

    def decide(self, rows: Words) -> Words:
        """The next layer's bits: which pre-activations are >= 0, packed."""
        return pack(self(rows) >= 0)


@dataclass(frozen=True, eq=False)
class PackedNetwork:
    """A network whose layers behind the first run on bits.

    Attributes:
        first: the layer that reads features; it stays dense.
        packed: the others.
    """

    first: Network
    packed: tuple[PackedLayer, ...]

    @classmethod
    def of(cls, network: Network) -> PackedNetwork:
        """Pack a dense chain with at least one hidden layer.

        Raises:
            NetworkError: for skip connections or masks, no hidden layer, or more than two values.
        """
        from bnnbench.architecture import Architecture

        arch = network.architecture
        if not arch.dense or not arch.hidden:
            raise NetworkError(f"Packing needs a dense chain with a hidden layer, got {arch.text}.")
        head = Architecture(arch.inputs, (), arch.hidden[0], arch.activation)
        first = Network(head, network.layers[:1])
        packed = tuple(PackedLayer.of(layer, arch.activation) for layer in network.layers[1:])
        return cls(first, packed)

    def forward(self, X: npt.NDArray[np.integer[Any]], scale: int = 1) -> Int64:
        """Numerators of the output pre-activations, as ``Network.forward(X, scale).output``."""
        bits = pack(self.first.forward(X, scale).output >= 0)
        for layer in self.packed[:-1]:
            bits = layer.decide(bits)
        return self.packed[-1](bits)
