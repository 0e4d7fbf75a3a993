"""QONNX: floating-point ONNX with quantiser nodes, the input of hardware flows (sbnn.md B.12).

Weights pass through ``BipolarQuant`` where a layer has two values of one size, else through
``Quant`` of just enough bits; hidden units are ``BipolarQuant`` of the pre-activation's numerator,
which sends 0 to +1 as the network does. Features of 8 bits pass through ``Quant`` too, which tells
a reader their type. All numbers are integers held by 32-bit floats, so sums are exact below 2^24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import NetworkError
from bnnbench.exact import product_reach
from bnnbench.export.features import Features
from bnnbench.export.graph import IR_VERSION, OPSET, Graph, metadata, require_onnx
from bnnbench.export.units import common_unit
from bnnbench.network import Network

if TYPE_CHECKING:
    import onnx

DOMAIN = "qonnx.custom_op.general"
FLOAT32_EXACT = 2**24


def to_qonnx(network: Network, features: Features) -> onnx.ModelProto:
    """The network as a QONNX model.

    The model reads ``features``, numerators of shape (n, d) as 32-bit floats, and gives
    ``outputs``, numerators of the output pre-activations, shape (n, outputs).

    Raises:
        NetworkError: when a sum could reach 2^24, or ``onnx`` is not installed.
    """
    onnx = require_onnx()
    graph, arch = Graph(), network.architecture
    values = [_read(graph, features)]
    for k in range(1, arch.depth + 1):
        total = _pre_activation(graph, network, k, values, features)
        values.append(total if k == arch.depth else _unit(graph, total, arch.activation))
    kind = onnx.TensorProto.FLOAT
    return graph.model(
        onnx.helper.make_tensor_value_info("features", kind, ["n", arch.inputs]),
        onnx.helper.make_tensor_value_info("outputs", kind, ["n", arch.outputs]),
        metadata(network, features),
        [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid(DOMAIN, 1)],
        IR_VERSION,
    )


def _float(values: Any) -> npt.NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)


def _read(graph: Graph, features: Features) -> str:
    dtype = np.dtype(features.dtype)
    if dtype.itemsize > 1:
        return "features"
    return _quant(graph, "features", "typed_features", 8, signed=dtype.kind == "i", narrow=False)


def _quant(graph: Graph, of: str, name: str, bits: int, signed: bool, narrow: bool) -> str:
    one = graph.constant(f"{name}_scale", _float(1))
    zero = graph.constant(f"{name}_zero_point", _float(0))
    width = graph.constant(f"{name}_bits", _float(bits))
    return graph.node(
        *("Quant", of, one, zero, width),
        name=name,
        domain=DOMAIN,
        signed=int(signed),
        narrow=int(narrow),
        rounding_mode="ROUND",
    )


def _weights(graph: Graph, W: npt.NDArray[np.int64], name: str) -> str:
    values = graph.constant(f"{name}_values", _float(W))
    largest = int(np.abs(W).max(initial=0))
    if largest and (np.abs(W) == largest).all():
        scale = graph.constant(f"{name}_scale", _float(largest))
        return graph.node("BipolarQuant", values, scale, name=name, domain=DOMAIN)
    # narrow: -(2^(b-1) - 1) .. 2^(b-1) - 1
    return _quant(graph, values, name, largest.bit_length() + 1, signed=True, narrow=True)


def _pre_activation(
    graph: Graph, network: Network, k: int, values: list[str], features: Features
) -> str:
    arch, layer = network.architecture, network.layers[k - 1]
    factors, bias = common_unit(network, k, features.scale)
    reach, start, total = max((abs(b) for b in bias), default=0), 0, ""
    for c, factor in zip(arch.sources(k), factors, strict=True):
        W = layer.weights[start : start + arch.widths[c.source]]
        start += len(W)
        reach += factor * product_reach([1 if c.source else features.reach] * len(W), W)
        name = f"layer{k}_from{c.source}"
        part = graph.node(
            "MatMul", values[c.source], _weights(graph, W, f"{name}_weights"), name=name
        )
        if factor != 1:
            by = graph.constant(f"{name}_factor", _float(factor))
            part = graph.node("Mul", part, by, name=f"{name}_scaled")
        total = graph.node("Add", total, part, name=f"{name}_sum") if total else part
    if reach >= FLOAT32_EXACT:
        raise NetworkError(
            f"Layer {k}: a sum could reach {reach:.3g}, and 32-bit floats are exact below 2^24."
            " Export as onnx, which uses integers, or use coarser features."
        )
    last = k == arch.depth
    shift = graph.constant(f"layer{k}_bias", _float(bias))
    return graph.node("Add", total, shift, name="outputs" if last else f"layer{k}_pre")


def _unit(graph: Graph, total: str, activation: str) -> str:
    one = graph.constant(f"{total}_scale", _float(1))
    sign = graph.node("BipolarQuant", total, one, name=f"{total}_sign", domain=DOMAIN)
    if activation == "sign":
        return sign
    raised = graph.node("Add", sign, one, name=f"{total}_raised")
    half = graph.constant(f"{total}_half", _float(0.5))
    return graph.node("Mul", raised, half, name=f"{total}_step")
