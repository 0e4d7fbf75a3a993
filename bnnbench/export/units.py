"""One denominator per layer: factors of its sources and numerators of its biases."""

from __future__ import annotations

import math

from bnnbench.errors import NetworkError
from bnnbench.network import Network


def layer_unit(network: Network, k: int, scale: int) -> int:
    """The denominator of layer k's pre-activations for features over ``scale``.

    Raises:
        NetworkError: for units that are no thresholds.
    """
    if not network.architecture.thresholds:
        raise NetworkError("Only networks of sign or step units can be exported, not relu.")
    layer = network.layers[k - 1]
    reads_input = any(c.source == 0 for c in network.architecture.sources(k))
    return math.lcm((scale if reads_input else 1) * layer.scale, layer.bias_scale)


def common_unit(network: Network, k: int, scale: int) -> tuple[list[int], list[int]]:
    """Factors of layer k's sources, and its biases, over :func:`layer_unit`."""
    layer, unit = network.layers[k - 1], layer_unit(network, k, scale)
    sources = [c.source for c in network.architecture.sources(k)]
    factors = [unit // ((scale if s == 0 else 1) * layer.scale) for s in sources]
    return factors, [b * (unit // layer.bias_scale) for b in layer.bias.tolist()]
