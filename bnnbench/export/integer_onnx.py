"""ONNX with integer operators (sbnn.md B.12).

A hidden layer is ``Where(sum_s f_s (A_s W_s) >= t, 1, low)`` over its sources s, with integer
factors f_s that bring sources of different scales to one denominator and the integer threshold
``t = ceil(-f b / g)``, g the greatest common divisor of the f_s; the output layer is
``sum_s f_s (A_s W_s) + f b``, which is the numerator of the pre-activation, equal to
``Network.forward(X, scale).output`` in every bit.

Products of 8-bit values take ``MatMulInteger`` with 32-bit sums while all weights lie in -64..64:
beyond that, kernels for processors without VNNI add two products of unsigned and signed bytes in 16
bits, which saturates. Wider ones take ``MatMul`` on 32 or 64-bit integers, whichever provably holds
every sum. ``Sign`` is never used: it sends 0 to 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnbench.errors import NetworkError
from bnnbench.exact import INT64_MAX, product_reach
from bnnbench.export.features import Features
from bnnbench.export.graph import IR_VERSION, OPSET, Graph, metadata, require_onnx
from bnnbench.export.units import common_unit
from bnnbench.network import Layer, Network

if TYPE_CHECKING:
    import onnx

BYTE_WEIGHT = 64
INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class _Value:
    """A tensor of the graph: its name, its type and the largest absolute entry."""

    name: str
    dtype: np.dtype[Any]
    reach: int


def to_onnx(network: Network, features: Features) -> onnx.ModelProto:
    """The network as an ONNX model of integer operators.

    The model reads ``features``, numerators of shape (n, d), and gives ``outputs``, numerators of
    the output pre-activations, shape (n, outputs). Metadata name both denominators.

    Raises:
        NetworkError: when 64 bits could not hold a sum, or ``onnx`` is not installed.
    """
    onnx = require_onnx()
    arch, graph = network.architecture, Graph()
    read = _Value("features", np.dtype(features.dtype), features.reach)
    values = [read]
    for k in range(1, arch.depth + 1):
        factors, bias = common_unit(network, k, features.scale)
        if k == arch.depth:
            values.append(_output(graph, _total(graph, network, k, values, factors, bias), bias))
        else:
            g = math.gcd(*factors)
            threshold = [-(b // g) for b in bias]
            total = _total(graph, network, k, values, [f // g for f in factors], threshold)
            values.append(_unit(graph, total, threshold, network))
    kind = onnx.helper.np_dtype_to_tensor_dtype
    final = values[-1]
    return graph.model(
        onnx.helper.make_tensor_value_info(read.name, kind(read.dtype), ["n", arch.inputs]),
        onnx.helper.make_tensor_value_info(final.name, kind(final.dtype), ["n", arch.outputs]),
        metadata(network, features),
        [onnx.helper.make_opsetid("", OPSET)],
        IR_VERSION,
    )


def _total(
    graph: Graph,
    network: Network,
    k: int,
    values: list[_Value],
    factors: list[int],
    added: list[int],
) -> _Value:
    """``sum_s f_s (A_s W_s)`` of layer k, in a type that also holds ``added``."""
    layer, start = network.layers[k - 1], 0
    parts: list[tuple[_Value, int]] = []
    reach = max((abs(a) for a in added), default=0)
    for c, factor in zip(network.architecture.sources(k), factors, strict=True):
        source = values[c.source]
        width = network.architecture.widths[c.source]
        part = _product(
            graph, layer, slice(start, start + width), source, f"layer{k}_from{c.source}"
        )
        parts.append((part, factor))
        reach += part.reach * factor
        start += width
    dtype = _accumulator(reach, k)
    names = []
    for part, factor in parts:
        name = _cast(graph, part, dtype)
        if factor != 1:
            by = graph.constant(f"{part.name}_factor", np.array(factor, dtype))
            name = graph.node("Mul", name, by, name=f"{part.name}_scaled")
        names.append(name)
    total = names[0]
    for i, name in enumerate(names[1:], start=1):
        total = graph.node("Add", total, name, name=f"layer{k}_sum{i}")
    return _Value(total, dtype, reach)


def _product(graph: Graph, layer: Layer, rows: slice, source: _Value, name: str) -> _Value:
    W = layer.weights[rows]
    reach = product_reach([source.reach] * W.shape[0], W)
    bytes_hold = source.dtype.itemsize == 1 and int(np.abs(W).max(initial=0)) <= BYTE_WEIGHT
    if bytes_hold and reach <= INT32_MAX:
        weights = graph.constant(f"{name}_weights", W.astype(np.int8))
        return _Value(
            graph.node("MatMulInteger", source.name, weights, name=name), np.dtype(np.int32), reach
        )
    largest = max(reach, int(np.abs(W).max(initial=0)), source.reach)
    dtype = _accumulator(largest, name)
    weights = graph.constant(f"{name}_weights", W.astype(dtype))
    return _Value(
        graph.node("MatMul", _cast(graph, source, dtype), weights, name=name), dtype, reach
    )


def _unit(graph: Graph, total: _Value, threshold: list[int], network: Network) -> _Value:
    low = -1 if network.architecture.activation == "sign" else 0
    stem = f"{total.name}_unit"
    limit = graph.constant(f"{stem}_threshold", np.array(threshold, total.dtype))
    on = graph.node("GreaterOrEqual", total.name, limit, name=f"{stem}_on")
    # Where has no 8-bit signed kernel in onnxruntime; a difference of two casts would need one more
    byte = np.dtype(np.int8)
    ones = graph.constant(f"{stem}_high", np.array(1, np.int32))
    others = graph.constant(f"{stem}_low", np.array(low, np.int32))
    chosen = graph.node("Where", on, ones, others, name=f"{stem}_wide")
    return _Value(_cast(graph, _Value(chosen, np.dtype(np.int32), 1), byte), byte, 1)


def _output(graph: Graph, total: _Value, bias: list[int]) -> _Value:
    shift = graph.constant("output_bias", np.array(bias, total.dtype))
    return _Value(graph.node("Add", total.name, shift, name="outputs"), total.dtype, total.reach)


def _accumulator(reach: int, where: object) -> np.dtype[Any]:
    if reach > INT64_MAX:
        raise NetworkError(
            f"Layer {where}: a sum could reach {reach:.3g}, beyond 64 bits. Use coarser features."
        )
    return np.dtype(np.int32 if reach <= INT32_MAX else np.int64)


def _cast(graph: Graph, value: _Value, dtype: np.dtype[Any]) -> str:
    if value.dtype == dtype:
        return value.name
    name = f"{value.name}_{dtype}"
    if graph.has(name):
        return name
    kind = require_onnx().helper.np_dtype_to_tensor_dtype(dtype)
    return graph.node("Cast", value.name, name=name, to=kind)
