"""Programs written in Pyomo: a part joined to arrays, and whole ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
from bnnbench_mip.formulation import NetworkMILP
from bnnbench_mip.pyomo_model import joined, mirrored

from bnnbench.models import MatrixMILP
from bnnbench.problem import Problem


def hybrid(problem: Problem, form: NetworkMILP) -> MatrixMILP:
    """The program with at most eight incoming weights per hidden unit, written in Pyomo."""
    milp = form.build(problem).data
    part = pyo.ConcreteModel()
    w, hidden = mirrored(milp, part, "w1"), problem.architecture.hidden[0]
    count = len(w)
    part.used = pyo.Var(range(count), domain=pyo.Binary)
    part.up = pyo.Constraint(range(count), rule=lambda m, i: w[i] <= m.used[i])
    part.down = pyo.Constraint(range(count), rule=lambda m, i: w[i] >= -m.used[i])
    part.few = pyo.Constraint(
        range(hidden), rule=lambda m, j: sum(m.used[i] for i in range(j, count, hidden)) <= 8
    )
    return joined(milp, part, {"w1": w})


def by_rules(X: np.ndarray, targets: np.ndarray, hidden: int, lines: np.ndarray) -> Any:
    """The literal program as an author would write it, a rule for each kind of row."""
    N, J, Q = range(len(X)), range(hidden), range(targets.shape[1])
    m = pyo.ConcreteModel()
    m.w1 = pyo.Var(range(X.shape[1]), J, domain=pyo.Integers, bounds=(-1, 1))
    m.b1 = pyo.Var(J, domain=pyo.Integers, bounds=(-2, 1))
    m.a = pyo.Var(N, J, domain=pyo.Binary)
    m.w2 = pyo.Var(J, Q, domain=pyo.Integers, bounds=(-1, 1))
    m.b2 = pyo.Var(Q, domain=pyo.Integers, bounds=(-2, 1))
    m.c = pyo.Var(N, J, Q, bounds=(-1, 1))
    m.t = pyo.Var(N, Q, domain=pyo.NonNegativeReals)
    ones = [np.flatnonzero(row).tolist() for row in X]
    reach, y, K = [len(i) for i in ones], targets.tolist(), range(len(lines))
    slope, intercept = lines.T.tolist()

    def z(m: Any, k: int, j: int) -> Any:
        return sum(m.w1[i, j] for i in ones[k]) + m.b1[j]

    def line(m: Any, k: int, o: int, s: int) -> Any:
        output = sum(m.c[k, j, o] for j in J) + m.b2[o]
        return m.t[k, o] - slope[s] * y[k][o] * output >= intercept[s]

    m.on = pyo.Constraint(N, J, rule=lambda m, k, j: z(m, k, j) >= (m.a[k, j] - 1) * (reach[k] + 2))
    m.off = pyo.Constraint(N, J, rule=lambda m, k, j: z(m, k, j) <= m.a[k, j] * (reach[k] + 2) - 1)
    c, w, a, all_three = m.c, m.w2, m.a, (N, J, Q)
    m.p0 = pyo.Constraint(
        *all_three, rule=lambda m, k, j, o: c[k, j, o] - w[j, o] + 2 * a[k, j] <= 2
    )
    m.p1 = pyo.Constraint(
        *all_three, rule=lambda m, k, j, o: w[j, o] - c[k, j, o] + 2 * a[k, j] <= 2
    )
    m.q0 = pyo.Constraint(
        *all_three, rule=lambda m, k, j, o: c[k, j, o] + w[j, o] - 2 * a[k, j] <= 0
    )
    m.q1 = pyo.Constraint(
        *all_three, rule=lambda m, k, j, o: c[k, j, o] + w[j, o] + 2 * a[k, j] >= 0
    )
    m.line = pyo.Constraint(N, Q, K, rule=line)
    m.loss = pyo.Objective(expr=pyo.quicksum(m.t.values()))
    return m
