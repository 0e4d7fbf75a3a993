r"""Choosing lambda by trying: short runs at several, the rest of the time at the best.

The exact lambda makes energies losses but hampers samplers, a tenth of it finds perfect networks
several times more often (qubo.md sections 0.2, 0.3), and where the best lies depends on data and
sampler. Energies at different lambdas are not comparable, so runs are by the training objective.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from bnnbench.errors import ProblemError
from bnnbench.inner import Inner, Name
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Point, Solution, Termination
from bnnbench.spec import Spec, as_spec
from bnnbench_qubo.composite import Composite, ended
from bnnbench_qubo.sampling import batch_seed


@dataclass(frozen=True)
class PenaltySweep(Composite):
    """Samples a QUBO at several penalties, then spends the rest of the time at the best one.

    Best by training objective, then by the mean objective of the reads. Without a time limit every
    run takes what the sampler's own limits say, so the sampler should have some.

    Attributes:
        sampler: a solver of kind ``qubo``.
        formulation: one of kind ``qubo`` with a parameter ``penalty``, which is set here.
        penalties: tried, in units of one error.
        share: of the time, for trying.
    """

    name: ClassVar[str] = "penalty-sweep"
    kind: ClassVar[str] = "direct"
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_qubo.warm",)

    sampler: Name = field(default=Spec.of("ising-sa", num_reads=256))
    formulation: Name = field(default=Spec("bnn-qubo"))
    penalties: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5, 1.0)
    share: float = 0.5

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0 or not 0 < self.share < 1:
            raise ProblemError("penalty-sweep: needs penalties > 0 and a share in (0, 1).")

    def accepts(self, model: Model) -> str | None:
        return self._at(self.penalties[0]).refuses(model.problem, kind="qubo")

    def _at(self, penalty: float) -> Inner:
        """The sampler, and the formulation with this penalty."""
        given = as_spec(self.formulation)
        weighed = Spec.of(given.name, **{**given.kwargs, "penalty": float(penalty)})
        return Inner.of(self.sampler, weighed)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        problem: Problem = model.problem
        tried: list[tuple[float, float, float]] = []
        parts: list[Solution] = []
        told = _Best(report)
        best: Solution | None = None
        for number, penalty in enumerate((*self.penalties, None)):
            last = penalty is None
            if last and not tried:
                break
            weight = min(tried)[2] if penalty is None else penalty
            slots = len(self.penalties) - number
            time = clock.left if last else (clock.left - (1 - self.share) * limits.time) / slots
            if limits.time == float("inf"):
                time = limits.time
            if time <= 0:
                parts.append(Solution(termination=Termination.TIME))
                break
            part = limits.within(time, limits.target)
            found = self._at(weight).run(problem, part, batch_seed(seed, number), told)
            parts.append(found)
            if found.answer is None or found.objective is None:
                continue
            mean = float(found.info.get("mean_objective") or found.objective)
            tried.append((found.objective, mean, weight))
            if best is None or best.objective is None or found.objective < best.objective:
                best = found
            if found.termination is Termination.TARGET:
                break
        if best is None:
            return Solution.found(None, Termination.TIME)
        chosen = min(tried)[2]
        termination = ended(found.termination, parts)
        return replace(
            best,
            bound=None,
            termination=termination,
            info={**best.info, "penalty": chosen, "tried": len(tried)},
        )


@dataclass(eq=False)
class _Best:
    """A report for several runs: passes on what is better than all before."""

    report: Report
    best: float = float("inf")

    def __call__(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """See :class:`bnnbench.interfaces.Report`; a penalty's bound bounds nothing else."""
        if answer is None or objective is None or objective >= self.best:
            return self.report()
        self.best = objective
        return self.report(answer, objective=objective)
