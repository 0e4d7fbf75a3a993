"""What an author implements: formulations and solvers. Data sets come from plain functions.

A formulation turns a problem into a model of some *kind*; a solver reads models of that kind. The
two meet by the kind alone, so every formulation works with every solver of its kind:

==========  ====================================  ==============================================
kind        ``model.data``                        typical solver
==========  ====================================  ==============================================
``direct``  the problem itself                    heuristics, gradients
``milp``    :class:`~bnnbench.models.MatrixMILP`  HiGHS, SCIP
``qubo``    :class:`~bnnbench.models.Qubo`        annealers, Ising machines
``cp``      whatever its authors agree on         constraint programming
==========  ====================================  ==============================================
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Point, Solution, Status
from bnnbench.spec import Spec


@dataclass(frozen=True, eq=False)
class Model:
    """A problem in the form a solver reads.

    Attributes:
        problem: what is to be solved.
        kind: which solvers can read ``data``.
        data: the model proper.
        decode: from a point of the model to the network it means.
        encode: from a network to a point, for warm starts; None when there is none.
        exact: True when a bound on the model is a bound on the problem; False for restrictions
            and relaxed penalties, whose bounds the core then ignores.
        info: sizes and constants worth recording (rows, variables, lambda).
    """

    problem: Problem
    kind: str
    data: Any
    decode: Callable[[Point], Network]
    encode: Callable[[Network], Point] | None = None
    exact: bool = True
    info: dict[str, Any] = field(default_factory=dict)

    def network(self, answer: Network | Point) -> Network:
        """The network that an answer means."""
        return answer if isinstance(answer, Network) else self.decode(answer)

    def status(self, claimed: Status) -> Status:
        """What a claim about the model says about the problem: optimal only for an exact one."""
        proved = claimed is Status.OPTIMAL and not self.exact
        return Status.FEASIBLE if proved else claimed


class Formulation(ABC):
    """Turns problems into models. Subclasses are frozen dataclasses: fields are parameters."""

    name: ClassVar[str]
    kind: ClassVar[str]
    objectives: ClassVar[tuple[str, ...]] = ()
    """Names of the objectives it models; the first is the default of an ad-hoc run.

    Problems with others are refused, and suites leave such pairs out. Empty where any may do.
    """
    requires: ClassVar[tuple[str, ...]] = ()
    """Distributions it needs, by their names on the package index; see :class:`Solver`."""

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        """What it looks up by name; see :attr:`Solver.uses`."""
        return ()

    @abstractmethod
    def accepts(self, problem: Problem) -> str | None:
        """None when the problem can be built, else the reason why not, in a few words."""

    @abstractmethod
    def build(self, problem: Problem) -> Model:
        """The model of an accepted problem."""


class Report(Protocol):
    """How a running solver tells the core about its progress."""

    def __call__(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """Stream an incumbent, a bound, or both.

        A streamed answer survives whatever happens to the process. Call it at every improvement;
        a call costs some tens of microseconds plus one decoding.

        Returns:
            True when the solver should stop now: the target is reached or the run interrupted.
        """
        ...


class Solver(ABC):
    """Solves models of one kind. Subclasses are frozen dataclasses: fields are parameters.

    The least one is a name and :meth:`solve`. Import solver libraries inside ``solve``, never at
    module level, so that listing plugins stays quick.
    """

    name: ClassVar[str]
    kind: ClassVar[str] = "direct"
    requires: ClassVar[tuple[str, ...]] = ()
    """Distributions it needs; their versions become part of every cell's identity."""
    preload: ClassVar[tuple[str, ...]] = ()
    """Modules worth importing once, before the process of each cell is forked."""
    reference: ClassVar[bool] = False
    """True for a reality check outside the problem's class, such as a float classifier."""

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        """What it looks up by name: pairs of ``solver`` or ``formulation`` and a spec.

        :func:`bnnbench.inner.used` makes them from names.
        Names are checked when a suite is read, versions become part of every cell's identity, and
        modules are preloaded, as for the solver itself.
        """
        return ()

    def available(self) -> str | None:
        """None when it can run here, else the reason (not installed, no licence)."""
        return missing(self.requires)

    def accepts(self, model: Model) -> str | None:
        """None when it can solve the model, else the reason why not."""
        return None

    @abstractmethod
    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        """Solve a model.

        Args:
            model: of this solver's kind.
            limits: what may be used; stopping in time is the solver's duty, the core stops a
                process that overruns.
            seed: the only source of randomness.
            report: streams incumbents and bounds.
        """


def missing(requires: tuple[str, ...]) -> str | None:
    """The reason why some distributions are not there, with the remedy; None when all are."""
    from importlib.metadata import PackageNotFoundError, version

    absent = []
    for name in requires:
        try:
            version(name)
        except PackageNotFoundError:
            absent.append(name)
    return (
        f"not installed: {', '.join(absent)} (pip install {' '.join(absent)})" if absent else None
    )


class Clock:
    """Wall clock of one solve: seconds since its start, and what is left of a limit."""

    def __init__(self, limits: Limits) -> None:
        self._start = time.monotonic()
        self._limit = limits.time

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds until the limit, not below 0; infinite without limit."""
        return max(0.0, self._limit - self.elapsed)

    @property
    def over(self) -> bool:
        """Whether the limit has passed."""
        return self.left <= 0


def direct_model(problem: Problem) -> Model:
    """The problem itself as a model, for solvers of kind ``direct``."""

    def decode(point: Point) -> Network:
        raise TypeError("A direct solver must answer with a network, not with a point.")

    return Model(problem, "direct", problem, decode)


def ignore_report(
    answer: Network | Point | None = None,
    *,
    objective: float | None = None,
    bound: float | None = None,
) -> bool:
    """A report that goes nowhere, for solvers called by hand."""
    return False
