"""``bnnbench data``."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np

from bnnbench.data import FileState, Step, resolve
from bnnbench.dataset import PARTS, Dataset
from bnnbench.errors import BnnbenchError
from bnnbench.member import Kind, Member
from bnnbench.registry import Registry


def _plugins(command: Any) -> Any:
    """The option for local plugin files."""
    return click.option(
        "--plugin",
        "plugins",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A local .py file to use as a plugin; may be repeated.",
    )(command)


_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def data() -> None:
    """Fetch, check and describe data sets.

    \b
    Raw files are looked for in the directories of BNNBENCH_DATA, then in the cache
    (BNNBENCH_CACHE, or the user's cache directory). Only 'fetch' downloads, and not when
    BNNBENCH_OFFLINE=1.
    """


@data.command("list")
@_json
@_plugins
def list_(as_json: bool, plugins: tuple[Path, ...]) -> None:
    """List all data sets and whether their raw files are here; nothing is read."""
    rows = [_row(m) for m in Registry.load(plugins).members(Kind.DATASET)]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(header_style="bold")
    for key in ("name", "summary", "files"):
        table.add_column(key, overflow="fold", no_wrap=key == "name")
    for row in rows:
        table.add_row(*(escape(row[key]) for key in ("name", "summary", "files")))
    Console().print(table)


@data.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_plugins
def fetch(names: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Download the raw files of data sets that are not here yet, and check all of them.

    \b
    Examples:
      bnnbench data fetch cifar10
      bnnbench data fetch openml:61 california
    """
    registry = Registry.load(plugins)
    for source in [resolve(registry, name).source for name in names]:
        get = getattr(source.member.target, "fetch", None)
        if get is None:
            click.echo(f"{source.text}: needs no download")
            continue
        for path in get(**source.arguments):
            click.echo(f"{source.text}: {path}")


@data.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_json
@_plugins
def check(names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> None:
    """Compare raw files with their hashes: of the NAMEs, or of all sets.

    The exit code is 1 when a file is wrong, or when one of a NAMEd set is missing.
    """
    registry = Registry.load(plugins)
    found = {s.text: _states(s, verify=True) for s in _sources(registry, names)}
    if as_json:
        plain = {n: [dataclasses.asdict(s) for s in states] for n, states in found.items()}
        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
    else:
        for name, states in found.items():
            _print_states(name, states)
    bad = {"wrong", "missing"} if names else {"wrong"}
    sys.exit(1 if any(s.state in bad for states in found.values() for s in states) else 0)


@data.command()
@click.argument("text", metavar="TEXT")
@_json
@_plugins
def describe(text: str, as_json: bool, plugins: tuple[Path, ...]) -> None:
    """Make the data set of TEXT and say everything about it.

    \b
    Examples:
      bnnbench data describe digits
      bnnbench data describe "adult | split[train=0.8] | minmax"
      bnnbench data describe "file:mine.csv[target=label]"
    """
    pipeline = resolve(Registry.load(plugins), text)
    facts = _facts(pipeline.make(), pipeline.source, pipeline.versions)
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        for k, line in enumerate(_words(value)):
            click.echo(f"{'' if k else key:<{width}}  {line}")


def _row(member: Member) -> dict[str, str]:
    target = member.target
    row = {"name": member.name, "summary": member.summary, "plugin": member.plugin}
    if not hasattr(target, "files"):
        return row | {"files": ""}
    try:
        missing = [s for s in target.files(verify=False) if s.state == "missing"]
    except TypeError:
        # Which files depends on a parameter without default.
        return row | {"files": "by parameter"}
    if not missing:
        return row | {"files": "here"}
    by = f"bnnbench data fetch {member.name}" if _fetchable(target) else "missing, by hand"
    return row | {"files": by}


def _fetchable(target: Any) -> bool:
    record = getattr(target, "record", None)
    return record is None or all(f.url for f in record.files)


def _sources(registry: Registry, names: Iterable[str]) -> list[Step]:
    """The named sources, or all that can be resolved without a parameter and have raw files."""
    if names:
        return [resolve(registry, name).source for name in names]
    found = []
    for member in registry.members(Kind.DATASET):
        if hasattr(member.target, "files"):
            try:
                found.append(resolve(registry, member.name).source)
            except BnnbenchError:
                continue
    return found


def _states(source: Step, *, verify: bool) -> list[FileState]:
    files = getattr(source.member.target, "files", None)
    return [] if files is None else list(files(verify=verify, **source.arguments))


def _print_states(name: str, states: list[FileState]) -> None:
    if not states:
        click.echo(f"{name}: has no raw files")
    for state in states:
        where = f"in {state.path}, sha256 {state.sha256}" if state.path else ""
        click.echo(f"{state.state:<8} {name}: {state.name} {where}".rstrip())
        if state.detail:
            click.echo(f"         {state.detail}")
        if not state.path:
            click.echo(f"         Searched: {', '.join(state.searched)}")


def _facts(dataset: Dataset, source: Step, versions: tuple[str, ...]) -> dict[str, Any]:
    counts = dataset.group_counts
    reference, record = dataset.reference, getattr(source.member.target, "record", None)
    facts: dict[str, Any] = {
        "name": dataset.name,
        "summary": source.member.summary,
        "features": dataset.n_features,
        "rows": dict(zip(PARTS, dataset.sizes, strict=True)),
        "classes": {part: _class_counts(dataset, k) for k, part in enumerate(PARTS)},
        "scale": dataset.scale,
        "smallest value": _value(dataset.X.min(initial=0), dataset.scale),
        "largest value": _value(dataset.X.max(initial=0), dataset.scale),
        "distinct training rows": len(counts),
        "errors that equal rows force": int((counts.sum(axis=1) - counts.max(axis=1)).sum()),
        "reference network": reference.architecture.text if reference else None,
        "digest": dataset.digest,
        "provided by": list(versions),
    }
    if record is not None:
        facts |= {key: getattr(record, key) for key in ("source", "licence", "citation")}
    return {k: v for k, v in facts.items() if v is not None} | {"notes": dict(dataset.notes)}


def _class_counts(dataset: Dataset, k: int) -> dict[str, int]:
    counts = np.bincount(dataset.part(PARTS[k])[1], minlength=dataset.n_classes)
    return dict(zip(dataset.classes, counts.tolist(), strict=True)) if dataset.sizes[k] else {}


def _value(numerator: Any, scale: int) -> float:
    return int(numerator) / scale


def _words(value: Any) -> list[str]:
    """A value as lines of text."""
    if isinstance(value, dict):
        shown = {k: v for k, v in value.items() if v not in ({}, "")}
        if all(isinstance(v, int) for v in shown.values()):
            return [", ".join(f"{k} {v}" for k, v in shown.items())]
        return [f"{k}: {'; '.join(_words(v))}" for k, v in shown.items()] or ["none"]
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]
