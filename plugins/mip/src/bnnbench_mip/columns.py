"""Columns: nets as few of all achievable activation vectors, with proofs (mip.md section 4.3).

For fixed data a hidden unit matters only through its activations u on the rows and its outgoing
weights v. The master program chooses at most H pairs (v, u); its LP bound is most of the optimum
where big-M programs have 0. This is LPBoost (Demiriz, Bennett and Shawe-Taylor, Machine Learning
46, 225-254, 2002) and IPBoost (Pfetsch and Pokutta, arXiv 2002.04679) with integer threshold units
as base learners, over the list of all of them:

1. merge equal rows; enumerate all u (:mod:`bnnbench_mip.activations`);
2. nets by exchange of one unit for the best of all (:mod:`bnnbench_mip.exchange`);
3. the LP by column generation, pricing all units at once, every set of prices giving an exact bound
   on all nets and on those that use a given unit (:mod:`bnnbench_mip.pricing`);
4. drop each unit whose own bound is not below the incumbent; MIPs over the columns of the LP and
   over the best of the rest (:mod:`bnnbench_mip.master`);
5. branch and price over what is left (:mod:`bnnbench_mip.branching`), to the proof.

There are 3^d / 2 weight vectors of P = 1 and (2 P + 1)^K - 1 tuples v. Where the vectors are too
many to list, a solver of kind ``milp`` may price them (:mod:`bnnbench_mip.priced`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from bnnbench.domain import Integer
from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Model, Report, Solver, direct_model
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_mip.activations import OutOfTimeError, candidates
from bnnbench_mip.priced import Priced
from bnnbench_mip.proof import Proof, bias_values

LARGEST = 1 << 40
"""Largest sum of absolute features, over their scale, of a row, times the largest weight."""
MOST_OUTPUTS = 4
"""The problem is split by the parity of every output at once."""
MOST_UNITS = 20_000_000
"""Most pairs of activation vector and outgoing weights, some 50 bytes each."""


@dataclass(frozen=True)
class Columns(Solver):
    """Proves optima of linear-hinge with one hidden layer, over all activation vectors.

    For small integer weights, up to four outputs and few features: all achievable activation
    vectors are listed first.

    Attributes:
        max_columns: refuse, or price, problems with more candidates ((2 P + 1)^d / 2 weight vectors
            times the biases, fewer where features are equal); 12 binary features have 1.1 million
            with P = 1.
        restarts: shaken starts of the local search.
        batch: columns that enter the LP at once.
        mip_columns: columns of the MIP over the best of what is left.
        whole: a region with at most so many units left goes to a MIP.
        nodes: most nodes of a MIP that cannot prove anything.
        pricing: solver of kind milp, such as highs, that finds units where the vectors are too
            many to list; none to refuse such problems.
    """

    name: ClassVar[str] = "columns"
    requires: ClassVar[tuple[str, ...]] = ("highspy",)
    preload: ClassVar[tuple[str, ...]] = ("highspy",)
    max_columns: int = 2_000_000
    restarts: int = 40
    batch: int = 30
    mip_columns: int = 400
    whole: int = 400
    nodes: int = 200
    pricing: Name = "none"

    def accepts(self, model: Model) -> str | None:
        problem: Problem = model.data
        arch, domain = problem.architecture, problem.domain
        if problem.objective.name != "linear-hinge":
            return f"models linear-hinge, not {problem.objective.name}"
        if arch.depth != 2 or not arch.dense or arch.outputs > MOST_OUTPUTS:
            return (
                f"needs one fully connected hidden layer and at most {MOST_OUTPUTS} outputs,"
                f" not {arch.text}"
            )
        if arch.activation != "sign":
            return "needs sign activations"
        if not isinstance(domain, Integer) or domain.P > 127 or domain.bias == "free":
            return f"needs integer with bias asymmetric, same or none, not {domain.spec}"
        X = np.unique(problem.dataset.part("train")[0], axis=0)
        reach = sum(max(abs(int(x.min())), abs(int(x.max()))) for x in X.T)
        if (reach + 2 * problem.dataset.scale) * domain.P > LARGEST:
            return f"features are too large: a row's sum may pass {LARGEST}"
        scale = problem.dataset.scale
        count = candidates(X.astype(np.int64), bias_values(problem), scale, domain.P)
        if count > self.max_columns and self.pricing != "none":
            return self._cannot_price()
        if count > self.max_columns:
            return f"{count} candidate activation vectors, max_columns is {self.max_columns}"
        units = min(count, 1 << min(len(X), 40)) * ((2 * domain.P + 1) ** arch.outputs - 1)
        if units > MOST_UNITS:
            return (
                f"{units} pairs of activation vector and outgoing weights, more than {MOST_UNITS}"
            )
        return None

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return () if self.pricing == "none" else used(self.pricing)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        import highspy

        proof = self._proof(model.data, limits, seed, report)
        failure = None
        try:
            proof.start()
            proof.prove()
        except OutOfTimeError:
            failure = Termination.TIME
        except MemoryError:
            failure = Termination.MEMORY
        finally:
            # The thread pool is global to the process; see bnnbench_mip.highs.
            highspy.Highs.resetGlobalScheduler(True)
        return proof.solution(failure)

    def _cannot_price(self) -> str | None:
        """Why the given solver cannot price columns."""
        solver = Inner.of(self.pricing).solver
        if solver.kind != "milp":
            return f"pricing needs a solver of kind milp, {solver.name} reads {solver.kind}"
        return solver.available()

    def _proof(self, problem: Problem, limits: Limits, seed: int, report: Report) -> Proof:
        """A run over all activation vectors, or one that prices them where they are too many."""
        listed = replace(self, pricing="none")
        if self.pricing == "none" or listed.accepts(direct_model(problem)) is None:
            return Proof(self, problem, limits, seed, report)
        solver = Inner.of(self.pricing).solver
        return Priced(self, problem, limits, seed, report, solver=solver)
