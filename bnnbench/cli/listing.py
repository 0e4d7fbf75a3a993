"""``bnnbench list``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bnnbench.domain import DOMAINS
from bnnbench.errors import SuiteError
from bnnbench.member import Kind
from bnnbench.registry import Registry
from bnnbench.suite import available, read
from bnnbench.suite.cell import domain_member

KINDS = [f"{kind}s" for kind in Kind]


@click.command(name="list")
@click.argument("what", type=click.Choice([*KINDS, "suites", "plugins"]))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, with all parameters.")
@click.option("--long", "-l", is_flag=True, help="Also parameters with their defaults.")
def list_(what: str, as_json: bool, long: bool) -> None:
    """List what can be named in a suite.

    \b
    Examples:
      bnnbench list solvers
      bnnbench list formulations --long
      bnnbench list plugins --json
    """
    rows = _rows(what, Registry.load())
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    _print(what, rows, long)


def _rows(what: str, registry: Registry) -> list[dict[str, Any]]:
    if what == "plugins":
        return [
            {
                "name": p.name,
                "distribution": p.distribution,
                "version": p.version,
                "members": p.members,
                "problem": p.error,
            }
            for p in registry.plugins
        ]
    if what == "suites":
        return [
            {"name": name, "summary": _question(path), "path": str(path)}
            for name, path in sorted(available(registry.suite_folders).items())
        ]
    if what == "domains":
        return [_member(domain_member(name)) for name in DOMAINS]
    return [_member(m) for m in registry.members(Kind(what.removesuffix("s")))]


def _question(path: Path) -> str:
    """What a suite asks; a broken suite says so and hides no other."""
    try:
        return read(path).suite.question
    except SuiteError as error:
        return f"broken: {error}"


def _member(member: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": member.name,
        "summary": member.summary,
        "plugin": member.plugin,
        "version": member.version,
    }
    if hasattr(member.target, "kind") and isinstance(member.target.kind, str):
        row["kind"] = member.target.kind
    if hasattr(member.target, "requires"):
        from bnnbench.interfaces import missing

        row["problem"] = missing(member.target.requires)
    row["parameters"] = [
        {"name": p.name, "default": p.default, "type": p.annotation} for p in member.parameters
    ]
    return row


def _print(what: str, rows: list[dict[str, Any]], long: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not rows:
        console.print(f"No {what} are registered. 'bnnbench list plugins' says what is installed.")
        return
    table = Table(header_style="bold")
    shown = [k for k in rows[0] if k != "parameters"] + (["parameters"] if long else [])
    if what not in ("plugins", "suites"):
        shown = [k for k in shown if k != "version"]
    for key in shown:
        table.add_column(key, overflow="fold", no_wrap=key == "name")
    for row in rows:
        table.add_row(*(escape(_text(row.get(key))) for key in shown))
    console.print(table)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(f"{p['name']} = {p['default']}  {p['type']}" for p in value)
    return "" if value is None else str(value)
