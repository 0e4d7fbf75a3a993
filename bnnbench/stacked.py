r"""Forward passes of many networks at once, exact, where a sum provably fits.

K networks of one architecture and one pair of scales per layer are K blocks of columns of the first
layer's product and a stack of products afterwards:

    Z_k = sum over sources of A_source W_source,   A = features (shared) or activations (K, n, d).

Every partial sum is at most ``sum_j reach(A_j) max_kv abs(W_kjv)`` times the factor to the common
unit.
Below 2^24 the products run in float32 and below 2^53 in float64, where they are exact and use BLAS;
anything larger is left to :meth:`bnnbench.network.Network.forward`, which has Python integers to
fall back on. Cost: that of K forward passes less their overhead, in chunks that bound memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.exact import Ints, column_reach
from bnnbench.network import Forward, Network

Int64 = npt.NDArray[np.int64]

CHUNK = 1 << 21
"""Most pre-activations of a layer that are held at once."""
EXACT = ((2**24, np.float32), (2**53, np.float64))


@dataclass(frozen=True, eq=False)
class Rows:
    """Feature rows that many networks are evaluated on.

    Attributes:
        X: integers over ``scale``, shape (n, d).
        scale: their denominator.
        reach: largest absolute value of every column.
    """

    X: Ints
    scale: int
    reach: Int64

    @classmethod
    def of(cls, X: Ints, scale: int) -> Rows | None:
        """None when a feature alone is too large."""
        reach = column_reach(X)
        if max(reach, default=0) >= EXACT[-1][0]:
            return None
        return cls(X, scale, np.array(reach, dtype=np.int64))


def forwards(networks: Sequence[Network], rows: Rows) -> Iterator[Forward] | None:
    """The forward passes of networks, in order; None when they cannot be stacked.

    They cannot when architectures or scales differ, units are no thresholds, or a sum might leave
    53 bits.
    """
    if not networks or not _alike(networks) or not networks[0].architecture.thresholds:
        return None
    plan = [_layer(networks, k, rows) for k in range(1, networks[0].architecture.depth + 1)]
    if any(entry is None for entry in plan):
        return None
    return _run(networks, rows, [entry for entry in plan if entry is not None])


def _alike(networks: Sequence[Network]) -> bool:
    first = networks[0]
    text, scales = first.architecture.text, [(a.scale, a.bias_scale) for a in first.layers]
    return all(
        (n.architecture is first.architecture or n.architecture.text == text)
        and [(a.scale, a.bias_scale) for a in n.layers] == scales
        for n in networks
    )


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer of all networks: weights (K, arcs, width), biases (K, width), both as ``dtype``."""

    weights: npt.NDArray[Any]
    bias: npt.NDArray[Any]
    unit: int


def _layer(networks: Sequence[Network], k: int, rows: Rows) -> _Layer | None:
    arch, layer = networks[0].architecture, networks[0].layers[k - 1]
    sources = [c.source for c in arch.sources(k)]
    unit = math.lcm((rows.scale if 0 in sources else 1) * layer.scale, layer.bias_scale)
    factors = np.concatenate(
        [
            np.full(arch.widths[s], unit // ((rows.scale if s == 0 else 1) * layer.scale))
            for s in sources
        ]
    )
    reach = np.concatenate(
        [rows.reach if s == 0 else np.ones(arch.widths[s], dtype=np.int64) for s in sources]
    )
    weights = np.stack([n.layers[k - 1].weights for n in networks])
    bias = np.stack([n.layers[k - 1].bias for n in networks])
    largest = np.abs(weights.astype(np.float64)).max(axis=(0, 2))
    shift = unit // layer.bias_scale
    # Rounding up by a quarter covers the rounding of this sum itself.
    bound = 1.25 * float((largest * reach * factors).sum() + np.abs(bias * 1.0).max() * shift)
    for limit, dtype in EXACT:
        if bound < limit:
            scaled = (weights * factors[:, None]).astype(dtype)
            return _Layer(scaled, (bias * shift).astype(dtype), unit)
    return None


def _run(networks: Sequence[Network], rows: Rows, plan: list[_Layer]) -> Iterator[Forward]:
    arch = networks[0].architecture
    step = max(1, CHUNK // max(1, len(rows.X) * max(arch.widths[1:])))
    units = tuple(entry.unit for entry in plan)
    for at in range(0, len(networks), step):
        part = slice(at, min(at + step, len(networks)))
        pre: list[Int64] = []
        active: list[npt.NDArray[Any]] = []
        for k, entry in enumerate(plan, start=1):
            z = _products(entry, part, [c.source for c in arch.sources(k)], rows.X, active)
            pre.append(z)
            if k < len(plan):
                low = np.float32(-1 if arch.activation == "sign" else 0)
                active.append(np.where(z >= 0, np.float32(1), low))
        for k in range(part.stop - part.start):
            yield Forward(tuple(z[k] for z in pre), units)


def _products(
    entry: _Layer, part: slice, sources: list[int], X: Ints, active: list[npt.NDArray[Any]]
) -> Int64:
    """Pre-activations of one layer of some networks, shape (networks, n, width)."""
    weights, bias = entry.weights[part], entry.bias[part]
    count, _, width = weights.shape
    total = np.broadcast_to(bias[:, None], (count, len(X), width)).copy()
    start = 0
    for source in sources:
        stop = start + (X.shape[1] if source == 0 else active[source - 1].shape[2])
        block = weights[:, start:stop]
        start = stop
        if source == 0:
            columns = np.ascontiguousarray(block.transpose(1, 0, 2)).reshape(X.shape[1], -1)
            product = X.astype(weights.dtype) @ columns
            total += product.reshape(len(X), count, width).transpose(1, 0, 2)
        else:
            total += active[source - 1].astype(weights.dtype, copy=False) @ block
    return total.astype(np.int64)
