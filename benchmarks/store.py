"""CPU seconds and peak memory of reading a large synthetic store.

Each step runs in a process of its own; memory is the peak of the whole process, imports included.
Goals for 10^6 records: open and filter under 2 s, and the summary that a report begins with
(``knowledge`` and ``summarise`` over all columns) under 30 s and 2 GB. Running::

    python benchmarks/store.py --records 1000000 --store /tmp/million.bnnbench

``--steps open filter summarise load export merge`` chooses steps; a store that is there is used
again. Filter reads two figures of those cells of one method and suite that ended ok; finished is
what a resumed run asks. Base case of ``summarise``: ``plain`` decodes every record from its JSON.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bnnbench.analysis import knowledge
from bnnbench.metrics import PartMetrics, TracePoint
from bnnbench.record import Artefacts, Claims, Ending, Record, Seconds
from bnnbench.store import Store
from bnnbench.suite import Cell, CellLimits, Topology
from bnnbench.summary import summarise
from bnnbench.verify import Evaluation

METHODS, DATA = 10, 100
SHARE_BAD = 0.05


def records(count: int, seed: int = 0) -> Iterator[tuple[Record, Artefacts]]:
    """Records as runs of 10 methods on 100 data sets, all seeds of a method and problem."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        method, draw, run = i % METHODS, i // METHODS % DATA, i // (METHODS * DATA)
        cell = Cell(
            data=f"synthetic[n=100,seed={draw}] | median | split[test=0.5,train=0.5]",
            topology=Topology((16,)),
            domain="integer[P=1]",
            objective="errors",
            formulation="" if method % 2 else "errors",
            solver=f"solver-{method}[restarts=3]",
            seed=run,
            limits=CellLimits(),
            versions=("bnnbench 0.1.0", "bnnbench-mip 0.1.0", "highspy 1.7"),
        )
        value = float(rng.integers(5, 50))
        bad = rng.random() < SHARE_BAD
        trace = [TracePoint(float(t), value + 5 - t, None) for t in range(5)]
        yield _record(cell, f"{draw:064x}", value, bad, i), Artefacts(b"n" * 200, trace)


def _record(cell: Cell, problem: str, value: float, bad: bool, i: int) -> Record:
    part = PartMetrics(100, 1 - value / 100, 0.05, 0.9 - value / 100)
    facts = Evaluation(
        feasible=True, objective=value, exact=str(value), outside=None, network="d" * 64,
        parts={"train": part, "test": part}, sizes={"nonzeros": 90, "bits": 180, "bytes": 22.5},
    )  # fmt: skip
    return Record(
        id=f"{i:024x}",
        cell=cell.plain(),
        suite=f"suite-{i % 3}",
        problem=problem,
        data="e" * 64,
        ending=Ending.TIMEOUT if bad else Ending.OK,
        detail="stopped from outside after 65 s" if bad else "",
        claims=Claims(status="feasible", termination="time", objective=value, info={"nodes": i}),
        evaluation=facts,
        rows=100,
        lower_bound=1.0,
        solver_bound=3.0 if i % METHODS == 0 else None,
        reference_objective=50.0,
        seconds=Seconds(build=0.1, solve=2.0, wall=3.0, cpu=2.5),
        peak_memory=1 << 28,
        versions={"bnnbench": "0.1.0", "python": "3.11.7", "numpy": "2.0.0"},
        host={"node": "n", "cpu": "some processor", "cores": "8", "system": "Linux", "python": "3"},
        probe=0.005,
        created=1e9 + i,
    )


def make(path: Path, count: int) -> None:
    """Write the store, many records to a transaction."""
    with Store(path) as store:
        store.extend(records(count))


def _open(path: Path) -> int:
    with Store(path, create=False) as store:
        return len(store)


def _filter(path: Path) -> int:
    with Store(path, create=False) as store:
        chosen = {"solver": "solver-3[restarts=3]", "ending": "ok", "suite": "suite-1"}
        return len(store.columns(["objective", "solve_seconds"], **chosen))


def _finished(path: Path) -> int:
    with Store(path, create=False) as store:
        return len(store.finished(retry=["crash"]))


def _summarise(path: Path) -> int:
    with Store(path, create=False) as store:
        columns = store.columns()
    return len(summarise(columns, knowledge(columns)))


def _plain(path: Path) -> int:
    with Store(path, create=False) as store:
        everything = list(store.records())
    return len(summarise(everything, knowledge(everything)))


def _load(path: Path) -> int:
    from bnnbench.frames import load

    return len(load(path))


def _export(path: Path) -> int:
    from bnnbench.cli.export import _write

    with Store(path, create=False) as store, tempfile.TemporaryDirectory() as folder:
        return _write(store, Path(folder) / "out.csv", "csv", None, False)


def _merge(path: Path) -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder) / "into") as into,
        Store(path, create=False) as other,
    ):
        return into.merge(other)[0]


STEPS: dict[str, Callable[[Path], int]] = {
    "open": _open,
    "filter": _filter,
    "finished": _finished,
    "summarise": _summarise,
    "plain": _plain,
    "load": _load,
    "export": _export,
    "merge": _merge,
}


def measured(step: str, path: Path) -> tuple[int, float, float, float]:
    """What a step returned, its CPU and wall seconds, and the peak memory in MB."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = STEPS[step](path)
    spent = time.process_time() - cpu, time.perf_counter() - wall
    return found, *spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10**6)
    parser.add_argument("--store", type=Path, help="kept and used again  [default: temporary]")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS)[:4])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.store or Path(folder) / "synthetic.bnnbench"
        if not path.exists():
            begin = time.process_time()
            make(path, arguments.records)
            print(
                f"made in {time.process_time() - begin:.1f} s, {path.stat().st_size / 1e6:.0f} MB"
            )
        for step in arguments.steps:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found, cpu, wall, memory = pool.apply(measured, (step, path))
            print(f"{step:<10} {cpu:8.3f} s CPU {wall:8.3f} s wall {memory:7.0f} MB  ({found})")


if __name__ == "__main__":
    main()
