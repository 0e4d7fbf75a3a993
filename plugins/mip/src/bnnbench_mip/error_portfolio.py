"""Members of the portfolio for training errors: CP-SAT under several parameters, for a while each.

What is known enters as a row: fewer errors than the incumbent. An infeasible program then proves
the incumbent optimal. No hint is given, since that row excludes it; over seeds the row makes proofs
two to five times as quick, where a hint makes some slower. A bound as a row slows them down too.

Lower limits are proved much sooner (with 30 features each takes about three times as long as the
one before), so where no good incumbent is at hand they are raised from the bound up.
"""

from __future__ import annotations

import math
from typing import Any

from bnnbench_mip.error_program import ErrorProgram
from bnnbench_mip.error_run import Run

MEMBERS: dict[str, dict[str, Any]] = {
    "plain": {"cp_model_probing_level": 0, "symmetry_level": 0},
    "default": {},
    "linear": {"linearization_level": 2},
    "core": {"optimize_with_core": True},
    "workers": {"num_workers": 8},
}
"""CP-SAT's parameters by name of a member; ``plain`` saves the presolve of what is easy."""


def moment(run: Run, member: str, effort: float) -> None:
    """CP-SAT on the whole problem, without rows and streaming: for what may be over in a moment.

    Args:
        run: hears of the last net and bound.
        member: one of :data:`MEMBERS`.
        effort: limit in CP-SAT's deterministic time, about seconds.
    """
    _solve(run, member, effort, None, stream=False)


def minimise(run: Run, member: str, effort: float) -> None:
    """CP-SAT on nets that are better than the incumbent; arguments as for :func:`moment`."""
    _solve(run, member, effort, run.best - 1)


def raised(run: Run, member: str, effort: float) -> None:
    """CP-SAT with limits on the errors that rise by a quarter of the gap at a time.

    Arguments as for :func:`moment`; the effort is for all limits together. A limit that would not
    fit into what is left, being harder than the one before, waits for the next time.
    """
    took = 0.0
    while effort > 2 * took and not run.over:
        took = _solve(run, member, effort, run.bound + (run.best - 1 - run.bound) // 4)
        effort -= took


def _solve(run: Run, member: str, effort: float, most: int | None, stream: bool = True) -> float:
    """CP-SAT on nets with at most so many errors; returns the effort it took."""
    from ortools.sat.python import cp_model

    if run.over:
        return 0.0
    by = f"cp-sat {member}"
    limit = run.best if most is None else most + 1
    model = ErrorProgram.of(run.form, range(len(run.form.X)))
    if most is not None:
        model.program.add(model.cost <= most)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    # Its own default is 1.
    solver.parameters.random_seed = (run.seed + 1) % 2**31
    solver.parameters.max_deterministic_time = effort
    if math.isfinite(run.clock.left):
        solver.parameters.max_time_in_seconds = max(0.01, 0.98 * run.clock.left)
    for key, value in MEMBERS[member].items():
        setattr(solver.parameters, key, value)

    def bounded(bound: float) -> None:
        # Nets above the limit are not in the program, so nothing beyond it is proved.
        run.proved(min(math.ceil(bound - 1e-6), limit), by)
        if run.over:
            solver.stop_search()

    class Solutions(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
        def on_solution_callback(self) -> None:
            if run.found(model.net(self.value)):
                self.stop_search()

    if stream:
        solver.best_bound_callback = bounded
    status = solver.solve(model.program, Solutions() if stream else None)
    if status == cp_model.INFEASIBLE:
        run.proved(limit, by)
    elif status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        run.found(model.net(solver.value))
        bounded(solver.best_objective_bound)
    return float(solver.response_proto.deterministic_time) or effort
