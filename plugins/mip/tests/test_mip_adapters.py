"""SCIP, commercial solvers and CP-SAT: claims agree with the exact forward pass, whatever stops the run.

CP-SAT runs in processes of its own: highspy, which other tests load, and ortools do not go together.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from bnnbench_mip.copt import Copt
from bnnbench_mip.cplex import Cplex
from bnnbench_mip.gurobi import Gurobi
from bnnbench_mip.highs import Highs
from bnnbench_mip.implications import Implications
from bnnbench_mip.matrix_solver import LicensedSolver
from bnnbench_mip.scip import Scip
from bnnbench_mip.whole import OPEN, NotWholeError, Whole
from bnnbench_mip.xpress import Xpress

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import Formulation, Model, Solver, ignore_report
from bnnbench.models import RowBuilder
from bnnbench.objectives import Hamming, LinearHinge, MinHinge, Objective
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Status, Termination


def where_available(solver: Solver) -> Any:
    """The solver as a parameter of a test, skipped with the reason where it cannot run."""
    reason = solver.available()
    return pytest.param(solver, marks=pytest.mark.skipif(reason is not None, reason=str(reason)))


LICENSED = [where_available(s) for s in (Gurobi(), Copt(), Cplex(), Xpress())]
SOLVERS = [where_available(Scip()), *LICENSED]
WITH_INDICATORS = [where_available(s) for s in (Scip(), Gurobi())]


@dataclass
class Recorder:
    """A report that keeps what it hears, and may ask to stop."""

    stop: bool = False
    objectives: list[float] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)

    def __call__(
        self, answer: Any = None, *, objective: float | None = None, bound: float | None = None
    ) -> bool:
        if objective is not None:
            self.objectives.append(objective)
        if bound is not None:
            self.bounds.append(bound)
        return self.stop and objective is not None


def real(dataset: Dataset, objective: Objective, features: int = 8, hidden: int = 2) -> Problem:
    X = dataset.X[:, :features] >= np.median(dataset.X[:, :features], axis=0)
    data = Dataset("bits", X.astype(int), dataset.y, (len(X), 0, 0))
    architecture = Architecture(features, (hidden,), 1)
    return Problem(data, architecture, Integer(P=1, bias="asymmetric"), objective)


def strong(objective: str, formulation: Callable[..., Formulation]) -> Formulation:
    return formulation(objective, one_sided=True, symmetry=True, order="key", merge=True)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: s.name)
@pytest.mark.parametrize("objective", [LinearHinge(), Hamming(), MinHinge()], ids=repr)
def test_streamed_claims_are_monotone_and_meet_at_the_optimum(
    solver: Solver,
    objective: Objective,
    breast_cancer: Dataset,
    formulation: Callable[..., Formulation],
) -> None:
    problem = real(breast_cancer, objective)
    model = strong(objective.name, formulation).build(problem)
    heard = Recorder()
    solution = solver.solve(model, Limits(time=60), 0, heard)
    assert solution.status is Status.OPTIMAL
    assert solution.answer is not None
    value = float(problem.evaluate(model.network(solution.answer)).values[0])
    assert solution.objective == pytest.approx(value, abs=1e-6)
    assert solution.bound == pytest.approx(value, abs=1e-6)
    assert heard.objectives == sorted(heard.objectives, reverse=True)
    assert heard.bounds == sorted(heard.bounds)
    assert max(heard.bounds, default=value) <= value + 1e-6


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: s.name)
def test_a_target_a_stop_and_a_limit_end_the_run(
    solver: Solver, breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = real(breast_cancer, LinearHinge(), features=10, hidden=4)
    model = formulation("linear-hinge").build(problem)
    wide = solver.solve(model, Limits(time=60, target=60), 0, ignore_report)
    # COPT finds the optimum before it looks whether it is to stop.
    assert wide.termination in (Termination.TARGET, Termination.OPTIMAL)
    assert wide.objective is not None
    assert wide.objective <= 60
    stopped = solver.solve(model, Limits(time=60), 0, Recorder(stop=True))
    assert stopped.termination is Termination.INTERRUPTED
    assert stopped.status is Status.FEASIBLE
    short = solver.solve(model, Limits(time=0.02), 0, ignore_report)
    assert short.termination in (Termination.TIME, Termination.OPTIMAL)
    assert short.bound is None or short.bound <= (wide.objective + 1e-6)


@pytest.mark.parametrize("solver", [Highs(), *SOLVERS], ids=lambda s: s.name)
def test_a_known_network_is_the_first_incumbent(
    solver: Any, breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = real(breast_cancer, LinearHinge())
    model = strong("linear-hinge", formulation).build(problem)
    best = solver.solve(model, Limits(time=60), 0, ignore_report)
    known = replace(problem.dataset, reference=model.network(best.answer))
    model = strong("linear-hinge", formulation).build(replace(problem, dataset=known))
    heard = Recorder()
    again = replace(solver, start="reference").solve(model, Limits(time=60), 0, heard)
    assert again.objective == pytest.approx(best.objective, abs=1e-6)
    assert heard.objectives[0] == pytest.approx(best.objective, abs=1e-6)


@pytest.mark.parametrize("solver", WITH_INDICATORS, ids=lambda s: s.name)
@pytest.mark.parametrize("objective", [LinearHinge(), Hamming()], ids=repr)
def test_indicators_have_the_same_optimum(
    solver: Any,
    objective: Objective,
    breast_cancer: Dataset,
    formulation: Callable[..., Formulation],
) -> None:
    problem = real(breast_cancer, objective, features=5)
    model = strong(objective.name, formulation).build(problem)
    plain = solver.solve(model, Limits(time=60), 0, ignore_report)
    enforced = replace(solver, indicators=True).solve(model, Limits(time=60), 0, ignore_report)
    assert plain.status is enforced.status is Status.OPTIMAL
    assert enforced.objective == pytest.approx(plain.objective, abs=1e-6)
    assert enforced.bound == pytest.approx(plain.objective, abs=1e-6)


def test_every_activation_row_is_an_implication(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    model = formulation("linear-hinge").build(real(breast_cancer, LinearHinge(), features=5))
    assert model.encode is not None
    milp, implied = model.data, Implications.of(model.data)
    first, shape = milp.blocks["a1"]
    binary = milp.indices[implied.entry[implied.entry >= 0]]
    assert set(range(first, first + shape[0] * shape[1])) <= set(binary.tolist())
    for seed in range(5):
        point = model.encode(model.problem.random_network(np.random.default_rng(seed)))
        for k in np.flatnonzero(implied.entry >= 0):
            at = int(implied.entry[k])
            part = [e for e in range(milp.indptr[k], milp.indptr[k + 1]) if e != at]
            total = milp.data[part] @ point[milp.indices[part]]
            if bool(point[milp.indices[at]]) == implied.active[k]:
                assert implied.lower[k] <= total <= implied.upper[k]


def test_highs_holds_what_it_is_given_when_its_time_is_over(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = real(breast_cancer, LinearHinge(), features=10, hidden=4)
    known = problem.random_network(np.random.default_rng(0))
    problem = replace(problem, dataset=replace(problem.dataset, reference=known))
    model = strong("linear-hinge", formulation).build(problem)
    solution = Highs(start="reference").solve(model, Limits(time=0), 0, ignore_report)
    assert solution.status is Status.FEASIBLE
    assert solution.objective is not None
    assert solution.objective <= float(problem.evaluate(known).value) + 1e-6


@pytest.mark.parametrize("solver", LICENSED, ids=lambda s: s.name)
def test_a_licence_that_is_too_small_is_said_before_the_run(
    solver: LicensedSolver, breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = real(breast_cancer, LinearHinge())
    few = Dataset("few", problem.dataset.X[:40], problem.dataset.y[:40], (40, 0, 0))
    small = formulation("linear-hinge").build(replace(problem, dataset=few))
    assert solver.accepts(small) is None
    large = formulation("linear-hinge").build(real(breast_cancer, LinearHinge(), hidden=16))
    refused = solver.accepts(large)
    if refused is None:
        pytest.skip("a licence for larger programs is installed")
    assert f"without a licence {solver.label} takes" in refused


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: s.name)
def test_rows_and_variables_of_all_kinds_arrive(solver: Solver) -> None:
    """max x + y - z + 5: equation, range, free row, open ends, a constant."""
    rows = RowBuilder()
    x = rows.variables("x", (), -np.inf, np.inf, integer=True, cost=-1)
    y = rows.variables("y", (), -2, np.inf, cost=-1)
    z = rows.variables("z", (), -np.inf, 3, cost=1)
    columns = np.array([x, y, z]).reshape(1, 3)
    rows.rows((1,), [(columns, [2, 0, 0])], -7, 9)
    rows.rows((1,), [(columns, [1, 1, 0])], 4.5, 4.5)
    rows.rows((1,), [(columns, [0, 1, 1])], -1, np.inf)
    rows.rows((1,), [(columns, [1, 1, 1])], -np.inf, np.inf)
    rows.rows((1,), [(columns, [0, 1, 0])], -np.inf, 8)
    milp = rows.build(offset=5)
    # x = -3 (the range has -3.5), y = 7.5, z = -8.5
    data = Dataset("one", np.array([[1]]), np.array([0]), (1, 0, 0))
    problem = Problem(data, Architecture(1, (), 1), Integer(P=1), LinearHinge())
    model = Model(problem, "milp", milp, lambda point: problem.random_network(np.random))
    solution = solver.solve(model, Limits(time=20), 0, ignore_report)
    assert solution.status is Status.OPTIMAL
    assert solution.answer == pytest.approx([-3, 7.5, -8.5], abs=1e-6)
    assert solution.objective == pytest.approx(-8, abs=1e-6)
    assert solution.bound == pytest.approx(-8, abs=1e-6)
    sides = replace(milp, row_upper=np.where(np.arange(5) == 2, -0.5, milp.row_upper))
    impossible = replace(model, data=replace(sides, lower=np.array([5.0, -2, -np.inf])))
    refuted = solver.solve(impossible, Limits(time=20), 0, ignore_report)
    assert refuted.termination is Termination.INFEASIBLE
    assert refuted.answer is None


@pytest.mark.parametrize("solver", [Highs(), *SOLVERS], ids=lambda s: s.name)
def test_what_goes_wrong_while_incumbents_arrive_is_not_lost(
    solver: Solver, breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    model = formulation("linear-hinge").build(real(breast_cancer, LinearHinge()))

    def report(*answer: Any, **claims: Any) -> bool:
        raise RuntimeError("the report fails")

    with pytest.raises(RuntimeError, match="the report fails"):
        solver.solve(model, Limits(time=60), 0, report)


CPSAT = """
import json, sys
from dataclasses import replace
import numpy as np
from sklearn.datasets import load_breast_cancer
from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import ignore_report
from bnnbench.objectives import LinearHinge, MaxMargin, MinHinge
from bnnbench.problem import Problem
from bnnbench.solution import Limits
from bnnbench_mip.cpsat import CpSat
from bnnbench_mip.linear_hinge import LinearHingeMILP
from bnnbench_mip.max_margin import MaxMarginMILP
from bnnbench_mip.min_hinge import MinHingeMILP

raw = load_breast_cancer()
X = (raw.data > np.median(raw.data, axis=0)).astype(int)[:40, :8]
data = Dataset("bits", X, raw.target[:40], (40, 0, 0))
out = []
for objective, form in ((LinearHinge(), LinearHingeMILP()), (MinHinge(), MinHingeMILP())):
    problem = Problem(data, Architecture(8, (2,), 1), Integer(P=1, bias="asymmetric"), objective)
    model = form.build(problem)
    for solver in (CpSat(), CpSat(), CpSat(native=False), CpSat(workers=8), CpSat(core=True)):
        trace = []
        def report(answer=None, *, objective=None, bound=None):
            trace.append((objective, bound))
            return False
        s = solver.solve(model, Limits(time=60), 0, report)
        value = float(problem.evaluate(model.network(s.answer)).values[0])
        out.append([s.status, s.objective, s.bound, value, trace, s.info["branches"]])
    t = CpSat().solve(model, Limits(time=60, target=30), 0, ignore_report)
    u = CpSat().solve(model, Limits(time=60), 0, lambda *a, objective=None, **k: objective is not None)
    out.append([t.termination, t.objective, u.termination, u.status])
X = (raw.data > np.median(raw.data, axis=0)).astype(int)[:200]
data = Dataset("bits", X, raw.target[:200], (200, 0, 0))
problem = Problem(data, Architecture(30, (8,), 1), Integer(P=1), MaxMargin())
cut = CpSat().solve(MaxMarginMILP().build(problem), Limits(time=0.01), 0, ignore_report)
out.append([cut.status, cut.bound])
print(json.dumps(out))
"""


def test_cp_sat_finds_the_same_optimum_in_every_way_and_repeats_itself() -> None:
    run = subprocess.run([sys.executable, "-c", CPSAT], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    out = json.loads(run.stdout)
    # Cut off before it knows anything: margins are positive, so 0 would be no bound.
    held, bound = out.pop()
    assert held == "none"
    assert bound is None or bound < 0
    for rows in (out[:6], out[6:]):
        *ways, (target, reached, stopped, held) = rows
        for status, objective, bound, value, trace, _ in ways:
            assert status == "optimal"
            assert objective == pytest.approx(value, abs=1e-6) == pytest.approx(ways[0][3])
            assert bound == pytest.approx(value, abs=1e-6)
            assert any(b is not None for _, b in trace)
        assert ways[0][4:] == ways[1][4:]
        assert target in ("target", "optimal")
        assert reached <= 30
        # The first incumbent may already be optimal.
        assert (stopped, held) in (("interrupted", "feasible"), ("optimal", "optimal"))


def test_losses_become_multiples_of_a_fraction_and_rows_whole(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    problem = real(breast_cancer, MinHinge())
    model: Model = formulation("min-hinge").build(problem)
    assert model.encode is not None
    milp, whole = model.data, Whole.of(model.data)
    for seed in range(5):
        network = problem.random_network(np.random.default_rng(seed))
        point = model.encode(network)
        y = whole.values(point)
        np.testing.assert_allclose(whole.point(y), point, atol=1e-9)
        assert ((y >= whole.lower) & (y <= whole.upper)).all()
        value = int(whole.costs @ y) / whole.cost_scale + milp.offset
        assert value == pytest.approx(milp.objective(point))
        sums = np.add.reduceat(whole.data * y[milp.indices], milp.indptr[:-1])
        assert (sums >= whole.row_lower).all()
        assert (sums <= whole.row_upper).all()
        assert (np.abs(whole.row_lower) <= OPEN).all()


@pytest.mark.parametrize(
    ("coefficient", "cost", "reason"), [(np.pi, 1, "fraction"), (1, -1, "cheaper end")]
)
def test_a_program_that_is_not_whole_is_refused_with_the_reason(
    coefficient: float, cost: float, reason: str
) -> None:
    rows = RowBuilder()
    a = rows.variables("a", (2,), 0, 1, integer=True)
    t = rows.variables("t", (2,), 0, np.inf, cost=cost)
    rows.rows((2,), [(a, coefficient), (t, 1)], 1, np.inf)
    with pytest.raises(NotWholeError, match=reason):
        Whole.of(rows.build())
