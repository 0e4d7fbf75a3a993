"""The documentation builds without a warning, and the Python reference has every public module."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bnnbench

ROOT = Path(__file__).parents[2]
INTERNAL = (
    *("bnnbench.__main__", "bnnbench.cli", "bnnbench.runner", "bnnbench.providers"),
    *("bnnbench.export.graph", "bnnbench.export.units", "bnnbench.report."),
    *(f"bnnbench.testing.{name}" for name in ("cell_rule", "fresh", "kit", "trial")),
)
"""Programs' own business; no plugin and no script needs them."""


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "reference" / "glossary.html").exists()


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set()
    for index in (ROOT / "docs/index.md", ROOT / "docs/reference/api/index.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", index.read_text(), re.S):
            lines = [x for x in tree.splitlines() if x and not x.startswith(":")]
            listed |= {(index.parent / x).with_suffix(".md") for x in lines}
    pages = set((ROOT / "docs").rglob("*.md")) - {ROOT / "docs/index.md"}
    assert pages == listed


def test_every_public_module_is_in_the_python_reference() -> None:
    pages = "\n".join(p.read_text() for p in (ROOT / "docs/reference/api").glob("*.md"))
    described = set(re.findall(r"^\.\. automodule:: (\S+)$", pages, re.M))
    modules = {m.name for m in pkgutil.walk_packages(bnnbench.__path__, "bnnbench.")}
    public = {m for m in modules if not m.startswith(INTERNAL)}
    packages = {m for m in public if any(other.startswith(f"{m}.") for other in public)}
    assert public - packages <= described
    assert described <= modules | {"bnnbench"}
