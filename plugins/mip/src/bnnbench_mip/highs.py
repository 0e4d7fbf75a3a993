"""HiGHS: open branch and cut for mixed-integer linear programs, fed by plain arrays.

Traps that this adapter takes care of (mip.md section 6): the model's offset goes into the model, so
that objectives and bounds are in units of the problem; logging callbacks fire only with the output
flag on; the native time limit is the first net and the interrupt callback the second; the thread
pool is global to the process and is reset afterwards, so that later forks and other thread counts
work. Rows are in integer units, so what an integer variable may be off, times its coefficient, has
to stay below half a unit: the feasibility tolerance follows the largest big-M (``big_m`` in the
model's info, in units of a row's strict side; without it the largest coefficient).

An incumbent's loss variables may be slack (an error counted that is none), so its objective may be
worse than its network. Where the formulation can encode networks, an incumbent is replaced by the
encoding of its network whenever that is better, and HiGHS is given the better point too; also when
the incumbent is better by no more than its integer variables' tolerances add up to. A claim that is
*better* than the network by more is left as it is, for the verification to find.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import MatrixMILP
from bnnbench.solution import Limits, Solution, Status, Termination

if TYPE_CHECKING:
    import highspy

FINEST, COARSEST = 1e-10, 1e-6
NOISE = 1e-5
"""By how much, relatively, many integer variables a tolerance off may flatter an objective."""
TERMINATIONS = {
    "kOptimal": Termination.OPTIMAL,
    "kInfeasible": Termination.INFEASIBLE,
    "kTimeLimit": Termination.TIME,
    "kMemoryLimit": Termination.MEMORY,
    "kObjectiveTarget": Termination.TARGET,
    "kInterrupt": Termination.INTERRUPTED,
    "kHighsInterrupt": Termination.INTERRUPTED,
    "kIterationLimit": Termination.ITERATIONS,
    "kSolutionLimit": Termination.ITERATIONS,
}
"""By name of HiGHS's model status; anything else is an error."""


@dataclass(frozen=True)
class Highs(Solver):
    """HiGHS branch and cut, with streamed incumbents and bounds.

    Attributes:
        threads: threads of the solver; none for what the limits allow.
        mip_rel_gap: stop when (incumbent - bound) / incumbent is at most this.
        mip_abs_gap: stop when incumbent - bound is at most this, in objective units.
        feasibility: how far integer variables and rows may be off; none for 0.1 over the largest
            big-M, between 1e-10 and 1e-6.
        presolve: choose, on or off.
        heuristic_effort: share of the work that goes into primal heuristics, 0..1.
        nodes: most nodes; none for no limit.
        tighten: take the slack out of incumbents, see the module.
    """

    name: ClassVar[str] = "highs"
    kind: ClassVar[str] = "milp"
    requires: ClassVar[tuple[str, ...]] = ("highspy",)
    preload: ClassVar[tuple[str, ...]] = ("highspy",)
    threads: int | None = None
    mip_rel_gap: float = 0.0
    mip_abs_gap: float = 1e-6
    feasibility: float | None = None
    presolve: str = "choose"
    heuristic_effort: float = 0.05
    nodes: int | None = None
    tighten: bool = True

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        import highspy

        clock = Clock(limits)
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        try:
            for option, value in self._options(model, limits, seed).items():
                _checked(solver.setOptionValue(option, value), f"option {option}={value}")
            _checked(pass_model(solver, model.data), "the model")
            watch = _Watch(model, self.tighten, report, limits, clock)
            watch.attach(solver)
            solver.setOptionValue("time_limit", max(0.01, 0.99 * clock.left))
            solver.run()
            return _read(solver, watch)
        except MemoryError:
            return Solution.found(None, Termination.MEMORY)
        finally:
            solver.resetGlobalScheduler(True)

    def _options(self, model: Model, limits: Limits, seed: int) -> dict[str, Any]:
        tolerance = self.feasibility or mip_tolerance(model)
        options: dict[str, Any] = {
            "output_flag": True,
            "log_to_console": False,
            "log_file": "",
            "mip_min_logging_interval": 0.5,
            "threads": self.threads or limits.threads,
            "random_seed": seed % 2**31,
            "mip_rel_gap": self.mip_rel_gap,
            "mip_abs_gap": self.mip_abs_gap,
            "mip_feasibility_tolerance": tolerance,
            "primal_feasibility_tolerance": min(1e-7, tolerance),
            "presolve": self.presolve,
            "mip_heuristic_effort": self.heuristic_effort,
        }
        if limits.target is not None:
            options["objective_target"] = limits.target + 1e-9 * max(1.0, abs(limits.target))
        if self.nodes is not None:
            options["mip_max_nodes"] = self.nodes
        return options


@dataclass(eq=False)
class _Watch:
    """Callbacks of one run: streams what is found, and stops it."""

    model: Model
    tighten: bool
    report: Report
    limits: Limits
    clock: Clock
    stop: bool = False
    on_target: bool = False
    point: npt.NDArray[np.float64] | None = None
    objective: float = math.inf
    bound: float = -math.inf
    better: npt.NDArray[np.float64] | None = None

    def attach(self, solver: highspy.Highs) -> None:
        solver.cbMipImprovingSolution.subscribe(self.improving)
        solver.cbMipLogging.subscribe(self.logging)
        if self.tighten and self.model.encode is not None:
            solver.cbMipUserSolution.subscribe(self.hand_over)
        for interrupt in (solver.cbMipInterrupt, solver.cbSimplexInterrupt):
            interrupt.subscribe(self.interrupt)

    def improving(self, event: Any) -> None:
        point = np.array(event.data_out.mip_solution, dtype=np.float64)
        self.found(point, float(event.data_out.objective_function_value))

    def found(self, point: npt.NDArray[np.float64], objective: float) -> None:
        """Keep and stream a point if it is the best so far."""
        tight = self.tightened(point)
        if tight is not None:
            value = self.model.data.objective(tight)
            if value < objective - 1e-9:
                self.better = tight
            if value <= objective + NOISE * max(1.0, abs(objective)):
                point, objective = tight, value
        if objective >= self.objective:
            return
        self.point, self.objective = point, objective
        target = self.limits.target
        self.on_target = target is not None and objective <= target + 1e-9 * max(1.0, abs(target))
        self.stop |= self.report(point, objective=objective) or self.on_target

    def tightened(self, point: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """The encoding of a point's network, None where there is none or it is infeasible."""
        if not self.tighten or self.model.encode is None:
            return None
        try:
            tight = np.asarray(self.model.encode(self.model.decode(point)), dtype=np.float64)
        except ValueError:
            return None
        milp = self.model.data
        return tight if milp.violation(tight) <= COARSEST else None

    def hand_over(self, event: Any) -> None:
        if self.better is not None:
            event.data_in.setSolution(self.better)
            self.better = None

    def logging(self, event: Any) -> None:
        bound = float(event.data_out.mip_dual_bound)
        if math.isfinite(bound) and bound > self.bound:
            self.bound = bound
            self.stop |= self.report(bound=_settled(bound, self.objective))

    def interrupt(self, event: Any) -> None:
        if self.stop or self.clock.over:
            event.interrupt()


def pass_model(solver: highspy.Highs, milp: MatrixMILP) -> highspy.HighsStatus:
    """Hand a program over as arrays."""
    import highspy

    return solver.passModel(
        milp.n_cols,
        milp.n_rows,
        milp.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        milp.offset,
        milp.c,
        milp.lower,
        milp.upper,
        milp.row_lower,
        milp.row_upper,
        milp.indptr,
        milp.indices,
        milp.data,
        milp.integer.astype(np.int32),
    )


def mip_tolerance(model: Model) -> float:
    """A tolerance so small that integer variables cannot shift a row by half a unit."""
    milp = model.data
    coefficients = np.abs(milp.data[milp.integer[milp.indices]])
    largest = float(model.info.get("big_m", coefficients.max(initial=1.0)))
    return min(COARSEST, max(FINEST, 0.1 / max(1.0, largest)))


def _settled(bound: float, objective: float) -> float:
    """A bound that passes the objective by rounding only is the objective.

    More than that is a contradiction, and left for the verification to find.
    """
    near = objective < bound <= objective + 1e-6 * max(1.0, abs(objective))
    return objective if near else bound


def _checked(status: Any, what: str) -> None:
    if status.name == "kError":
        raise ValueError(f"HiGHS refuses {what}.")


def _read(solver: highspy.Highs, watch: _Watch) -> Solution:
    """HiGHS's last word as claims."""
    info, name = solver.getInfo(), solver.getModelStatus().name
    termination = TERMINATIONS.get(name, Termination.ERROR)
    if termination is Termination.INTERRUPTED and watch.on_target:
        termination = Termination.TARGET
    elif termination is Termination.INTERRUPTED and watch.clock.over:
        termination = Termination.TIME
    if info.primal_solution_status == 2 and info.objective_function_value < watch.objective - 1e-9:
        watch.found(np.array(solver.getSolution().col_value), info.objective_function_value)
    point, objective = watch.point, watch.objective
    held = Status.NONE if point is None else Status.FEASIBLE
    if point is not None and termination is Termination.OPTIMAL:
        held = Status.OPTIMAL
    bound = float(info.mip_dual_bound)
    if info.mip_node_count < 0:
        # Solved without branch and cut (no rows, say): HiGHS leaves 0 in the field of the bound.
        bound = objective if held is Status.OPTIMAL else watch.bound
    elif not math.isfinite(bound) or termination is Termination.ERROR:
        bound = watch.bound
    return Solution(
        answer=point,
        status=held,
        termination=termination,
        objective=None if point is None else objective,
        bound=_settled(bound, objective) if math.isfinite(bound) else None,
        info={
            "model_status": name,
            "nodes": int(info.mip_node_count),
            "simplex_iterations": int(info.simplex_iteration_count),
            "version": solver.version(),
        },
    )
