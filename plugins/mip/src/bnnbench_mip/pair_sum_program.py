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

from bnnbench.pair_sums import LARGEST
from bnnbench_mip.lattice import Int64
from bnnbench_mip.threshold_form import ThresholdForm

Pairs = list[tuple[int, int]]


def shared_sums(form: ThresholdForm) -> list[tuple[Pairs, Pairs]]:
    """Pairs of positives and pairs of negatives of every sum that both have."""
    found: list[dict[tuple[int, ...], Pairs]] = []
    mix = np.random.Generator(np.random.PCG64(0)).integers(1, 2**62, form.X.shape[1])
    key = (form.X * mix).sum(axis=1)
    sides = [_pairs(np.flatnonzero(own)) for own in (form.positive, ~form.positive)]
    sums = [key[pairs].sum(axis=1) for pairs in sides]
    shared = np.intersect1d(*sums)
    for pairs, own in zip(sides, sums, strict=True):
        by_sum: dict[tuple[int, ...], Pairs] = {}
        # The keys only choose candidates; the sums themselves decide.
        for i, j in pairs[np.isin(own, shared)].tolist():
            by_sum.setdefault(tuple((form.X[i] + form.X[j]).tolist()), []).append((i, j))
        found.append(by_sum)
    return [(found[0][s], found[1][s]) for s in found[0] if s in found[1]]


def _pairs(members: Int64) -> Int64:
    """All pairs, a sample with itself too."""
    return np.stack([members[k] for k in np.triu_indices(len(members))], axis=1)


def pair_sum_bound(form: ThresholdForm, seconds: float, effort: float, seed: int) -> int:
    """A bound on the errors of one half-space beyond the base; 0 where no sums are shared.

    Args:
        form: the samples, of one unit.
        seconds: wall limit.
        effort: limit in CP-SAT's deterministic time.
        seed: of the search.
    """
    from ortools.sat.python import cp_model

    shared = shared_sums(form) if len(form.X) <= LARGEST else []
    if not shared:
        return 0
    program = cp_model.CpModel()
    errors = {
        k: program.new_bool_var("")
        for k in sorted({k for sides in shared for pairs in sides for pair in pairs for k in pair})
    }
    for positives, negatives in shared:
        side = program.new_bool_var("")
        for pairs, pays in ((positives, ~side), (negatives, side)):
            for i, j in pairs:
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
