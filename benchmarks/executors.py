"""What a no-op cell costs under each executor, beside joblib, submitit and plain Dask.

A cell of ours, under both executors, runs in a child process of its own under limits of time and
memory, is verified, and becomes a record in a store on disk. The others call a function that
returns None: joblib and Dask in worker processes that are used again, with no isolation and no
limits; submitit's local executor starts an interpreter for each job and writes pickles to disk.

Every figure is of a process of its own that runs nothing else. Each executor runs a small and a
larger number of cells; the slope between the two is the cost of one more cell, the rest start-up.
Wall seconds, and CPU seconds of the process and of the descendants it has waited for; medians over
repetitions in turn. Running::

    python benchmarks/executors.py --jobs 2
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from overhead import Cost, Shape, measure, write_bnnbench

SIZES = {
    "bnnbench local": (20, 420),
    "bnnbench dask": (20, 420),
    "joblib loky": (20, 4020),
    "dask": (20, 2020),
    "submitit local": (2, 10),
}


def nothing(_: int) -> None:
    return None


def run_joblib(cells: int, jobs: int) -> None:
    from joblib import Parallel, delayed

    Parallel(n_jobs=jobs, batch_size=1)(delayed(nothing)(i) for i in range(cells))


def run_dask(cells: int, jobs: int) -> None:
    from distributed import Client, LocalCluster, as_completed

    with (
        LocalCluster(
            n_workers=jobs, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        Client(cluster) as client,
    ):
        for _ in as_completed(client.map(nothing, range(cells)), with_results=True):
            pass


def run_submitit(cells: int, jobs: int) -> None:
    import submitit

    with tempfile.TemporaryDirectory() as folder:
        executor = submitit.LocalExecutor(folder=folder)
        executor.update_parameters(timeout_min=5)
        left = list(range(cells))
        while left:
            running = [executor.submit(nothing, i) for i in left[:jobs]]
            left = left[jobs:]
            for job in running:
                job.result()


def run_ours(name: str, cells: int, jobs: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        suite = write_bnnbench(Path(folder), Shape(1, cells))
        where = ["--executor", name, "--jobs", str(jobs), "--quiet"]
        store = Path(folder) / "s.bnnbench"
        cost = measure(
            [sys.executable, "-m", "bnnbench", "run", suite, "--store", store, *where],
            cwd=Path(folder),
        )
    if f"{cells} cells run" not in cost.output:
        raise RuntimeError(cost.output)
    return cost


def run(name: str, cells: int, jobs: int) -> Cost:
    kind, _, which = name.partition(" ")
    if kind == "bnnbench":
        return run_ours(which, cells, jobs)
    return measure([sys.executable, __file__, "--only", kind, str(cells), "--jobs", str(jobs)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="workers (default: 2)")
    parser.add_argument("--repetitions", type=int, default=3, help="(default: 3)")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    jobs = arguments.jobs
    if arguments.only:
        kind, cells = arguments.only
        {"joblib": run_joblib, "dask": run_dask, "submitit": run_submitit}[kind](int(cells), jobs)
        return
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in SIZES}
    for _ in range(arguments.repetitions):
        for name, (few, many) in SIZES.items():
            small, large = run(name, few, jobs), run(name, many, jobs)
            wall = (large.wall_s - small.wall_s) / (many - few)
            cpu = (large.cpu_s - small.cpu_s) / (many - few)
            found[name].append((1e3 * wall, 1e3 * cpu, small.wall_s - few * wall))
    print(f"{jobs} workers; a further cell in ms of wall and of CPU; start-up in s of wall")
    for name, costs in found.items():
        wall, cpu, start = (statistics.median(column) for column in zip(*costs, strict=True))
        print(f"{name:<16} {wall:9.2f} ms {cpu:9.2f} ms CPU {start:7.2f} s")


if __name__ == "__main__":
    main()
