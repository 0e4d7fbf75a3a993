"""Which 0/1 variable means what: the numbering of weights and per-sample auxiliaries.

Order: weight bits of all layers (arcs by rows of the stacked sources, a layer's biases last), then
per layer the activations (sample, unit), the slack bits (sample, unit, bit) and the products
(sample, hidden source, unit), then the row errors. Only what is needed gets a number: a
fixed weight, a known output and an unused slack bit have none.

Sign symmetry (qubo.md section 1.3): negating all weights into and out of a ``sign`` unit leaves the
network's function unchanged on every sample where the unit's pre-activation is not 0. So one
outgoing arc of every unit that cannot tie on the training rows is +1 without loss of generality,
and that arc needs neither a weight bit nor products. Going from the last layer to the first,
negating a unit touches no outgoing arc of a later unit, so all of them can be fixed together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.problem import Problem
from bnnbench_qubo.counter import Bools, Counter, Int64
from bnnbench_qubo.terms import NONE


@dataclass(frozen=True, eq=False)
class LayerVariables:
    """The variables of one layer; :data:`NONE` where there is none.

    Attributes:
        counter: the layer's integer sums.
        fixed: arcs whose weight is fixed to +1, shape (arcs, width).
        weights: shape (arcs, width).
        activations: shape (samples, width).
        slack: shape (samples, width, bits).
        products: weight times source activation, shape (samples, hidden arcs, width).
    """

    counter: Counter
    fixed: Bools
    weights: Int64
    activations: Int64
    slack: Int64
    products: Int64


@dataclass(frozen=True, eq=False)
class Layout:
    """All variables of a training QUBO.

    Attributes:
        architecture: of the networks.
        bias: whether units have a -1/+1 bias.
        layers: layer 1 first.
        errors: one variable per sample that tells a wrong row, shape (samples,), or empty.
        n: number of variables.
        n_weights: how many of them, the first ones, are weight bits.
    """

    architecture: Architecture
    bias: bool
    layers: tuple[LayerVariables, ...]
    errors: Int64
    n: int
    n_weights: int

    def sources(self, layer: int) -> Int64:
        """Activation variables of the hidden sources of a layer, shape (samples, hidden arcs)."""
        hidden = [c.source for c in self.architecture.sources(layer) if c.source > 0]
        samples = len(self.layers[0].activations)
        blocks = [self.layers[source - 1].activations for source in hidden]
        return np.concatenate(blocks, axis=1) if blocks else np.zeros((samples, 0), dtype=np.int64)

    @property
    def roles(self) -> dict[str, Int64]:
        """Indices by role, each flat."""
        groups = {
            "weight": [a.weights for a in self.layers],
            "activation": [a.activations for a in self.layers],
            "slack": [a.slack for a in self.layers],
            "product": [a.products for a in self.layers],
            "error": [self.errors],
        }
        flat = {k: np.concatenate([a.ravel() for a in v]) for k, v in groups.items()}
        return {k: v[v != NONE] for k, v in flat.items()}


def counters(problem: Problem) -> tuple[Counter, ...]:
    """The integer sums of all layers on the training rows."""
    arch = problem.architecture
    return tuple(_counter(problem, layer) for layer in range(1, arch.depth + 1))


def _counter(problem: Problem, layer: int) -> Counter:
    arch, data = problem.architecture, problem.dataset
    X = data.part("train")[0].astype(np.int64)
    sources = [c.source for c in arch.sources(layer)]
    one = data.scale if 0 in sources else 1
    blocks = [X if s == 0 else np.full((len(X), arch.widths[s]), one) for s in sources]
    hidden = np.repeat([s > 0 for s in sources], [arch.widths[s] for s in sources])
    mask = arch.mask(layer)
    if problem.domain.bias != "none":
        blocks.append(np.full((len(X), 1), one))
        hidden = np.append(hidden, False)
        mask = np.concatenate([mask, np.ones((1, mask.shape[1]), dtype=bool)])
    values = np.concatenate(blocks, axis=1)
    values //= np.maximum(np.gcd.reduce(values, axis=1), 1)[:, None]
    unit = 1 if arch.activation == "step" and hidden.any() else 2
    return Counter(values, mask, hidden, unit)


def normalised(arch: Architecture, sums: tuple[Counter, ...]) -> tuple[Bools, ...]:
    """One outgoing arc per hidden ``sign`` unit that cannot tie: shapes (arcs, width)."""
    fixed = tuple(np.zeros_like(c.mask) for c in sums)
    if arch.activation != "sign":
        return fixed
    for source in range(1, arch.depth):
        open_units = sums[source - 1].tieless.copy()
        for target in range(source + 1, arch.depth + 1):
            rows = source_rows(arch, source, target)
            if rows is None:
                continue
            mask = sums[target - 1].mask[rows]
            units = np.flatnonzero(open_units & mask.any(axis=1))
            fixed[target - 1][rows.start + units, mask[units].argmax(axis=1)] = True
            open_units[units] = False
    return fixed


def source_rows(arch: Architecture, source: int, target: int) -> slice | None:
    """Rows of the target layer's weights that belong to a source layer; None if not connected."""
    start = 0
    for c in arch.sources(target):
        width = arch.widths[c.source]
        if c.source == source:
            return slice(start, start + width)
        start += width
    return None


class _Numbering:
    def __init__(self) -> None:
        self.n = 0

    def take(self, wanted: npt.NDArray[np.bool_]) -> Int64:
        index = np.full(wanted.shape, NONE, dtype=np.int64)
        count = int(wanted.sum())
        index[wanted] = np.arange(self.n, self.n + count)
        self.n += count
        return index


def number(problem: Problem, *, known_outputs: bool, row_errors: bool, normalise: bool) -> Layout:
    """Give every variable its index.

    Args:
        problem: an accepted problem.
        known_outputs: output activations are the labels, not variables.
        row_errors: one error variable per sample.
        normalise: fix weights by sign symmetry.
    """
    arch = problem.architecture
    sums = counters(problem)
    fixed = normalised(arch, sums) if normalise else tuple(np.zeros_like(c.mask) for c in sums)
    numbering = _Numbering()
    weights = [numbering.take(c.mask & ~f) for c, f in zip(sums, fixed, strict=True)]
    n_weights = numbering.n
    layers: list[LayerVariables] = []
    for c, f, w in zip(sums, fixed, weights, strict=True):
        last = len(layers) == arch.depth - 1
        activations = numbering.take(np.full(c.reach.shape, not (last and known_outputs)))
        slack = numbering.take(c.slack > 0)
        free = w[c.hidden] != NONE
        products = numbering.take(np.broadcast_to(free, (len(c.values), *free.shape)))
        layers.append(LayerVariables(c, f, w, activations, slack, products))
    samples = len(sums[0].values)
    errors = numbering.take(np.ones(samples if row_errors else 0, dtype=bool))
    return Layout(
        arch, problem.domain.bias != "none", tuple(layers), errors, numbering.n, n_weights
    )
