r"""Metropolis sweeps over a training QUBO by its residuals, without its couplings (qubo.md 1.3, 6).

For one hidden layer of h units on d inputs and one output whose weights are all fixed to +1 by sign
symmetry, E is a sum of squares and the loss:

    r_kj = (sum_i v_ki W_ij - rho_kj) / u_k + R_kj - R_kj a_kj - sum_b c_kjb s_kjb,
    q_k  = (sum_j (2 a_kj - 1) - rho'_k) / u'_k + R'_k - R'_k o_k - sum_b c'_kb t_kb,
    E    = sum_k [o_k xor y_k] + lambda sum_kj r_kj^2 + lambda sum_k q_k^2.

Given the weights the samples are independent, given the auxiliaries the hidden units are, so
d + B + h + 1 + B' classes of variables may be updated one after the other, each at once: weight i
of all units, slack bit b of all (sample, unit) pairs, unit j of all samples, the outputs, their
slack bits. A flip of W_ij changes E by lambda sum_k (g_ki^2 - 2 W_ij g_ki r_kj) with g = 2 v / u:
one product of g_i with the residuals, O(N h) per replica; an auxiliary's flip is O(1). A sweep
costs O(N h (d + B)) per replica whatever the couplings, O(N h) numbers of memory, all in array
operations of torch on a CPU or a GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.problem import Problem
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.layout import Choice, Layout, number


def refusal(problem: Problem) -> str | None:
    """Why a problem has not the structure that is used here; None if it has."""
    arch = problem.architecture
    if len(arch.hidden) != 1 or not arch.dense or arch.outputs != 1 or arch.activation != "sign":
        return "not one hidden layer of sign units, fully connected, with one output"
    if problem.domain.bias != "none":
        return "needs a domain without biases"
    last = number(problem, Choice()).layers[1]
    if not last.fixed.all():
        return "a hidden unit may tie, so its output weight is free: use odd fan-ins"
    return None


class ResidualMachine:
    """Replicas of the QUBO that :func:`refusal` accepts; they are the last axis of all arrays.

    Args:
        problem: the problem.
        weight: lambda.
        device: torch's name of it.
    """

    def __init__(self, problem: Problem, weight: float, device: str) -> None:
        import torch

        def tensor(array: Any) -> Any:
            return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)

        self.layout: Layout = number(problem, Choice())
        self.weight, self.device = weight, device
        first, last = self.layout.layers
        c1, c2 = first.counter, last.counter
        self._g = tensor(2 * c1.values / c1.unit)
        self._g_squares = (self._g**2).sum(dim=0)
        self._start = tensor(c1.levels - (c1.values.sum(axis=1)[:, None] + c1.remainder) / c1.unit)
        self._levels = tensor(c1.levels)[..., None]
        self._slack = tensor(first.encoding.coefficients)
        self._step2 = tensor(2 / c2.unit)
        width = first.activations.shape[1]
        self._start2 = tensor((c2.levels - (width + c2.remainder) / c2.unit)[:, 0])
        self._levels2 = tensor(c2.levels)
        self._slack2 = tensor(last.encoding.coefficients[:, 0])
        self._wanted = tensor(problem.targets() > 0)

    def start(self, replicas: int, seed: int) -> Any:
        """A random population."""
        import torch

        self._generator = torch.Generator(device=self.device).manual_seed(seed)
        first = self.layout.layers[0]
        samples, width = first.activations.shape
        shapes = {
            "w": first.weights.shape,
            "a": (samples, width),
            "s": self._slack.shape,
            "o": (samples,),
            "t": self._slack2.shape,
        }
        bits = {k: self._random(torch, (*shape, replicas)) for k, shape in shapes.items()}
        return self._with_residuals(bits)

    def _random(self, torch: Any, shape: tuple[int, ...]) -> Any:
        drawn = torch.randint(0, 2, shape, generator=self._generator, device=self.device)
        return drawn.to(torch.float32)

    def _with_residuals(self, x: dict[str, Any]) -> dict[str, Any]:
        import torch

        sums = torch.einsum("ki,ijr->kjr", self._g, x["w"])
        slack = (self._slack[..., None] * x["s"]).sum(dim=2)
        x["r"] = self._start[..., None] + sums - self._levels * x["a"] - slack
        votes = self._step2 * x["a"].sum(dim=1) + self._start2[:, None]
        x["q"] = votes - self._levels2 * x["o"] - (self._slack2[..., None] * x["t"]).sum(dim=1)
        return x

    def sweep(self, x: dict[str, Any], beta: float) -> int:
        """Offer every variable of all replicas a flip; the accepted ones."""
        self._flips = 0
        self._weights(x, beta)
        lam, r, q = self.weight, x["r"], x["q"]
        for b in range(x["s"].shape[2]):
            move = -self._slack[:, :, b, None] * (1 - 2 * x["s"][:, :, b])
            flip = self._accept(lam * move * (2 * r + move), beta)
            r += flip * move
            x["s"][:, :, b] += flip * (1 - 2 * x["s"][:, :, b])
        for j in range(x["a"].shape[1]):
            turn = 1 - 2 * x["a"][:, j]
            move, vote = -self._levels[:, j] * turn, self._step2 * turn
            change = lam * (move * (2 * r[:, j] + move) + vote * (2 * q + vote))
            flip = self._accept(change, beta)
            r[:, j] += flip * move
            q += flip * vote
            x["a"][:, j] += flip * turn
        turn = 1 - 2 * x["o"]
        move = -self._levels2 * turn
        change = lam * move * (2 * q + move) + turn * (1 - 2 * self._wanted)
        flip = self._accept(change, beta)
        q += flip * move
        x["o"] += flip * turn
        for b in range(x["t"].shape[1]):
            turn = 1 - 2 * x["t"][:, b]
            move = -self._slack2[:, b, None] * turn
            flip = self._accept(lam * move * (2 * q + move), beta)
            q += flip * move
            x["t"][:, b] += flip * turn
        return self._flips

    def _weights(self, x: dict[str, Any], beta: float) -> None:
        r = x["r"]
        samples, width, replicas = r.shape
        for i in range(x["w"].shape[0]):
            turn = 1 - 2 * x["w"][i]
            overlap = (self._g[:, i] @ r.reshape(samples, -1)).reshape(width, replicas)
            flip = self._accept(self.weight * (2 * turn * overlap + self._g_squares[i]), beta)
            r += self._g[:, i, None, None] * (flip * turn)
            x["w"][i] += flip * turn

    def _accept(self, change: Any, beta: float) -> Any:
        import torch

        u = torch.rand(change.shape, generator=self._generator, device=self.device)
        flip = u < torch.exp(-beta * change)
        self._flips += int(flip.sum())
        return flip.to(torch.float32)

    def variables(self) -> int:
        """Variables that a sweep visits, unused slack bits included."""
        first, last = self.layout.layers
        sizes = (first.weights, first.activations, first.slack, last.activations, last.slack)
        return int(sum(a.size for a in sizes))

    def states(self, x: dict[str, Any]) -> States:
        """0/1 states in the order of ``bnn-qubo``'s variables, shape (replicas, n)."""
        first, last = self.layout.layers
        states = np.zeros((x["w"].shape[-1], self.layout.n), dtype=np.int8)
        pairs = [
            (first.weights, x["w"]),
            (first.activations, x["a"]),
            (first.slack, x["s"]),
            (last.activations[:, 0], x["o"]),
            (last.slack[:, 0], x["t"]),
        ]
        for index, values in pairs:
            used = index >= 0
            states[:, index[used]] = values.to("cpu").numpy()[used].T
        return states

    def energies(self, x: dict[str, Any]) -> Floats:
        """Their energies, from residuals computed afresh, in float64."""
        fresh = self._with_residuals({k: v for k, v in x.items() if k not in ("r", "q")})
        r, q = (fresh[k].to("cpu").numpy().astype(np.float64) for k in ("r", "q"))
        wrong = (fresh["o"] != self._wanted).sum(dim=0).to("cpu").numpy()
        energy: npt.NDArray[np.float64] = wrong + self.weight * (
            (r**2).sum(axis=(0, 1)) + (q**2).sum(axis=0)
        )
        return energy
