"""The threshold form as a CP-SAT program: least weight of samples left wrong, or any fit of some.

Per unit weights w and a threshold -b; per sample an error literal e and, for several units, a
literal a per unit that may only claim what the unit does:

    +1 wanted:  a => x w + b >= 0,    not e => sum a >= T
    -1 wanted:  not a => x w + b <= -1,    not e => sum a <= T - 1

One unit needs no a. Units are ordered by b.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnnbench_mip.lattice import Int64
from bnnbench_mip.threshold_form import Firing, ThresholdForm

Core = tuple[int, ...]
"""Indices of samples that no net of the class fits together."""


@dataclass(eq=False)
class ErrorProgram:
    """A CP-SAT model of a threshold form.

    Attributes:
        form: the samples.
        program: the model.
        weights, biases, votes, errors: its variables; ``errors`` by sample.
        cost: weight of the wrong samples.
    """

    form: ThresholdForm
    program: Any
    weights: list[list[Any]]
    biases: list[Any]
    votes: Any
    errors: dict[int, Any]
    cost: Any = 0

    @classmethod
    def of(cls, form: ThresholdForm, samples: Iterable[int], hard: bool = False) -> ErrorProgram:
        """The model over some samples; ``hard`` asks for all of them to be right."""
        from ortools.sat.python import cp_model

        program = cp_model.CpModel()
        low, high = int(form.values[0]), int(form.values[-1])
        domain = cp_model.Domain.from_values(form.values.tolist())
        weights = [
            [program.new_int_var_from_domain(domain, "") for _ in range(form.X.shape[1])]
            for _ in range(form.units)
        ]
        reach = int(np.abs(form.X).sum(axis=1).max(initial=0)) * max(-low, high) + 1
        biases = [program.new_int_var(-reach, reach, "") for _ in range(form.units)]
        votes = program.new_int_var(1, form.units, "")
        self = cls(form, program, weights, biases, votes, {})
        for k in samples:
            self._add(k, hard)
        for one, other in itertools.pairwise(biases):
            program.add(one >= other)
        if not hard:
            self.cost = cp_model.LinearExpr.weighted_sum(
                list(self.errors.values()), [int(form.weight[k]) for k in self.errors]
            )
            program.minimize(self.cost)
        return self

    def _add(self, k: int, hard: bool) -> None:
        from ortools.sat.python import cp_model

        program, positive = self.program, bool(self.form.positive[k])
        right = []
        if not hard:
            self.errors[k] = program.new_bool_var("")
            right = [~self.errors[k]]
        x = self.form.X[k].tolist()
        sums = [
            cp_model.LinearExpr.weighted_sum(w, x) + b
            for w, b in zip(self.weights, self.biases, strict=True)
        ]
        if len(sums) == 1:
            row = program.add(sums[0] >= 0) if positive else program.add(sums[0] <= -1)
            row.only_enforce_if(right)
            return
        fires = [program.new_bool_var("") for _ in sums]
        for z, a in zip(sums, fires, strict=True):
            if positive:
                program.add(z >= 0).only_enforce_if([a])
            else:
                program.add(z <= -1).only_enforce_if([~a])
        total = sum(fires)
        row = program.add(total >= self.votes) if positive else program.add(total < self.votes)
        row.only_enforce_if(right)

    def net(self, value: Callable[[Any], int]) -> Firing:
        """The net of a solution."""
        weights = np.array([[value(w) for w in unit] for unit in self.weights], dtype=np.int64)
        thresholds = np.array([-value(b) for b in self.biases], dtype=np.int64)
        return Firing(weights.T.reshape(-1, self.form.units), thresholds, value(self.votes))


def fit(
    form: ThresholdForm, samples: Sequence[int] | Int64, seconds: float, effort: float, seed: int
) -> Firing | bool:
    """A net that fits all of some samples; False when there is none, True when not found out.

    Args:
        form: the samples.
        samples: which of them.
        seconds: wall limit.
        effort: limit in CP-SAT's deterministic time.
        seed: of the search.
    """
    from ortools.sat.python import cp_model

    model = ErrorProgram.of(form, [int(k) for k in samples], hard=True)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % 2**31
    solver.parameters.max_time_in_seconds = max(0.01, seconds)
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(model.program)
    if status == cp_model.INFEASIBLE:
        return False
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return model.net(solver.value)
    return True
