r"""Consensus of subnetworks as linear penalties (qubo.md section 1.5), around any QUBO sampler.

With g = 0 at first, each round keeps a random part of the hidden units, builds the QUBO of that
subnetwork plus

    eta sum_w g_w (1 - 2 w),

samples it, and adds the best network's weights, -1 or +1, to the kept part of g after g has
decayed: g <- gamma g + W. The last QUBO is the whole network's with the same term. It adds no
couplings, pulls weights to what subnetworks agreed on, and breaks the symmetry between hidden
units. The scheme of the paper is known by its abstract only; this is its reading in the
specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.inner import Name
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.models import Qubo
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution
from bnnbench.spec import Spec
from bnnbench_qubo.composite import Composite, ended
from bnnbench_qubo.sampling import batch_seed

Floats = npt.NDArray[np.float64]

LAST_SHARE = 0.5
"""Share of the time for the whole network."""


@dataclass(frozen=True)
class DropoutBias(Composite):
    """Samples random subnetworks first, whose consensus biases the whole network's QUBO.

    For one hidden layer. The sampler should stop by itself, or have a time limit to share: half
    for the subnetworks, half for the whole network. Where the sampler is deterministic without a
    limit, so is this.

    Attributes:
        sampler: a solver of kind ``qubo``.
        formulation: one of kind ``qubo`` whose first variables are the first layer's weights.
        rounds: subnetworks.
        keep: share of the hidden units that a subnetwork has; an odd number of units if possible.
        eta: weight of the linear term.
        gamma: what is kept of the consensus from round to round.
    """

    name: ClassVar[str] = "dropout-bias"
    kind: ClassVar[str] = "direct"
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_qubo.warm",)

    sampler: Name = field(default=Spec.of("ising-sa", num_reads=256))
    formulation: Name = field(default=Spec("bnn-qubo"))
    rounds: int = 8
    keep: float = 0.5
    eta: float = 0.02
    gamma: float = 1.0

    def __post_init__(self) -> None:
        if self.rounds < 1 or not 0 < self.keep <= 1 or not 0 <= self.gamma <= 1:
            raise ProblemError(
                "dropout-bias: needs rounds >= 1, keep in (0, 1] and gamma in [0, 1]."
            )

    def accepts(self, model: Model) -> str | None:
        problem: Problem = model.problem
        if len(problem.architecture.hidden) != 1 or not problem.architecture.dense:
            return "not one hidden layer with all its arcs"
        return self.refuses(problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock, inner = Clock(limits), self.part()
        problem: Problem = model.problem
        rng = np.random.default_rng(seed)
        width = problem.architecture.hidden[0]
        consensus = np.zeros((problem.architecture.fan_in(1) + 1, width))
        parts: list[Solution] = []
        for number in range(self.rounds):
            kept = np.sort(rng.permutation(width)[: self._size(width)])
            architecture = replace(problem.architecture, hidden=(len(kept),))
            part = inner.model(replace(problem, architecture=architecture))
            share = (1 - LAST_SHARE) * limits.time / self.rounds
            time = min(share * (number + 1) - clock.elapsed, clock.left)
            biased = self._biased(part, consensus[:, kept])
            solution = inner.solve(biased, limits.within(time), batch_seed(seed, number))
            parts.append(solution)
            consensus *= self.gamma
            if solution.network is not None:
                consensus[:, kept] += first_layer(solution.network)
        whole = self._biased(inner.model(problem), consensus)
        last = limits.within(clock.left, limits.target)
        solution = inner.solve(whole, last, batch_seed(seed, self.rounds), report)
        figures = {"rounds": self.rounds, "agreement": float(np.abs(consensus).mean())}
        termination = ended(solution.termination, parts)
        info = {**solution.info, **figures}
        return replace(solution, termination=termination, info=info)

    def _size(self, width: int) -> int:
        size = max(1, round(self.keep * width))
        return size if size % 2 or size == width else size + 1

    def _biased(self, model: Model, consensus: Floats) -> Model:
        """The model with the linear term on the first layer's weights and biases."""
        qubo: Qubo = model.data
        arcs = consensus if model.problem.domain.bias != "none" else consensus[:-1]
        linear = qubo.linear.copy()
        linear[: arcs.size] -= 2 * self.eta * arcs.ravel()
        offset = qubo.offset + self.eta * float(arcs.sum())
        return replace(model, data=replace(qubo, linear=linear, offset=offset), exact=False)


def first_layer(network: Network) -> Floats:
    """Weights of the first layer with its biases as the last row."""
    layer = network.layers[0]
    return np.concatenate([layer.weights, layer.bias[None]]).astype(np.float64)
