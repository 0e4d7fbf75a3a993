"""Single neurons of a network as problems of their own, once all activations are held.

With the activations of a network on the training rows given, what a unit reads is known, and so is
the sign it must have. Each unit is then a threshold unit without hidden layers that must fit two
classes, "on" and "off": a problem with few variables and no products (bdnn.md B.4, HA). Improving
a unit changes no activation, so units are independent and a sum of unit optima is the joint one.

Equal rows are kept once: an upper layer of width w sees at most 2^w. Cost O(n * fan-in) per unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.network import Layer, Network
from bnnbench.objectives import Objective
from bnnbench.problem import Problem

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Neuron:
    """One unit of a network as a problem.

    Attributes:
        layer: 1..depth.
        unit: its index in the layer.
        arcs: rows of the layer's weights that it has, shape (fan-in,).
        problem: to fit the signs it has now, by an objective.
        network: its weights and bias now, as a network of that problem.
    """

    layer: int
    unit: int
    arcs: Int64
    problem: Problem
    network: Network

    def put_into(self, network: Network, single: Network) -> Network:
        """A network with this unit's weights and bias taken from a network of its problem."""
        old, new = network.layers[self.layer - 1], single.layers[0]
        scale = math.lcm(old.bias_scale, new.bias_scale)
        weights, bias = old.weights.copy(), old.bias * (scale // old.bias_scale)
        weights[self.arcs, self.unit] = new.weights[:, 0]
        bias[self.unit] = new.bias[0] * (scale // new.bias_scale)
        layers = list(network.layers)
        layers[self.layer - 1] = replace(old, weights=weights, bias=bias, bias_scale=scale)
        return Network(network.architecture, tuple(layers))


def neurons(problem: Problem, network: Network, objective: Objective) -> Iterator[Neuron]:
    """All units of a network, from the first layer on."""
    arch, data = problem.architecture, problem.dataset
    X = data.part("train")[0]
    forward = network.forward(X, data.scale)
    low = -1 if arch.activation == "sign" else 0
    values = [X, *(np.where(z >= 0, 1, low) for z in forward.pre[:-1])]
    for k in range(1, arch.depth + 1):
        sources = [c.source for c in arch.sources(k)]
        scale = data.scale if 0 in sources else 1
        inputs = np.concatenate([values[s] * (scale if s else 1) for s in sources], axis=1)
        mask, layer = arch.mask(k), network.layers[k - 1]
        for unit in range(arch.widths[k]):
            arcs = np.flatnonzero(mask[:, unit])
            on = forward.pre[k - 1][:, unit] >= 0
            part = Problem(
                _distinct(data.name, inputs[:, arcs], on, scale),
                Architecture(len(arcs), (), 1),
                problem.domain,
                objective,
            )
            weights, bias = layer.weights[arcs, unit][:, None], layer.bias[[unit]]
            single = Network(
                part.architecture, (Layer(weights, bias, layer.scale, layer.bias_scale),)
            )
            yield Neuron(k, unit, arcs, part, single)


def _distinct(name: str, X: Int64, on: npt.NDArray[np.bool_], scale: int) -> Dataset:
    """Each row once; equal rows have equal signs."""
    _, first = np.unique(X, axis=0, return_index=True)
    rows = np.sort(first)
    sizes = (len(rows), 0, 0)
    return Dataset(name, X[rows], on[rows].astype(np.int64), sizes, scale, ("off", "on"))
