"""Exported models run by a runtime and compared with the network's own forward pass.

Integer models run under onnxruntime. Models with quantiser nodes run under ``onnx``'s reference
evaluator, with the two operators as QONNX defines them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bnnbench.errors import NetworkError
from bnnbench.exact import Ints
from bnnbench.export.features import Features
from bnnbench.export.quantised_onnx import DOMAIN
from bnnbench.network import Network

if TYPE_CHECKING:
    import onnx

_NUMPY = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64}
"""Numpy types of features by ONNX's numbers of element types."""


def trial_rows(features: Features, inputs: int, rows: int = 256, seed: int = 0) -> Ints:
    """Random rows over the whole range, a quarter of them corners; shape (rows, inputs)."""
    rng = np.random.default_rng(seed)
    X = rng.integers(features.low, features.high, (rows, inputs), endpoint=True)
    corners = rng.integers(0, 1, (rows // 4, inputs), endpoint=True)
    X[: rows // 4] = np.where(corners, features.high, features.low)
    return X


def differences(model: onnx.ModelProto, network: Network, X: Ints, scale: int) -> int:
    """How many outputs of the model are not those of the network's forward pass.

    Args:
        model: an exported model.
        network: what it was exported from.
        X: numerators, shape (n, d), within the range that the model was exported for.
        scale: their denominator.

    Raises:
        NetworkError: when the runtime is not installed or refuses the model.
    """
    fed = X.astype(_NUMPY[model.graph.input[0].type.tensor_type.elem_type])
    quantised = any(opset.domain == DOMAIN for opset in model.opset_import)
    outputs = _reference(model, fed) if quantised else _runtime(model, fed)
    return int(np.count_nonzero(outputs != network.forward(X, scale).output))


def _runtime(model: onnx.ModelProto, fed: Any) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise NetworkError("The check needs onnxruntime: pip install 'bnnbench[onnx]'.") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return session.run(["outputs"], {"features": fed})[0]
    except Exception as error:  # onnxruntime's own errors share no base class
        raise NetworkError(f"onnxruntime refuses the model: {error}") from error


def _reference(model: onnx.ModelProto, fed: Any) -> Any:
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class BipolarQuant(OpRun):
        op_domain = DOMAIN

        def _run(self, x: Any, scale: Any) -> tuple[Any]:
            return (np.where(x >= 0, scale, -scale).astype(np.float32),)

    class Quant(OpRun):
        op_domain = DOMAIN

        def _run(
            self, x: Any, scale: Any, zero: Any, bits: Any, *, signed: int, narrow: int, **_: Any
        ) -> tuple[Any]:
            half = 2 ** (int(bits) - 1)
            low = -half + narrow if signed else 0
            high = half - 1 if signed else 2 * half - 1 - narrow
            levels = np.clip(np.rint(x / scale + zero), low, high)
            return (((levels - zero) * scale).astype(np.float32),)

    evaluator = ReferenceEvaluator(model, new_ops=[BipolarQuant, Quant])
    outputs: Any = evaluator.run(["outputs"], {"features": fed})
    return outputs[0]
