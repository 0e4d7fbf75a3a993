"""Pairs of samples with equal sums, all at once: a bound on the errors of one half-space.

For a sum s of two positive and of two negative samples no half-space has all four right
(:mod:`bnnbench.pair_sums`). So either every pair of positives with this sum has an error in it, or
every pair of negatives (errors.md section 1.4):

    e_p + e_p' >= t_s,    e_q + e_q' >= 1 - t_s,    t_s in {0, 1};    minimise sum weight e.

Disjoint cores are a feasible answer of its linear relaxation's dual, so this is never weaker. Here
it is a CP-SAT program with full linearization: exact, and at least as strong as the relaxation.
O(n^2) pairs.
"""

from __future__ import annotations

import numpy as np

from bnnbench.pair_sums import shared_sums
from bnnbench_mip.lattice import Int64
from bnnbench_mip.threshold_form import ThresholdForm


def pair_sum_bound(form: ThresholdForm, seconds: float, effort: float, seed: int) -> int:
    """A bound on the errors of one half-space beyond the base; 0 where no sums are shared.

    Args:
        form: the samples, of one unit.
        seconds: wall limit.
        effort: limit in CP-SAT's deterministic time.
        seed: of the search.
    """
    from ortools.sat.python import cp_model

    rng = np.random.Generator(np.random.PCG64(0))
    shared = [pairs for pairs in shared_sums(form.X, form.positive, rng) if _equal(form, *pairs)]
    if not shared:
        return 0
    program = cp_model.CpModel()
    errors = {
        k: program.new_bool_var("")
        for k in sorted({k for sides in shared for pairs in sides for k in pairs.ravel().tolist()})
    }
    for positives, negatives in shared:
        side = program.new_bool_var("")
        for pairs, pays in ((positives, ~side), (negatives, side)):
            for i, j in pairs.tolist():
                program.add_bool_or([errors[i], errors[j], pays])
    program.minimize(sum(int(form.weight[k]) * e for k, e in errors.items()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.random_seed = seed % 2**31
    solver.parameters.max_time_in_seconds = max(0.01, seconds)
    solver.parameters.max_deterministic_time = effort
    if solver.solve(program) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return 0
    return max(0, round(float(np.ceil(solver.best_objective_bound - 1e-6))))


def _equal(form: ThresholdForm, ours: Int64, theirs: Int64) -> bool:
    """Whether all pairs really have one sum."""
    sums = form.X[np.concatenate([ours, theirs])].sum(axis=1)
    return bool((sums == sums[0]).all())
