"""asv's result files from a store: no need to run anything under asv, nor to have it installed.

Layout of asv 0.6, version 2 of results and benchmarks, version 1 of machines: ``benchmarks.json``
lists what is tracked, ``MACHINE/machine.json`` describes where, and
``MACHINE/COMMIT-ENVIRONMENT.json`` holds per benchmark a row in the order of ``result_columns``,
its results in the order of the full product of the parameters, whose values are given as Python
writes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bnnbench.asv.samples import FEWEST, FIGURES, PARAM_NAMES, Point, Samples, tracked
from bnnbench.asv.tracking import VERSION
from bnnbench.errors import StoreError
from bnnbench.record import Record
from bnnbench.statistics import median_interval
from bnnbench.store import Store

COLUMNS = (
    *("result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b"),
    *("stats_q_25", "stats_q_75", "stats_number", "stats_repeat"),
)


@dataclass(frozen=True)
class Target:
    """Where and as what results are filed.

    Attributes:
        results: asv's ``results_dir``.
        commit: full hash of the commit that was measured.
        date: of the commit, seconds since the epoch.
        machine: name; that of the records' host when empty.
        environment: name of the environment; made from the Python version when empty.
    """

    results: Path
    commit: str
    date: float
    machine: str = ""
    environment: str = ""


def export(store: Store, target: Target, suite: str | None = None) -> Path:
    """Write the records of a store as asv's results of one commit.

    A benchmark is called as in a module of ``suites/``: ``smoke_asv.Smoke.track_gap``. Those that
    ``benchmarks.json`` holds already stay.

    Args:
        store: where the records are.
        target: where the results go.
        suite: records of this suite only.

    Returns:
        The file with the results.

    Raises:
        StoreError: when there are no records, or they come from several machines and none is named.
    """
    everything = list(store.records())
    chosen = [r for r in everything if suite in (None, r.suite)]
    if not chosen:
        raise StoreError(f"{store.path} has no records{f' of suite {suite!r}' if suite else ''}.")
    machine = _machine(chosen, target.machine)
    benchmarks: dict[str, Any] = {}
    rows: dict[str, Any] = {}
    for name in dict.fromkeys(r.suite for r in chosen):
        records = [(r, store.artefacts(r).trace) for r in chosen if r.suite == name]
        found = tracked(records, everything)
        started = int(1000 * min(r.created for r, _ in records))
        for figure, unit in FIGURES.items():
            benchmark = _benchmark(name, figure, unit, found)
            benchmarks[benchmark["name"]] = benchmark
            rows[benchmark["name"]] = _row(benchmark, found, figure, started)
    python = _python(chosen[-1])
    environment = target.environment or f"existing-py{python}"
    path = target.results / machine["machine"] / f"{target.commit[:8]}-{environment}.json"
    _write(target.results / "benchmarks.json", benchmarks, 2, merge=True)
    _write(path.parent / "machine.json", machine, 1)
    _write(path, _results(target, machine, environment, python, rows), 2)
    return path


def benchmark_name(suite: str, figure: str) -> str:
    """What asv calls a figure that a module of ``suites/`` tracks."""
    stem = suite.replace("-", "_")
    return f"{stem}_asv.{stem.title().replace('_', '')}.track_{figure}"


def _benchmark(
    suite: str, figure: str, unit: str, found: dict[Point, dict[str, Samples]]
) -> dict[str, Any]:
    problems, methods = (sorted({point[i] for point in found}) for i in (0, 1))
    return {
        "code": f"# {figure} of every cell of the suite {suite}, exported by bnnbench",
        "name": benchmark_name(suite, figure),
        "param_names": PARAM_NAMES,
        "params": [[repr(p) for p in problems], [repr(m) for m in methods]],
        "timeout": 60.0,
        "type": "track",
        "unit": unit,
        "version": VERSION,
    }


def _row(
    benchmark: dict[str, Any], found: dict[Point, dict[str, Samples]], figure: str, started: int
) -> list[Any]:
    points = {(repr(p), repr(m)): samples[figure] for (p, m), samples in found.items()}
    samples = [points.get(point, []) for point in product(*benchmark["params"])]
    stats = [_stats(s) for s in samples]
    columns: list[list[Any]] = [list(column) for column in zip(*stats, strict=True)]
    return [
        [None if s is None else (median(s) if s else math.nan) for s in samples],
        benchmark["params"],
        VERSION,
        started,
        None,
        *(None if all(v is None for v in column) else column for column in columns),
    ]


def _stats(samples: Samples) -> Sequence[float | None]:
    """99 % interval of the median, quartiles, number and repeat, as asv computes them."""
    if samples is None or len(samples) < FEWEST:
        return (None,) * 6
    interval = median_interval(samples, 0.99)
    low, high = np.quantile(samples, [0.25, 0.75])
    return interval.low, interval.high, float(low), float(high), 1, len(samples)


def _results(
    target: Target, machine: dict[str, str], environment: str, python: str, rows: dict[str, Any]
) -> dict[str, Any]:
    return {
        "commit_hash": target.commit,
        "env_name": environment,
        "date": int(1000 * target.date),
        "params": {**machine, "python": python},
        "python": python,
        "requirements": {},
        "env_vars": {},
        "result_columns": list(COLUMNS),
        "results": rows,
        "durations": {},
    }


def _machine(records: Iterable[Record], name: str) -> dict[str, str]:
    hosts = {r.host.get("node", ""): r.host for r in records if r.host}
    if not name and len(hosts) > 1:
        known = ", ".join(sorted(hosts))
        raise StoreError(f"The records come from several machines ({known}): name one, --machine.")
    host = next(iter(hosts.values()), {})
    return {
        "machine": name or host.get("node", "") or "unknown",
        "os": host.get("system", ""),
        "arch": "",
        "cpu": host.get("cpu", ""),
        "num_cpu": host.get("cores", ""),
        "ram": "",
    }


def _python(record: Record) -> str:
    return ".".join(record.versions.get("python", "").split(".")[:2])


def _write(path: Path, content: dict[str, Any], version: int, *, merge: bool = False) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if merge and path.is_file():
            content = json.loads(path.read_text(encoding="utf-8")) | content
        text = json.dumps({**content, "version": version}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StoreError(f"Cannot write {path}: {error}") from error
