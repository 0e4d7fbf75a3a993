"""A budget of upper values during batched training (sbnn.md A.3, A.5).

Quotas: the ``floor(EC N)`` largest latents of the network take the upper value, or the
``floor(EC n_l)`` largest of every layer. Penalty, as released: with ``h = max(0, ones / N - EC)``
and the loss L, ``lambda = gamma L / (h (1 - gamma))`` is a constant in the backward pass, so that
every latent is pushed down by ``lambda / (2 N)``; nothing when h <= 1e-4. It is no constraint: what
it leaves above the budget is projected away at the end, by the quotas.
Complexity: O(K weights).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from bnnbench.domain import TwoValued
from bnnbench.problem import Problem
from bnnbench_gradient.layout import Layout
from bnnbench_gradient.quantise import Quota
from bnnbench_gradient.sbnn import Scope

FEASIBLE = 1e-4
"""Excess of ones that the released code counts as none."""
CLIP = 1.5
"""Where the penalty clips latents."""


@dataclass(frozen=True)
class Sparse:
    """How two values and their budget are trained.

    Attributes:
        learnt: share of the steps in which rho is learnt; after them it is fixed.
        scope: what a quota spans.
        gamma: share of the penalty in the total loss; None for quotas instead of the penalty.
    """

    learnt: float
    scope: Scope
    gamma: float | None = None


def quotas(problem: Problem, layout: Layout, sparse: Sparse | None) -> tuple[Quota, ...]:
    """The quotas of a problem's budget; none when there is no budget."""
    arch, domain = problem.architecture, problem.domain
    budget = domain.budget(arch.n_weights)
    if budget is None:
        return ()
    exactly = sparse is not None and sparse.gamma is None
    if sparse is None or sparse.scope == "network":
        return (Quota(slice(0, layout.n_weights), budget, exactly),)
    assert isinstance(domain, TwoValued)
    share = Fraction(str(domain.ones))
    sizes = [int(arch.mask(k).sum()) for k in range(1, arch.depth + 1)]
    return tuple(
        Quota(place.weights, int(share * size), exactly)
        for place, size in zip(layout.layers, sizes, strict=True)
    )


def push(losses: Tensor, ones: Tensor, budget: int, n_weights: int, gamma: float) -> Tensor:
    """The penalty's gradient on every latent: losses and counts (K,) give (K,)."""
    excess = (ones - budget) / n_weights
    strength = gamma / (1 - gamma) * losses / excess.clamp(min=FEASIBLE)
    return strength * (excess > FEASIBLE) / (2 * n_weights)
