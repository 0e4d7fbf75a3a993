"""Path-integral (simulated quantum) annealing of D-Wave's samplers: a transverse field falls.

Continuous imaginary time: a site is a periodic chain of domain walls, so a sweep costs about
O(n + walls x degree). The longitudinal field rises from hot / lambda to cold / lambda.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Model
from bnnbench.solution import Limits
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.sampled import Group, SampledSolver
from bnnbench_qubo.sampling import beta_range, from_sampleset, to_bqm


@dataclass(frozen=True)
class DwaveSQA(SampledSolver):
    """Path-integral annealing on a QUBO, by dwave-samplers.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
        num_sweeps: per read.
        hot, cold: first and last beta, in units of 1 / lambda; the library's own range where the
            model has no lambda.
        gamma: transverse field at the start.
    """

    name: ClassVar[str] = "dwave-sqa"
    requires: ClassVar[tuple[str, ...]] = ("dimod", "dwave-samplers")
    preload: ClassVar[tuple[str, ...]] = ("dimod", "dwave.samplers")

    num_sweeps: int = 1000
    hot: float = 0.02
    cold: float = 6.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_sweeps < 1 or not 0 < self.hot <= self.cold or self.gamma <= 0:
            raise ProblemError("dwave-sqa: needs num_sweeps >= 1, 0 < hot <= cold and gamma > 0.")

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        from dwave.samplers import PathIntegralAnnealingSampler

        make: Any = PathIntegralAnnealingSampler
        sampler = make()
        bqm = to_bqm(model.data)
        betas = beta_range(model, self.hot, self.cold)

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            found = sampler.sample(
                bqm,
                beta_range=betas,
                num_reads=reads,
                num_sweeps=sweeps,
                Gamma=self.gamma,
                seed=seed,
            )
            return from_sampleset(found)

        return draw, {"beta_hot": betas[0], "beta_cold": betas[1]} if betas else {}
