"""errors-route and hitting-set: optima are those of enumeration, certificates hold elsewhere.

What needs ortools runs in a process of its own, see test_mip_adapters.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from bnnbench_mip.error_search import local_search
from bnnbench_mip.errors import ErrorsMILP
from bnnbench_mip.half_spaces import HalfSpaces, TooManyError
from bnnbench_mip.hitting_set import restricted
from bnnbench_mip.prefix_search import PrefixSearch, StoppedError
from bnnbench_mip.scip import Scip
from bnnbench_mip.sorted_cuts import SignedWeights
from bnnbench_mip.threshold_form import ThresholdForm, refuses
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, WeightDomain
from bnnbench.interfaces import ignore_report
from bnnbench.objectives import Errors, LinearHinge
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Termination

FREE = Integer(P=1, bias="free")


def drawn(seed: int, hidden: int, domain: WeightDomain = FREE, rows: int = 14) -> Problem:
    rng = np.random.default_rng(seed)
    X = rng.integers(-2, 3, (rows, 3)) * int(rng.integers(1, 3))
    y = rng.integers(0, 2, rows)
    data = Dataset("drawn", X, y, (rows, 0, 0), int(rng.integers(1, 4)))
    return Problem(data, Architecture(3, (hidden,), 1), domain, Errors())


def bits(features: int, rows: int, hidden: int) -> Problem:
    raw = load_breast_cancer()
    X = (raw.data > np.median(raw.data, axis=0)).astype(int)[:rows, :features]
    data = Dataset("bits", X, raw.target[:rows], (rows, 0, 0))
    return Problem(data, Architecture(features, (hidden,), 1), FREE, Errors())


def half_spaces(form: ThresholdForm) -> set[tuple[bool, ...]]:
    """What single units can say on the samples, from all weights and all cuts."""
    found = set()
    for w in itertools.product(form.values.tolist(), repeat=form.X.shape[1]):
        z = form.X @ np.array(w)
        found |= {tuple((z >= t).tolist()) for t in [*z.tolist(), int(z.max()) + 1]}
    return found


def least(form: ThresholdForm) -> int:
    """Fewest errors beyond the base of one or two units, by comparing everything."""
    said = [np.array(s) for s in half_spaces(form)]
    pairs = itertools.combinations_with_replacement(said, form.units)
    costs = []
    for units in pairs:
        fires = np.sum(units, axis=0)
        for votes in range(1, form.units + 1):
            costs.append(int(form.weight[(fires >= votes) != form.positive].sum()))
    return min(costs)


@pytest.mark.parametrize("domain", [FREE, Integer(P=2, bias="free"), Binary(bias="free")], ids=str)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_one_half_space_by_list_and_by_prefixes_is_the_best(
    domain: WeightDomain, seed: int
) -> None:
    problem = drawn(seed, 1, domain)
    assert refuses(problem) is None
    form = ThresholdForm.of(problem)
    best = least(form)
    listed = HalfSpaces.of(form, lambda: False).best_one()
    assert listed is not None
    assert form.excess(listed) == best
    search = PrefixSearch(form, lambda: False)
    assert best == 0 or search.within(best - 1) is None
    found = search.within(best)
    assert found is not None
    for net in (listed, found):
        network = form.network(net)
        assert problem.outside(network) is None
        assert problem.evaluate(network).value == form.base + form.excess(net) == form.base + best


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_two_half_spaces_are_the_best_pair(seed: int) -> None:
    problem = drawn(seed, 2, rows=9)
    form = ThresholdForm.of(problem)
    best, spaces = least(form), HalfSpaces.of(form, lambda: False)
    assert spaces.better_pair(best, 10**9) is None
    net = spaces.better_pair(best + 1, 10**9)
    assert net is not None
    assert problem.evaluate(form.network(net)).value == form.base + best


def test_a_search_that_is_stopped_or_too_large_says_so() -> None:
    form = ThresholdForm.of(bits(8, 100, 1))
    with pytest.raises(StoppedError):
        PrefixSearch(form, lambda: True).within(3)
    with pytest.raises(TooManyError):
        HalfSpaces.of(ThresholdForm.of(bits(6, 60, 2)), lambda: False).better_pair(30, 10)


def test_local_search_tells_the_errors_of_its_nets() -> None:
    problem = bits(10, 100, 3)
    form, seen = ThresholdForm.of(problem), []
    steps = local_search(form, np.random.default_rng(0))
    for net, errors in itertools.islice(steps, 300):
        assert form.excess(net) == errors
        seen.append(errors)
    constant = min(int(form.weight[form.positive].sum()), int(form.weight[~form.positive].sum()))
    assert min(seen) < constant


def test_a_stopped_prefix_search_goes_on_and_limits_skip_what_no_prefix_reaches() -> None:
    form = ThresholdForm.of(bits(10, 200, 1))
    listed = HalfSpaces.of(form, lambda: False).best_one()
    assert listed is not None
    best = form.excess(listed)
    whole, parts = (PrefixSearch(form, lambda: False) for _ in range(2))
    limits, limit = [], 0
    while whole.within(limit) is None:
        limits.append(limit)
        assert whole.next_limit > limit
        limit = whole.next_limit
    assert limit == best
    last = limits[-1]
    before = whole.left
    assert whole.within(last) is None
    whole_work = before - whole.left
    allowance = whole_work // 4
    stops, ended = 0, False
    while not ended and stops < 20:
        parts.left = allowance
        try:
            assert parts.within(last) is None
            ended = True
        except StoppedError:
            stops += 1
    assert ended
    assert stops >= 1
    assert parts.next_limit == best


@given(seed=st.integers(0, 10**6), large=st.booleans())
@settings(max_examples=40, deadline=None)
def test_keys_sort_sums_and_carry_the_weights(seed: int, large: bool) -> None:
    rng = np.random.default_rng(seed)
    reach = 10**6 if large else 9
    sums = rng.integers(-reach, reach + 1, (5, 12))
    signed = rng.integers(1, 30_000 if large else 4, 12) * rng.choice([-1, 1], 12)
    carried = SignedWeights.of(signed)
    keys = carried.keys(sums, reach)
    for row, key, running in zip(sums, keys, carried.running(keys), strict=True):
        order = np.lexsort((-signed, row))
        assert carried.sums(key).tolist() == row[order].tolist()
        assert running.tolist() == np.cumsum(signed[order]).tolist()


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (drawn(0, 3, Integer(P=2, bias="free")), "weighted votes"),
        (drawn(0, 1, Integer(P=1, bias="asymmetric")), "free biases"),
        (drawn(0, 1, FixedPoint(bias="free")), "integer or binary"),
        (Problem(drawn(0, 1).dataset, Architecture(3, (2,), 2), FREE, Errors()), "one output"),
        (Problem(drawn(0, 1).dataset, Architecture(3, (2,), 1), FREE, LinearHinge()), "counts"),
    ],
)
def test_what_has_no_exact_threshold_form_is_refused(problem: Problem, reason: str) -> None:
    assert reason in (refuses(problem) or "")


def test_pair_sum_cores_bound_one_unit_only_and_are_infeasible() -> None:
    problem = bits(10, 200, 1)
    cores = problem.cores
    assert cores
    duplicates = problem.objective.lower_bound(problem.groups, problem.output_scale)
    assert duplicates is not None
    assert problem.lower_bound == duplicates + sum(taken for _, taken in cores)
    for core, _ in cores:
        X, y = (part[list(core)] for part in problem.dataset.part("train"))
        form = ThresholdForm.of(restricted(problem, list(core)))
        assert len(X) == len(y) == len(form.X)
        assert PrefixSearch(form, lambda: False).within(0) is None
    assert bits(10, 200, 2).cores == []


PAIRS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from test_mip_errors_route import bits
from bnnbench_mip.half_spaces import HalfSpaces
from bnnbench_mip.pair_sum_program import pair_sum_bound
from bnnbench_mip.threshold_form import ThresholdForm

out = []
for features, rows in [(8, 200), (11, 300)]:
    problem = bits(features, rows, 1)
    form = ThresholdForm.of(problem)
    best = form.excess(HalfSpaces.of(form, lambda: False).best_one())
    packed = sum(taken for _, taken in problem.cores)
    out.append([packed, pair_sum_bound(form, 30.0, 1.0, 0), best])
print(json.dumps(out))
"""


def test_the_pair_sum_program_is_a_bound_and_at_least_the_packed_cores(
    request: pytest.FixtureRequest,
) -> None:
    command = [sys.executable, "-c", PAIRS, str(request.path.parent)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    answers = json.loads(run.stdout)
    assert all(packed <= bound <= best for packed, bound, best in answers)
    assert any(packed < bound for packed, bound, _ in answers)


ROUTE = """
import json
import numpy as np
from dataclasses import replace
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.solution import Limits
from bnnbench_mip.errors_route import ErrorsRoute
from bnnbench_mip.hitting_set import HittingSet
import sys
sys.path.insert(0, sys.argv[1])
from test_mip_errors_route import bits, drawn

out = []
for problem in [bits(8, 120, 1), bits(5, 40, 2), drawn(3, 1, rows=30)]:
    rows = []
    for solver in (ErrorsRoute(), ErrorsRoute(most_vectors=0, first_seconds=0.01), HittingSet()):
        bounds = []
        def report(answer=None, *, objective=None, bound=None):
            if bound is not None:
                bounds.append(bound)
            return False
        s = solver.solve(direct_model(problem), Limits(time=8), 0, report)
        value = float(problem.evaluate(s.answer).values[0])
        assert problem.outside(s.answer) is None
        rows.append([str(s.status), s.objective, s.bound, value, bounds == sorted(bounds)])
    out.append([rows, s.info["cores"]])
print(json.dumps(out))
"""


def test_all_routes_agree_and_a_second_solver_refutes_the_cores(
    request: pytest.FixtureRequest,
) -> None:
    folder = str(request.path.parent)
    run = subprocess.run([sys.executable, "-c", ROUTE, folder], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    answers = json.loads(run.stdout)
    for rows, _ in answers:
        routes, (_, objective, bound, value, rising) = rows[:2], rows[2]
        assert routes[0] == routes[1]
        assert routes[0][0] == "optimal"
        best = routes[0][3]
        assert bound <= best <= value == objective
        assert rising
        assert all(row[1:4] == [best] * 3 for row in routes)
    problem, cores = bits(8, 120, 1), answers[0][1]
    assert cores
    for core in cores[:3]:
        small = restricted(problem, core)
        model = ErrorsMILP(one_sided=True, symmetry=True, order="key").build(small)
        solution = Scip().solve(model, Limits(time=60), 0, ignore_report)
        assert solution.termination is Termination.OPTIMAL
        assert solution.bound is not None
        assert solution.bound >= 1 - 1e-6
