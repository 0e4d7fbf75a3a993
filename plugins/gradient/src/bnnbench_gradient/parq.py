"""The solver PARQ: binary networks by a regulariser that hardens gradually (sbnn.md B.11).

Restarts, selection and exact re-evaluation are those of :mod:`ste`, the update is torchao's, see
:mod:`parq_rounds`. Complexity per round: models x epochs x rows x weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bnnbench.domain import Binary
from bnnbench.errors import SpecError
from bnnbench.interfaces import Model
from bnnbench.problem import Problem
from bnnbench_gradient.ste import Ste

if TYPE_CHECKING:
    from bnnbench_gradient.training import Trainer


@dataclass(frozen=True)
class Parq(Ste):
    """PARQ (torchao): real weights drawn to -1 and +1 by a proximal map that hardens.

    For the domain binary, with biases of any kind but asymmetric. Many models are trained at once,
    with restarts, as by ste; signs of hidden units keep the straight-through estimator.

    Parameters that are not listed are those of ste.

    Attributes:
        rates: the initial learning rate of Adam, one for all models; none for 0.03.
        anneal: shares of the steps at which hardening begins and ends.
        steepness: of the sigmoid by which the inverse slope falls from 1 to 0.
        period: steps between updates of the two values.
    """

    name: ClassVar[str] = "parq"
    requires: ClassVar[tuple[str, ...]] = ("torch", "torchao")
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_gradient.parq_rounds",)

    anneal: tuple[float, float] = (0.0, 0.8)
    steepness: float = 10.0
    period: int = 10

    def __post_init__(self) -> None:
        if self.rates is None:
            object.__setattr__(self, "rates", (0.03,))
        super().__post_init__()
        if len(self.rates or ()) != 1:
            raise SpecError(f"parq: rates must be one rate, got {self.rates}.")
        if len(self.anneal) != 2 or not 0 <= self.anneal[0] < self.anneal[1] <= 1:
            raise SpecError(f"parq: anneal must be two rising shares in [0, 1], got {self.anneal}.")
        if not self.steepness > 0 or self.period < 1:
            raise SpecError("parq: steepness must be positive and period at least 1.")

    def accepts(self, model: Model) -> str | None:
        domain = model.problem.domain
        if not isinstance(domain, Binary) or domain.bias == "asymmetric":
            return f"has weights of -1 and +1: needs the domain binary, not {domain.spec}"
        return super().accepts(model)

    def trainer(self, problem: Problem) -> Trainer:
        from bnnbench_gradient.parq_rounds import ParqTrainer

        recipe = self.recipe(problem)
        return ParqTrainer(problem, recipe, self.anneal, self.steepness, self.period)
