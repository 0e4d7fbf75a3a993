"""The energy's terms, layer by layer, as arrays (the maths is in :mod:`bnnbench_qubo.bnn_qubo`).

No Python loop runs over samples, units or arcs; a layer costs what
:meth:`bnnbench_qubo.terms.Terms.square` costs.
"""

from __future__ import annotations

import numpy as np

from bnnbench.models import Qubo
from bnnbench.models.qubo import Bits
from bnnbench_qubo.counter import Bools, Int64
from bnnbench_qubo.forward import complete
from bnnbench_qubo.layout import LayerVariables, Layout
from bnnbench_qubo.terms import NONE, Affine, Floats, Terms


def energy(layout: Layout, wanted: Bools, weight: float, mu: float, hard: bool) -> Qubo:
    """The quadratic function E of :mod:`bnnbench_qubo.bnn_qubo`.

    Args:
        layout: its variables.
        wanted: wanted output signs as True / False, shape (samples, outputs).
        weight: lambda.
        mu: weight of every unit's margin.
        hard: output activations are the wanted ones.
    """
    terms = Terms(layout.n)
    for k, variables in enumerate(layout.layers, start=1):
        known = wanted if hard and k == len(layout.layers) else None
        terms.square(_balance(layout, k, known), weight)
        _products(terms, variables, layout.sources(k), weight)
        if mu:
            _margins(terms, variables, known, mu)
    if not hard:
        _errors(terms, layout, wanted, weight)

    def states(bits: Bits) -> Bits:
        return complete(layout, wanted, bits)

    return terms.qubo(roles=layout.roles, complete=states)


def _balance(layout: Layout, k: int, known: Bools | None) -> Affine:
    """P' - R a - s + R of every (sample, unit) of a layer; ``known`` output activations."""
    variables = layout.layers[k - 1]
    counter = variables.counter
    v, mask, hidden = counter.values, counter.mask.astype(np.int64), counter.hidden
    sign = layout.architecture.activation == "sign"
    # v W s, with s = 2 a - 1 (sign), a (step) or 1 (inputs), is affine in w, a and q = w a.
    shared = np.where(hidden, -2 * v if sign else 0, 2 * v)
    m = v[:, None, hidden]
    fixed, free = variables.fixed[hidden].T, variables.weights[hidden].T != NONE
    of_source = (2 if sign else 1) * m * (fixed.astype(np.int64) - free)
    of_product = (4 if sign else 2) * m * free
    constant = -np.where(hidden, 0, v) @ mask
    if sign:
        constant = constant + (m * (free.astype(np.int64) - fixed)).sum(axis=2)
    levels = counter.levels
    own = [
        (layout.sources(k)[:, None, :], of_source),
        (np.moveaxis(variables.products, 1, 2), of_product),
        (variables.activations[:, :, None], -counter.unit * levels[:, :, None]),
        (variables.slack, -counter.unit * counter.slack),
    ]
    start: Floats = (constant - counter.remainder) / counter.unit + levels
    if known is not None:
        start = start - levels * known
    return Affine(
        arcs=variables.weights,
        shared=shared / counter.unit,
        own=np.concatenate([np.broadcast_to(c, f.shape) for c, f in own], axis=2),
        coefficients=np.concatenate([f for _, f in own], axis=2) / counter.unit,
        constant=start,
        # Products of two source activations occur in every unit's square.
        repeats=hidden.sum() > 1 and mask.shape[1] > 1,
    )


def _products(terms: Terms, variables: LayerVariables, sources: Int64, weight: float) -> None:
    """Rosenberg's penalty w a - 2 q (w + a) + 3 q for every product variable."""
    q = variables.products
    if not q.size:
        return
    w, a = variables.weights[variables.counter.hidden][None], sources[:, :, None]
    present = weight * (q != NONE)
    terms.pairs(w, a, present)
    terms.pairs(q, w, -2 * present)
    terms.pairs(q, a, -2 * present)
    terms.linear(q, 3 * present)


def _margins(terms: Terms, variables: LayerVariables, known: Bools | None, mu: float) -> None:
    """-mu m, m = 2 a s - (R - 1) a - s + (R - 1)."""
    top = variables.counter.levels - 1
    coefficients = variables.counter.slack
    terms.constant(-mu * top)
    terms.linear(variables.slack, mu * coefficients)
    if known is None:
        terms.pairs(variables.slack, variables.activations[..., None], -2 * mu * coefficients)
        terms.linear(variables.activations, mu * top)
    else:
        terms.linear(variables.slack, -2 * mu * coefficients * known[..., None])
        terms.constant(mu * top * known)


def _errors(terms: Terms, layout: Layout, wanted: Bools, weight: float) -> None:
    """The sum of e = a xor y; or of row errors r with penalties e (1 - r)."""
    a = layout.layers[-1].activations
    slope = np.where(wanted, -1, 1)
    r = layout.errors[:, None]
    scale = weight if layout.errors.size else 1.0
    terms.constant(scale * wanted)
    terms.linear(a, scale * slope)
    if layout.errors.size:
        terms.linear(layout.errors, 1.0)
        terms.linear(np.broadcast_to(r, a.shape), -weight * wanted)
        terms.pairs(np.broadcast_to(r, a.shape), a, -weight * slope)
