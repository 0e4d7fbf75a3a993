"""Selections: a store, or those of its records that meet conditions, as ``STORE@key=value``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from bnnbench.errors import SpecError, did_you_mean
from bnnbench.metrics import TracePoint
from bnnbench.record import Record
from bnnbench.store import Store
from bnnbench.suite import Cell

KEYS: dict[str, Callable[[Record, Cell], str]] = {
    "suite": lambda record, cell: record.suite,
    "version": lambda record, cell: record.versions.get("bnnbench", ""),
    "method": lambda record, cell: cell.method,
    "solver": lambda record, cell: cell.solver,
    "formulation": lambda record, cell: cell.formulation,
    "data": lambda record, cell: cell.data,
    "objective": lambda record, cell: cell.objective,
    "domain": lambda record, cell: cell.domain,
    "seed": lambda record, cell: str(cell.seed),
    "node": lambda record, cell: record.host.get("node", ""),
}


@dataclass(frozen=True)
class Entry:
    """A record with what else is needed of it."""

    record: Record
    cell: Cell
    trace: tuple[TracePoint, ...]


@dataclass(frozen=True)
class Selection:
    """Records of a store.

    Attributes:
        text: as asked for.
        entries: the selected records, every attempt at a cell.
        everything: all records of the store, for what they prove about its problems.
    """

    text: str
    entries: tuple[Entry, ...]
    everything: tuple[Record, ...]


def select(text: str, *, method: str | None = None) -> Selection:
    """The records that a text such as ``a.bnnbench@suite=smoke@solver=highs*`` names.

    Values are shell patterns (brackets mean themselves). Keys are those of :data:`KEYS`, and names
    of distributions, whose version in the cell or the record is compared.

    Args:
        text: a path, with conditions after ``@``.
        method: one more condition.

    Raises:
        SpecError: for an unknown key, or a condition that no record meets.
        StoreError: when there is no store.
    """
    path, conditions = _parse(text)
    if method is not None:
        conditions = [*conditions, ("method", method)]
    with Store(path, create=False) as store:
        everything = tuple(store.records())
        attempts = store.records(attempts=True)
        found = [(r, msgspec.convert(r.cell, Cell)) for r in attempts]
        for key, value in conditions:
            found = _filter(found, key, value, path)
        entries = tuple(Entry(r, c, tuple(store.artefacts(r).trace)) for r, c in found)
    return Selection(text if method is None else f"{text}@method={method}", entries, everything)


def _parse(text: str) -> tuple[Path, list[tuple[str, str]]]:
    if Path(text).is_file():
        return Path(text), []
    path, *rest = text.split("@")
    conditions = []
    for part in rest:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise SpecError(f"expected STORE@key=value, got {text!r}; keys: {', '.join(KEYS)}")
        if key == "commit":
            raise SpecError(
                "Records know versions, not commits: keep one store per commit and compare the two."
            )
        conditions.append((key, value))
    return Path(path), conditions


def _filter(
    found: list[tuple[Record, Cell]], key: str, value: str, path: Path
) -> list[tuple[Record, Cell]]:
    values = [_value(key, record, cell) for record, cell in found]
    if key not in KEYS and not any(values):
        known = [*KEYS, *{n for r, c in found for n in _versions(r, c)}]
        raise SpecError(f"There is no key {key!r} to select by." + did_you_mean(key, known))
    pattern = value.replace("[", "[[]")
    kept = [pair for pair, v in zip(found, values, strict=True) if fnmatchcase(v, pattern)]
    if not kept:
        raise SpecError(
            f"No record of {path} has {key} {value!r}." + did_you_mean(value, filter(None, values))
        )
    return kept


def _value(key: str, record: Record, cell: Cell) -> str:
    if key in KEYS:
        return KEYS[key](record, cell)
    return _versions(record, cell).get(key, "")


def _versions(record: Record, cell: Cell) -> dict[str, str]:
    """Distributions with their versions, of the cell and of its surroundings."""
    named: Iterable[tuple[str, str, str]] = (v.rpartition(" ") for v in cell.versions)
    return {name: version for name, _, version in named} | record.versions
