"""``bnnbench check-plugin``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bnnbench.testing.checking import Checked


@click.command()
@click.argument("name")
@click.option(
    "--spec",
    "specs",
    multiple=True,
    help="Check this member with these parameters, and only what is so named; may be repeated.",
)
@click.option("--all", "everything", is_flag=True, help="Also show rules that hold.")
@click.option(
    "--format", "layout", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def check_plugin(name: str, specs: tuple[str, ...], everything: bool, layout: str) -> None:
    """Check that a plugin keeps the rules, and say what to mend.

    NAME is an installed plugin (its entry point or distribution) or a local .py file. Every solver,
    formulation, data set and transform of it is checked on tiny problems in a process of its own.

    \b
    Examples:
      bnnbench check-plugin bnnbench-mine
      bnnbench check-plugin guess.py
      bnnbench check-plugin mine --spec 'walk[steps=500]' --format json
    """
    from bnnbench.testing.checking import check_plugin as check
    from bnnbench.testing.checking import find_plugin

    registry, plugin, files = find_plugin(name)
    results = []
    for checked in check(registry, plugin, files, specs):
        results.append(checked)
        if layout == "text":
            _print(checked, everything)
    failed = sum(c.failed for c in results)
    if layout == "json":
        content = {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "failed": failed,
            "members": [asdict(c) for c in results],
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        click.echo(_summary(results, failed))
    if failed:
        raise SystemExit(1)


def _print(checked: Checked, everything: bool) -> None:
    counts = Counter(v.outcome for v in checked.verdicts)
    kept = f"{counts['passed']} of {counts['passed'] + counts['failed']} rules kept"
    skipped = f", {counts['skipped']} not judged" if counts["skipped"] else ""
    click.echo(f"{checked.kind} {checked.spec}: {kept}{skipped}")
    for v in checked.verdicts:
        if v.outcome == "failed":
            click.echo(_entry("FAILED ", v.rule, v.says))
            click.echo(_block("why   ", v.why))
            click.echo(_block("remedy", v.remedy))
        elif v.outcome == "skipped":
            click.echo(_entry("skipped", v.rule, v.why))
        elif everything:
            click.echo(_entry("passed ", v.rule, v.says))


def _entry(outcome: str, rule: str, text: str) -> str:
    return f"  {outcome}  {rule}: {text}"


def _block(title: str, text: str) -> str:
    indented = text.strip().replace("\n", "\n" + 19 * " ")
    return f"           {title}  {indented}"


def _summary(results: list[Checked], failed: int) -> str:
    members = len(results) - 1
    what = f"{members} member{'' if members == 1 else 's'} checked"
    if not failed:
        return f"{what}: no rule is broken."
    broken = "1 rule is broken" if failed == 1 else f"{failed} rules are broken"
    return f"{what}: {broken}. The rules stand in docs/reference/testing.md."
