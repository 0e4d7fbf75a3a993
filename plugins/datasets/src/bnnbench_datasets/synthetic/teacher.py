"""Small binary images labelled by a random teacher (qubo.md section 8).

The images are distinct, the training set is a uniform draw of them and the rest is the test set:
all 2^(m m) images for m <= 3, else ``test`` further ones. The teacher is an m^2-h-1 network of
weights -1 and +1 without biases, drawn until the share of class 1 among all images lies in
[0.35, 0.65]. Every fan-in is odd, so no pre-activation is 0: where m^2 is even a constant feature 1
is appended. One stream of uniforms gives images, then teachers, then label noise.
"""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from bnnbench import netfile
from bnnbench.architecture import Architecture
from bnnbench.domain import Binary
from bnnbench.errors import DataError
from bnnbench.network import Network
from bnnbench.table import TEST, TRAIN, Table
from bnnbench_datasets.draws import uniforms
from bnnbench_datasets.synthetic.drawn import decide, draw_network
from bnnbench_datasets.synthetic.labels import with_noise

Int8 = npt.NDArray[np.int8]
ATTEMPTS = 1000
BALANCE = (0.35, 0.65)


def teacher(
    *, m: int = 3, h: int = 3, N: int = 32, test: int = 256, noise: float = 0.0, seed: int = 0
) -> Table:
    """Images of m x m pixels -1/+1, labelled by a random binary network with h hidden units.

    Args:
        m: side of the images, 2..8.
        h: hidden units of the teacher, odd.
        N: training images.
        test: test images for m >= 4; smaller ones are enumerated and the rest is the test set.
        noise: share of training images with a wrong label.
        seed: of the instance.

    Raises:
        DataError: for a parameter out of range, or when no teacher is balanced.
    """
    if not 2 <= m <= 8 or h < 1 or h % 2 == 0 or not 0 <= noise <= 1:
        raise DataError(f"teacher: m={m} must lie in 2..8, h={h} be odd, noise={noise} in 0..1.")
    if not 1 <= N <= 2 ** (m * m) or test < 0:
        raise DataError(f"teacher: N={N} must lie in 1..{2 ** (m * m)}, test={test} be >= 0.")
    rng = uniforms(seed)
    X = _enumerated(m, rng) if m <= 3 else _distinct(m, N + test, rng)
    if X.shape[1] % 2 == 0:
        X = np.concatenate([X, np.ones((len(X), 1), dtype=np.int8)], axis=1)
    network, y = _balanced_teacher(X, h, rng)
    names = tuple(f"pixel_{i}_{j}" for i in range(m) for j in range(m))
    table = Table(
        X=X,
        y=y,
        part=np.where(np.arange(len(X)) < N, TRAIN, TEST).astype(np.int8),
        classes=("-1", "+1"),
        features=names if m % 2 else (*names, "one"),
        notes={
            "set": "teacher",
            "reference_network": base64.b64encode(netfile.to_bytes(network)).decode(),
        },
    )
    wrong = round(noise * N)
    if not wrong:
        return table.note(source_optimum_errors="0")
    return with_noise(table, wrong, rng).note(source_errors_at_most=str(wrong))


def _enumerated(m: int, rng: np.random.Generator) -> Int8:
    d = m * m
    order = np.argsort(rng.random(2**d), kind="stable")
    return (2 * (order[:, None] >> np.arange(d - 1, -1, -1) & 1) - 1).astype(np.int8)


def _distinct(m: int, count: int, rng: np.random.Generator) -> Int8:
    """Images drawn one by one; one that was drawn before is skipped."""
    d = m * m
    if count > 2 ** (d - 1):
        raise DataError(f"teacher: N + test = {count} is more than half of all {2**d} images.")
    taken: dict[bytes, Int8] = {}
    while len(taken) < count:
        image = np.where(rng.random(d) < 0.5, -1, 1).astype(np.int8)
        taken.setdefault(image.tobytes(), image)
    return np.array(list(taken.values()))


def _balanced_teacher(
    X: Int8, h: int, rng: np.random.Generator
) -> tuple[Network, npt.NDArray[np.int64]]:
    arch = Architecture(X.shape[1], (h,), 1)
    for _ in range(ATTEMPTS):
        network = draw_network(arch, Binary(bias="none"), rng)
        y = decide(network.forward(X).output)
        if BALANCE[0] <= y.mean() <= BALANCE[1]:
            return network, y
    raise DataError(f"teacher: no balanced teacher in {ATTEMPTS} draws; take another seed.")
