"""Spin updates per CPU second of ``ising-sa``, CPU seconds of building a QUBO and decoding reads.

Base cases, run in turn with ours in every repeat: for sampling, dwave-samplers' simulated annealing
with the same sweeps and betas (one thread, its set-up of the couplings taken off); for building,
dimod's ``add_quadratic`` per term and ``add_linear_equality_constraint``, both from the
same coefficients and checked to give the same energies. Ratios are medians of the repeats' ratios.

The bound beside a rate is what the same machine reached in the same run: the matrix product alone
(dense), or visits without couplings plus numpy's in-cache additions for the neighbours (sparse).

Run with ``python benchmarks/qubo.py``; set OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dimod
import numpy as np
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.harvest import Harvest
from bnnbench_qubo.layout import Choice, Layout, number
from bnnbench_qubo.machine import Machine
from bnnbench_qubo.replicas import BLOCK, SparseGroup
from bnnbench_qubo.sampling import to_bqm
from bnnbench_qubo.spin_model import SpinModel
from dwave.samplers import SimulatedAnnealingSampler

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary
from bnnbench.interfaces import ignore_report
from bnnbench.models import Qubo
from bnnbench.objectives import Errors
from bnnbench.problem import Problem

PENALTY = 0.15


@dataclass(frozen=True)
class Case:
    """An instance with the sweeps and reads that both sides get."""

    name: str
    qubo: Qubo
    betas: tuple[float, float]
    sweeps: int
    dwave_reads: int


def ising(name: str, n: int, degree: int, sweeps: int, dwave_reads: int) -> Case:
    """Random -1/+1 couplings without field; beta from 0.1 to 5 over the r.m.s. local field."""
    rng = np.random.default_rng(0)
    if degree == n - 1:
        rows, cols = np.triu_indices(n, 1)
    else:
        i, j = rng.integers(0, n, (2, 2 * n * degree))
        keys = rng.permutation(np.unique((i * n + j)[i < j]))[: n * degree // 2]
        rows, cols = keys // n, keys % n
    J = rng.choice([-1.0, 1.0], len(rows))
    linear = -2 * (np.bincount(rows, J, n) + np.bincount(cols, J, n))
    field = np.sqrt(2 * len(rows) / n)
    return Case(
        name,
        Qubo(linear, rows, cols, 4 * J, float(J.sum())),
        (0.1 / field, 5 / field),
        sweeps,
        dwave_reads,
    )


def teacher(d: int, h: int, N: int) -> Problem:
    """Distinct -1/+1 images labelled by a random d-h-1 network."""
    rng = np.random.default_rng(1)
    X = 2 * ((rng.permutation(2**d)[:N, None] >> np.arange(d)) & 1) - 1
    votes = np.where(X @ rng.choice((-1, 1), (d, h)) >= 0, 1, -1)
    y = (votes.sum(axis=1) >= 0).astype(np.int64)
    data = Dataset("teacher", X, y, (N, 0, 0), classes=("0", "1"))
    return Problem(data, Architecture(d, (h,), 1), Binary(bias="none"), Errors())


def cpu_seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def sampling(case: Case, replicas: int, repeats: int) -> list[str]:
    """One row of the sampling table."""
    betas = np.geomspace(*case.betas, case.sweeps)
    start = time.process_time()
    machine = Machine.metropolis(case.qubo, "auto", 0, 1)
    convert = time.process_time() - start
    bqm, sampler = to_bqm(case.qubo), SimulatedAnnealingSampler()

    def ours() -> None:
        energies.append(machine.draw(replicas, betas, lambda: False)[1].mean())

    def base(sweeps: int) -> None:
        found = sampler.sample(
            bqm,
            beta_range=case.betas,
            beta_schedule_type="geometric",
            num_sweeps=sweeps,
            num_reads=case.dwave_reads,
            seed=int(rng.integers(2**31)),
        )
        if sweeps > 1:
            base_energies.append(found.record.energy.mean())

    rng, energies, base_energies = np.random.default_rng(0), [], []
    machine.draw(16, betas[:2], lambda: False)
    fast, slow = [], []
    for _ in range(repeats):
        updates = case.qubo.n * case.sweeps
        fast.append(updates * replicas / cpu_seconds(ours))
        spent = cpu_seconds(lambda: base(case.sweeps)) - cpu_seconds(lambda: base(1))
        slow.append(updates * case.dwave_reads / spent)
    info = machine.info(1.0)
    ratio = statistics.median(a / b for a, b in zip(fast, slow, strict=True))
    rate = statistics.median(fast)
    limit = bound(machine, case, replicas)
    return [
        case.name,
        str(case.qubo.n),
        f"{2 * len(case.qubo.values) / case.qubo.n:.0f}",
        "sparse " + machine.model.dtype.__name__
        if machine.make is SparseGroup
        else "dense float32",
        f"{rate / 1e6:.1f}",
        f"{statistics.median(slow) / 1e6:.2f}",
        f"{ratio:.1f}",
        f"{min(a / b for a, b in zip(fast, slow, strict=True)):.1f}",
        f"{info['acceptance_rate']:.2f}",
        f"{limit / 1e6:.0f}",
        f"{rate / limit:.2f}",
        f"{1e3 * convert:.1f}",
        f"{np.mean(energies[:repeats]):.1f} / {np.mean(base_energies):.1f}",
    ]


def bound(machine: Machine, case: Case, replicas: int) -> float:
    """Updates per second that the machine's arithmetic allows."""
    if machine.make is SparseGroup:
        return _sparse_bound(machine.model, case, replicas)
    n, matrix = case.qubo.n, machine.model.matrix
    spins, out = np.ones((n, replicas), np.float32), np.empty((BLOCK, replicas), np.float32)
    blocks = [matrix[at : at + BLOCK] for at in range(0, n - BLOCK + 1, BLOCK)]

    def products() -> None:
        for rows in blocks:
            np.matmul(rows, spins, out=out)

    times = sorted(cpu_seconds(products) for _ in range(5))
    return len(blocks) * BLOCK * replicas / times[2]


def _sparse_bound(model: SpinModel, case: Case, replicas: int) -> float:
    none = np.zeros(0, dtype=np.int64)
    free = SpinModel.of(Qubo(case.qubo.linear, none, none, np.zeros(0)))
    group = SparseGroup(free, 0, 0, replicas)
    betas = np.geomspace(*case.betas, 20)
    group.run(betas)
    visit = cpu_seconds(lambda: group.run(betas)) / (20 * case.qubo.n)
    fields = np.zeros(case.qubo.n * replicas, dtype=model.rows[2].dtype)
    one = fields.dtype.type(1)

    def additions() -> None:
        for _ in range(20):
            np.add(fields, one, out=fields)

    times = sorted(cpu_seconds(additions) / 20 for _ in range(9))
    degree = 2 * len(case.qubo.values) / case.qubo.n
    return replicas / (visit + degree * times[4] / case.qubo.n)


Constraint = tuple[list[tuple[int, float]], float]


def constraints(problem: Problem, layout: Layout) -> tuple[list[Constraint], list[Any]]:
    """The counters c - tau a - s = 0 of a normalised d-h-1 network, and the loss's linear terms."""
    X, y = problem.dataset.part("train")
    first, last = layout.layers
    rows: list[Constraint] = []
    for k, x in enumerate(X.tolist()):
        for j in range(first.activations.shape[1]):
            terms = [(int(w), float(v)) for w, v in zip(first.weights[:, j], x, strict=True)]
            rows.append((terms + _threshold(first, k, j), float(sum(v < 0 for v in x))))
        terms = [(int(a), 1.0) for a in first.activations[k]]
        rows.append((terms + _threshold(last, k, 0), 0.0))
    return rows, [(int(a), 1 - 2 * int(t)) for a, t in zip(last.activations[:, 0], y, strict=True)]


def _threshold(layer: Any, k: int, j: int) -> list[tuple[int, float]]:
    slack = zip(layer.slack[k, j], layer.encoding.coefficients[k, j], strict=True)
    level = float(layer.counter.levels[k, j])
    return [(int(layer.activations[k, j]), -level)] + [(int(s), -float(c)) for s, c in slack if c]


def per_term(n: int, rows: list[Constraint], loss: list[Any]) -> Any:
    bqm = dimod.BinaryQuadraticModel(n, dimod.BINARY)
    for terms, constant in rows:
        bqm.offset += PENALTY * constant**2
        for p, (u, c) in enumerate(terms):
            bqm.add_linear(u, PENALTY * c * (c + 2 * constant))
            for v, e in terms[p + 1 :]:
                bqm.add_quadratic(u, v, 2 * PENALTY * c * e)
    for u, c in loss:
        bqm.add_linear(u, c)
    return bqm


def per_constraint(n: int, rows: list[Constraint], loss: list[Any]) -> Any:
    bqm = dimod.BinaryQuadraticModel(n, dimod.BINARY)
    for terms, constant in rows:
        bqm.add_linear_equality_constraint(terms, PENALTY, constant)
    for u, c in loss:
        bqm.add_linear(u, c)
    return bqm


def building(problem: Problem, repeats: int) -> list[list[str]]:
    """The rows of the building table."""
    formulation = BnnQubo(penalty=PENALTY)
    qubo = formulation.build(problem).data
    layout = number(problem, Choice())
    rows, loss = constraints(problem, layout)
    ways: dict[str, Callable[[], Any]] = {
        "bnn-qubo, arrays": lambda: formulation.build(problem).data,
        "bnn-qubo, arrays and BQM": lambda: to_bqm(formulation.build(problem).data),
        "add_linear_equality_constraint, ready rows": lambda: per_constraint(qubo.n, rows, loss),
        "add_linear_equality_constraint": lambda: per_constraint(
            qubo.n, *constraints(problem, layout)
        ),
        "add_quadratic per term, ready rows": lambda: per_term(qubo.n, rows, loss),
        "add_quadratic per term": lambda: per_term(qubo.n, *constraints(problem, layout)),
    }
    states = np.random.default_rng(0).integers(0, 2, (3, qubo.n), dtype=np.int8)
    wanted = qubo.energy(states) - y_offset(problem)
    for name, way in ways.items():
        if name.startswith("add"):
            assert np.allclose(way().energies(states), wanted), name
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            times[name].append(cpu_seconds(way))
    own = times["bnn-qubo, arrays"], times["bnn-qubo, arrays and BQM"]
    return [
        [name, f"{1e3 * statistics.median(spent):.2f}"]
        + [
            f"{statistics.median(s / o for s, o in zip(spent, base, strict=True)):.1f}"
            for base in own
        ]
        for name, spent in times.items()
    ]


def evaluating(problem: Problem, networks: int, repeats: int) -> list[list[str]]:
    """The rows of the evaluation table: scores one by one, by the stack, and whole reads."""
    model = BnnQubo(penalty=PENALTY).build(problem)
    rng = np.random.default_rng(0)
    states = rng.integers(0, 2, (networks, model.data.n), dtype=np.int8)
    energies = model.data.energy(states)
    decoded = [model.decode(state) for state in states]
    assert problem.evaluate_many(decoded) == [problem.evaluate(n) for n in decoded]
    ways: dict[str, Callable[[], Any]] = {
        "decode": lambda: [model.decode(state) for state in states],
        "evaluate, one by one": lambda: [problem.evaluate(n) for n in decoded],
        "evaluate_many": lambda: problem.evaluate_many(decoded),
        "energies of full states": lambda: model.data.energy(states),
        "a sampler's reads in all": lambda: Harvest(model, ignore_report).add(states, energies),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            times[name].append(cpu_seconds(way))
    return [[n, f"{1e6 * statistics.median(t) / networks:.1f}"] for n, t in times.items()]


def y_offset(problem: Problem) -> float:
    """The loss's constant, which the base cases leave out: one per positive label."""
    return float(problem.dataset.part("train")[1].sum())


def show(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in [header, *rows]:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)))
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--dense-replicas", type=int, default=256)
    parser.add_argument("--large", action="store_true", help="add dense n = 5000 (minutes)")
    arguments = parser.parse_args()

    problem = teacher(9, 9, 64)
    bnn = BnnQubo(penalty=PENALTY).build(problem).data
    cases = [
        (ising("sparse, degree 6", 5000, 6, 300, 2), arguments.replicas),
        (Case("BNN 9-9-1, N=64", bnn, (0.02 / PENALTY, 6 / PENALTY), 300, 4), arguments.replicas),
        (ising("dense", 1000, 999, 100, 8), arguments.dense_replicas),
    ]
    if arguments.large:
        cases.append((ising("dense", 5000, 4999, 20, 4), arguments.dense_replicas))
    print(f"annealing on one thread, medians of {arguments.repeats}; M/s of CPU time\n")
    header = ["instance", "n", "degree", "method", "ising-sa M/s", "dwave-sa M/s", "ratio", "least"]
    header += ["acceptance", "bound M/s", "of bound", "convert ms", "mean energies"]
    show(header, [sampling(case, R, arguments.repeats) for case, R in cases])
    print(f"building {bnn.n} variables, {len(bnn.values)} couplings; medians of CPU ms\n")
    show(["way", "ms", "over arrays", "over arrays and BQM"], building(problem, 15))
    for case in (teacher(9, 3, 16), problem):
        rows = case.dataset.sizes[0]
        print(f"decoding {case.architecture.text}, {rows} rows; medians of CPU us per network\n")
        show(["way", "us"], evaluating(case, 64, 15))


if __name__ == "__main__":
    main()
