"""Records as flat rows and as a pandas DataFrame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bnnbench.analysis import Knowledge, gap, knowledge
from bnnbench.errors import StoreError
from bnnbench.metrics import SIZES, TracePoint, primal_integral, time_to_target
from bnnbench.record import Record
from bnnbench.store import Store
from bnnbench.suite import Cell

if TYPE_CHECKING:
    import pandas as pd


_TEXTS = {
    "id", "suite", "data", "hidden", "domain", "objective_name", "formulation", "solver", "method",
    "problem", "ending", "stage", "detail", "status", "termination", "objective_exact",
    "contradiction", "network", "versions", "node", "cpu",
}  # fmt: skip
_WHOLE = {"attempt", "seed", "rows", "memory_limit", "threads", "peak_memory"}
_FLAGS = {"reference", "feasible", "proved"}
_CHUNK = 10_000


def load(path: str | Path, *, suite: str | None = None, attempts: bool = False) -> pd.DataFrame:
    """All records of a store as a DataFrame, one row per cell.

    Args:
        path: the store.
        suite: records of this suite only.
        attempts: also earlier attempts of retried cells.

    Raises:
        StoreError: when there is no store at ``path``, it cannot be read, or pandas is missing.
    """
    pd = _pandas()
    with Store(Path(path), create=False) as store:
        chunks = list(frames(store, suite=suite, attempts=attempts))
    return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame()


def frames(
    store: Store, *, suite: str | None = None, attempts: bool = False
) -> Iterator[pd.DataFrame]:
    """The same some thousand rows at a time, always with the same columns and types.

    Raises:
        StoreError: when pandas is missing.
    """
    pd = _pandas()
    found = rows(store, suite=suite, attempts=attempts)
    while chunk := list(islice(found, _CHUNK)):
        columns = {name: [row[name] for row in chunk] for name in chunk[0]}
        yield pd.DataFrame({n: pd.Series(v, dtype=_dtype(n)) for n, v in columns.items()})


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise StoreError("bnnbench.load needs pandas: pip install 'bnnbench[pandas]'.") from error
    return pandas


def _dtype(name: str) -> str | None:
    """Type of a column, whatever a part of it holds; None leaves texts to pandas."""
    if name in _TEXTS:
        return "str"
    if name in _WHOLE:
        return "int64"
    return "bool" if name in _FLAGS else "float64"


def rows(
    store: Store, *, suite: str | None = None, attempts: bool = False
) -> Iterator[dict[str, Any]]:
    """All records of a store as flat rows; gaps use the bounds of all its suites."""
    known = knowledge(store.columns())
    for record, trace in store.traced(suite, attempts=attempts):
        yield flat(record, known.get(record.problem), trace)


def flat(record: Record, known: Knowledge | None, trace: list[TracePoint]) -> dict[str, Any]:
    """One record as a flat row of plain values; NaN and None where there is no figure."""
    cell = msgspec.convert(record.cell, Cell)
    facts = record.evaluation
    distance = gap(record, known)
    row: dict[str, Any] = {
        "id": record.id,
        "attempt": record.attempt,
        "suite": record.suite,
        "data": cell.data,
        "hidden": str(cell.topology),
        "domain": cell.domain,
        "objective_name": cell.objective,
        "formulation": cell.formulation,
        "solver": cell.solver,
        "method": cell.method,
        "seed": cell.seed,
        "problem": record.problem,
        "rows": record.rows,
        "ending": str(record.ending),
        "stage": record.stage,
        "detail": record.detail,
        "reference": record.reference,
        "status": record.claims.status,
        "termination": record.claims.termination,
        "claimed_objective": record.claims.objective,
        "claimed_bound": record.claims.bound,
        "feasible": bool(facts and facts.feasible),
        "objective": facts.objective if facts else None,
        "objective_exact": facts.exact if facts else "",
        "bound": record.solver_bound,
        "lower_bound": record.lower_bound,
        "known_objective": record.known_objective,
        "best_bound": known.bound if known else None,
        "best_objective": known.best if known else None,
        "gap": distance.absolute,
        "gap_per_row": distance.per_row,
        "gap_normalised": distance.normalised,
        "proved": distance.proved,
        "contradiction": (known.contradicted.get(record.id, "") if known else ""),
    }
    row |= _accuracies(record)
    row |= {name: facts.sizes.get(name, math.nan) if facts else math.nan for name in SIZES}
    row |= {f"{k}_seconds": v for k, v in msgspec.structs.asdict(record.seconds).items()}
    return row | _progress(record, known, trace, cell) | _surroundings(record, cell)


def _accuracies(record: Record) -> dict[str, float]:
    found = {}
    for part in ("train", "validation", "test"):
        metrics = record.evaluation.parts.get(part) if record.evaluation else None
        found[f"{part}_accuracy"] = metrics.argmax if metrics else math.nan
        found[f"{part}_ties"] = metrics.ties if metrics else math.nan
        found[f"{part}_all_good"] = metrics.all_good if metrics else math.nan
    return found


def _progress(
    record: Record, known: Knowledge | None, trace: list[TracePoint], cell: Cell
) -> dict[str, float]:
    best = known.best if known else None
    integral = math.nan
    if best is not None and not record.reference:
        integral = primal_integral(trace, best, 0.0, cell.limits.time)
    target = cell.limits.target
    hit = math.nan if target is None else time_to_target(trace, target)
    return {"primal_integral": integral, "time_to_target": hit}


def _surroundings(record: Record, cell: Cell) -> dict[str, Any]:
    return {
        "time_limit": cell.limits.time,
        "memory_limit": cell.limits.memory,
        "threads": cell.limits.threads,
        "target": cell.limits.target,
        "peak_memory": record.peak_memory,
        "overrun": record.overrun,
        "network": record.evaluation.network if record.evaluation else "",
        "versions": "; ".join((*cell.versions, *(f"{k} {v}" for k, v in record.versions.items()))),
        "node": record.host.get("node", ""),
        "cpu": record.host.get("cpu", ""),
        "probe": record.probe,
        "created": record.created,
    }
