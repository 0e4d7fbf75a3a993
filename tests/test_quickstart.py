"""The quickstart suite, with less time per cell: real plugins on real data."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bnnbench.analysis import knowledge
from bnnbench.cli.progress import Watcher
from bnnbench.record import Ending
from bnnbench.registry import Registry
from bnnbench.runner import Runner
from bnnbench.store import Store
from bnnbench.suite import expand, find, read


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    source = find("quickstart")
    file = read(source)
    limits = msgspec.structs.replace(file.limits, time=1.5)
    file = msgspec.structs.replace(file, limits=limits, seeds=[0])
    registry = Registry.load()
    suite = expand(file, registry, name="quickstart", source=source)
    with Store(tmp_path_factory.mktemp("quick") / "q.bnnbench") as store:
        Runner(suite, registry, store, Watcher(), jobs=2).run()
        return suite, list(store.records())


def test_every_solver_has_a_feasible_verified_record(records):
    suite, found = records
    assert {r.ending for r in found} <= {Ending.OK, Ending.TIMEOUT}
    feasible = {r.cell["solver"] for r in found if r.evaluation and r.evaluation.feasible}
    assert feasible == {cell.solver for cell in suite.cells}


def test_no_bound_contradicts_an_objective(records):
    for known in knowledge(records[1]).values():
        assert not known.contradicted
        assert known.bound is None or known.best is None or known.bound <= known.best + 1e-6


def test_reality_checks_enter_no_gap_but_are_measured(records):
    references = [r for r in records[1] if r.reference]
    assert {r.cell["solver"] for r in references} == {"constant", "logistic-regression"}
    assert all(r.evaluation.objective is None for r in references)
    assert all(0 < r.evaluation.parts["test"].argmax <= 1 for r in references)


def test_the_file_says_what_it_is_for():
    about = read(find("quickstart")).suite
    assert about.question
    assert about.duration
    assert about.expect
    assert Path(find("quickstart")).read_text().startswith("#")
