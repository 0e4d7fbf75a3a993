"""All suite files are sound; the small paper suites run, and stand beside published figures."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bnnbench.cli import cli
from bnnbench.cli.progress import Watcher
from bnnbench.data import resolve
from bnnbench.record import Ending
from bnnbench.registry import Registry
from bnnbench.report.published import beside, load
from bnnbench.report.runs import collect
from bnnbench.runner import Runner
from bnnbench.store import Store
from bnnbench.suite import Suite, expand, read

FILES = {path.stem: path for path in sorted(Path(__file__).parents[2].glob("suites/*.toml"))}
PAPERS = ["bdnn-2021", "bemi-2023", "icarte-2019", "inn-2023"]
FAMILIES = ["qubo-2026", "sbnn-2023"]
"""Papers whose figures are claims or stand for other sizes, so nothing of ours is beside them."""
FULL = os.environ.get("BNNBENCH_FULL_SUITES") == "1"
"""Whether the small suites run with the limits of their files, about a quarter of an hour."""
TIME = 1.5
"""Seconds of a cell, at most, otherwise: the same cells as in the file, with less time."""


@cache
def registry() -> Registry:
    return Registry.load()


@cache
def expanded(name: str) -> Suite:
    return expand(read(FILES[name]), registry(), name=name, source=FILES[name])


def needs_all_plugins(name: str) -> Suite:
    """The expanded suite; skips where a method's plugin is not installed."""
    suite = expanded(name)
    if suite.warnings:
        pytest.skip(suite.warnings[0])
    return suite


@pytest.mark.parametrize("name", FILES)
def test_the_check_passes_and_the_file_says_what_it_is_for(name):
    result = CliRunner().invoke(cli, ["suite", "check", str(FILES[name])])
    assert result.exit_code == 0, result.output
    assert "no cell matches" not in result.output
    about = read(FILES[name]).suite
    assert FILES[name].read_text(encoding="utf-8").startswith("# ")
    assert about.question.endswith("?")
    assert about.duration
    assert about.expect
    assert about.next


@pytest.mark.parametrize("name", PAPERS)
def test_paper_suites_hold_our_methods_and_reality_checks_on_every_problem(name):
    for version in (name, f"{name}-small"):
        suite = needs_all_plugins(version)
        methods: dict[tuple[str, ...], set[str]] = {}
        for cell in suite.cells:
            problem = (cell.data, str(cell.topology), cell.domain, cell.objective)
            methods.setdefault(problem, set()).add(cell.method)
        # Real weights on a fine grid are none for straight-through gradients.
        wanted = {"annealing", "constant", "logistic-regression"}
        for problem, found in methods.items():
            assert wanted <= found, problem
            assert "ste" in found or problem[2].startswith("fixed-point"), problem


def quick(name: str) -> Suite:
    """A suite with its own cells and less time for each."""
    file = read(FILES[name])
    limits = msgspec.structs.replace(file.limits, time=TIME, grace=30.0)
    methods = [
        m if m.time is None else msgspec.structs.replace(m, time=2 * TIME) for m in file.method
    ]
    file = msgspec.structs.replace(file, limits=limits, method=methods)
    return expand(file, registry(), name=name, source=FILES[name])


def skip_without_data(suite: Suite) -> None:
    """Skip the test where a raw file is not on this machine."""
    for text in sorted({cell.data for cell in suite.cells}):
        loader = resolve(registry(), text).source.member.target
        for file in loader.files(verify=False) if hasattr(loader, "files") else []:
            if file.state == "missing":
                pytest.skip(f"{file.name} is not here")


@pytest.mark.parametrize("name", [f"{name}-small" for name in (*PAPERS, *FAMILIES)])
def test_small_paper_suites_run_to_the_end(name, tmp_path):
    suite = needs_all_plugins(name) if FULL else quick(name)
    skip_without_data(suite)
    with Store(tmp_path / "s.bnnbench") as store:
        Runner(suite, registry(), store, Watcher(), jobs=1 if FULL else 2).run()
        records, runs = list(store.records()), collect(store)
    assert len(records) == len(suite.cells)
    assert {(r.cell["formulation"], r.cell["solver"]) for r in records} == {
        (cell.formulation, cell.solver) for cell in suite.cells
    }
    bad = [(r.cell["formulation"], r.cell["solver"], r.ending, r.detail) for r in records]
    bad = [row for row in bad if row[2] not in (Ending.OK, Ending.TIMEOUT)]
    # A solver that is not installed is no fault of the suite.
    assert not [row for row in bad if row[2] != Ending.SKIPPED or "not installed" not in row[3]]
    assert not [run.contradiction for run in runs.runs if run.contradiction]
    figures = [b for b in beside(runs, load()) if b.published.value is not None and b.method]
    assert figures or name.removesuffix("-small") in ("bdnn-2021", *FAMILIES)


def test_cells_are_skipped_with_the_reason_where_the_raw_data_are_not(tmp_path, monkeypatch):
    suite = quick("bemi-2023-small")
    monkeypatch.setenv("BNNBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("BNNBENCH_CACHE", str(tmp_path))
    with Store(tmp_path / "s.bnnbench") as store:
        Runner(suite, registry(), store, Watcher()).run()
        records = list(store.records())
    assert len(records) == len(suite.cells)
    assert {(r.ending, r.stage) for r in records} == {(Ending.SKIPPED, "data")}
    assert all(r.detail.startswith("mnist: ") and "is missing" in r.detail for r in records)


@pytest.mark.parametrize("name", PAPERS)
def test_published_figures_fit_cells_of_the_full_suite(name):
    patterns = {
        row
        for row in load(FILES[name].parent / "published")
        if row.suite == name and (row.data or row.hidden or row.domain or row.objective)
    }
    suite = needs_all_plugins(name)
    cells = list(
        {(c.draw, c.topology, c.domain, c.objective, c.method): c for c in suite.cells}.values()
    )
    for row in patterns:
        methods = [cell.method for cell in cells if row.fits(cell)]
        assert methods, row
        assert not row.method or any(row.names(method) for method in methods), row


def test_the_reference_page_has_a_row_for_every_suite():
    page = (FILES["smoke"].parents[1] / "docs/reference/suites.md").read_text(encoding="utf-8")
    for name, path in FILES.items():
        about = read(path).suite
        assert f"| `{name}` | {about.question} | {about.duration} |" in page
