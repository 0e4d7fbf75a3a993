"""ONNX graphs in the making, and what every exported file says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import NetworkError
from bnnbench.export.features import Features
from bnnbench.export.units import layer_unit
from bnnbench.network import Network

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 17, 8
"""Old enough for runtimes in use; the version that ``onnx`` writes by itself may be refused."""


def require_onnx() -> Any:
    """The module ``onnx``.

    Raises:
        NetworkError: with the remedy, when it is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise NetworkError("The export needs onnx: pip install 'bnnbench[onnx]'.") from error
    return onnx


@dataclass
class Graph:
    """Nodes and initialisers by name."""

    nodes: list[Any] = field(default_factory=list)
    initialisers: list[Any] = field(default_factory=list)

    def node(self, operator: str, *inputs: str, name: str, **attributes: Any) -> str:
        """Add a node with one output of the same name."""
        import onnx

        self.nodes.append(onnx.helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        """Add an initialiser."""
        import onnx

        self.initialisers.append(onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def has(self, name: str) -> bool:
        """Whether a node gives this value."""
        return any(name in node.output for node in self.nodes)

    def model(
        self, reads: Any, gives: Any, notes: dict[str, str], opsets: list[Any], ir_version: int
    ) -> onnx.ModelProto:
        """The finished model, checked where all its operators are known to ``onnx``."""
        import onnx

        from bnnbench import __version__

        body = onnx.helper.make_graph(
            self.nodes, "bnnbench_network", [reads], [gives], self.initialisers
        )
        model = onnx.helper.make_model(
            body,
            ir_version=ir_version,
            opset_imports=opsets,
            producer_name="bnnbench",
            producer_version=__version__,
        )
        onnx.helper.set_model_props(model, notes)
        onnx.checker.check_model(model, full_check=len(opsets) == 1)
        return model


def metadata(network: Network, features: Features) -> dict[str, str]:
    """What a reader of an exported file needs to know, as ONNX metadata."""
    arch = network.architecture
    return {
        "architecture": arch.text,
        "network_sha256": network.digest,
        "feature_scale": str(features.scale),
        "feature_range": f"{features.low}..{features.high}",
        "output_scale": str(layer_unit(network, arch.depth, features.scale)),
        "decision": "output >= 0 is the second class" if arch.outputs == 1 else "argmax",
    }
