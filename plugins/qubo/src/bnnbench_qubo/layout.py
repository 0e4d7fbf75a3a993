"""Which 0/1 variable means what: the numbering of weights and per-sample auxiliaries.

Order: weight bits of all layers (arcs by rows of the stacked sources, a layer's biases last), then
per layer the activations (sample, unit), the slack bits (sample, unit, bit), the products
(sample, hidden source and weight bit, unit) and the encoding's ancillas (sample, unit, bit), then
the row errors. Only what is needed gets a number: a fixed weight, a known output and an unused
slack bit have none.

A weight on a grid of m values is lo + step (sum_b c_b w_b) with bounded binary coefficients c (one
bit for two values); the bits of an arc are neighbouring rows of the arrays.

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
from bnnbench.domain import Grid
from bnnbench.problem import Problem
from bnnbench_qubo.counter import PLUS_MINUS_ONE, Bools, Counter, Int64
from bnnbench_qubo.slack import ENCODINGS, Slack, SlackName, bounded
from bnnbench_qubo.terms import NONE


@dataclass(frozen=True, eq=False)
class LayerVariables:
    """The variables of one layer; :data:`NONE` where there is none.

    Attributes:
        counter: the layer's integer sums.
        encoding: of the counters.
        fixed: arcs whose weight is fixed to +1, shape (arcs, width).
        steps: what a weight's bits add to the grid's least value, shape (weight bits,).
        weights: shape (arcs * weight bits, width).
        activations: shape (samples, width).
        slack: shape (samples, width, bits).
        products: weight bit times source activation, shape (samples, hidden arcs * weight bits,
            width).
        ancillas: activation times slack bit, like ``slack``; no bits for most encodings.
    """

    counter: Counter
    encoding: Slack
    fixed: Bools
    steps: Int64
    weights: Int64
    activations: Int64
    slack: Int64
    products: Int64
    ancillas: Int64

    @property
    def hidden(self) -> Bools:
        """Which rows of the weights are bits of arcs from hidden units."""
        return np.repeat(self.counter.hidden, len(self.steps))


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
        shared: whether a weight bit may belong to several arcs.
    """

    architecture: Architecture
    bias: bool
    layers: tuple[LayerVariables, ...]
    errors: Int64
    n: int
    n_weights: int
    shared: bool = False

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
            "product": [v for a in self.layers for v in (a.products, a.ancillas)],
            "error": [self.errors],
        }
        flat = {k: np.concatenate([a.ravel() for a in v]) for k, v in groups.items()}
        flat["weight"] = np.unique(flat["weight"]) if self.shared else flat["weight"]
        return {k: v[v != NONE] for k, v in flat.items()}


def counters(problem: Problem, grid: Grid = PLUS_MINUS_ONE) -> tuple[Counter, ...]:
    """The integer sums of all layers on the training rows, for weights on a grid."""
    arch = problem.architecture
    return tuple(_counter(problem, layer, grid) for layer in range(1, arch.depth + 1))


def _counter(problem: Problem, layer: int, grid: Grid) -> Counter:
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
    return Counter(values, mask, hidden, grid, -1 if arch.activation == "sign" else 0)


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


@dataclass(frozen=True)
class Choice:
    """What gets variables, and in which encoding.

    Attributes:
        grid: of the weights.
        slack: encoding of the counters.
        known_outputs: output activations are the labels, not variables.
        row_errors: one error variable per sample.
        normalise: fix weights by sign symmetry; only for weights -1 and +1.
        circulant: the first layer's units share their weights, each shifted by one input.
    """

    grid: Grid = PLUS_MINUS_ONE
    slack: SlackName = "binary"
    known_outputs: bool = False
    row_errors: bool = False
    normalise: bool = True
    circulant: bool = False


def number(problem: Problem, choice: Choice) -> Layout:
    """Give every variable of an accepted problem its index."""
    arch = problem.architecture
    sums = counters(problem, choice.grid)
    free = tuple(np.zeros_like(c.mask) for c in sums)
    plain = choice.normalise and choice.grid == PLUS_MINUS_ONE
    fixed = normalised(arch, sums) if plain else free
    numbering = _Numbering()
    steps = choice.grid.step * bounded(np.array([choice.grid.size]))[0]
    weights = [
        _circulant(numbering, c, arch.inputs)
        if choice.circulant and k == 0
        else numbering.take(np.repeat(c.mask & ~f, len(steps), axis=0))
        for k, (c, f) in enumerate(zip(sums, fixed, strict=True))
    ]
    n_weights = numbering.n
    layers: list[LayerVariables] = []
    for c, f, w in zip(sums, fixed, weights, strict=True):
        known = choice.known_outputs and len(layers) == arch.depth - 1
        encoding = ENCODINGS[choice.slack](c.levels)
        activations = numbering.take(np.full(c.levels.shape, not known))
        slack = numbering.take(encoding.used)
        present = w[np.repeat(c.hidden, len(steps))] != NONE
        products = numbering.take(np.broadcast_to(present, (len(c.values), *present.shape)))
        ancillas = np.zeros((*c.levels.shape, 0), dtype=np.int64)
        if encoding.ancillas is not None and not known:
            ancillas = numbering.take(encoding.used)
        layers.append(
            LayerVariables(c, encoding, f, steps, w, activations, slack, products, ancillas)
        )
    samples = len(sums[0].values)
    errors = numbering.take(np.ones(samples if choice.row_errors else 0, dtype=bool))
    bias = problem.domain.bias != "none"
    return Layout(arch, bias, tuple(layers), errors, numbering.n, n_weights, choice.circulant)


def _circulant(numbering: _Numbering, counter: Counter, inputs: int) -> Int64:
    """Variables of one kernel: unit j has its weight (i - j) mod d on input i; one bias for all."""
    arcs, width = counter.mask.shape
    shift = (np.arange(inputs)[:, None] - np.arange(width)) % inputs
    index = np.concatenate([shift, np.full((arcs - inputs, width), inputs)]) + numbering.n
    numbering.n += arcs
    return index.astype(np.int64)
