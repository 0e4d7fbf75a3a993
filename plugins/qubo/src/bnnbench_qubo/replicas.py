r"""Groups of replicas that are annealed side by side, on compressed rows or a full matrix.

On compressed rows the fields of all sites are kept and a flip updates its neighbours'. On a full
matrix a block of :data:`BLOCK` sites gets its fields from one product, (BLOCK x n) by (n x R), and
is then visited in order by :func:`~bnnbench_qubo.annealing_kernel.sweep_block`. This is the blocked
update of qubo.md section 4.2 turned round: the same n multiplications per visit at the speed of
sgemm, but no stored fields, and so no rounding that adds up. Both are exact sequential Metropolis.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from bnnbench_qubo import annealing_kernel as kernel
from bnnbench_qubo.annealing_kernel import LANES
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.spin_model import REFRESH, Array, SpinModel

BLOCK = 64
"""Sites whose fields are computed by one product."""
QUENCH = 8
"""Sweeps at the last beta that end an anneal whose time is up."""
CHUNK_SECONDS = 0.005
"""About how often an anneal looks whether it must end."""


def padded(reads: int) -> int:
    """The number of replicas that are computed for so many reads."""
    return -(-reads // LANES) * LANES


def generators(seed: int, first: int, reads: int) -> Array:
    """States of the generators of reads ``first``, .., one child of the seed each: (2, padded)."""
    words = np.ones((2, padded(reads)), dtype=np.uint32)
    for k in range(reads):
        child = np.random.SeedSequence(seed, spawn_key=(first + k,))
        words[:, k] = child.generate_state(2)
    words[0, ~words.any(axis=0)] = 1
    return words


class Group(ABC):
    """Replicas of one model that move side by side.

    Attributes:
        model: what is sampled.
        reads: how many of the replicas count.
        sweeps: how many were made.
        quenched: whether the run was cut short.
        spins: s = 1 - 2 x, shape (n, R).
    """

    def __init__(self, model: SpinModel, seed: int, first: int, reads: int, dtype: Any) -> None:
        self.model, self.reads = model, reads
        self.sweeps, self.quenched = 0, False
        self._state = generators(seed, first, reads)
        self.spins = np.empty((model.qubo.n, self._state.shape[1]), dtype=dtype)
        kernel.start(self.spins, self._state)

    @abstractmethod
    def run(self, path: Floats) -> None:
        """One sweep per value of the control parameter (beta, pump)."""

    def anneal(self, path: Floats, interrupt: Callable[[], bool]) -> None:
        """One sweep per value, or as soon as ``interrupt()`` a few at the last value."""
        at, size = 0, 1
        while at < len(path):
            if at and len(path) - at > QUENCH and interrupt():
                self.quenched = True
                return self.run(np.full(QUENCH, path[-1]))
            begun = time.monotonic()
            self.run(path[at : at + size])
            at += size
            spent = time.monotonic() - begun
            size = max(1, min(2 * size, int(size * CHUNK_SECONDS / max(spent, 1e-6))))
        return None

    def states(self) -> States:
        """The 0/1 states of the reads, shape (reads, n)."""
        return np.ascontiguousarray((self.spins[:, : self.reads] != 1).T).astype(np.int8)

    def energies(self) -> Floats:
        """Their energies, from the QUBO in float64."""
        qubo = self.model.qubo
        found = kernel.energies(qubo.linear, qubo.rows, qubo.cols, qubo.values, self.spins)
        total: Floats = found[: self.reads] + qubo.offset
        return total


class MetropolisGroup(Group):
    """Metropolis sweeps.

    Attributes:
        accepted: accepted flips of all replicas.
    """

    def __init__(self, model: SpinModel, seed: int, first: int, reads: int, dtype: Any) -> None:
        super().__init__(model, seed, first, reads, dtype)
        self.accepted = 0
        self._flips = np.empty(self.spins.shape[1], dtype=dtype)

    @abstractmethod
    def _sweep(self, scales: Array) -> int:
        """One sweep per scale; the accepted flips."""

    def run(self, path: Floats) -> None:
        scales = (-path * (self.model.unit / np.log(2))).astype(np.float32)
        while len(scales):
            step = REFRESH - self.sweeps % REFRESH
            self.accepted += self._sweep(scales[:step])
            self.sweeps += len(scales[:step])
            scales = scales[step:]


class SparseGroup(MetropolisGroup):
    """Replicas on compressed rows."""

    def __init__(self, model: SpinModel, seed: int, first: int, reads: int) -> None:
        super().__init__(model, seed, first, reads, model.rows[2].dtype)
        self._bias = (model.qubo.linear / model.unit).astype(np.float32)
        self.fields = np.empty_like(self.spins)

    def _sweep(self, scales: Array) -> int:
        if self.sweeps == 0 or (self.sweeps % REFRESH == 0 and self.spins.dtype == np.float32):
            kernel.set_fields(*self.model.rows, self.spins, self.fields)
        return kernel.sweep_sparse(
            *self.model.rows, self._bias, scales, self.spins, self.fields, self._state, self._flips
        )

    def tracked_energies(self) -> Floats:
        """Energies by the fields that the sweeps kept: sum_i x_i (l_i + f_i / 2) + offset."""
        qubo, x = self.model.qubo, self.spins[:, : self.reads] != 1
        field = self.fields[:, : self.reads].astype(np.float64) * self.model.unit
        total: Floats = (x * (qubo.linear[:, None] + field / 2)).sum(axis=0) + qubo.offset
        return total


class DenseGroup(MetropolisGroup):
    """Replicas on a full matrix."""

    def __init__(self, model: SpinModel, seed: int, first: int, reads: int) -> None:
        super().__init__(model, seed, first, reads, np.float32)
        matrix, bias, n = model.matrix, model.centre, model.qubo.n
        room = np.empty((BLOCK, self.spins.shape[1]), dtype=np.float32)
        self._blocks = []
        for at in range(0, n, BLOCK):
            part = slice(at, min(at + BLOCK, n))
            own = np.ascontiguousarray(-2 * matrix[part, part])
            fields = room[: len(own)]
            spins = self.spins[part]
            self._blocks.append((matrix[part], own, bias[part].astype(np.float32), spins, fields))

    def _sweep(self, scales: Array) -> int:
        total = 0
        for scale in scales:
            for rows, own, bias, spins, fields in self._blocks:
                np.matmul(rows, self.spins, out=fields)
                total += kernel.sweep_block(
                    own, bias, scale, spins, fields, self._state, self._flips
                )
        return total
