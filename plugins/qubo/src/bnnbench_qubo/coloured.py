r"""Metropolis sweeps over colour classes, for many replicas, in torch: on a CPU or a GPU.

Sites of one colour are not coupled, so all of them, in all replicas, may be offered their flips at
once: still exact sequential Metropolis, in another order of the sites. With x the 0/1 states as
columns (n, R) and Q_c the rows of colour c,

    change = (1 - 2 x_c) (l_c + Q_c x),   x_c flips where u < exp(-beta change), u uniform.

A sweep is one product per colour: sparse rows, O(couplings R) in all, or rows of a full matrix,
O(n^2 R). Colours come greedily by falling degree, at most the largest degree + 1; a training QUBO
needs about as many as its largest counter has terms, a full matrix n.

``betas`` may differ by replica. In parallel tempering replicas sit on a ladder of betas and
neighbours exchange theirs with probability min(1, exp((beta_a - beta_b)(E_a - E_b))).

Not compiled: a sweep takes a few calls per colour, so it pays for many replicas or on a GPU.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.models import Qubo

Int64 = npt.NDArray[np.int64]
Method = Literal["auto", "sparse", "dense"]

DENSE_FROM = 0.1
"""Share of coupled pairs from which a full matrix is used."""


def colours(qubo: Qubo) -> list[Int64]:
    """Classes of sites without a coupling between them, largest degree first."""
    ends = np.concatenate([qubo.rows, qubo.cols])
    others = np.concatenate([qubo.cols, qubo.rows])
    order = np.argsort(ends, kind="stable")
    starts = np.zeros(qubo.n + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=qubo.n), out=starts[1:])
    neighbours = others[order]
    colour = np.full(qubo.n, -1, dtype=np.int64)
    for site in np.argsort(-np.diff(starts), kind="stable").tolist():
        taken = set(colour[neighbours[starts[site] : starts[site + 1]]].tolist())
        colour[site] = next(c for c in range(len(taken) + 1) if c not in taken)
    return [np.flatnonzero(colour == c) for c in range(int(colour.max(initial=-1)) + 1)]


class ColouredMachine:
    """Replicas of one QUBO on a device.

    Args:
        qubo: what is sampled.
        device: torch's name of it.
        method: ``sparse`` rows, ``dense`` matrix or ``auto`` by density.

    Attributes:
        classes: sites by colour.
    """

    def __init__(self, qubo: Qubo, device: str, method: Method) -> None:
        import torch

        self.qubo, self.device = qubo, device
        self.classes = colours(qubo)
        pairs = qubo.n * (qubo.n - 1) // 2
        dense = method == "dense" or (
            method == "auto" and len(qubo.values) > DENSE_FROM * max(1, pairs)
        )
        self.method = "dense" if dense else "sparse"
        self._rows: list[tuple[Any, Any]] = []
        with warnings.catch_warnings():
            # torch calls compressed rows a beta feature.
            warnings.simplefilter("ignore", UserWarning)
            self._collect(torch, dense)

    def _collect(self, torch: Any, dense: bool) -> None:
        full = self._matrix(torch, dense)
        device = self.device
        for sites in self.classes:
            index = torch.from_numpy(sites).to(device)
            rows = full.index_select(0, index)
            self._rows.append((index, rows if dense else rows.coalesce().to_sparse_csr()))
        linear = torch.from_numpy(self.qubo.linear.astype(np.float32)).to(device)
        self._linear = [linear.index_select(0, index)[:, None] for index, _ in self._rows]

    def _matrix(self, torch: Any, dense: bool) -> Any:
        qubo = self.qubo
        index = np.stack(
            [np.concatenate([qubo.rows, qubo.cols]), np.concatenate([qubo.cols, qubo.rows])]
        )
        values = np.concatenate([qubo.values, qubo.values]).astype(np.float32)
        sparse = torch.sparse_coo_tensor(
            torch.from_numpy(index), torch.from_numpy(values), (qubo.n, qubo.n)
        ).to(self.device)
        return sparse.to_dense() if dense else sparse.coalesce()

    def start(self, replicas: int, seed: int) -> tuple[Any, Any]:
        """Random states (n, replicas) and the generator that goes on."""
        import torch

        generator = torch.Generator(device=self.device).manual_seed(seed)
        shape = (self.qubo.n, replicas)
        bits = torch.randint(0, 2, shape, generator=generator, device=self.device)
        return bits.to(torch.float32), generator

    def sweep(self, x: Any, betas: Any, generator: Any) -> Any:
        """One sweep in place at a beta per replica (or one); the number of accepted flips."""
        import torch

        accepted = torch.zeros((), dtype=torch.int64, device=self.device)
        for (index, rows), linear in zip(self._rows, self._linear, strict=True):
            own = x.index_select(0, index)
            change = (1 - 2 * own) * (linear + rows @ x)
            u = torch.rand(own.shape, generator=generator, device=self.device)
            flip = u < torch.exp(-betas * change)
            x[index] = torch.where(flip, 1 - own, own)
            accepted += flip.sum()
        return accepted

    def energies(self, x: Any) -> npt.NDArray[np.float64]:
        """Energies of the columns, from the QUBO in float64."""
        states = x.T.to("cpu").numpy().astype(np.int8)
        return self.qubo.energy(states)

    def exchange(self, x: Any, betas: Any, generator: Any) -> Any:
        """Betas after one round of exchanges between neighbours on the ladder; x is not moved."""
        import torch

        E = torch.from_numpy(self.energies(x)).to(self.device)
        order = torch.argsort(betas)
        first = int(torch.randint(0, 2, (1,), generator=generator, device=self.device))
        low, high = order[first:-1:2], order[first + 1 :: 2]
        gain = (betas[low] - betas[high]) * (E[low] - E[high]).to(betas.dtype)
        u = torch.rand(gain.shape, generator=generator, device=self.device)
        swap = u < torch.exp(gain)
        new = betas.clone()
        new[low] = torch.where(swap, betas[high], betas[low])
        new[high] = torch.where(swap, betas[low], betas[high])
        return new
