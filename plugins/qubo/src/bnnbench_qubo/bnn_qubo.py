r"""Training a binary network as a QUBO: qubo.md sections 1.3 and 1.4, for any layered graph.

Weights W = 2 w - 1 are bits, or lo + step sum_b c_b w_b on a grid. Every unit v and training sample
k has an activation bit a and slack bits s tied to the weights by the threshold gadget
(:mod:`bnnbench_qubo.counter`); a weight bit times a hidden activation is a Rosenberg
product q with penalty P = w a - 2 q (w + a) + 3 q >= 0, which is 0 if and only if q = w a. With the
errors of rows or outputs as loss,

    E = loss + lambda [ sum (P'_kv - R a_kv - s_kv + R)^2 + sum P ] - margin term

with the binary slack, and likewise with the others of :mod:`bnnbench_qubo.slack`. All penalties are
integers >= 0 and 0 exactly at the true forward pass. Replacing a sample's auxiliaries by the true
ones therefore lowers the penalties to 0 and raises the loss by at most
L = number of outputs (1 for row errors), so for lambda >= L the minimum of E over the auxiliaries
is the training loss of the weights. With the margin term the bound is
L + mu max_k sum_v (R_kv - 1), twice the sum for the unary slack, whose disordered chains may score
double.

The margin of a unit is m = a s + (1 - a)(R - 1 - s), |P| = 2 m + 1 for odd reach: quadratic in
the bits as it stands. Its weight here is mu = margin / sum_kv (R_kv - 1), so the whole term lies in
[-margin, 0].

Size of a chain n_0-..-n_L without normalisation, biases or row errors, B_l = bit_length(R_l - 1):
sum n_(l-1) n_l + N [ sum_(l>=1) n_l (1 + B_l) + sum_(l>=2) n_(l-1) n_l ].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bnnbench.domain import Binary, Grid, Integer
from bnnbench.errors import ProblemError
from bnnbench.interfaces import Formulation, Model
from bnnbench.models import Qubo
from bnnbench.models.qubo import Bits
from bnnbench.network import Network
from bnnbench.objectives import SignErrors
from bnnbench.problem import Problem
from bnnbench.solution import Point
from bnnbench_qubo.counter import PLUS_MINUS_ONE
from bnnbench_qubo.energy import energy
from bnnbench_qubo.forward import complete, decode, weight_bits
from bnnbench_qubo.layout import Choice, Layout, counters, number
from bnnbench_qubo.slack import ENCODINGS, SlackName, bounded

REACH_LIMIT = 4096
"""Largest pre-activation; its square is the range of the coefficients."""
SIZE_LIMIT = 64
"""Most values of a weight."""
TERM_LIMIT = 10_000_000
"""Most quadratic terms, repeated ones included; 100 bytes each while building."""


@dataclass(frozen=True)
class BnnQubo(Formulation):
    """Binary network as a quadratic function of 0/1 variables, any layered topology.

    Objectives: ``errors`` with one output, ``sign-errors`` (not strict), ``hamming``. Domains:
    ``binary`` with bias same or none; ``integer`` and other biases are restricted to -1 / +1, and
    bounds then say nothing about the problem. With ``weights=domain`` also ``integer`` and
    ``two-valued`` with one rho and no budget, biases on the weights' grid. A tie counts
    as +1, exactly as in verification.

    Attributes:
        penalty: lambda, in units of one error; ``exact`` for the smallest value that provably
            keeps all minima (1 for one output). The default is far below it: the minimum may
            undershoot the loss, but samplers find good weights several times more often
            (qubo.md sections 0.3, 4.5).
        loss: ``soft`` has output activations as variables and counts errors; ``hard`` fixes them
            to the labels, which has fewer variables and minimum 0 if and only if every row fits.
        margin: reward for large pre-activations; the whole term lies in [-margin, 0], so below 1
            it never outweighs an error.
        normalise: fix one outgoing weight of every hidden ``sign`` unit to +1 by sign symmetry,
            for units that cannot tie on the training rows; others keep all their weights. Only for
            weights -1 / +1.
        slack: how counters are encoded: ``binary`` (fewest bits), ``unary`` (domain wall) or
            ``reflected`` (linear margin, a product per bit).
        weights: ``binary`` (-1 / +1) or ``domain`` (all values of the domain's grid, in bounded
            binary bits).
        share: ``none``, or ``circulant``: units of the first layer, which must be dense, share one
            kernel, each shifted by one input (a circular convolution). A restriction.
    """

    name: ClassVar[str] = "bnn-qubo"
    kind: ClassVar[str] = "qubo"
    objectives: ClassVar[tuple[str, ...]] = ("errors", "hamming", "sign-errors")

    penalty: float | str = 0.15
    loss: Literal["soft", "hard"] = "soft"
    margin: float = 0.0
    normalise: bool = True
    slack: SlackName = "binary"
    weights: Literal["binary", "domain"] = "binary"
    share: Literal["none", "circulant"] = "none"

    def __post_init__(self) -> None:
        number_like = isinstance(self.penalty, (int, float)) and self.penalty > 0
        if self.penalty != "exact" and not number_like:
            raise ProblemError(
                f"bnn-qubo: penalty must be a positive number or 'exact', got {self.penalty!r}."
            )
        if self.loss not in ("soft", "hard"):
            raise ProblemError(f"bnn-qubo: loss must be soft or hard, got {self.loss!r}.")
        if self.margin < 0:
            raise ProblemError(f"bnn-qubo: margin must not be negative, got {self.margin}.")
        if self.slack not in ENCODINGS:
            raise ProblemError(f"bnn-qubo: slack is one of {', '.join(ENCODINGS)}.")
        if self.weights not in ("binary", "domain") or self.share not in ("none", "circulant"):
            raise ProblemError("bnn-qubo: weights is binary or domain, share none or circulant.")

    def accepts(self, problem: Problem) -> str | None:
        outputs, objective = problem.architecture.outputs, problem.objective
        if objective.name not in self.objectives:
            return f"objective {objective.name}: needs errors, sign-errors or hamming"
        if objective.name == "errors" and outputs > 1:
            return "errors of several outputs go by argmax: use hamming, sign-errors or one output"
        if isinstance(objective, SignErrors) and objective.strict and outputs > 1:
            return "strict sign-errors forbid networks, which a penalty cannot express"
        domain, grids = problem.domain, problem.domain.grids()
        if self.weights == "binary" and not isinstance(domain, (Binary, Integer)):
            return f"domain {domain.kind}: weights must be able to be -1 and +1"
        budget = domain.budget(problem.architecture.n_weights)
        if self.weights == "domain" and (len(grids) > 1 or budget is not None):
            return f"domain {domain.kind} has several grids or a budget"
        if self.weights == "domain" and grids[0].size > SIZE_LIMIT:
            return f"domain {domain.kind} has {grids[0].size} weights, over {SIZE_LIMIT}"
        first = problem.architecture.sources(1)[0]
        if self.share == "circulant" and first.mask is not None:
            return "shared weights need a first layer with all its arcs"
        terms = _term_count(problem) * len(bounded(np.array([self._grid(problem).size]))[0]) ** 2
        if terms > TERM_LIMIT:
            return f"about {terms:.1g} quadratic terms, over {TERM_LIMIT:.0g}: use fewer rows"
        reach = max(int(c.levels.max()) - 1 for c in counters(problem, self._grid(problem)))
        reach = 2 * reach
        if reach > REACH_LIMIT:
            return (
                f"a pre-activation counts up to {reach}, over {REACH_LIMIT}: use two-valued or"
                " coarser features ('| threshold', '| median')"
            )
        return None

    def build(self, problem: Problem) -> Model:
        outputs = problem.architecture.outputs
        per_row = problem.objective.name == "sign-errors" and outputs > 1
        hard = self.loss == "hard"
        choice = Choice(
            grid=self._grid(problem),
            slack=self.slack,
            known_outputs=hard,
            row_errors=per_row and not hard,
            normalise=self.normalise,
            circulant=self.share == "circulant",
        )
        layout = number(problem, choice)
        wanted = problem.targets() > 0
        mu = self._margin_weight(layout)
        bound = (1 if per_row else outputs) + mu * _largest_margin(layout)
        weight = bound if self.penalty == "exact" else float(self.penalty)
        qubo = energy(layout, wanted, weight, mu, hard)

        def encode(network: Network) -> Point:
            state: Bits = complete(layout, wanted, weight_bits(layout, network)[None])[0]
            return state

        domain = problem.domain
        whole = domain.grids() == (choice.grid,) and not choice.circulant
        plain = whole and domain.bias in ("same", "none")
        return Model(
            problem,
            self.kind,
            qubo,
            decode=lambda point: decode(layout, point),
            encode=encode,
            exact=plain and not hard and not mu and weight >= bound,
            info={
                **shape_info(qubo, weight, None if hard else bound),
                "weight_bits": layout.n_weights,
                "fixed_weights": sum(int(a.fixed.sum()) for a in layout.layers),
                "rewarded": bool(mu),
            },
        )

    def _grid(self, problem: Problem) -> Grid:
        return PLUS_MINUS_ONE if self.weights == "binary" else problem.domain.grids()[0]

    def _margin_weight(self, layout: Layout) -> float:
        total = sum(int((a.counter.levels - 1).sum()) for a in layout.layers)
        return self.margin / total if total else 0.0


def _largest_margin(layout: Layout) -> int:
    """The largest sum of margins of one sample, on any bits."""
    return int(sum(a.encoding.largest_margin.sum(axis=1) for a in layout.layers).max())


def _term_count(problem: Problem) -> int:
    """About how many quadratic terms the energy has."""
    arch, total = problem.architecture, 0
    for layer in range(1, arch.depth + 1):
        hidden = sum(arch.widths[c.source] for c in arch.sources(layer) if c.source > 0)
        own = 2 * hidden + 2 + arch.fan_in(layer).bit_length()
        total += arch.widths[layer] * own * (arch.fan_in(layer) + own // 2)
    return problem.dataset.sizes[0] * total


def shape_info(qubo: Qubo, weight: float, bound: float | None) -> dict[str, Any]:
    """Figures of a QUBO with penalty ``weight`` whose minima are exact from ``bound`` on."""
    degree = np.bincount(qubo.rows, minlength=qubo.n) + np.bincount(qubo.cols, minlength=qubo.n)
    return {
        "n": qubo.n,
        "couplings": len(qubo.values),
        "max_degree": int(degree.max()),
        "lambda": float(weight),
        "exact_lambda": None if bound is None else float(bound),
        "largest_coupling": float(np.abs(qubo.values).max(initial=0.0)),
    }
