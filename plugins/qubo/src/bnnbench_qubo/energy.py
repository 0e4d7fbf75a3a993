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
from bnnbench_qubo.slack import rosenberg
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
    terms = Terms(layout.n, repeats=layout.shared)
    for k, variables in enumerate(layout.layers, start=1):
        known = wanted if hard and k == len(layout.layers) else None
        s, a = variables.slack, variables.activations
        terms.square(_balance(layout, k, known), weight)
        _products(terms, variables, layout.sources(k), weight)
        variables.encoding.penalties(terms, s, a, known, weight)
        if mu:
            variables.encoding.margin(terms, s, a, known, mu)
    if not hard:
        _errors(terms, layout, wanted, weight)

    def states(bits: Bits) -> Bits:
        return complete(layout, wanted, bits)

    return terms.qubo(roles=layout.roles, complete=states)


def _balance(layout: Layout, k: int, known: Bools | None) -> Affine:
    """P' less its encoding, of every (sample, unit) of a layer; ``known`` output activations."""
    variables = layout.layers[k - 1]
    counter, encoding, steps = variables.counter, variables.encoding, variables.steps
    v, mask, hidden = counter.values, counter.mask.astype(np.int64), counter.hidden
    lo, low = counter.grid.lo, counter.low
    # v W s with W = lo + sum_b c_b w_b and s = low + (1 - low) a (hidden) or 1 (inputs) is affine
    # in w_b, a and q_b = w_b a.
    shared = np.repeat(v * np.where(hidden, low, 1), len(steps), axis=1)
    shared = shared * np.tile(steps, len(hidden))
    m = v[:, None, hidden]
    fixed, free = variables.fixed[hidden].T, (counter.mask & ~variables.fixed)[hidden].T
    known_part = fixed.astype(np.int64) + lo * free
    of_source = (1 - low) * m * known_part
    of_product = np.repeat((1 - low) * m * free, len(steps), axis=2)
    of_product = of_product * np.tile(steps, int(hidden.sum()))
    constant = lo * np.where(hidden, 0, v) @ mask + low * (m * known_part).sum(axis=2)
    u = counter.unit[..., None]
    slack = encoding.coefficients
    if encoding.ancillas is not None and known is not None:
        slack = slack + encoding.ancillas * known[..., None]
    own = [
        (layout.sources(k)[:, None, :], of_source),
        (np.moveaxis(variables.products, 1, 2), of_product),
        (variables.activations[:, :, None], -u * encoding.alpha[:, :, None]),
        (variables.slack, -u * slack),
    ]
    if encoding.ancillas is not None and known is None:
        own.append((variables.ancillas, -u * encoding.ancillas))
    start: Floats = (constant - counter.remainder) / counter.unit - encoding.base
    if known is not None:
        start = start - encoding.alpha * known
    return Affine(
        arcs=variables.weights,
        shared=shared / counter.unit,
        own=np.concatenate([np.broadcast_to(c, f.shape) for c, f in own], axis=2),
        coefficients=np.concatenate([f for _, f in own], axis=2) / u,
        constant=start,
        # Products of two source activations occur in every unit's square.
        repeats=hidden.sum() > 1 and mask.shape[1] > 1,
    )


def _products(terms: Terms, variables: LayerVariables, sources: Int64, weight: float) -> None:
    """Rosenberg's penalties of weight bits times activations, and of the encoding's ancillas."""
    q = variables.products
    if q.size:
        spread = np.repeat(sources, len(variables.steps), axis=1)[:, :, None]
        w = variables.weights[variables.hidden][None]
        rosenberg(terms, w, spread, q, weight * (q != NONE))
    t = variables.ancillas
    if t.size:
        a = variables.activations[..., None]
        rosenberg(terms, a, variables.slack, t, weight * (t != NONE))


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
