"""The suites smoke and regression: real plugins; the same figures by every route."""

from __future__ import annotations

import re

import pytest

from bnnbench import asv
from bnnbench.asv.samples import tracked
from bnnbench.cli.progress import Watcher
from bnnbench.compare import Options, compare, select
from bnnbench.record import Ending
from bnnbench.runner import Runner
from bnnbench.store import Store
from bnnbench.suite import find, load, read


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The suite with one seed: as ``bnnbench run`` does it, and by way of asv."""
    folder = tmp_path_factory.mktemp("smoke")
    path = folder / "smoke.toml"
    text, changed = re.subn(r"^seeds = .*$", "seeds = [0]", find("smoke").read_text(), flags=re.M)
    assert changed == 1
    path.write_text(text)
    suite, registry = load(str(path))
    with Store(folder / "run.bnnbench") as store:
        Runner(suite, registry, store, Watcher()).run()
        records = list(store.records())
        figures = tracked([(r, store.artefacts(r).trace) for r in records], records)
    by_asv = asv.figures(path, folder)
    return records, figures, by_asv, folder


def test_every_cell_is_ok_and_both_optima_are_proved(smoke):
    records, figures, *_ = smoke
    assert {r.ending for r in records} == {Ending.OK}
    assert all(r.claims.termination != "time" for r in records)
    proofs = {r.problem for r in records if r.claims.status == "optimal"}
    assert proofs == {r.problem for r in records}
    assert len(figures) == len(records) == 7


def test_asv_sees_the_same_figures(smoke):
    _, by_run, by_asv, _ = smoke
    assert by_asv.keys() == by_run.keys()
    for point, figures in by_run.items():
        for name in ("error_pct", "gap"):
            assert by_asv[point][name] == figures[name]


def test_two_runs_of_the_same_code_raise_no_alarm(smoke):
    folder = smoke[-1]
    result = compare(
        select(str(folder / "run.bnnbench")), select(str(folder / "smoke.bnnbench")), Options()
    )
    assert result.pairs == 7
    assert not result.regressed
    quality = [c for c in result.comparisons if not c.metric.clock and c.metric.scale != "ratio"]
    assert all(c.effect.ties == c.effect.n for c in quality)


@pytest.mark.parametrize("name", ["smoke", "regression"])
def test_the_files_say_what_they_are_for(name):
    file = read(find(name))
    assert find(name).read_text().startswith("#")
    assert file.suite.question
    assert file.suite.duration
    assert file.suite.expect


def test_regression_has_targets_and_seeds_enough_for_intervals():
    suite, _ = load("regression")
    assert not suite.warnings
    assert all(cell.limits.target is not None for cell in suite.cells)
    assert {cell.seed for cell in suite.cells} == set(range(8))
