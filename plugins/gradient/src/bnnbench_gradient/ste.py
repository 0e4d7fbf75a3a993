"""The solver: rounds of restarts under a time limit (sbnn.md B.5, B.7, B.8).

A round trains ``models`` networks over the grid of rates; every trained network is re-evaluated in
exact integer arithmetic and the best by the selection rule is kept and streamed. Complexity per
round: models x epochs x rows x weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from bnnbench.errors import SpecError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.network import Network
from bnnbench.objectives import Score
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_gradient.selection import Rule, rank

if TYPE_CHECKING:
    from bnnbench_gradient.losses import LossName
    from bnnbench_gradient.rounds import Round
    from bnnbench_gradient.training import Recipe, Trainer

Device = Literal["auto", "cpu", "cuda"]
LossRule = Literal["auto", "cross-entropy", "squared-hinge"]
Precision = Literal["float32", "float64"]

RATES = (0.003, 0.01, 0.03, 0.1)
FEW_ROWS, EPOCHS_FEW, EPOCHS_MANY = 100, 150, 60


@dataclass(frozen=True)
class Ste(Solver):
    """Straight-through gradient training of many quantised networks at once, with restarts.

    Latent weights are rounded to the domain in the forward pass and updated as if they were not;
    hidden units are scaled by their batch standard deviation, which changes no decision. All
    models of a round are trained in batched matrix products. A round that the time limit cuts off
    counts only if it is the first. Free biases are thresholds folded from batch normalisation.

    Attributes:
        loss: ``cross-entropy`` (for argmax), ``squared-hinge`` (for signs), or ``auto``:
            cross-entropy for the objective ``errors``, else squared hinge.
        rates: initial learning rates of Adam, taken in turn by the models; none for 0.003, 0.01,
            0.03, 0.1, without the last for squared hinge with two or more hidden layers.
        models: networks per round.
        rounds: how many rounds; none for as many as the time limit allows, one without a limit.
        epochs: passes over the training rows; none for 150 up to 100 rows, else 60.
        batch: rows per mini-batch.
        select: ``objective`` (least exact training objective), ``validation`` (least errors on the
            validation rows) or ``train-only`` (scaled training loss of the integer outputs).
        device: ``cpu``, ``cuda``, or ``auto`` for CUDA where there is one.
        precision: ``float32`` or ``float64`` of the training arithmetic.
    """

    name: ClassVar[str] = "ste"
    kind: ClassVar[str] = "direct"
    requires: ClassVar[tuple[str, ...]] = ("torch",)
    preload: ClassVar[tuple[str, ...]] = ("torch",)

    loss: LossRule = "auto"
    rates: tuple[float, ...] | None = None
    models: int = 32
    rounds: int | None = None
    epochs: int | None = None
    batch: int = 64
    select: Rule = "objective"
    device: Device = "cpu"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if isinstance(self.rates, (int, float)):
            object.__setattr__(self, "rates", (float(self.rates),))
        choices = (("loss", LossRule), ("select", Rule), ("device", Device))
        for key, allowed in (*choices, ("precision", Precision)):
            if getattr(self, key) not in get_args(allowed):
                known = ", ".join(get_args(allowed))
                raise SpecError(
                    f"{self.name}: {key} must be one of {known}, got {getattr(self, key)!r}."
                )
        for key in ("models", "rounds", "epochs", "batch"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise SpecError(f"{self.name}: {key} must be at least 1, got {value}.")
        if self.rates is not None and (not self.rates or min(self.rates) <= 0):
            raise SpecError(f"{self.name}: rates must be positive, got {self.rates}.")

    def available(self) -> str | None:
        reason = super().available()
        if reason is None and self.device == "cuda":
            import torch

            reason = None if torch.cuda.is_available() else "no CUDA device"
        return reason

    def accepts(self, model: Model) -> str | None:
        data, domain = model.problem.dataset, model.problem.domain
        if self.select == "validation" and data.sizes[1] == 0:
            return f"{data.name} has no validation rows to select on"
        grids = domain.grids()
        if len(grids) > 1 and len({(g.hi - g.lo, g.step, g.scale) for g in grids}) > 1:
            return f"{domain.kind}: the grids of a layer must be shifts of each other"
        if self.precision == "float32" and max(abs(v) for g in grids for v in (g.lo, g.hi)) > 2**24:
            return f"{domain.kind}: the grid is too fine for float32, use precision=float64"
        if grids[0].size > 2 and domain.budget(model.problem.architecture.n_weights) is not None:
            return f"{domain.kind}: a budget needs a domain of two values"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        import torch

        torch.set_num_threads(max(1, limits.threads))
        trainer = self.trainer(model.problem)
        search = _Search(self.select, trainer.recipe.loss, model.problem, limits, report)
        return self._restarts(trainer, search, clock, limits, seed)

    def trainer(self, problem: Problem) -> Trainer:
        """What trains the rounds of a problem."""
        from bnnbench_gradient.training import Trainer

        return Trainer(problem, self.recipe(problem))

    def recipe(self, problem: Problem) -> Recipe:
        """The training recipe for a problem, everything left open filled in."""
        import torch

        from bnnbench_gradient.training import Recipe

        loss = self._loss(problem)
        rates = self.rates
        if rates is None:
            deep = len(problem.architecture.hidden) > 1 and loss == "squared-hinge"
            rates = RATES[:-1] if deep else RATES
        few = problem.dataset.sizes[0] <= FEW_ROWS
        device = self.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return Recipe(
            loss=loss,
            rates=tuple(float(r) for r in rates),
            epochs=self.epochs or (EPOCHS_FEW if few else EPOCHS_MANY),
            batch=self.batch,
            device=device,
            dtype=torch.float64 if self.precision == "float64" else torch.float32,
        )

    def _loss(self, problem: Problem) -> LossName:
        if self.loss != "auto":
            return self.loss
        levels = getattr(problem.objective, "levels", (problem.objective,))
        return "cross-entropy" if levels[0].name == "errors" else "squared-hinge"

    def _restarts(
        self, trainer: Trainer, search: _Search, clock: Clock, limits: Limits, seed: int
    ) -> Solution:
        rounds = self.rounds or (None if math.isfinite(limits.time) else 1)
        finished, started = 0, 0
        stop: Termination | None = None
        while stop is None and (rounds is None or finished < rounds):
            first = started * self.models
            current = trainer.start(seed, range(first, first + self.models))
            started += 1
            if self.select == "objective" and first == 0:
                stop = search.offer(current, 0)
                if stop is not None:
                    break
            complete = current.run(lambda: clock.left <= search.reserve)
            finished += complete
            if complete or search.trained == 0:
                stop = search.offer_all(current, clock)
            if stop is None and clock.left <= search.reserve:
                stop = Termination.TIME
        return search.solution(
            stop or Termination.ITERATIONS,
            rounds=finished,
            models=self.models,
            loss=trainer.recipe.loss,
            epochs=trainer.recipe.epochs,
            selection=self.select,
        )


@dataclass(eq=False)
class _Search:
    """The incumbent of one run, and what evaluating a network costs.

    Attributes:
        reserve: seconds to keep for re-evaluating one network.
        trained: trained networks re-evaluated so far.
    """

    rule: Rule
    loss: LossName
    problem: Problem
    limits: Limits
    report: Report
    reserve: float = 0.0
    trained: int = 0
    _best: tuple[tuple[Any, ...], Network, Score, int] | None = field(default=None, init=False)

    def offer_all(self, current: Round, clock: Clock) -> Termination | None:
        """Re-evaluate a round's models, least training loss first, until time runs out."""
        for k in current.losses.argsort(stable=True).tolist():
            stop = self.offer(current, k)
            self.trained += 1
            if stop is not None:
                return stop
            if clock.left <= self.reserve:
                return Termination.TIME
        return None

    def offer(self, current: Round, k: int) -> Termination | None:
        """Re-evaluate one model, keep and stream it if it is better; say why to stop, if so."""
        watch = Clock(self.limits)
        network = current.network(k)
        score = self.problem.evaluate(network)
        key = rank(self.rule, self.loss, self.problem, network, score)
        self.reserve = max(self.reserve, 1.5 * watch.elapsed)
        if self._best is not None and not key < self._best[0]:
            return None
        self._best = (key, network, score, current.indices[k])
        return self._stream(network, score)

    def _stream(self, network: Network, score: Score) -> Termination | None:
        if score.value is None:
            return None
        value, bound = float(score.value), self.problem.lower_bound
        stopped = self.report(network, objective=value)
        if self.limits.target is not None and value <= self.limits.target:
            return Termination.TARGET
        if self.rule == "objective" and len(score.values) == 1 and score.value == bound:
            return Termination.OPTIMAL
        return Termination.INTERRUPTED if stopped else None

    def solution(self, termination: Termination, **info: Any) -> Solution:
        """What is held at the end; an answer that breaks a hard requirement is not feasible."""
        if self._best is None:
            return Solution(None, Status.NONE, termination, info=info)
        _, network, score, index = self._best
        info |= {"evaluated": self.trained, "selected": index}
        if score.value is None:
            return Solution(network, Status.NONE, termination, info=info)
        value = float(score.value)
        bound = value if termination is Termination.OPTIMAL else None
        return Solution.found(network, termination, objective=value, bound=bound, **info)
