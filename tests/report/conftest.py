"""Made-up stores, and a browser without a network."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bnnbench.metrics import PartMetrics, TracePoint
from bnnbench.record import Artefacts, Claims, Ending, Record, Seconds
from bnnbench.report import Runs, collect, write_page
from bnnbench.store import Store
from bnnbench.suite import Cell, CellLimits, Topology
from bnnbench.testing.records import made_up_store
from bnnbench.verify import Evaluation


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """A store of 400 made-up records: eight problems, five seeds, ten methods."""
    return made_up_store(tmp_path_factory.mktemp("made-up") / "made-up.bnnbench", 400, seeds=5)


@pytest.fixture(scope="session")
def runs(made_up):
    with Store(made_up) as store:
        return collect(store)


class Maker:
    """Writes a store record by record; figures that are not given are missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def add(self, value=None, *, method="a", seed=0, data="xor", ending="ok", test=None, bound=None,
            trace=(), seconds=1.0, reference=False, info=None, start=10.0, suite="s",
            limits=None, hidden=(2,), domain="binary", objective="errors", detail=""):  # fmt: skip
        formulation, _, solver = method.rpartition(" + ")
        cell = Cell(
            data=data.replace("{seed}", str(seed)), topology=Topology(hidden), domain=domain,
            objective=objective, formulation=formulation, solver=solver, seed=seed, draw=data,
            limits=limits or CellLimits(time=10.0),
        )  # fmt: skip
        facts = None
        if value is not None or reference:
            parts = {"train": PartMetrics(4, 0.75, 0.0, 0.5)}
            if test is not None:
                parts["test"] = PartMetrics(8, test, 0.0, test / 2)
            facts = Evaluation(feasible=True, objective=value, exact=str(value), outside=None,
                               parts=parts, sizes={}, network="n")  # fmt: skip
        self.count += 1
        record = Record(
            id=cell.id, cell=cell.plain(), suite=suite, problem=f"{data}-{hidden}-{objective}-{seed}",
            ending=Ending(ending), detail=detail, evaluation=facts, solver_bound=bound, rows=20,
            seconds=Seconds(solve=seconds), reference_objective=start, reference=reference,
            claims=Claims(objective=value, bound=bound, info=info or {}), created=1e9 + self.count,
            versions={"python": "3.11"}, host={"node": "here"}, probe=0.05,
        )  # fmt: skip
        points = [TracePoint(*point) for point in trace]
        with Store(self.path) as store:
            store.add(record, Artefacts(trace=points))
        return self

    def runs(self, suite=None) -> Runs:
        with Store(self.path) as store:
            return collect(store, suite)


@pytest.fixture
def maker(tmp_path):
    return Maker(tmp_path / "own.bnnbench")


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; its pages have no network."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    names = (
        os.environ.get("BNNBENCH_BROWSER"),
        shutil.which("chromium"),
        shutil.which("google-chrome"),
    )
    path = next((name for name in names if name), None)
    if path is None:
        pytest.skip("no chromium or google-chrome in PATH, and BNNBENCH_BROWSER names none")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


class Opened:
    """A page in the browser, with everything it said on the console or asked of the network."""

    def __init__(self, browser, file, **options):
        self.context = browser.new_context(
            offline=True, viewport={"width": 1280, "height": 900}, **options
        )
        self.tab = self.context.new_page()
        self.console, self.requests = [], []
        self.tab.on(
            "console", lambda message: self.console.append(f"{message.type}: {message.text}")
        )
        self.tab.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.goto(file.as_uri())
        self.ready()

    def ready(self):
        self.tab.wait_for_function("bnnbenchTimes.all && bnnbenchTimes.records", timeout=60_000)

    def drawn(self):
        """State of every chart by name."""
        return dict(self.tab.evaluate(
            "[...document.querySelectorAll('figure')].map(f => [f.id.slice(6), f.dataset.drawn])"))  # fmt: skip

    def table(self, name):
        """Texts of the cells of a table's page."""
        return self.tab.eval_on_selector_all(
            f"[data-table={name}] tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.innerText))")  # fmt: skip

    def marks(self, chart):
        """How many drawn shapes a chart has."""
        return self.tab.locator(f"#chart-{chart} svg path").count()


@pytest.fixture
def open_file(browser):
    """Opens a page; closed after the test."""
    opened = []

    def open_(file, **options):
        opened.append(Opened(browser, file, **options))
        return opened[-1]

    yield open_
    for page in opened:
        page.context.close()


@pytest.fixture
def open_page(open_file, tmp_path):
    """Writes the page of some runs and opens it."""

    def open_(runs, store=Path("some.bnnbench"), **options):
        return open_file(write_page(runs, tmp_path / "page.html", store), **options)

    return open_
