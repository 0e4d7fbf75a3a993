"""Points labelled by a planted network: zero errors are possible (datasets.md 6.2).

1. A network: weights, then biases, layer by layer.
2. Points one by one; a point already taken, or with an output margin below ``mo``, is skipped; at
   most 1000 N candidates.
3. With fewer than N points, or a class below the share 1 / (2 max(2, q)), a new network from the
   same stream; at most 100 attempts.

The planted network makes 0 errors with margin ``mo``, which is the optimum for errors, for Hamming
with ``allgood``, and for margin losses whose margin is at most ``mo``. ``dup`` and ``noise`` go on
with the stream. What is known is noted as ``source_optimum_errors`` or ``source_errors_at_most``:
it holds for the rows as generated, before any transform. Cost: O(candidates x weights).
"""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from bnnbench import netfile
from bnnbench.architecture import Architecture
from bnnbench.domain import Binary, Integer, WeightDomain
from bnnbench.errors import DataError
from bnnbench.network import Network
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


def planted(
    *,
    n: int,
    h: tuple[int, ...] | int,
    N: int,
    seed: int = 0,
    outputs: int = 1,
    weights: str = "integer",
    P: int = 1,
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
        h: hidden width, or a list of widths.
        N: points.
        seed: of the draw.
        outputs: 1 for two classes by sign, or one per class.
        weights: ``integer`` for -P..P, ``binary`` for -1 and +1; biases likewise.
        P: bound of integer weights.
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
    choose("weights", weights, ("integer", "binary"))
    if min(n, N, outputs) < 1 or mo < 0 or (dup and noise):
        raise DataError("planted: n, N, outputs >= 1, mo >= 0, and not both dup and noise.")
    domain: WeightDomain = Integer(P=P) if weights == "integer" else Binary()
    arch = Architecture(n, (h,) if isinstance(h, int) else tuple(h), outputs)
    rng = uniforms(seed)
    for _ in range(ATTEMPTS):
        network = draw_network(arch, domain, rng)
        if live and _has_dead_unit(network):
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
        notes={"set": "planted", "reference_network": _text(network)},
    )
    if noise:
        return with_noise(table, noise, rng).note(source_errors_at_most=str(noise))
    table = with_duplicates(table, dup, rng) if dup else table
    return table.note(source_optimum_errors=str(dup))


def reference_network(table: Table) -> Network:
    """The network that a planted or teacher table was labelled by.

    Raises:
        DataError: for a table without one.
    """
    text = table.notes.get("reference_network")
    if text is None:
        raise DataError("This table carries no reference network.")
    return netfile.from_bytes(base64.b64decode(text), "reference network")


def _text(network: Network) -> str:
    return base64.b64encode(netfile.to_bytes(network)).decode()


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
    return any(not layer.weights.any(axis=1).all() for layer in network.layers[1:])
