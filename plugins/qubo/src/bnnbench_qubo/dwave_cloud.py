"""D-Wave's quantum annealers and hybrid solvers, over their cloud service.

Needs the package dwave-system and the environment variable DWAVE_API_TOKEN. The wall limit covers
the network and the queue. Written against the interface that dimod defines and tested against a
stand-in of it; no measurement of ours used the service.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Model
from bnnbench.solution import Limits
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.sampled import Group, SampledSolver
from bnnbench_qubo.sampling import from_sampleset, to_bqm

TOKEN = "DWAVE_API_TOKEN"


@dataclass(frozen=True)
class DwaveCloud(SampledSolver):
    """D-Wave's quantum annealer or hybrid solver (needs dwave-system and DWAVE_API_TOKEN).

    The service cannot be seeded, so runs do not reproduce.

    Attributes:
        num_reads: reads in all; for ``hybrid`` one call is one read.
        device: ``qpu`` (minor-embedded on the annealer) or ``hybrid``.
        annealing_time: microseconds per read of the annealer; none for its default.
        call_seconds: time limit of a hybrid call; none for the service's least.
    """

    name: ClassVar[str] = "dwave-cloud"
    requires: ClassVar[tuple[str, ...]] = ("dwave-system", "dimod")
    parallel: ClassVar[bool] = False

    num_reads: int | None = 100
    device: Literal["qpu", "hybrid"] = "qpu"
    annealing_time: float | None = None
    call_seconds: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.device not in ("qpu", "hybrid"):
            raise ProblemError(f"dwave-cloud: device is qpu or hybrid, got {self.device!r}.")

    @property
    def group(self) -> int:  # type: ignore[override]
        """Reads per call."""
        return min(self.num_reads or 100, 1000) if self.device == "qpu" else 1

    def available(self) -> str | None:
        reason = super().available()
        if reason is None and not os.environ.get(TOKEN):
            reason = f"no credentials: set the environment variable {TOKEN}"
        return reason

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        sampler: Any = self._sampler()
        bqm = to_bqm(model.data)

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            options: dict[str, Any] = {}
            if self.device == "qpu":
                options["num_reads"] = reads
                if self.annealing_time is not None:
                    options["annealing_time"] = self.annealing_time
            elif self.call_seconds is not None:
                options["time_limit"] = self.call_seconds
            return from_sampleset(sampler.sample(bqm, **options))

        return draw, {}

    def _sampler(self) -> Any:
        system: Any = importlib.import_module("dwave.system")
        token = os.environ[TOKEN]
        if self.device == "hybrid":
            return system.LeapHybridSampler(token=token)
        return system.EmbeddingComposite(system.DWaveSampler(token=token))
