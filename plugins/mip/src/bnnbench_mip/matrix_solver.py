"""What the solvers by branch and cut have in common: parameters, a run, and the limits of licences.

An adapter hands a program over, sets its solver's parameters, passes its events on to the
:class:`~bnnbench_mip.watch.Watch` of the run, and reads the last word. The first solution, the
tolerance, the end of a run that the first solution ends, and memory that is not enough are here.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import MatrixMILP
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec
from bnnbench_mip.warm import start_point, used_by_start
from bnnbench_mip.watch import FINEST, Watch, mip_tolerance


@dataclass(frozen=True)
class MatrixSolver(Solver):
    """Base of the solvers that read a program as it is, by branch and cut.

    Attributes:
        mip_rel_gap: stop when the relative gap is at most this.
        mip_abs_gap: stop when incumbent - bound is at most this, in objective units.
        feasibility: how far integer variables and rows may be off; none for 0.1 over the largest
            big-M, between :attr:`finest` and 1e-6.
        nodes: most nodes; none for no limit.
        tighten: take the slack out of incumbents, see :mod:`bnnbench_mip.watch`.
        start: solver of kind direct whose network is the first solution; none or reference.
        start_seconds: for it.
    """

    kind: ClassVar[str] = "milp"
    finest: ClassVar[float] = FINEST
    """The smallest tolerance that the solver takes."""
    mip_rel_gap: float = 0.0
    mip_abs_gap: float = 1e-6
    feasibility: float | None = None
    nodes: int | None = None
    tighten: bool = True
    start: str = "none"
    start_seconds: float = 1.0

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return used_by_start(self.start)

    @abstractmethod
    def run(self, watch: Watch, start: npt.NDArray[np.float64] | None, seed: int) -> Solution:
        """Solve the watch's model.

        Args:
            watch: hears of incumbents and bounds, says when to stop, and makes the claims.
            start: a feasible point, which the watch knows already; None for none.
            seed: the only source of randomness.
        """

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        watch = Watch(model, self.tighten, report, limits, Clock(limits))
        point = start_point(model, self.start, self.start_seconds, limits, seed, report)
        if point is not None:
            # It counts as found: the solver may be stopped before it has looked at it.
            watch.found(point, model.data.objective(point))
        if watch.over:
            return watch.solution(Termination.INTERRUPTED, -math.inf)
        try:
            return self.run(watch, point, seed)
        except MemoryError:
            watch.failure = None
            return watch.solution(Termination.MEMORY, -math.inf)

    def tolerance(self, model: Model) -> float:
        """How far integer variables and rows may be off."""
        return max(self.finest, self.feasibility or mip_tolerance(model))


@dataclass(frozen=True)
class LicensedSolver(MatrixSolver):
    """Base of commercial solvers whose package solves small programs without a licence.

    ``accepts`` says so where the program is larger and no other licence is installed. What comes
    with the packages is not for production, so their times are for orientation.

    Attributes:
        threads: threads of the solver; none for what the limits allow.
    """

    label: ClassVar[str]
    """Its maker's name for it."""
    free: ClassVar[tuple[int, int, int]]
    """Most rows, variables, and rows and variables together without a licence."""
    threads: int | None = None

    def available(self) -> str | None:
        return super().available() or self.unlicensed()

    def unlicensed(self) -> str | None:
        """Why there is no licence at all, not even the free one; None where there is."""
        return None

    @abstractmethod
    def refuses(self, milp: MatrixMILP) -> bool:
        """Whether the solver says that its licence is too small for a trivial program."""

    def accepts(self, model: Model) -> str | None:
        milp = model.data
        rows, columns, both = self.free
        if milp.n_rows <= rows and milp.n_cols <= columns and milp.n_rows + milp.n_cols <= both:
            return None
        count = min(rows, columns, both // 2) + 1
        if not self.refuses(_trivial(count)):
            return None
        most = f"{both} of both" if both < rows + columns else f"{rows} and {columns}"
        return (
            f"{milp.n_rows} rows and {milp.n_cols} variables; without a licence {self.label}"
            f" takes {most}: install one, or take fewer rows of the data"
        )


def _trivial(count: int) -> MatrixMILP:
    """As many variables as rows, each a binary that is at least 0."""
    zeros, ones = np.zeros(count), np.ones(count)
    return MatrixMILP(
        c=ones,
        indptr=np.arange(count + 1, dtype=np.int32),
        indices=np.arange(count, dtype=np.int32),
        data=ones,
        row_lower=zeros,
        row_upper=np.full(count, np.inf),
        lower=zeros,
        upper=ones,
        integer=np.ones(count, dtype=bool),
    )
