"""The master program over activation vectors, as LP for prices and as MIP for nets.

    min sum_g weight_g L_g,    L_g >= m - y_g (sum_u lambda_u u_k(g) + c),    sum |lambda_u| <= H

with lambda split into the signed columns +u and -u, both at least 0 (mip.md section 4.3). Whole
lambda are nets with H units whose outgoing weights are -1, 0 or +1, exactly. Variables: the bias
c, then the losses, then the columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bnnbench.solution import Limits
from bnnbench_mip.activations import Signs
from bnnbench_mip.lattice import Int64
from bnnbench_mip.samples import Samples

if TYPE_CHECKING:
    import highspy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Master:
    """What every master program shares; see the module.

    Attributes:
        samples: merged, with one output.
        margin: m.
        units: H.
        biases: range of c, ascending.
    """

    samples: Samples
    margin: int
    units: int
    biases: Int64

    @property
    def fixed(self) -> int:
        """Number of variables before the columns."""
        return 1 + len(self.samples.weights)

    def columns(self, signed: Signs) -> Floats:
        """Coefficients of signed columns (count, rows) in all rows, shape (count, samples + 1)."""
        assert self.samples.row is not None
        block = np.ones((len(signed), len(self.samples.weights) + 1))
        block[:, :-1] = signed[:, self.samples.row] * self.samples.targets[:, 0]
        return block

    def matrix(self, signed: Signs) -> Floats:
        """All coefficients by variable, shape (variables, samples + 1)."""
        n = len(self.samples.weights)
        head = np.zeros((self.fixed, n + 1))
        head[0, :n] = self.samples.targets[:, 0]
        head[1:, :n] = np.eye(n)
        return np.concatenate([head, self.columns(signed)])

    def passed(self, solver: highspy.Highs, signed: Signs, whole: bool) -> None:
        """Give the program over some signed columns to a solver, whole or relaxed."""
        import highspy

        A = self.matrix(signed)
        n, count = len(self.samples.weights), len(A)
        used = A != 0
        starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
        cost = np.zeros(count)
        cost[1 : n + 1] = self.samples.weights
        lower = np.zeros(count)
        lower[0] = self.biases.min()
        upper = np.full(count, np.inf)
        upper[0] = self.biases.max()
        upper[n + 1 :] = self.units
        solver.passModel(
            count,
            n + 1,
            int(used.sum()),
            int(highspy.MatrixFormat.kColwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            cost,
            lower,
            upper,
            np.append(np.full(n, float(self.margin)), -np.inf),
            np.append(np.full(n, np.inf), float(self.units)),
            starts,
            np.nonzero(used)[1].astype(np.int32),
            A[used],
            np.full(count, int(whole), dtype=np.int32),
        )


def quiet_solver(limits: Limits, seed: int) -> highspy.Highs:
    """A solver that prints nothing."""
    import highspy

    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in {
        "output_flag": False,
        "threads": limits.threads,
        "random_seed": seed % 2**31,
    }.items():
        solver.setOptionValue(option, value)
    return solver


class PriceLP:
    """The relaxed master program, growing by columns; its duals are the prices."""

    def __init__(self, master: Master, limits: Limits, seed: int) -> None:
        self.master = master
        self.solver = quiet_solver(limits, seed)
        self.held: set[tuple[int, int]] = set()
        master.passed(
            self.solver, np.zeros((0, master.samples.rows.dataset.sizes[0]), np.int8), False
        )

    def add(self, keys: list[tuple[int, int]], signed: Signs) -> int:
        """Add signed columns that are not held yet; returns how many."""
        fresh = [k for k, key in enumerate(keys) if key not in self.held]
        if not fresh:
            return 0
        self.held.update(keys[k] for k in fresh)
        block = self.master.columns(signed[fresh])
        rows = block.shape[1]
        self.solver.addCols(
            len(block),
            np.zeros(len(block)),
            np.zeros(len(block)),
            np.full(len(block), np.inf),
            block.size,
            np.arange(0, block.size, rows, dtype=np.int32),
            np.tile(np.arange(rows, dtype=np.int32), len(block)),
            block.ravel(),
        )
        return len(block)

    def solve(self, seconds: float) -> tuple[float, Floats] | None:
        """Value and prices; None when the time did not suffice."""
        self.solver.setOptionValue("time_limit", self.solver.getRunTime() + max(0.01, seconds))
        self.solver.run()
        if self.solver.getModelStatus().name != "kOptimal":
            return None
        duals = np.array(self.solver.getSolution().row_dual)[:-1]
        return float(self.solver.getInfo().objective_function_value), duals


@dataclass(frozen=True, eq=False)
class Events:
    """What a MIP tells while it runs; a true answer stops it.

    Attributes:
        found: hears every better solution, all variables.
        bounded: hears bounds, not yet rounded.
        stop: asked now and then.
    """

    found: Callable[[Floats], bool]
    bounded: Callable[[float], bool]
    stop: Callable[[], bool]

    def attach(self, solver: highspy.Highs) -> None:
        """Listen to a solver."""
        halt = False

        def improving(event: Any) -> None:
            nonlocal halt
            halt |= self.found(np.array(event.data_out.mip_solution))

        def logging(event: Any) -> None:
            nonlocal halt
            if math.isfinite(event.data_out.mip_dual_bound):
                halt |= self.bounded(float(event.data_out.mip_dual_bound))

        def interrupt(event: Any) -> None:
            if halt or self.stop():
                event.interrupt()

        solver.cbMipImprovingSolution.subscribe(improving)
        solver.cbMipLogging.subscribe(logging)
        solver.cbMipInterrupt.subscribe(interrupt)
        solver.cbSimplexInterrupt.subscribe(interrupt)


def search(
    master: Master,
    signed: Signs,
    start: Floats,
    solver: highspy.Highs,
    options: dict[str, Any],
    events: Events,
) -> int:
    """Solve the master program over some signed columns with whole variables.

    Args:
        master: the program.
        signed: the columns, shape (count, rows).
        start: a solution to start from, all variables.
        solver: a fresh one.
        options: of the solver.
        events: hear what is found, to the last word.

    Returns:
        Number of nodes.
    """
    # Bounds are logged only where output is on.
    settings: dict[str, Any] = {
        "output_flag": True,
        "log_to_console": False,
        "log_file": "",
    } | options
    for option, value in settings.items():
        solver.setOptionValue(option, value)
    master.passed(solver, signed, True)
    solver.setSolution(len(start), np.arange(len(start), dtype=np.int32), start)
    events.attach(solver)
    solver.run()
    info = solver.getInfo()
    complete = solver.getModelStatus().name == "kOptimal"
    if complete and info.primal_solution_status == 2:
        events.found(np.array(solver.getSolution().col_value))
    bound = float(info.mip_dual_bound)
    if complete and info.mip_node_count < 0:
        # Solved without branch and cut: HiGHS leaves 0 in the field of the bound.
        bound = float(info.objective_function_value)
    if math.isfinite(bound):
        events.bounded(bound)
    return max(0, int(info.mip_node_count))
