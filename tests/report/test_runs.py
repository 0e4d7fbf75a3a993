"""Records as runs: which are taken, and how they are named."""

from __future__ import annotations

from bnnbench.report import collect
from bnnbench.store import Store
from bnnbench.suite import CellLimits
from bnnbench.testing.records import made_up_store


def test_the_latest_record_of_a_seed_counts(maker):
    maker.add(3.0, seed=1).add(2.0, seed=1)
    runs = maker.runs()
    assert [run.objective for run in runs.runs] == [2.0]


def test_methods_with_several_limits_are_told_apart(maker):
    maker.add(3.0, limits=CellLimits(time=1.0)).add(2.0, limits=CellLimits(time=10.0))
    maker.add(1.0, method="b")
    assert maker.runs().methods == ["a; 1 s", "a; 10 s", "b"]


def test_a_suite_is_chosen_but_bounds_of_all_count(maker):
    maker.add(3.0, method="a", suite="one").add(4.0, method="b", suite="two", bound=2.0)
    runs = maker.runs("one")
    assert (runs.methods, runs.suites) == (["a"], ["one"])
    assert runs.runs[0].gap.absolute == 1.0


def test_references_come_last(maker):
    maker.add(method="a", reference=True, test=0.5).add(1.0, method="z")
    assert maker.runs().methods == ["z", "a"]
    assert maker.runs().references == {"a"}


def test_instances_are_digest_and_seed(maker):
    maker.add(1.0, seed=0).add(1.0, seed=1).add(2.0, seed=1, method="b")
    maker.add(seed=1, method="c", reference=True)
    assert sorted(sorted(found) for found in maker.runs().instances.values()) == [["a"], ["a", "b"]]


def test_made_up_records_are_the_same_every_time(tmp_path):
    stores = [made_up_store(tmp_path / name, 20, seeds=1) for name in "ab"]
    found = []
    for path in stores:
        with Store(path) as store:
            found.append([(r, store.artefacts(r)) for r in store.records()])
    assert found[0] == found[1]
    assert len(found[0]) == 20


def test_made_up_records_have_everything(runs):
    assert {str(r.record.ending) for r in runs.runs} > {"ok", "crash"}
    assert any(r.trace for r in runs.runs)
    assert runs.references == {"constant", "logistic-regression"}


def test_many_made_up_problems_stay_apart(tmp_path):
    path = made_up_store(tmp_path / "s", 500, seeds=1, methods=2)
    with Store(path) as store:
        assert len(collect(store).problems) == 250
