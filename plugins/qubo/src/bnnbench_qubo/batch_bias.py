r"""Mini-batches with linear penalties across them (Sasdelli and Chin 2021; qubo.md section 1.2).

The training rows are cut into batches of a few. After each batch's QUBO is sampled, the biases

    g_w <- g_w + alpha (2 w - 1)

pull the next QUBO towards the weights found: its linear term is -sum_w g_w (2 w - 1) over *all*
weight bits. The published notebook has the update with a minus in front of a term that is added,
and alpha = 0 in its runs. QUBOs stay as small as a batch; every network is evaluated on all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.inner import Name
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.models import Qubo
from bnnbench.network import Network
from bnnbench.objectives import Score
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_qubo.composite import Composite, ended
from bnnbench_qubo.counter import Int64
from bnnbench_qubo.harvest import Floats
from bnnbench_qubo.sampling import batch_seed


@dataclass(frozen=True)
class BatchBias(Composite):
    """Trains on mini-batches one after the other, each QUBO biased to the weights before.

    The answer is the best network on all training rows. With a time limit every batch gets an equal
    share of it.

    Attributes:
        sampler: a solver of kind ``qubo``.
        formulation: one of kind ``qubo`` whose first variables are the weight bits.
        batch: rows of a batch.
        epochs: passes over the rows.
        alpha: weight of the linear term per batch.
    """

    name: ClassVar[str] = "batch-bias"
    kind: ClassVar[str] = "direct"
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_qubo.warm",)

    sampler: Name = field(default=Spec.of("ising-sa", num_reads=128))
    formulation: Name = field(default=Spec.of("bnn-qubo", normalise=False))
    batch: int = 8
    epochs: int = 1
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if min(self.batch, self.epochs) < 1 or self.alpha < 0:
            raise ProblemError("batch-bias: needs batch and epochs >= 1 and alpha >= 0.")

    def accepts(self, model: Model) -> str | None:
        problem: Problem = model.problem
        return self.refuses(self._part(problem, slice(1)))

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock, inner = Clock(limits), self.part()
        problem: Problem = model.problem
        batches = self._batches(problem, seed)
        biases: Floats | None = None
        best: Score | None = None
        answer: Network | None = None
        termination, parts = Termination.ITERATIONS, list[Solution]()
        for number, rows in enumerate(batches):
            part = inner.model(self._part(problem, rows))
            bits = int(part.info["weight_bits"])
            biases = np.zeros(bits) if biases is None else biases
            share = clock.left / (len(batches) - number)
            if share <= 0:
                termination = Termination.TIME
                break
            model = _biased(part, biases)
            found = inner.solve(model, limits.within(share), batch_seed(seed, number))
            parts.append(found)
            network = found.network
            if network is None:
                continue
            biases += self.alpha * _signs(part, network, bits)
            score = problem.evaluate(network)
            if best is None or score < best:
                best, answer = score, network
                value = None if score.value is None else float(score.value)
                if report(network, objective=value):
                    termination = Termination.TARGET
                    break
        objective = None if best is None or best.value is None else float(best.value)
        done = sum(part.answer is not None for part in parts)
        why = ended(termination, parts)
        return Solution.found(answer, why, objective=objective, batches=done)

    def _batches(self, problem: Problem, seed: int) -> list[Int64]:
        rng = np.random.default_rng([seed, 1])
        rows = problem.dataset.sizes[0]
        cuts = np.arange(self.batch, rows, self.batch)
        return [part for _ in range(self.epochs) for part in np.split(rng.permutation(rows), cuts)]

    def _part(self, problem: Problem, rows: slice | Int64) -> Problem:
        data = problem.dataset
        X, y = data.part("train")
        sizes = (len(y[rows]), 0, 0)
        some = replace(data, X=X[rows], y=y[rows], sizes=sizes, rows=None, reference=None)
        return replace(problem, dataset=some)


def _biased(model: Model, biases: Floats) -> Model:
    qubo: Qubo = model.data
    linear = qubo.linear.copy()
    linear[: len(biases)] -= 2 * biases
    offset = qubo.offset + float(biases.sum())
    return replace(model, data=replace(qubo, linear=linear, offset=offset), exact=False)


def _signs(model: Model, network: Network, bits: int) -> Floats:
    """2 w - 1 of the network's weight bits."""
    assert model.encode is not None
    return 2 * np.asarray(model.encode(network), dtype=np.float64)[:bits] - 1
