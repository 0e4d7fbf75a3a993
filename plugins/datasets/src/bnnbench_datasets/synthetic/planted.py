"""Points labelled by a planted network: zero errors are possible (datasets.md 6.2).

1. A network: weights, then biases, layer by layer.
2. Points one by one; a point already taken, or with an output margin below ``mo``, is skipped; at
   most 1000 N candidates.
3. With fewer than N points, or a class below the share 1 / (2 max(2, q)), a new network from the
   same stream; at most 100 attempts.

The planted network makes 0 errors with margin ``mo``, which is the optimum for errors, for Hamming
with ``allgood``, and for margin losses whose margin is at most ``mo``. ``dup`` and ``noise`` go on
with the stream. The network is the table's ``reference``, so that its exact objective is known in
every problem whose class contains it. What is known of the rows as generated is noted as
``source_optimum_errors`` or ``source_errors_at_most``. Cost: O(candidates x weights).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import layered
from bnnbench.domain import TwoValued, WeightDomain
from bnnbench.errors import DataError
from bnnbench.network import Network
from bnnbench.spec import as_spec
from bnnbench.suite.cell import weight_domain
from bnnbench.table import Table
from bnnbench_datasets.draws import uniforms
from bnnbench_datasets.fitting import choose
from bnnbench_datasets.synthetic.drawn import decide, draw_network, margin
from bnnbench_datasets.synthetic.labels import with_duplicates, with_noise

Int64 = npt.NDArray[np.int64]
ATTEMPTS = 100
CANDIDATES = 1000
_BLOCK = 256
_SCALES = {"pm1": 1, "byte": 1, "unit4": 10**4}
_MEANS = {"pm1": Fraction(0), "byte": Fraction(255, 2), "unit4": Fraction(1, 2)}


def planted(
    *,
    n: int,
    h: tuple[int, ...] | int,
    N: int,
    seed: int = 0,
    outputs: int = 1,
    domain: Any = "integer[P=1]",
    p: float | None = None,
    activation: Literal["sign", "step"] = "sign",
    skips: tuple[tuple[int, int], ...] = (),
    density: float = 1.0,
    mask_seed: int = 0,
    inputs: str = "pm1",
    mo: int = 1,
    allgood: bool = False,
    live: bool = False,
    dup: int = 0,
    noise: int = 0,
) -> Table:
    """Points labelled by a random network of a given class, which is a solution without errors.

    Args:
        n: features.
        h: hidden width, or a list of widths; ``()`` for no hidden layer.
        N: points.
        seed: of the draw.
        outputs: 1 for two classes by sign, or one per class.
        domain: weight domain, as in a suite: ``integer[P=2]``, ``binary``,
            ``two-valued[d=3,rhos=(-4)]``, ``fixed-point[decimals=1]``.
        p: probability of the upper one of two values; half the largest share by default.
        activation: of hidden units, ``sign`` or ``step``.
        skips: connections that skip layers, as in a suite.
        density: share of arcs that a random mask keeps, as in a suite.
        mask_seed: seed of that mask.
        inputs: ``pm1``, ``byte`` (0..255) or ``unit4`` ([0, 1] with 4 decimals).
        mo: least output margin of a point, in units of the output pre-activation.
        allgood: several outputs only: every output sign right with that margin.
        live: refuse networks with a hidden unit that nothing reads.
        dup: append this many rows again with a wrong label: so many errors are the optimum.
        noise: give this many rows a wrong label: so many errors are an upper bound.

    Raises:
        DataError: when no network with enough points is found, or a parameter is out of range.
    """
    choose("inputs", inputs, tuple(_SCALES))
    if min(n, N, outputs) < 1 or mo < 0 or (dup and noise) or not 0 <= (p or 0) <= 1:
        raise DataError("planted: n, N, outputs >= 1, mo >= 0, p in 0..1, not both dup and noise.")
    grid = weight_domain(as_spec(domain))
    widths = (h,) if isinstance(h, int) else tuple(h)
    arch = layered(n, widths, outputs, activation, skips, density, mask_seed)
    rng = uniforms(seed)
    for _ in range(ATTEMPTS):
        network = draw_network(arch, grid, rng, _MEANS[inputs], _share(grid, p))
        if (live and _has_dead_unit(network)) or network.outside(grid):
            continue
        X, y = _points(network, N, inputs, mo, allgood, rng)
        if len(X) == N and _balanced(y, max(2, outputs)):
            break
    else:
        raise DataError(
            f"planted: no network in {ATTEMPTS} attempts gives {N} points of margin {mo} in"
            f" balanced classes (n={n}, h={h}, outputs={outputs}, inputs={inputs}). Take fewer"
            " points, a smaller margin or another seed."
        )
    table = Table(
        X=X,
        y=y,
        scale=_SCALES[inputs],
        classes=tuple(str(c) for c in range(max(2, outputs))),
        notes={"set": "planted"},
        reference=network,
    )
    if noise:
        return with_noise(table, noise, rng).note(source_errors_at_most=str(noise))
    table = with_duplicates(table, dup, rng) if dup else table
    return table.note(source_optimum_errors=str(dup))


def _share(domain: WeightDomain, p: float | None) -> float:
    """Probability of the upper of two values: by default half of what the domain allows."""
    if p is not None:
        return p
    return domain.ones / 2 if isinstance(domain, TwoValued) else 0.5


def _points(
    network: Network, N: int, inputs: str, mo: int, allgood: bool, rng: np.random.Generator
) -> tuple[Int64, Int64]:
    """The first N accepted candidates; the stream stops right after the last one."""
    n, left = network.architecture.inputs, CANDIDATES * N
    taken: dict[bytes, tuple[Int64, int]] = {}
    while left and len(taken) < N:
        size = min(left, _BLOCK)
        before = rng.bit_generator.state
        X = _candidates(rng.random((size, n)), inputs)
        forward = network.forward(X, _SCALES[inputs])
        far = margin(forward.output, allgood) >= mo * forward.output_unit
        labels = decide(forward.output)
        for k in np.flatnonzero(far):
            taken.setdefault(X[k].tobytes(), (X[k], int(labels[k])))
            if len(taken) == N:
                # Candidates after this one have not been drawn: go back and draw up to here.
                rng.bit_generator.state = before
                rng.random((int(k) + 1, n))
                break
        left -= size
    X = np.array([x for x, _ in taken.values()], dtype=np.int64).reshape(-1, n)
    return X, np.array([label for _, label in taken.values()], dtype=np.int64)


def _candidates(u: npt.NDArray[np.float64], inputs: str) -> Int64:
    if inputs == "pm1":
        return np.where(u < 0.5, -1, 1).astype(np.int64)
    if inputs == "byte":
        return np.floor(256 * u).astype(np.int64)
    return np.rint(np.around(u, 4) * 10**4).astype(np.int64)


def _balanced(y: Int64, q: int) -> bool:
    counts = np.bincount(y, minlength=q)
    return bool((2 * q * counts >= len(y)).all())


def _has_dead_unit(network: Network) -> bool:
    """Whether the weights out of some hidden unit are all 0."""
    arch = network.architecture
    read = [np.zeros(width, dtype=bool) for width in arch.widths[:-1]]
    for k, layer in enumerate(network.layers, start=1):
        start = 0
        for c in arch.sources(k):
            stop = start + arch.widths[c.source]
            read[c.source] |= layer.weights[start:stop].any(axis=1)
            start = stop
    return not all(units.all() for units in read[1:])
