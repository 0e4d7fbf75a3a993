"""The solver Bop: binary networks without latent weights (sbnn.md B.11; Helwegen et al. 2019).

Restarts, selection and exact re-evaluation are those of :mod:`ste`, the update is that of
:mod:`bop_rounds`. Complexity per round: models x epochs x rows x weights.
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
class Bop(Ste):
    """Bop, the binary optimiser: flips weights by averaged gradients, without latent weights.

    For the domain binary, with biases of any kind but asymmetric. Many models are trained at once,
    with restarts, as by ste.

    Parameters that are not listed are those of ste.

    Attributes:
        rates: rates of Adam for free thresholds and the output scale, taken in turn by the models;
            none for 0.003, 0.01, 0.03, 0.1, the last not for squared hinge and depth.
        adaptivity: weight of a new gradient in the average, gamma, falling along a cosine.
        threshold: least absolute average that flips a weight.
    """

    name: ClassVar[str] = "bop"

    adaptivity: float = 0.001
    threshold: float = 5e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.adaptivity <= 1:
            raise SpecError(f"bop: adaptivity must lie in (0, 1], got {self.adaptivity}.")
        if not self.threshold >= 0:
            raise SpecError(f"bop: threshold must not be negative, got {self.threshold}.")

    def accepts(self, model: Model) -> str | None:
        domain = model.problem.domain
        if not isinstance(domain, Binary) or domain.bias == "asymmetric":
            return f"flips weights of -1 and +1: needs the domain binary, not {domain.spec}"
        return super().accepts(model)

    def trainer(self, problem: Problem) -> Trainer:
        from bnnbench_gradient.bop_rounds import BopTrainer

        return BopTrainer(problem, self.recipe(problem), self.adaptivity, self.threshold)
