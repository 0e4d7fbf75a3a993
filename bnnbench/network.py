"""Networks: integer weights and biases over fixed scales, and their exact forward pass."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.domain import Grid, WeightDomain
from bnnbench.errors import NetworkError
from bnnbench.exact import INT64_MAX, Ints, column_reach, matmul, product_reach

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights and biases of one layer.

    The pre-activation of its units is ``a @ weights / scale + bias / bias_scale``, where ``a``
    stacks the activations of its sources.

    Attributes:
        weights: integers, shape (fan_in, width); 0 where the architecture has no arc.
        bias: integers, shape (width,).
        scale: denominator of the weights.
        bias_scale: denominator of the biases; finer than ``scale`` for free thresholds.
    """

    weights: Int64
    bias: Int64
    scale: int = 1
    bias_scale: int = 1

    def __post_init__(self) -> None:
        weights = _frozen_int64(self.weights, "weights")
        bias = _frozen_int64(self.bias, "biases")
        if weights.ndim != 2 or bias.shape != weights.shape[1:]:
            raise NetworkError(
                f"A layer needs weights (fan_in, width) and biases (width,), got"
                f" {weights.shape} and {bias.shape}."
            )
        if self.scale < 1 or self.bias_scale < 1:
            raise NetworkError("The scales of a layer must be positive integers.")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", bias)


@dataclass(frozen=True, eq=False)
class Forward:
    """All pre-activations of a forward pass.

    Attributes:
        pre: per layer integers of shape (n, width); the value is ``pre / unit``.
        units: per layer the positive denominator.
    """

    pre: tuple[Int64, ...]
    units: tuple[int, ...]

    @property
    def output(self) -> Int64:
        """Numerators of the output pre-activations, shape (n, outputs)."""
        return self.pre[-1]

    @property
    def output_unit(self) -> int:
        """Their denominator."""
        return self.units[-1]


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network: the artefact that is verified, stored, replayed and exported.

    Raises:
        NetworkError: when the layers do not fit the architecture, or an arc that does not exist
            carries a weight.
    """

    architecture: Architecture
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        arch = self.architecture
        if len(self.layers) != arch.depth:
            raise NetworkError(f"{arch.text} needs {arch.depth} layers, got {len(self.layers)}.")
        for k, layer in enumerate(self.layers, start=1):
            shape = (arch.fan_in(k), arch.widths[k])
            if layer.weights.shape != shape:
                raise NetworkError(
                    f"Layer {k} of {arch.text} needs weights {shape}, got {layer.weights.shape}."
                )
            if not arch.dense and layer.weights[~arch.mask(k)].any():
                raise NetworkError(f"Layer {k} of {arch.text} has a weight on a missing arc.")

    def forward(self, X: Ints, scale: int = 1) -> Forward:
        """Exact pre-activations of all layers for features ``X / scale``, X of shape (n, d).

        Raises:
            NetworkError: for the wrong number of features, or when 64 bits could not hold a sum.
        """
        arch = self.architecture
        if X.ndim != 2 or X.shape[1] != arch.inputs:
            raise NetworkError(f"{arch.text} reads {arch.inputs} features, got shape {X.shape}.")
        values: list[Ints] = [X]
        scales = [scale]
        pre: list[Int64] = []
        units: list[int] = []
        for k, layer in enumerate(self.layers, start=1):
            z, unit = self._pre_activation(k, layer, values, scales)
            pre.append(z)
            units.append(unit)
            values.append(self._activate(z))
            scales.append(1 if arch.thresholds else unit)
        return Forward(tuple(pre), tuple(units))

    def _pre_activation(
        self, k: int, layer: Layer, values: list[Ints], scales: list[int]
    ) -> tuple[Int64, int]:
        sources = [c.source for c in self.architecture.sources(k)]
        unit = math.lcm(*(scales[s] * layer.scale for s in sources), layer.bias_scale)
        bounded = self.architecture.thresholds
        z = np.zeros((len(values[0]), layer.weights.shape[1]), dtype=np.int64)
        reach, start = 0, 0
        for source in sources:
            A = values[source]
            W = layer.weights[start : start + A.shape[1]]
            start += A.shape[1]
            factor = unit // (scales[source] * layer.scale)
            columns = [1] * A.shape[1] if source and bounded else column_reach(A)
            part = product_reach(columns, W) * factor
            reach += part
            if part:
                z += matmul(A, W, part) * factor
        factor = unit // layer.bias_scale
        largest = max((abs(b) for b in layer.bias.tolist()), default=0)
        reach += largest * factor
        if reach > INT64_MAX:
            raise NetworkError(
                f"Layer {k}: a pre-activation could reach {reach:.3g}, beyond exact 64-bit"
                " arithmetic. Use fewer decimals for the features or coarser weights."
            )
        if largest:
            z += layer.bias * factor
        return z, unit

    def _activate(self, z: Int64) -> Ints:
        if not self.architecture.thresholds:
            return np.maximum(z, 0)
        low = -1 if self.architecture.activation == "sign" else 0
        return np.where(z >= 0, np.int8(1), np.int8(low))

    def outside(self, domain: WeightDomain) -> str | None:
        """Why the network is not in the domain, or None when it is."""
        ones = 0
        for k, layer in enumerate(self.layers, start=1):
            arcs = layer.weights[self.architecture.mask(k)]
            grids = [g for g in domain.grids() if g.scale == layer.scale and g.contains(arcs)]
            if not grids:
                return f"layer {k} has weights outside {domain.spec} (scale {layer.scale})"
            grids = [g for g in grids if _bias_fits(layer, domain.bias_grid(g), domain.bias)]
            if not grids:
                return f"layer {k} has biases outside {domain.spec}"
            ones += min(int((arcs == g.hi).sum()) for g in grids)
        budget = domain.budget(self.architecture.n_weights)
        if budget is not None and ones > budget:
            return f"{ones} weights take the upper value, {domain.spec} allows {budget}"
        return None

    @property
    def nonzeros(self) -> int:
        """Weights and biases that are not 0."""
        return sum(int(np.count_nonzero(a.weights) + np.count_nonzero(a.bias)) for a in self.layers)

    @property
    def l1(self) -> Fraction:
        """Sum of the absolute values of all weights and biases."""
        total = Fraction(0)
        for a in self.layers:
            total += Fraction(sum(abs(w) for w in a.weights.ravel().tolist()), a.scale)
            total += Fraction(sum(abs(b) for b in a.bias.tolist()), a.bias_scale)
        return total

    @cached_property
    def digest(self) -> str:
        """SHA-256 over topology, weights and scales."""
        sha = hashlib.sha256(self.architecture.text.encode())
        for a in self.layers:
            sha.update(f"|{a.scale}|{a.bias_scale}|".encode())
            sha.update(a.weights.astype("<i8").tobytes())
            sha.update(a.bias.astype("<i8").tobytes())
        return sha.hexdigest()


def _bias_fits(layer: Layer, grid: Grid | None, rule: str) -> bool:
    if rule == "none":
        return not layer.bias.any()
    if grid is None:
        return True
    return layer.bias_scale == grid.scale and grid.contains(layer.bias)


def _frozen_int64(values: Any, what: str) -> Int64:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.integer):
        raise NetworkError(f"{what.capitalize()} must be integers, got {array.dtype}.")
    if array.dtype == np.uint64 and array.size and array.max() > INT64_MAX:
        raise NetworkError(f"{what.capitalize()} must fit into 64 bits with sign.")
    array = np.array(array, dtype=np.int64)
    array.flags.writeable = False
    return array


def storage_bits(network: Network, domain: WeightDomain) -> float:
    """Bits that all weights and biases take when stored plainly.

    A bias on the weights' grid costs as much as a weight; a free threshold costs the bits of its
    largest value with sign.
    """
    bits = domain.bits * network.architecture.n_weights
    for a in network.layers:
        if domain.bias in ("same", "asymmetric"):
            bits += domain.bits * a.bias.size
        elif domain.bias == "free":
            largest = max((abs(b) for b in a.bias.tolist()), default=0)
            bits += (largest.bit_length() + 1) * a.bias.size
    return bits
