"""All records as columns, from which the page makes its table and the details of a cell again.

Parts that many records share (limits, versions, host, topology, claims' further figures) are
written once as JSON text and named by a code. Times keep four digits, accuracies five decimals; the
store holds the rest.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bnnbench.report.columns import Columns
from bnnbench.report.runs import Run, Runs

MOST_INFO = 2_000_000
"""Characters of the claims' further figures that a page carries; beyond, they are left out."""
KEYS = (
    *("id", "attempt", "suite", "problem", "method", "seed", "ending", "stage", "detail", "data"),
    *("digest", "objective", "exact", "gap", "proved", "test", "train", "validation", "all_good"),
    *("ties", "seconds", "build", "solve", "decode", "verify", "cpu", "memory", "overrun", "rows"),
    *("status", "termination", "claimed", "bound", "solver_bound", "lower_bound", "outside"),
    *("contradiction", "reference", "probe", "created", "shared", "info"),
)


def cells(runs: Runs) -> Columns:
    """A row per record."""
    infos = [msgspec.json.encode(r.record.claims.info).decode() for r in runs.runs]
    if sum(map(len, infos)) > MOST_INFO:
        infos = [""] * len(infos)
    found: Columns = {key: [] for key in KEYS}
    for run, info in zip(runs.runs, infos, strict=True):
        for key, value in (_identity(run) | _facts(run) | _claims(run) | _rest(run)).items():
            found[key].append(value)
        found["info"].append(info)
    return found


def _identity(run: Run) -> dict[str, Any]:
    record = run.record
    return {
        "id": record.id,
        "attempt": record.attempt,
        "suite": record.suite,
        "problem": run.problem,
        "method": run.method,
        "seed": run.cell.seed,
        "ending": str(record.ending),
        "stage": record.stage,
        "detail": record.detail[:2000],
        "data": run.cell.data,
        "digest": record.problem[:16],
    }


def _facts(run: Run) -> dict[str, Any]:
    test = run.part("test")
    facts = run.record.evaluation
    text = "" if facts is None or facts.objective is None else f"{facts.objective:g}"
    exact = facts.exact if facts and facts.exact not in ("", text, f"{text}.0") else None
    return {
        "objective": run.objective,
        "exact": exact,
        "gap": run.gap.absolute,
        "proved": int(run.gap.proved),
        "test": _rounded(run.accuracy("test")),
        "train": _rounded(run.accuracy("train")),
        "validation": _rounded(run.accuracy("validation")),
        "all_good": _rounded(test.all_good) if test else None,
        "ties": _rounded(test.ties) if test else None,
        "outside": facts.outside if facts else None,
        "contradiction": run.contradiction or None,
        "reference": int(run.record.reference),
    }


def _claims(run: Run) -> dict[str, Any]:
    claims = run.record.claims
    claimed = None if claims.objective == run.objective else claims.objective
    return {
        "status": claims.status,
        "termination": claims.termination,
        "claimed": claimed,
        "bound": claims.bound,
        "solver_bound": run.record.solver_bound,
        "lower_bound": run.record.lower_bound,
    }


def _rest(run: Run) -> dict[str, Any]:
    record, seconds = run.record, run.record.seconds
    cell = {
        "topology": str(run.cell.topology),
        "domain": run.cell.domain,
        "objective": run.cell.objective,
        "formulation": run.cell.formulation,
        "solver": run.cell.solver,
        "limits": msgspec.to_builtins(run.cell.limits),
        "versions": run.cell.versions,
    }
    shared = {
        "cell": cell,
        "versions": record.versions,
        "host": record.host,
        "notes": record.notes,
        "reference_objective": record.reference_objective,
        "known_objective": record.known_objective,
    }
    return {
        "seconds": _short(run.seconds),
        "build": _short(seconds.build),
        "solve": _short(seconds.solve),
        "decode": _short(seconds.decode),
        "verify": _short(seconds.verify),
        "cpu": _short(seconds.cpu),
        "memory": record.peak_memory >> 20,
        "overrun": _short(record.overrun),
        "rows": record.rows,
        "probe": None if record.probe is None else _short(record.probe),
        "created": int(record.created),
        "shared": msgspec.json.encode(shared).decode(),
    }


def _short(value: float) -> float:
    """Seconds to four digits: more would be noise."""
    return float(f"{value:.4g}")


def _rounded(value: float) -> float:
    return round(value, 5)
