"""Seconds of loading MNIST as a data set, against numpy.frombuffer on the decompressed files.

Base case of later loads: ``numpy.frombuffer(path.read_bytes(), uint8)`` on the four decompressed
files, all of them in the page cache. Base case of the first load, which decompresses, checks, and
fills the cache: ``numpy.frombuffer(gzip.decompress(path.read_bytes()), uint8)`` on the four raw
files. Mapped pages are read when they are touched, so both are also taken with a sum over all
pixels. The last figures are of one suite on MNIST: how often the loader ran, and seconds per cell.

Run with ``python benchmarks/data.py``; BNNBENCH_DATA must hold mnist.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bnnbench_datasets.files import find
from bnnbench_datasets.records import MNIST

from bnnbench.data import make_dataset
from bnnbench.registry import Registry
from bnnbench.runner import Runner
from bnnbench.store import Store
from bnnbench.suite import Suite, expand
from bnnbench.suite.schema import LimitsTable, MethodTable, ProblemTable, SuiteFile

PLUGIN = '''
import os
from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.solution import Solution


class Idle(Solver):
    """Answers nothing at once."""

    name, kind = "idle", "direct"

    def solve(self, model, limits, seed, report):
        return Solution()


def counted():
    from bnnbench_datasets.mnist import mnist

    with open(os.environ["BENCHMARK_LOG"], "a") as log:
        log.write("read\\n")
    return mnist()


@hookimpl
def bnnbench_solvers():
    return [Idle]


@hookimpl
def bnnbench_datasets():
    return [counted]
'''


class Quiet:
    """A listener that says nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


def seconds(work: Callable[[], object], repeats: int, before: Callable[[], object] = int) -> float:
    """Median wall seconds; ``before`` is not timed."""
    taken = []
    for _ in range(repeats):
        before()
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def loads(registry: Registry, scratch: Path, repeats: int) -> None:
    packed = [find(MNIST, k) for k in range(4)]
    plain = [scratch / path.stem for path in packed]
    for source, target in zip(packed, plain, strict=True):
        target.write_bytes(gzip.decompress(source.read_bytes()))

    def base() -> list[np.ndarray]:
        return [np.frombuffer(path.read_bytes(), dtype=np.uint8) for path in plain]

    def first_base() -> list[np.ndarray]:
        return [np.frombuffer(gzip.decompress(p.read_bytes()), dtype=np.uint8) for p in packed]

    def ours() -> str:
        data = make_dataset(registry, "mnist")
        return data.digest

    def touched() -> int:
        return int(make_dataset(registry, "mnist").X.sum(dtype=np.int64))

    cache = Path(os.environ["BNNBENCH_CACHE"])
    first = seconds(ours, max(3, repeats // 4), lambda: shutil.rmtree(cache, ignore_errors=True))
    unpacking = seconds(first_base, max(3, repeats // 4))
    later, reading = seconds(ours, repeats), seconds(base, repeats)
    summed = seconds(lambda: sum(int(a.sum(dtype=np.int64)) for a in base()), repeats)
    later_summed = seconds(touched, repeats)
    print(f"first load {first:.4f} s, decompress + frombuffer {unpacking:.4f} s")
    print(f"later load {later:.4f} s, read + frombuffer {reading:.4f} s")
    print(f"later load + sum {later_summed:.4f} s, read + frombuffer + sum {summed:.4f} s")
    print(f"ratios {first / unpacking:.3f} {later / reading:.3f} {later_summed / summed:.3f}")


def suite(scratch: Path, cells: int) -> None:
    plugin, log = scratch / "counted.py", scratch / "reads"
    plugin.write_text(PLUGIN)
    os.environ["BENCHMARK_LOG"] = str(log)
    registry = Registry.load([plugin])
    file = SuiteFile(
        problem=[ProblemTable(data="counted", objective="errors", hidden=[16])],
        method=[MethodTable(solver="idle")],
        seeds=list(range(cells)),
        limits=LimitsTable(time=1),
    )
    found = expand(file, registry, name="data")
    with Store(scratch / "s.bnnbench") as store:
        runner = Runner(
            Suite(found.name, file, None, found.cells, (plugin,)), registry, store, Quiet()
        )
        start = time.perf_counter()
        runner.run()
        taken = time.perf_counter() - start
        finished = len(store)
    print(f"suite: {finished} cells in {taken:.2f} s ({1000 * taken / cells:.2f} ms per cell)")
    print(f"loader ran {len(log.read_text().splitlines())} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--cells", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        os.environ["BNNBENCH_CACHE"] = str(scratch / "cache")
        loads(Registry.load(), scratch, arguments.repeats)
        suite(scratch, arguments.cells)


if __name__ == "__main__":
    main()
