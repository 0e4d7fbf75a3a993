"""The reference pages name all there is, and the README's commands and examples work."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from bnnbench import hookspecs
from bnnbench.cli import COMMANDS, EPILOG, cli
from bnnbench.store import Store
from bnnbench.suite import schema

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TABLES: dict[str, type[msgspec.Struct]] = {
    "Top level": schema.SuiteFile,
    "`[suite]`": schema.About,
    "`[limits]`": schema.LimitsTable,
    "`[[problem]]`": schema.ProblemTable,
    "`[[method]]`": schema.MethodTable,
    "`[[exclude]]`": schema.ExcludeTable,
}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found, f"no section {heading!r}"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def default_text(field: msgspec.structs.FieldInfo) -> str:
    """A default as the page writes it."""
    if field.required:
        return "required"
    value: Any = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    if isinstance(value, msgspec.Struct):
        return "`{}`"
    if value is None:
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{json.dumps(value)}`"


@pytest.mark.parametrize("heading", TABLES)
def test_suite_page_has_every_key_with_its_default(heading: str) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|", section(page("docs/reference/suite.md"), heading), re.M
    )
    fields = msgspec.structs.fields(TABLES[heading])
    assert dict(rows) == {f.encode_name: default_text(f) for f in fields}


def test_hooks_page_has_every_hook() -> None:
    hooks = {
        name
        for name, value in vars(hookspecs).items()
        if name.startswith("bnnbench_") and inspect.isfunction(value)
    }
    assert hooks
    assert set(re.findall(r"^## `(\w+)`$", page("docs/reference/hooks.md"), re.M)) == hooks


def test_testing_page_has_every_name_rule_and_fixture() -> None:
    from bnnbench import testing
    from bnnbench.testing import fixtures

    text = page("docs/reference/testing.md")
    words = set(re.findall(r"`(\w+)", text))
    assert set(testing.__all__) <= words
    assert {n for n in vars(fixtures) if n.startswith("bnnbench_")} <= words
    rules = {
        name.removeprefix("test_")
        for case in ("SolverCase", "FormulationCase", "DatasetCase", "TransformCase")
        for name in dir(getattr(testing, case))
        if name.startswith("test_")
    }
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.M)) >= rules


def test_guide_for_authors_names_every_example() -> None:
    text = page("docs/how-to/write-a-plugin.md")
    for path in (ROOT / "examples").iterdir():
        assert f"examples/{path.name}" in text or path.name == "__pycache__"


def test_command_line_page_has_every_command() -> None:
    headings = re.findall(r"^## `([\w-]+)`$", page("docs/reference/cli.md"), re.M)
    assert headings == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_line_page_has_every_option(name: str) -> None:
    text = section(page("docs/reference/cli.md"), f"`{name}`")
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    commands = [command]
    if isinstance(command, click.Group):
        assert all(f"`bnnbench {name} {sub}" in text for sub in command.commands)
        commands = list(command.commands.values())
    options = {o for c in commands for p in c.params for o in p.opts if o.startswith("-")}
    assert options <= set(re.findall(r"`(-[\w-]+)`", text)) | set(re.findall(r"(--[\w-]+)", text))


def test_command_line_page_has_every_exit_code() -> None:
    wanted = set(re.findall(r"^ +(\d+) ", EPILOG, re.M))
    rows = re.findall(r"^\| (\d+) \|", section(page("docs/reference/cli.md"), "Exit codes"), re.M)
    assert set(rows) == wanted


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith(("http:", "https:"))]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_suite_example_has_the_right_layout(tmp_path: Path) -> None:
    (example,) = blocks(page("docs/reference/suite.md"), "toml")
    path = tmp_path / "example.toml"
    path.write_text(example, encoding="utf-8")
    from bnnbench.suite import read

    assert read(path).method


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_readme_marks_the_commands_that_are_checked(name: str) -> None:
    text = page("README.md")
    found = re.search(rf"^<!-- ci: {name} -->\n```sh\n(.+)\n```$", text, re.M)
    assert found
    assert found[1].startswith("pip install -r requirements.txt")


def test_readme_plugin_runs(tmp_path: Path) -> None:
    plugin = next(b for b in blocks(page("README.md"), "python") if "hookimpl" in b)
    (tmp_path / "guess.py").write_text(plugin, encoding="utf-8")
    command = next(b for b in blocks(page("README.md"), "sh") if "guess.py" in b)
    words = command.split()
    assert words[0] == "bnnbench"
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    with Store(tmp_path / "adhoc.bnnbench", create=False) as store:
        (record,) = store.records()
    assert record.evaluation is not None
    assert record.evaluation.feasible
