"""Any dimod sampler, by its import path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution
from bnnbench.spec import Spec
from bnnbench_qubo.harvest import Floats, Harvest, States
from bnnbench_qubo.sampling import (
    Pace,
    Schedule,
    collect,
    finish,
    from_sampleset,
    overrun,
    to_bqm,
)


@dataclass(frozen=True)
class DimodSampler(Solver):
    """A dimod sampler named by its import path, called in batches of reads.

    Write ``dimod[sampler=dwave.samplers.TabuSampler[num_restarts=10]]``: the parameters in inner
    brackets go to ``sample``; ``num_reads`` and ``seed`` are set here where the sampler knows
    them. A sampler that cannot be seeded does not reproduce. Samplers keep time limits of their
    own, or none: a batch is never begun when the last one suggests that a read does not fit.

    Attributes:
        sampler: import path of the class, with parameters of ``sample``.
        num_reads: reads in all; none for as many as the time allows.
        reads_per_batch: reads per call, reached by doubling from 1.
    """

    name: ClassVar[str] = "dimod"
    kind: ClassVar[str] = "qubo"
    requires: ClassVar[tuple[str, ...]] = ("dimod", "dwave-samplers")
    preload: ClassVar[tuple[str, ...]] = ("dimod",)

    sampler: Spec | str = field(default=Spec("dwave.samplers.SteepestDescentSampler"))
    num_reads: int | None = None
    reads_per_batch: int = 64

    def __post_init__(self) -> None:
        if "." not in self._spec.name:
            raise ProblemError(
                f"dimod: sampler needs a path module.Class, got {self._spec.name!r}."
            )
        if self.reads_per_batch < 1 or (self.num_reads or 1) < 1:
            raise ProblemError("dimod: reads and reads_per_batch must be at least 1.")

    @property
    def _spec(self) -> Spec:
        return self.sampler if isinstance(self.sampler, Spec) else Spec(self.sampler)

    def available(self) -> str | None:
        reason = super().available()
        if reason is None:
            try:
                self._load()
            except (ImportError, AttributeError) as error:
                reason = f"no sampler {self._spec.name}: {error}"
        return reason

    def accepts(self, model: Model) -> str | None:
        return None if isinstance(model.data, Qubo) else "the model's data are no Qubo"

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        sampler = self._load()()
        bqm = to_bqm(model.data)
        convert = clock.elapsed

        def draw(reads: int, seed: int, interrupt: Callable[[], bool]) -> tuple[States, Floats]:
            known = {"num_reads": reads, "seed": seed}
            extra = {k: v for k, v in known.items() if k in sampler.parameters}
            return from_sampleset(sampler.sample(bqm, **{**extra, **self._spec.kwargs}))

        harvest = Harvest(model, report)
        schedule = Schedule(self.reads_per_batch, self.num_reads)
        termination, sampling = collect(harvest, clock, schedule, draw, seed, Pace(0.0))
        late = overrun(clock, limits)
        return finish(harvest, termination, sampling, convert, overrun_seconds=late)

    def _load(self) -> Any:
        module, _, name = self._spec.name.rpartition(".")
        return getattr(importlib.import_module(module), name)
