"""CPU seconds of proofs by big-M programs, literal and strengthened, and by columns; build times.

Instances are those of mip.md section 2, ``bcD-N-H`` for the first D binarised features and N rows
of the breast-cancer data with H hidden units, ``wineD-N-H`` for those of the wine data with three
outputs; linear hinge, integers -1..1, asymmetric biases. Base case of ``highs strengthened``:
``highs literal``, the same solver under the same wall limit and one thread; where that has no proof
in time, its CPU seconds at the limit understate it (``>``).
Base case of building: the same program written down for this one shape with plain numpy index
arithmetic, put into CSR by scipy and handed to HiGHS; both times end with HiGHS holding the model
(digits 64-16-10, pixels >= 8, literal form; linear hinge and min-hinge).

``solvers`` compares the solvers of kind milp on the strengthened programs of the first instances,
one process each, with HiGHS as base case; Gurobi where its licence allows. Building is compared
with Pyomo too: a Pyomo part with a cardinality row per hidden unit joined to the arrays (hybrid),
and the whole program as a Pyomo model (pure, N = 200 only), compiled to arrays; peak memory is that
of a fresh process for the direct way.

Run with ``python benchmarks/mip.py``; ``--parts`` chooses among proofs, columns, solvers and build.
CPU seconds of this process, so a contended machine shortens what a wall limit allows.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
from bnnbench_mip.columns import Columns
from bnnbench_mip.formulation import NetworkMILP
from bnnbench_mip.highs import Highs, pass_model
from bnnbench_mip.linear_hinge import LinearHingeMILP
from bnnbench_mip.min_hinge import MinHingeMILP
from bnnbench_mip.pyomo_model import collector_paused, compiled, joined, mirrored
from bnnbench_mip.pyomo_solver import expand

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.models import MatrixMILP
from bnnbench.network import Network
from bnnbench.objectives import LinearHinge, MinHinge, Objective
from bnnbench.objectives.hinge import interpolant
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Solution, Status
from bnnbench.spec import parse

if TYPE_CHECKING:
    import highspy

Instance = tuple[int, int, int]
"""Features, rows and hidden units."""
EASY = [(30, 100, 1), (10, 100, 2), (10, 50, 4), (30, 100, 2)]
HARD = [(10, 100, 4), (10, 200, 4), (10, 400, 4), (10, 200, 8), (12, 100, 4), (10, 100, 8)]
LARGE = [(10, 569, 4)]
"""All rows of the data; two minutes of CPU."""
THREE = [(8, 60, 3), (10, 90, 4)]
FORMS = {
    "literal": LinearHingeMILP(),
    "strengthened": LinearHingeMILP(
        one_sided=True, symmetry=True, order="key", merge=True, integer_loss=True
    ),
}
DOMAIN = Integer(P=1, bias="asymmetric")
BUILT: dict[str, tuple[Objective, NetworkMILP]] = {
    "linear-hinge": (LinearHinge(), LinearHingeMILP()),
    "min-hinge": (MinHinge(), MinHingeMILP()),
}
"""Programs whose building is timed."""


def of(
    registry: Registry, features: int, n: int, hidden: int, data: str = "breast-cancer"
) -> Problem:
    """The problem of an instance."""
    text = f"{data} | median | first-features[n={features}] | round-robin[n={n}]"
    dataset = make_dataset(registry, text)
    outputs = 1 if dataset.n_classes == 2 else dataset.n_classes
    architecture = Architecture(dataset.n_features, (hidden,), outputs)
    return Problem(dataset, architecture, DOMAIN, LinearHinge())


def by_highs(instance: Instance, form: str, problem: Problem, limits: Limits, seed: int) -> float:
    """Build and solve a big-M program; returns CPU seconds."""
    return measured(
        instance,
        f"highs {form}",
        lambda: Highs().solve(FORMS[form].build(problem), limits, seed, ignore_report),
    )


def by_columns(
    instance: Instance, problem: Problem, limits: Limits, seed: int, data: str = "breast-cancer"
) -> float:
    """Solve by columns; returns CPU seconds."""
    return measured(
        instance,
        "columns",
        lambda: checked(
            problem, Columns().solve(direct_model(problem), limits, seed, ignore_report)
        ),
        data,
    )


def checked(problem: Problem, solution: Solution) -> Solution:
    """The solution, whose network must lose what is claimed."""
    network = solution.answer
    inside = isinstance(network, Network) and problem.outside(network) is None
    if not inside or problem.evaluate(network).value != solution.objective:
        raise SystemExit(f"The network does not lose {solution.objective}.")
    return solution


def measured(
    instance: Instance, method: str, work: Callable[[], Solution], data: str = "breast-cancer"
) -> float:
    """Run and print one line; returns CPU seconds."""
    start = time.process_time()
    solution = work()
    seconds = time.process_time() - start
    proved = solution.status is Status.OPTIMAL
    root = solution.info.get("lp_bound")
    share = f"  root bound {root:.1f}" if root is not None else ""
    name = ("bc{}-N{}-H{}" if data == "breast-cancer" else "wine{}-N{}-H{}").format(*instance)
    claims = f"{solution.objective:g} / {solution.bound:g}"
    print(
        f"{name:13} {method:19} {claims:>12} {'' if proved else '>'}{seconds:.2f} s{share}",
        flush=True,
    )
    return seconds


def proofs(registry: Registry, limits: Limits, seed: int) -> None:
    """The four instances that the literal form can close, or nearly."""
    ratios: dict[str, list[float]] = {"strengthened": [], "columns": []}
    for instance in EASY:
        problem = of(registry, *instance)
        base = by_highs(instance, "literal", problem, limits, seed)
        ratios["strengthened"].append(
            base / by_highs(instance, "strengthened", problem, limits, seed)
        )
        if Columns().accepts(direct_model(problem)) is None:
            ratios["columns"].append(base / by_columns(instance, problem, limits, seed))
    for method, found in ratios.items():
        mean = math.exp(statistics.fmean(map(math.log, found)))
        print(f"literal / {method}: geometric mean {mean:.1f} of {[round(r, 1) for r in found]}")


def hard(registry: Registry, limits: Limits, seed: int) -> None:
    """Instances that big-M programs leave open."""
    for instance in [*HARD, *LARGE]:
        by_columns(instance, of(registry, *instance), limits, seed)
    for instance in THREE:
        by_columns(instance, of(registry, *instance, data="wine"), limits, seed, "wine")


def solvers(registry: Registry, limits: Limits, seed: int) -> None:
    """The same strengthened programs by every solver, each in a process of its own."""
    for instance in EASY:
        base = math.nan
        for name in ("highs", "scip", "cp-sat", "cp-sat[workers=8]", "gurobi"):
            words = [sys.executable, __file__, "--one", name, *map(str, instance)]
            words += ["--limit", str(limits.time), "--seed", str(seed)]
            line = subprocess.run(words, capture_output=True, text=True).stdout.strip()
            seconds = float(line.rpartition(" ")[2]) if line else math.nan
            base = seconds if name == "highs" else base
            print(f"{line or name + ' failed'}  ratio to highs {seconds / base:.2f}", flush=True)


def one(registry: Registry, name: str, instance: Instance, limits: Limits, seed: int) -> None:
    """One solver on one strengthened program; prints claims and CPU seconds."""
    solver = registry.solver(parse(name))
    model = FORMS["strengthened"].build(of(registry, *instance))
    reason = solver.available() or solver.accepts(model)
    label = "bc{}-N{}-H{}".format(*instance)
    if reason:
        print(f"{label:13} {name:18} {reason}: nan")
        return
    start = time.process_time()
    solution = solver.solve(model, limits, seed, ignore_report)
    seconds = time.process_time() - start
    proved = "" if solution.status is Status.OPTIMAL else "open "
    claims = f"{solution.objective} / {solution.bound}"
    print(f"{label:13} {name:18} {claims:>13} {proved}{seconds:.2f}")


def hybrid_part(problem: Problem, form: NetworkMILP) -> highspy.Highs:
    """The program with at most eight incoming weights per hidden unit, written in Pyomo."""
    import pyomo.environ as pyo

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
    solver = quiet()
    pass_model(solver, joined(milp, part, {"w1": w}))
    return solver


def peak(registry: Registry, n: int, name: str) -> None:
    """Extra megabytes of building and handing over, in this process."""
    problem = digits(registry, n, name)
    before = most_resident()
    solver = quiet()
    pass_model(solver, BUILT[name][1].build(problem).data)
    print(round((most_resident() - before) / 1024))


def most_resident() -> int:
    """Kilobytes; getrusage would give those of the process that started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def digits(registry: Registry, n: int, name: str) -> Problem:
    """Digits 64-16-10 with pixels >= 8."""
    dataset = make_dataset(registry, f"digits | threshold[t=8] | round-robin[n={n}]")
    return Problem(dataset, Architecture(dataset.n_features, (16,), 10), DOMAIN, BUILT[name][0])


def lines_of(problem: Problem) -> np.ndarray:
    """The loss of s z as the greatest of lines, slope and intercept, shape (lines, 2)."""
    if isinstance(problem.objective, LinearHinge):
        return np.array([[-1.0, problem.objective.size(problem.output_scale)]])
    B = problem.output_scale
    z = range(-int(B) // 2 - 1, int(B) + 1)
    loss = interpolant(B)
    values = [loss(2 * Fraction(k) / B) for k in z]
    slopes = {b - a: a - (b - a) * k for k, a, b in zip(z, values, values[1:], strict=False)}
    return np.array([[float(k), float(c)] for k, c in slopes.items() if k])


def quiet() -> highspy.Highs:
    """A solver that prints nothing."""
    # Not at the top: ortools, which one solver needs, cannot be loaded beside it.
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    return solver


def by_hand(X: np.ndarray, targets: np.ndarray, hidden: int, lines: np.ndarray) -> highspy.Highs:
    """The literal program of this shape: columns w1, b1, a, w2, b2, c, t, each row-major."""
    (n, d), q = X.shape, targets.shape[1]
    sizes = [d * hidden, hidden, n * hidden, hidden * q, q, n * hidden * q, n * q]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    w1, b1, a, w2, b2, c, t = (
        start + np.arange(size) for start, size in zip(starts, sizes, strict=False)
    )
    w1, a, w2 = w1.reshape(d, hidden), a.reshape(n, hidden), w2.reshape(hidden, q)
    c, t = c.reshape(n, hidden, q), t.reshape(n, q)
    reach = X.sum(axis=1)
    rows, cols, vals, lower, upper = [], [], [], [], []
    m = 0

    def block(shape, terms, low, high):
        nonlocal m
        number = m + np.arange(math.prod(shape)).reshape(shape)
        for column, value in terms:
            deep = max(np.ndim(column), np.ndim(value)) > len(shape)
            r = number[..., None] if deep else number
            r, column, value = np.broadcast_arrays(r, column, value)
            keep = value.ravel() != 0
            rows.append(r.ravel()[keep])
            cols.append(column.ravel()[keep])
            vals.append(value.ravel()[keep])
        lower.append(np.broadcast_to(low, shape).ravel())
        upper.append(np.broadcast_to(high, shape).ravel())
        m += number.size

    least, most = -(reach + 2)[:, None], (reach + 1)[:, None]
    z = [(w1.T[None], X[:, None, :]), (b1, 1)]
    block((n, hidden), [*z, (a, least)], least, np.inf)
    block((n, hidden), [*z, (a, -(most + 1))], -np.inf, -1)
    shape, on = (n, hidden, q), a[:, :, None]
    block(shape, [(c, 1), (w2, -1), (on, 2)], -np.inf, 2)
    block(shape, [(c, 1), (w2, 1), (on, -2)], -np.inf, 0)
    block(shape, [(c, -1), (w2, 1), (on, 2)], -np.inf, 2)
    block(shape, [(c, -1), (w2, -1), (on, -2)], -np.inf, 0)
    slopes, intercepts = lines.T
    y = -targets[:, :, None] * slopes
    shape, products = (n, q, len(lines)), c.transpose(0, 2, 1)[:, :, None]
    last = [(products, y[..., None]), (b2[:, None], y), (t[:, :, None], 1)]
    block(shape, last, intercepts, np.inf)

    count = int(starts[-1])
    triplets = (np.concatenate(vals), (np.concatenate(rows), np.concatenate(cols)))
    A = scipy.sparse.coo_matrix(triplets, shape=(m, count)).tocsr()
    integer, cost = np.ones(count), np.zeros(count)
    integer[c[0, 0, 0] :], cost[t[0, 0] :] = 0, 1
    low, high = np.full(count, -1.0), np.ones(count)
    low[b1], low[b2] = -2, -2
    low[a], low[t], high[t] = 0, 0, np.inf
    solver = quiet()
    pass_model(
        solver,
        MatrixMILP(
            cost,
            A.indptr,
            A.indices,
            A.data.astype(float),
            np.concatenate(lower).astype(float),
            np.concatenate(upper).astype(float),
            low,
            high,
            integer.astype(bool),
        ),
    )
    return solver


def same(one: highspy.Highs, other: highspy.Highs) -> bool:
    """Whether two solvers hold as many rows, columns and coefficients, of equal values."""
    lps = [solver.getLp() for solver in (one, other)]
    parts = [
        (lp.num_row_, lp.num_col_, np.sort(lp.a_matrix_.value_).tolist(), sorted(lp.row_upper_))
        for lp in lps
    ]
    return parts[0] == parts[1]


def build(registry: Registry, repeats: int) -> None:
    """Building and hand-over of every program in two sizes."""
    for name in BUILT:
        for n in (200, 1000):
            built(registry, name, n, repeats)


def built(registry: Registry, name: str, n: int, repeats: int) -> None:
    """Building and hand-over of one program, medians in turn."""
    problem, form = digits(registry, n, name), BUILT[name][1]
    X, targets = problem.dataset.part("train")[0].astype(np.int64), problem.targets()
    ready = form.build(problem).data

    def handed_over(milp: MatrixMILP) -> highspy.Highs:
        solver = quiet()
        pass_model(solver, milp)
        return solver

    ways = {
        "direct": lambda: handed_over(form.build(problem).data),
        "plain": lambda: by_hand(X, targets, 16, lines_of(problem)),
        "hand-over alone": lambda: handed_over(ready),
        "hybrid": lambda: hybrid_part(problem, form),
    }
    if n == 200 and not same(ways["direct"](), ways["plain"]()):
        raise SystemExit("The two ways build different programs.")
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, work in ways.items():
            gc.collect()
            start = time.process_time()
            solver = work()
            taken[way].append(time.process_time() - start)
            del solver
    fast, base, least, mixed = (statistics.median(taken[way]) for way in ways)
    size = f"{ready.n_rows} rows, {ready.n_cols} columns, {ready.nnz} coefficients"
    print(f"{name}, digits-N{n} 64-16-10: {size}")
    print(
        f"  direct {fast:.4f} s, plain {base:.4f} s, ratio {fast / base:.2f};"
        f" hand-over alone {least:.4f} s",
        flush=True,
    )
    print(f"  Pyomo hybrid {mixed:.4f} s, ratio {mixed / base:.2f}", flush=True)
    words = [sys.executable, __file__, "--peak", str(n), name]
    extra = subprocess.run(words, capture_output=True, text=True).stdout.strip()
    print(f"  extra peak memory of the direct way {extra} MB", flush=True)
    if n == 200:
        start = time.process_time()
        with collector_paused():
            model = expand(ready)
        pass_model(quiet(), compiled(model))
        seconds = time.process_time() - start
        print(f"  Pyomo pure {seconds:.2f} s, ratio {seconds / base:.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=60, help="wall seconds of every solve")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=7, help="of building")
    parser.add_argument("--parts", nargs="+", default=["build", "columns", "proofs", "solvers"])
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    registry, limits = Registry.load(), Limits(time=arguments.limit)
    if arguments.one:
        features, n, hidden = map(int, arguments.one[1:])
        one(registry, arguments.one[0], (features, n, hidden), limits, arguments.seed)
        return
    if arguments.peak:
        peak(registry, int(arguments.peak[0]), arguments.peak[1])
        return
    if "solvers" in arguments.parts:
        solvers(registry, limits, arguments.seed)
    if "build" in arguments.parts:
        build(registry, arguments.repeats)
    if "columns" in arguments.parts:
        hard(registry, limits, arguments.seed)
    if "proofs" in arguments.parts:
        proofs(registry, limits, arguments.seed)


if __name__ == "__main__":
    main()
