"""What a cell costs beyond its solver: bnnbench beside benchopt on no-op cells.

Both run D data sets x S solver settings of nothing, in turn, within one run of this script: first
with nothing cached or stored, then again with everything cached or stored. A cell of bnnbench runs
in a process of its own, under limits, and its record is stored; a cell of benchopt runs in the main
process. CPU seconds of the whole process tree, medians over repetitions.

Setting up, in an environment of its own because of its dependencies::

    python -m venv benchopt-env && benchopt-env/bin/pip install benchopt==1.10

Running::

    python benchmarks/overhead.py --benchopt benchopt-env/bin/benchopt
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

OBJECTIVE = """\
from benchopt import BaseObjective


class Objective(BaseObjective):
    name = "noop"
    min_benchopt_version = "1.10"
    sampling_strategy = "run_once"

    def set_data(self, index):
        self.index = index

    def get_objective(self):
        return {"index": self.index}

    def evaluate_result(self, result):
        return {"value": result}

    def get_one_result(self):
        return {"result": 0.0}
"""

DATASET = Template("""\
from benchopt import BaseDataset


class Dataset(BaseDataset):
    name = "nothing"
    parameters = {"d": list(range($n_datasets))}

    def get_data(self):
        return {"index": self.d}
""")

SOLVER = Template("""\
from benchopt import BaseSolver


class Solver(BaseSolver):
    name = "noop"
    parameters = {"s": list(range($n_solvers))}
    sampling_strategy = "run_once"

    def set_objective(self, index):
        pass

    def run(self, _):
        pass

    def get_result(self):
        return {"result": 0.0}
""")


@dataclass(frozen=True)
class Shape:
    """How many cells a benchmark has: ``datasets * solvers * repetitions``."""

    datasets: int
    solvers: int
    repetitions: int = 1

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.datasets * self.solvers * self.repetitions

    def __str__(self) -> str:
        """Return for instance ``10x10x1=100``."""
        return f"{self.datasets}x{self.solvers}x{self.repetitions}={self.cells}"


@dataclass(frozen=True)
class Cost:
    """What one command cost, its children that it waited for included."""

    cpu_s: float
    """User and system CPU seconds."""
    wall_s: float
    """Wall-clock seconds."""
    rss_mib: float
    """Largest resident set of any one of its processes, in MiB."""
    output: str
    """Standard output and standard error together."""


def write_benchopt(directory: Path, n_datasets: int, n_solvers: int) -> Path:
    """Write a benchopt benchmark of no-op cells to ``directory`` and return the directory.

    One data set class with ``n_datasets`` values of one parameter, and one solver class with
    ``n_solvers`` values of one parameter, which runs once, does nothing and returns 0.  Files
    with the same names are overwritten; a cache already there is left (see ``run_benchopt``).
    """
    files = {
        "objective.py": OBJECTIVE,
        "datasets/nothing.py": DATASET.substitute(n_datasets=n_datasets),
        "solvers/noop.py": SOLVER.substitute(n_solvers=n_solvers),
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def measure(command: Sequence[str | Path], cwd: Path | None = None) -> Cost:
    """Run ``command`` and return its cost; raise ``RuntimeError`` with its output if it fails.

    The figures are the kernel's for this one child (``os.wait4``): unlike differences of
    ``getrusage(RUSAGE_CHILDREN)``, its peak memory is never that of an earlier, larger child.
    But it is at least this process's own peak, which Linux carries over ``exec``: keep this
    process small.  CPU time includes descendants that the command waited for.  Output goes to a
    file, so no pipe can fill up.
    """
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read().decode(errors="replace")
    if process.returncode != 0:
        msg = f"{[*map(str, command)]} exited with {process.returncode}:\n{output}"
        raise RuntimeError(msg)
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / unit, output)


def run_benchopt(
    benchopt: Path, directory: Path, shape: Shape, cache: Literal["cold", "warm", "off"]
) -> Cost:
    """Run the no-op benchmark of ``shape`` once and return its cost.

    ``"cold"`` removes benchopt's cache first; ``"warm"`` needs an earlier ``"cold"`` run of the
    same shape; ``"off"`` passes ``--no-cache``.  Past results are removed in all cases.  Raises
    ``RuntimeError`` if benchopt does not report each (data set, solver) pair as done, and as
    cached exactly when ``cache`` is ``"warm"``.

    The working directory is ``directory``: benchopt asks Git for a tag there, once per cell.
    """
    directory = write_benchopt(directory.absolute(), shape.datasets, shape.solvers)
    shutil.rmtree(directory / "outputs", ignore_errors=True)
    if cache == "cold":
        shutil.rmtree(directory / "__cache__", ignore_errors=True)
    command: list[str | Path] = [
        *(benchopt.absolute(), "run", directory, "--no-display", "--no-plot"),
        *("-n", "1", "-r", str(shape.repetitions), "--output", "result"),
        *(["--no-cache"] if cache == "off" else []),
    ]
    cost = measure(command, cwd=directory)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", cost.output)
    done = re.findall(r"--noop\[s=\d+\]: done( \(cached\))?", plain)
    pairs = shape.datasets * shape.solvers
    if len(done) != pairs or done.count(" (cached)") != (pairs if cache == "warm" else 0):
        msg = f"benchopt ran {len(done)} of {pairs} pairs, {done.count(' (cached)')} from cache"
        raise RuntimeError(msg)
    return cost


PLUGIN = """\
from dataclasses import dataclass

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.solution import Solution
from bnnbench.table import Table
import numpy as np


def nothing(*, d: int = 0):
    X = np.arange(8).reshape(4, 2) + d
    return Table(X, np.array([0, 1, 0, 1]))


@dataclass(frozen=True)
class Noop(Solver):
    name = "noop"
    s: int = 0

    def solve(self, model, limits, seed, report):
        return Solution()


@hookimpl
def bnnbench_datasets():
    return [nothing]


@hookimpl
def bnnbench_solvers():
    return [Noop]
"""

SUITE = Template("""\
[suite]
plugins = ["noop.py"]

[[problem]]
data = [$data]
hidden = [2]
objective = "errors"

[[method]]
solver = "noop"
grid = { s = [$settings] }
""")


def write_bnnbench(directory: Path, shape: Shape) -> Path:
    """Write the no-op suite and its plugin file to ``directory``; returns the suite's path."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "noop.py").write_text(PLUGIN, encoding="utf-8")
    data = ", ".join(f'"nothing[d={d}]"' for d in range(shape.datasets))
    settings = ", ".join(str(s) for s in range(shape.solvers * shape.repetitions))
    suite = directory / "noop.toml"
    suite.write_text(SUITE.substitute(data=data, settings=settings), encoding="utf-8")
    return suite


def run_bnnbench(
    command: Path, directory: Path, shape: Shape, store: Literal["new", "full"]
) -> Cost:
    """Run the no-op suite once and return its cost.

    ``"new"`` begins with no store; ``"full"`` resumes one that holds every cell. Raises
    ``RuntimeError`` if the run did not do exactly what it should.
    """
    suite = write_bnnbench(directory, shape)
    if store == "new":
        for file in directory.glob("noop.bnnbench*"):
            file.unlink()
    cost = measure([command, "run", suite, "--store", directory / "noop.bnnbench"], cwd=directory)
    ran, kept = (shape.cells, 0) if store == "new" else (0, shape.cells)
    if f"{ran} cells run, {kept} taken from the store" not in cost.output:
        msg = f"bnnbench did not run {ran} cells and keep {kept}:\n{cost.output}"
        raise RuntimeError(msg)
    return cost


@dataclass(frozen=True)
class Goal:
    """A ratio to the base case and the most it may be."""

    name: str
    ours: Sequence[float]
    base: Sequence[float]
    most: float

    def line(self) -> str:
        """Medians of both sides, and the median of the ratios pair by pair."""
        ratios = [a / b for a, b in zip(self.ours, self.base, strict=True)]
        ratio = statistics.median(ratios)
        verdict = "holds" if ratio <= self.most else "MISSED"
        ours, base = statistics.median(self.ours), statistics.median(self.base)
        spread = f"[{min(ratios):.3f}-{max(ratios):.3f}]"
        return (
            f"{self.name:<44} {ours:9.4f} {base:9.4f} {ratio:7.3f} {spread}"
            f"  goal {self.most:g}  {verdict}"
        )


def main() -> int:
    """Measure, print the ratios, and return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description="Overhead per cell, beside benchopt.")
    parser.add_argument("--benchopt", type=Path, required=True, help="path of its command")
    found = shutil.which("bnnbench") or Path(sys.executable).with_name("bnnbench")
    parser.add_argument("--bnnbench", type=Path, default=Path(found), help="path of ours")
    parser.add_argument("--datasets", type=int, default=10, help="D (default: 10)")
    parser.add_argument("--solvers", type=int, default=100, help="S (default: 100)")
    parser.add_argument("--repetitions", type=int, default=3, help="(default: 3)")
    args = parser.parse_args()
    shape = Shape(args.datasets, args.solvers)
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        base, own = Path(folder) / "benchopt", Path(folder) / "bnnbench"
        base.mkdir()
        for repetition in range(args.repetitions):
            costs = {
                "base help": measure([args.benchopt, "--help"]),
                "own help": measure([args.bnnbench, "--help"]),
                "base cold": run_benchopt(args.benchopt, base, shape, "cold"),
                "own new": run_bnnbench(args.bnnbench, own, shape, "new"),
                "base warm": run_benchopt(args.benchopt, base, shape, "warm"),
                "own full": run_bnnbench(args.bnnbench, own, shape, "full"),
            }
            for name, cost in costs.items():
                figures.setdefault(name, []).append(cost.cpu_s)
            figures.setdefault("own rss", []).append(costs["own help"].rss_mib)
            print(f"repetition {repetition + 1} of {args.repetitions} done", file=sys.stderr)
    per_cell = {k: [v / shape.cells * 1e3 for v in vs] for k, vs in figures.items()}
    print(
        f"{shape} cells, CPU, {args.repetitions} interleaved repetitions: ours, benchopt's, ratio"
    )
    goals = [
        Goal("start-up (--help), s", figures["own help"], figures["base help"], 0.15),
        Goal(
            "isolated, limited, stored cell v. cold, ms",
            per_cell["own new"],
            per_cell["base cold"],
            0.55,
        ),
        Goal("resumed cell v. warm cache, ms", per_cell["own full"], per_cell["base warm"], 0.2),
        Goal("memory of --help, MiB v. 50", figures["own rss"], [50.0] * args.repetitions, 1.0),
    ]
    lines = [goal.line() for goal in goals]
    print("\n".join(lines))
    return int(any("MISSED" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
