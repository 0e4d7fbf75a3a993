"""A store of made-up records, for tests of whatever reads stores.

Methods differ in quality and speed, problems in difficulty, seeds by noise; there are traces,
bounds, samplers with reads, references from outside the class, every ending, and contradictions.
Nothing is solved: the figures only look like those of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnnbench.metrics import PartMetrics, TracePoint
from bnnbench.record import Artefacts, Claims, Ending, Record, Seconds
from bnnbench.store import Store
from bnnbench.suite import Cell, CellLimits, Topology
from bnnbench.verify import Evaluation

LIMIT = 60.0
DATA = ("adult", "breast-cancer", "california", "digits", "heart", "mnist", "planted", "teacher")
OBJECTIVES = ("errors", "min-hinge", "sat-margin")
WIDTHS = (1, 2, 4, 8, 16, 32)
DETAILS = {
    Ending.TIMEOUT: "did not stop 5 s after its time limit of 60 s\nkilled",
    Ending.MEMOUT: "held 2.1 GiB, more than its limit of 2 GiB",
    Ending.CRASH: "signal SIGSEGV\nno more output",
    Ending.ERROR: "ValueError: the model has no objective\nTraceback (most recent call last)",
    Ending.INVALID: "claims objective 3, verified 7",
    Ending.SKIPPED: "errors does not accept the objective min-hinge",
}


@dataclass(frozen=True)
class Method:
    """A made-up method.

    Attributes:
        solver: its spec.
        formulation: its formulation's spec.
        quality: share of the way from the constant network to the optimum that it goes.
        pace: seconds to get most of that way.
        bounds: whether it proves bounds.
        sampler: whether it draws reads.
        reference: whether it is a reality check from outside the class.
        troubles: share of its cells that end badly.
    """

    solver: str
    formulation: str = ""
    quality: float = 0.9
    pace: float = 5.0
    bounds: bool = False
    sampler: bool = False
    reference: bool = False
    troubles: float = 0.02


METHODS = (
    Method("annealing", quality=0.97, pace=2.0),
    Method("highs", "min-hinge", quality=0.88, pace=20.0, bounds=True, troubles=0.08),
    Method("ste", quality=0.93, pace=4.0),
    Method("columns", quality=0.95, pace=12.0, bounds=True, troubles=0.06),
    Method("dwave-sa", "bnn-qubo", quality=0.82, pace=10.0, sampler=True, troubles=0.05),
    Method("ising-sa", "bnn-qubo", quality=0.9, pace=6.0, sampler=True),
    Method("greedy", quality=0.75, pace=0.5, troubles=0.0),
    Method("gd-nn[lr=0.01]", quality=0.85, pace=15.0),
    Method("logistic-regression", reference=True, pace=0.1, troubles=0.0),
    Method("constant", reference=True, pace=0.01, troubles=0.0),
)


def made_up_store(
    path: Path, count: int, *, seeds: int = 10, methods: int = len(METHODS), troubles: bool = True
) -> Path:
    """Write about ``count`` made-up records, the same ones for the same arguments.

    Args:
        path: a new store.
        count: how many records; whole problems only, so a few more may be written.
        seeds: seeds of every method on every problem.
        methods: how many methods; beyond those of this module, variants of them.
        troubles: whether cells end badly and contradict each other.
    """
    chosen = [_method(i) for i in range(methods)]
    problems = -(-count // (seeds * methods))
    with Store(path) as store:
        store.extend(_results(problems, chosen, seeds, troubles))
    return path


def made_up_run(path: Path, cells: Sequence[Cell]) -> Path:
    """Write a made-up record for every cell of a suite, without trouble.

    Args:
        path: a new store.
        cells: of the suite.
    """
    known = {(m.solver, m.formulation): m for m in METHODS}
    problems = list(dict.fromkeys((c.draw or c.data, str(c.topology), c.objective) for c in cells))
    rng = np.random.default_rng(20260102)
    worlds = {
        (problem, seed): _World(number, seed, 100, float(rng.integers(0, 10)), rng)
        for number, problem in enumerate(problems)
        for seed in sorted({c.seed for c in cells})
    }
    with Store(path) as store:
        for cell in cells:
            world = worlds[(cell.draw or cell.data, str(cell.topology), cell.objective), cell.seed]
            method = known.get((cell.solver, cell.formulation))
            store.add(*world.result(method or Method(cell.solver, cell.formulation), False, cell))
    return path


def _method(number: int) -> Method:
    kind = METHODS[number % len(METHODS)]
    if number < len(METHODS):
        return kind
    text = f"{kind.solver.partition('[')[0]}[restarts={number}]"
    quality = kind.quality - 0.01 * (number // len(METHODS))
    return Method(
        text, kind.formulation, quality, kind.pace * 1.3, kind.bounds, kind.sampler, kind.reference
    )


def _results(
    problems: int, methods: list[Method], seeds: int, troubles: bool
) -> Iterator[tuple[Record, Artefacts]]:
    rng = np.random.default_rng(20260101)
    for number in range(problems):
        for seed in range(seeds):
            rows = 40 * (1 + number % 7)
            optimum = float(rng.integers(0, 1 + rows // 10))
            for method in methods:
                world = _World(number, seed, rows, optimum, rng)
                yield world.result(method, troubles)


@dataclass
class _World:
    """One problem with one seed."""

    number: int
    seed: int
    rows: int
    optimum: float
    rng: np.random.Generator

    def result(
        self, method: Method, troubles: bool, cell: Cell | None = None
    ) -> tuple[Record, Artefacts]:
        cell = cell or self._cell(method)
        ending = Ending.OK
        if troubles and self.rng.random() < method.troubles:
            ending = Ending(str(self.rng.choice([e.value for e in DETAILS])))
        holds = ending in (Ending.OK, Ending.INVALID) or (
            ending is Ending.TIMEOUT and self.rng.random() < 0.5
        )
        trace = self._trace(method) if holds else []
        spent = min(LIMIT, method.pace * float(self.rng.lognormal(0.5, 0.4)))
        bound = self._bound(method, troubles) if holds else None
        value = trace[-1].objective if trace else None
        facts = self._facts(method, value) if holds else None
        record = Record(
            id=cell.id,
            cell=cell.plain(),
            suite="standard" if self.number % 4 else "small",
            problem=f"{self.number:04d}-{self.seed:02d}-digest",
            data=f"{self.number:04d}",
            ending=ending,
            stage="done" if holds else "solve" if ending is not Ending.SKIPPED else "build",
            detail=DETAILS.get(ending, ""),
            claims=self._claims(method, value, bound, spent),
            evaluation=facts,
            reference=method.reference,
            rows=self.rows,
            lower_bound=0.0,
            solver_bound=bound,
            reference_objective=self.rows / 2.0,
            seconds=Seconds(build=0.1, solve=spent, wall=spent + 0.3, cpu=spent),
            peak_memory=int(self.rng.integers(1 << 26, 1 << 30)),
            notes={"majority": "0.62"},
            versions={"bnnbench": "0.1.0", "python": "3.11.9", "numpy": "2.1.0"},
            host={"node": f"node{self.seed % 3}", "cpu": "made-up CPU", "system": "Linux"},
            probe=0.05 + 0.002 * float(self.rng.standard_normal()),
            created=1.7e9 + self.number * 1000 + self.seed,
        )
        return record, Artefacts(trace=trace)

    def _cell(self, method: Method) -> Cell:
        data = DATA[self.number % len(DATA)]
        variant = self.number // 192
        draw = f"{data} | split[train={self.rows},seed={{seed}}]"
        draw += f" | first-features[n={8 * variant}]" if variant else ""
        return Cell(
            data=draw.replace("{seed}", str(self.seed)),
            topology=Topology((WIDTHS[self.number // len(DATA) % len(WIDTHS)],)),
            domain=f"integer[P={2 ** (self.number // 48 % 4 + 1) - 1}]",
            objective=OBJECTIVES[self.number % len(OBJECTIVES)],
            formulation=method.formulation,
            solver=method.solver,
            seed=self.seed,
            limits=CellLimits(time=LIMIT, target=self.optimum + 2),
            versions=("bnnbench-made-up 0.1",),
            draw=draw,
        )

    def _trace(self, method: Method) -> list[TracePoint]:
        if method.reference:
            return []
        steps = int(self.rng.integers(3, 12))
        times = np.sort(self.rng.exponential(method.pace, steps)) + 0.01
        reached = method.quality * (1 - np.exp(-times / method.pace * 2))
        reached += 0.03 * self.rng.standard_normal()
        start = self.rows / 2
        values = np.round(start - np.clip(reached, 0, 1) * (start - self.optimum) * 1.02)
        values = np.maximum(np.minimum.accumulate(values), self.optimum)
        bounds = np.maximum.accumulate(np.floor(self.optimum * times / (times + method.pace)))
        return [
            TracePoint(round(float(t), 4), float(v), float(b) if method.bounds else None)
            for t, v, b in zip(times, values, bounds, strict=True)
            if t < LIMIT
        ]

    def _bound(self, method: Method, troubles: bool) -> float | None:
        if not method.bounds:
            return None
        if troubles and self.rng.random() < 0.002:
            return self.optimum + 3  # a false proof, which others contradict
        return self.optimum if self.rng.random() < 0.4 else float(self.optimum // 2)

    def _facts(self, method: Method, value: float | None) -> Evaluation:
        ratio = 0.3 if value is None else value / self.rows
        test = float(np.clip(0.93 - ratio - 0.02 * self.rng.standard_normal(), 0, 1))
        return Evaluation(
            feasible=method.reference or value is not None,
            objective=value,
            exact="" if value is None else str(value),
            outside=None,
            parts={
                "train": PartMetrics(self.rows, 1 - ratio / 2, 0.01, 1 - ratio),
                "test": PartMetrics(500, test, 0.01, max(0.0, test - 0.05)),
            },
            sizes={"nonzeros": 40.0, "bits": 160.0, "bytes": 20.0},
            network=f"{self.rng.integers(1 << 62):016x}",
        )

    def _claims(
        self, method: Method, value: float | None, bound: float | None, spent: float
    ) -> Claims:
        info: dict[str, Any] = {"iterations": int(self.rng.integers(100, 10**6))}
        if method.sampler:
            reads = int(self.rng.integers(100, 2000))
            info = {
                "reads": reads,
                "best_reads": int(self.rng.binomial(reads, 0.02)) if value is not None else 0,
                "sample_seconds": spent * 0.9,
                "decode_seconds": spent * 0.1,
            }
        done = value is not None and value == bound
        return Claims(
            status="none" if value is None else "optimal" if done else "feasible",
            termination="optimal" if done else "time",
            objective=value,
            bound=bound,
            info=info,
        )
