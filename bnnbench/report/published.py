"""Figures that papers published, beside ours.

A file ``suites/published/NAME.csv`` per paper holds one figure per row, with where it comes from. A
row belongs to a problem of ours when each of its patterns fits the words of that problem; a row
without patterns, or with one that fits nothing, is shown by itself. The rule stands in
``docs/how-to/report.md``.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

import bnnbench
from bnnbench.errors import StoreError
from bnnbench.report import estimates
from bnnbench.report.runs import Run, Runs
from bnnbench.statistics import Aggregate


@dataclass(frozen=True)
class Published:
    """One published figure: a row of a file, with its columns.

    Attributes:
        suite: the file's name; a store's suite of that name belongs to it.
        experiment: as the paper counts them.
        data: pattern of the data set's text, with ``{seed}`` where the seed stands; empty for any.
        hidden: pattern of the topology in words.
        domain: pattern of the weight domain's text.
        objective: pattern of the objective's text.
        method: pattern of our method's text; empty when we have no counterpart.
        published_method: the paper's name of the method.
        n_train: training rows.
        n: runs that the figure rests on.
        metric: ``PART_accuracy``, ``PART_all_good``, ``objective`` or ``seconds`` to be compared
            with ours, or any other name to be shown alone.
        value: the figure; None for a claim in words.
        unit: of the value.
        spread: of the value.
        spread_kind: what the spread is.
        source: paper, table or figure, and how it was read.
        note: what to know about it.
    """

    suite: str
    experiment: str
    data: str
    hidden: str
    domain: str
    objective: str
    method: str
    published_method: str
    n_train: int | None
    n: int | None
    metric: str
    value: float | None
    unit: str
    spread: float | None
    spread_kind: str
    source: str
    note: str


COLUMNS = tuple(f.name for f in fields(Published))


def _estimate(metric: str, runs: Sequence[Run]) -> Aggregate | None:
    """Our median in the unit of the published figure; None for a metric that we do not have."""
    part, _, kind = metric.partition("_")
    if kind == "accuracy":
        return _percent(estimates.median((r.accuracy(part) for r in runs), worst=-math.inf))
    if kind == "all_good":
        parts = [r.part(part) for r in runs]
        figures = [found.all_good if found else None for found in parts]
        return _percent(estimates.median(figures, worst=-math.inf))
    if metric == "objective":
        return estimates.objective(runs)
    if metric == "seconds":
        return estimates.seconds(runs)
    return None


def folders() -> list[Path]:
    """Where published figures lie: in the installation, or beside it in a checkout."""
    package = Path(bnnbench.__file__).parent
    return [package / "_suites" / "published", package.parent / "suites" / "published"]


def load(folder: Path | None = None) -> list[Published]:
    """All published figures, files in order of name.

    Args:
        folder: instead of the installed ones.

    Raises:
        StoreError: for a file with other columns, or a figure that is no number.
    """
    wanted = [folder] if folder else folders()
    found = next((path for path in wanted if path.is_dir()), None)
    return [row for path in sorted(found.glob("*.csv")) for row in _read(path)] if found else []


def _read(path: Path) -> Iterable[Published]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise StoreError(f"{path} must have the columns {', '.join(COLUMNS)}.")
        for number, row in enumerate(reader, start=2):
            try:
                yield _row(row)
            except ValueError as error:
                raise StoreError(f"{path}, line {number}: {error}.") from error


def _row(row: dict[str, str]) -> Published:
    if None in row:
        raise ValueError("has more columns than its head")
    whole = {key: int(row[key]) if row[key] else None for key in ("n_train", "n")}
    figures = {key: float(row[key]) if row[key] else None for key in ("value", "spread")}
    return Published(**(row | whole | figures))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Beside:
    """A published figure with ours.

    Attributes:
        published: the figure.
        problem: our problem that fits, in words; empty when none does.
        method: our method that fits.
        ours: our figure of that method; None without a counterpart.
        best_method: the method of the class that is best by the same metric on that problem.
        best: its figure.
    """

    published: Published
    problem: str = ""
    method: str = ""
    ours: Aggregate | None = None
    best_method: str = ""
    best: Aggregate | None = None


def beside(runs: Runs, published: Iterable[Published]) -> list[Beside]:
    """Every published figure with all problems and methods of ours that fit, or alone."""
    first = {
        problem: next(iter(methods.values()))[0] for problem, methods in runs.by_problem.items()
    }
    fitting: dict[tuple[str, ...], list[str]] = {}
    found: list[Beside] = []
    for row in published:
        key = (row.data, row.hidden, row.domain, row.objective)
        if key not in fitting:
            fitting[key] = [p for p, run in first.items() if _fits(row, run)] if any(key) else []
        found += [b for p in fitting[key] for b in _compare(row, p, runs)] or [Beside(row)]
    return found


def _fits(row: Published, run: Run) -> bool:
    cell = run.cell
    texts = (cell.draw or cell.data, str(cell.topology), cell.domain, cell.objective)
    patterns = (row.data, row.hidden, row.domain, row.objective)
    return all(not p or _match(p, text) for p, text in zip(patterns, texts, strict=True))


def _match(pattern: str, text: str) -> bool:
    """Shell pattern in which brackets mean themselves, as in suites."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _compare(row: Published, problem: str, runs: Runs) -> list[Beside]:
    methods = runs.by_problem[problem]
    own = {m: _estimate(row.metric, g) for m, g in methods.items() if m not in runs.references}
    held = {m: e for m, e in own.items() if e and math.isfinite(e.value)}
    sign = -1 if row.unit == "%" else 1
    best = min(held, key=lambda m: sign * held[m].value, default="")
    same = [m for m in own if row.method and _match(row.method, m)]
    return [
        Beside(row, problem, method, own.get(method), best, held.get(best))
        for method in same or [""]
    ]


def _percent(found: Aggregate) -> Aggregate:
    interval = type(found.interval)(
        100 * found.interval.low, 100 * found.interval.high, found.interval.level
    )
    return Aggregate(100 * found.value, interval, found.n, found.censored, found.failed)
