"""False alarms and misses of ``bnnbench compare`` on real runs of unchanged code.

A suite is run so often as asked, every run into a store of its own; then neighbouring runs are
compared, and groups of six and ten of which every other run is the second side: every alarm is
false. Misses are counted on the same sides with all times of the second made longer by a factor.
Running::

    python benchmarks/compare.py --suite smoke --runs 21 --stores runs

Stores that are there are used again. The share of alarms is given with its exact 95 % interval.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bnnbench.compare import Options, compare, select
from bnnbench.compare.metrics import chosen
from bnnbench.record import Artefacts, Record
from bnnbench.statistics import proportion
from bnnbench.store import Store

METRICS = {"default": (), "with cpu_seconds": ("test_accuracy", "objective_per_row", "cpu_seconds")}
Runs = list[list[tuple[Record, Artefacts]]]


def main() -> None:
    """Print a line for each way to group runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="smoke")
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--stores", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--slower", type=float, default=1.2, help="planted factor")
    asked = parser.parse_args()
    runs = [read(store) for store in measured(asked.suite, asked.runs, asked.stores)]
    for per_side in (1, 3, 5):
        pairs = list(sides(runs, per_side))
        print(f"{per_side} runs a side, in turns:")
        for name, metrics in METRICS.items():
            false = sum(alarm(a, b, metrics) for a, b in pairs)
            found = sum(alarm(a, slowed(b, asked.slower), metrics) for a, b in pairs)
            share = proportion(false, len(pairs))
            print(
                f"  {name:16}  false alarms {false} of {len(pairs)}"
                f" [{share.interval.low:.0%}, {share.interval.high:.0%}],"
                f" {asked.slower:g}-fold found in {found}"
            )


def measured(suite: str, count: int, folder: Path) -> Iterator[Path]:
    """Stores of as many runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        path = folder / f"s{i}.bnnbench"
        command = ["run", suite, "--quiet", "--store", str(path)]
        done = subprocess.run([sys.executable, "-m", "bnnbench", *command], capture_output=True)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr.decode())
        yield path


def read(path: Path) -> list[tuple[Record, Artefacts]]:
    """All records of a store."""
    with Store(path, create=False) as store:
        return [(record, store.artefacts(record)) for record in store.records()]


def sides(runs: Runs, per_side: int) -> Iterator[tuple[Runs, Runs]]:
    """Both sides of every comparison: windows over the runs that overlap by all but one run."""
    for begin in range(len(runs) - 2 * per_side + 1):
        part = runs[begin : begin + 2 * per_side]
        yield part[::2], part[1::2]


def slowed(runs: Runs, factor: float) -> Runs:
    """The same with longer times, up to the limit."""
    return [[(_slow(record, factor), artefacts) for record, artefacts in run] for run in runs]


def _slow(record: Record, factor: float) -> Record:
    seconds = record.seconds
    limit = record.cell["limits"]["time"]
    longer = msgspec.structs.replace(
        seconds,
        build=seconds.build * factor,
        solve=min(limit, seconds.solve * factor),
        solve_cpu=(seconds.solve_cpu or 0) * factor,
    )
    return msgspec.structs.replace(record, seconds=longer)


def alarm(before: Runs, after: Runs, metrics: tuple[str, ...]) -> bool:
    """Whether a comparison of two sides raises one."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.bnnbench" for name in ("before", "after")]
        for path, side in zip(paths, (before, after), strict=True):
            with Store(path) as store:
                store.extend(item for run in side for item in run)
        a, b = (select(str(path)) for path in paths)
        return compare(a, b, Options(metrics=chosen(metrics, ()))).regressed


if __name__ == "__main__":
    main()
