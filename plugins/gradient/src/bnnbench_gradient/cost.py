"""Size and operations of layers of two values (sbnn.md A.7).

For a layer of n = n_in n_out weights with k of them beta, and inputs of b bits:

===========  ==================================================================================
dense        n bits
entropy      n H(k / n) bits, H the binary entropy: what an ideal coder of the mask needs
enumeration  ceil(log2 C(n, k)) bits: the mask's number among all with k ones
index        k ceil(log2 n_in) + n_out ceil(log2(n_in + 1)) bits: lists of ones, with lengths
threshold    n_out ceil(log2(2 R + 1)) bits, R the largest absolute pre-activation possible
bops dense   b n bit operations per sample
bops sparse  b (k + n_in): the ones, and the sum of the inputs that all outputs share
===========  ==================================================================================

alpha and beta themselves cost 64 bits per layer when they are kept and nothing when they are folded
into thresholds, so they are stated apart. Above about 90 % sparsity of a small layer the index form
can still be larger than the dense one. A convolution spends its operations once per position.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SCALE_BITS = 64
"""alpha and beta as two 32-bit floats."""
EXACT_BINOMIAL = 20_000


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs; see the module for the definitions.

    Attributes:
        n_in: inputs.
        n_out: outputs.
        ones: weights that are beta.
        input_bits: bits per input value: 1 behind a sign, 8 for raw pixels.
        reach: largest absolute pre-activation possible, in units of the finest step.
        positions: how often a sample meets the weights; the output positions of a convolution.
    """

    n_in: int
    n_out: int
    ones: int
    input_bits: int = 1
    reach: int = 0
    positions: int = 1

    @property
    def weights(self) -> int:
        """n, also the bits of the dense form."""
        return self.n_in * self.n_out

    @property
    def entropy_bits(self) -> float:
        """Bits of an ideal coder: n H(k / n)."""
        return self.weights * binary_entropy(self.ones / self.weights)

    @property
    def enumeration_bits(self) -> int:
        """ceil(log2 C(n, k)): exact up to 20,000 weights, by the gamma function above."""
        n, k = self.weights, self.ones
        if n <= EXACT_BINOMIAL:
            return (math.comb(n, k) - 1).bit_length()
        nats = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return math.ceil(nats / math.log(2))

    @property
    def index_bits(self) -> int:
        """Indices of the ones and how many there are per output."""
        index, length = (self.n_in - 1).bit_length(), self.n_in.bit_length()
        return self.ones * index + self.n_out * length

    @property
    def threshold_bits(self) -> int:
        """One integer threshold per output."""
        return self.n_out * (2 * self.reach).bit_length()

    @property
    def dense_bops(self) -> int:
        """Bit operations per sample without use of sparsity."""
        return self.input_bits * self.weights * self.positions

    @property
    def sparse_bops(self) -> int:
        """Bit operations per sample when only ones are visited."""
        return self.input_bits * (self.ones + self.n_in) * self.positions


@dataclass(frozen=True)
class NetworkCost:
    """The layers' costs together.

    Attributes:
        layers: one per binarised layer.
    """

    layers: tuple[LayerCost, ...]

    @property
    def sparsity(self) -> float:
        """Share of weights that are not beta, over all layers."""
        return 1 - sum(a.ones for a in self.layers) / sum(a.weights for a in self.layers)

    @property
    def densest_and_sparsest(self) -> tuple[float, float]:
        """Largest and smallest share of beta in a layer: 0 means a layer of rank one."""
        shares = [a.ones / a.weights for a in self.layers]
        return max(shares), min(shares)

    def total(self, figure: str) -> float:
        """The sum of a figure of :class:`LayerCost` over the layers."""
        return float(sum(getattr(layer, figure) for layer in self.layers))

    @property
    def smallest_bits(self) -> float:
        """The least of dense, enumeration and index bits, chosen layer by layer."""
        forms = ((a.weights, a.enumeration_bits, a.index_bits) for a in self.layers)
        return float(sum(min(form) for form in forms))


def kernel_bits(masks: npt.NDArray[np.bool_]) -> float:
    """Bits of 3x3 kernels coded by their frequency, all-zero filters left out.

    Args:
        masks: shape (c_out, c_in, 3, 3).
    """
    kept = masks[masks.any(axis=(1, 2, 3))].reshape(-1, masks.shape[2] * masks.shape[3])
    if not len(kept):
        return 0.0
    _, counts = np.unique(np.packbits(kept, axis=1), axis=0, return_counts=True)
    return float(-(counts * np.log2(counts / counts.sum())).sum())


def binary_entropy(p: float) -> float:
    """H(p) = -p log2 p - (1-p) log2 (1-p)."""
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q > 0)
