"""From weight bits to networks and full states, and back.

A state's auxiliaries follow from its weights: :func:`complete` sets them by the true forward pass,
so all penalties of the completed state are 0 and its energy is the loss. It costs
O(reads x samples x arcs). A slack value has more than one bit pattern when R is no power of two;
any of them has the same energy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import NetworkError
from bnnbench.models.qubo import Bits
from bnnbench.network import Layer, Network
from bnnbench_qubo.counter import Bools, Int64
from bnnbench_qubo.layout import LayerVariables, Layout, source_rows
from bnnbench_qubo.slack import bounded_states
from bnnbench_qubo.terms import NONE

Floats = npt.NDArray[np.float64]


def arc_weights(layer: LayerVariables, bits: npt.NDArray[Any]) -> Int64:
    """Weights of reads, 0 on missing arcs: (reads, weight bits) -> (reads, arcs, width)."""
    shape = (len(bits), len(layer.fixed), len(layer.steps), layer.fixed.shape[1])
    drawn = bits[:, layer.weights].reshape(shape)
    W = layer.counter.grid.lo + np.einsum("rabw,b->raw", drawn, layer.steps, dtype=np.int64)
    free = layer.counter.mask & ~layer.fixed
    weights: Int64 = np.where(free, W, layer.fixed)
    return weights


def decode(layout: Layout, state: npt.NDArray[Any]) -> Network:
    """The network that a state's weight bits mean; its other bits are not read."""
    bits = np.asarray(state)[None, : layout.n_weights] > 0.5
    layers = []
    for variables in layout.layers:
        W = arc_weights(variables, bits)[0]
        bias = W[-1] if layout.bias else np.zeros(W.shape[1], dtype=np.int64)
        scale = variables.counter.grid.scale
        layers.append(Layer(W[:-1] if layout.bias else W, bias, scale, scale))
    return Network(layout.architecture, tuple(layers))


def weight_bits(layout: Layout, network: Network) -> Bits:
    """The weight bits of a network, or of its twin under the sign symmetry; shape (n_weights,).

    The twin computes the same outputs on the training rows.

    Raises:
        NetworkError: when a weight or a bias is not on the grid, or weights that should be are not
            shared.
    """
    stacks = []
    for k, (layer, variables) in enumerate(zip(network.layers, layout.layers, strict=True), 1):
        W = np.concatenate([layer.weights, layer.bias[None]]) if layout.bias else layer.weights
        grid = variables.counter.grid
        scaled = layer.scale == grid.scale and (layer.bias_scale == grid.scale or not layout.bias)
        if not scaled or not grid.contains(W[variables.counter.mask]):
            values = " or ".join(f"{v:+d}" for v in grid.values) if grid.size < 4 else f"on {grid}"
            raise NetworkError(f"Layer {k}: a QUBO state needs all weights and biases {values}.")
        stacks.append(W.copy())
    _negate_units(layout, stacks)
    bits = np.zeros(layout.n_weights, dtype=np.int8)
    for W, variables in zip(stacks, layout.layers, strict=True):
        free, grid = variables.weights != NONE, variables.counter.grid
        places = np.where(variables.counter.mask, (W - grid.lo) // grid.step, 0)
        drawn = bounded_states(places, np.full_like(places, grid.size))
        spread = np.moveaxis(drawn, 2, 1).reshape(free.shape)
        bits[variables.weights[free]] = spread[free]
        if layout.shared and (bits[variables.weights[free]] != spread[free]).any():
            raise NetworkError("A QUBO state needs the first layer's weights to be shared.")
    return bits


def _negate_units(layout: Layout, stacks: list[Int64]) -> None:
    """Negate units, last layer first, so that every fixed arc is +1."""
    arch = layout.architecture
    for source in range(arch.depth - 1, 0, -1):
        sign = np.ones(arch.widths[source], dtype=np.int64)
        outgoing = []
        for target in range(source + 1, arch.depth + 1):
            rows = source_rows(arch, source, target)
            if rows is not None:
                block = stacks[target - 1][rows]
                fixed = layout.layers[target - 1].fixed[rows]
                sign = np.where((fixed & (block < 0)).any(axis=1), -1, sign)
                outgoing.append(block)
        stacks[source - 1] *= sign
        for block in outgoing:
            block *= sign[:, None]


def complete(layout: Layout, wanted: Bools, bits: Bits) -> Bits:
    """Full states of weight bits.

    Args:
        layout: the numbering.
        wanted: wanted output signs as True / False, shape (samples, outputs).
        bits: shape (reads, n_weights).

    Returns:
        States of shape (reads, n). Where output activations are fixed to the labels, the slack is
        the one with the least penalty.
    """
    states = np.zeros((len(bits), layout.n), dtype=np.int8)
    states[:, : layout.n_weights] = bits
    active: list[Bools] = []
    for k, variables in enumerate(layout.layers, start=1):
        sources = [active[c.source - 1] for c in layout.architecture.sources(k) if c.source]
        inputs = np.concatenate(sources, axis=2) if sources else None
        W = arc_weights(variables, bits)
        steps = _steps(layout, variables, W, inputs)
        active.append(steps >= 0)
        _fill(states, variables, bits, inputs, steps, wanted)
    if layout.errors.size:
        states[:, layout.errors] = (active[-1] != wanted).any(axis=2)
    return states


def _steps(layout: Layout, variables: LayerVariables, W: Int64, inputs: Bools | None) -> Int64:
    """P' of every unit: shape (reads, samples, width)."""
    counter = variables.counter
    values: Floats = counter.values.astype(np.float64)
    if inputs is not None:
        low = -1.0 if layout.architecture.activation == "sign" else 0.0
        values = np.broadcast_to(values, (len(W), *values.shape)).copy()
        values[:, :, counter.hidden] *= np.where(inputs, 1.0, low)
    P = np.rint(values @ W.astype(np.float64)).astype(np.int64)
    steps: Int64 = (P - counter.remainder) // counter.unit
    return steps


def _fill(
    states: Bits,
    variables: LayerVariables,
    bits: Bits,
    inputs: Bools | None,
    steps: Int64,
    wanted: Bools,
) -> None:
    """Write a layer's activations, slack bits, products and ancillas into the states."""
    known = bool((variables.activations == NONE).any())
    a = np.broadcast_to(wanted, steps.shape) if known else steps >= 0
    if not known:
        states[:, variables.activations] = a
    slack, used = variables.encoding.states(steps, a), variables.slack != NONE
    states[:, variables.slack[used]] = slack[:, used]
    if variables.ancillas.size:
        states[:, variables.ancillas[used]] = (slack * a[..., None])[:, used]
    if inputs is not None:
        free = variables.products != NONE
        up = bits[:, variables.weights[variables.hidden]][:, None] > 0
        spread = np.repeat(inputs, len(variables.steps), axis=2)[..., None]
        states[:, variables.products[free]] = (up & spread)[:, free]
