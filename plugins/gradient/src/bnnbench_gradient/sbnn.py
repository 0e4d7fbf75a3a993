"""The solver of sparse binary networks: two values, their ratio learnt (sbnn.md A.1, A.5, A.9.3).

Training, restarts, selection and exact re-evaluation are those of :mod:`ste`, with differences: rho
is learnt and then fixed at an allowed value (:mod:`ratios`), batch statistics are
differentiated, latents begin near 0, and a budget is spent exactly, on the largest latents whatever
their sign, or approached by the released penalty and kept by a projection (:mod:`budgets`).
Complexity per round: models x epochs x rows x weights.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from bnnbench.domain import TwoValued
from bnnbench.errors import SpecError
from bnnbench.interfaces import Model
from bnnbench.problem import Problem
from bnnbench_gradient.ste import Ste

if TYPE_CHECKING:
    from bnnbench_gradient.training import Recipe

Scope = Literal["layer", "network"]


@dataclass(frozen=True)
class Sbnn(Ste):
    """Sparse binary networks: {alpha, beta} per layer with a learnt ratio, masks on a budget.

    As ste, for two-valued domains with free biases. The ratio of the two values is learnt, then
    fixed at the nearest one that the domain allows; training goes on with it. Masks hold the
    largest latents, as many as the budget has, or follow the penalty of the released SBNN code and
    are projected onto the budget at the end. Domains with one ratio are its rivals: rhos=(0) is
    {0, 1} and rhos=(-4) with d=3 is {-1, +1}.

    Parameters that are not listed are those of ste.

    Attributes:
        learnt: share of the steps in which the ratio is learnt.
        scope: ``network`` for one budget over all layers, ``layer`` for the same share in each.
        gamma: share of the penalty in the loss, in (0, 1); none for masks that keep to the budget.
        start: latents begin uniform in [-start, start].
    """

    name: ClassVar[str] = "sbnn"

    models: int = 16
    learnt: float = 0.5
    scope: Scope = "network"
    gamma: float | None = None
    start: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scope not in get_args(Scope):
            known = ", ".join(get_args(Scope))
            raise SpecError(f"sbnn: scope must be one of {known}, got {self.scope!r}.")
        if not 0 <= self.learnt <= 1:
            raise SpecError(f"sbnn: learnt must lie in [0, 1], got {self.learnt}.")
        if self.gamma is not None and not 0 < self.gamma < 1:
            raise SpecError(f"sbnn: gamma must lie in (0, 1), got {self.gamma}.")
        if not self.start > 0:
            raise SpecError(f"sbnn: start must be positive, got {self.start}.")

    def accepts(self, model: Model) -> str | None:
        domain = model.problem.domain
        if not isinstance(domain, TwoValued) or domain.bias != "free":
            return f"needs the domain two-valued with free biases, not {domain.spec}"
        if self.gamma is not None and domain.ones >= 1:
            return "a penalty needs a budget, and every weight may be beta"
        return super().accepts(model)

    def recipe(self, problem: Problem) -> Recipe:
        from bnnbench_gradient.budgets import Sparse

        sparse = Sparse(self.learnt, self.scope, self.gamma)
        return dataclasses.replace(super().recipe(problem), start=self.start, sparse=sparse)
