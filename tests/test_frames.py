from __future__ import annotations

import math

import pytest

from bnnbench.analysis import knowledge
from bnnbench.errors import StoreError
from bnnbench.frames import flat, load, rows
from bnnbench.metrics import PartMetrics, TracePoint
from bnnbench.record import Artefacts, Claims, Ending, Record, Seconds
from bnnbench.store import Store
from bnnbench.suite import Cell, CellLimits, Topology
from bnnbench.summary import summarise
from bnnbench.verify import Evaluation


def cell(solver="a", seed=0, **rest):
    return Cell(
        data="xor", topology=Topology((2,)), domain="binary", objective="errors", formulation="",
        solver=solver, seed=seed, limits=CellLimits(time=10.0, target=2.0), versions=("p 1",),
        **rest,
    )  # fmt: skip


def record(value, *, solver="a", seed=0, ending="ok", bound=None, test=0.5, seconds=1.0, **rest):
    facts = None
    if value is not None:
        facts = Evaluation(
            feasible=True, objective=value, exact=str(value), outside=None, network="n",
            parts={"train": PartMetrics(4, 0.75, 0.0, 0.5), "test": PartMetrics(4, test, 0.25, 0)},
            sizes={"bits": 8.0},
        )  # fmt: skip
    made = cell(solver, seed)
    return Record(
        id=made.id, cell=made.plain(), suite="s", problem="p", ending=Ending(ending), rows=4,
        evaluation=facts, solver_bound=bound, seconds=Seconds(build=0.5, solve=seconds),
        reference_objective=5.0, versions={"python": "3"}, host={"node": "here"}, created=1.0,
        claims=Claims(status="feasible", objective=value), **rest,
    )  # fmt: skip


def test_a_flat_row():
    mine, other = record(3.0), record(1.0, solver="b", bound=1.0)
    known = knowledge([mine, other])["p"]
    row = flat(mine, known, [TracePoint(2.0, 4.0, None), TracePoint(5.0, 1.0, None)])
    assert (row["gap"], row["gap_per_row"], row["gap_normalised"]) == (2.0, 0.5, 0.5)
    assert (row["best_bound"], row["best_objective"], row["proved"]) == (1.0, 1.0, False)
    assert row["primal_integral"] == pytest.approx((2 + 3 * 0.75) / 10)
    assert row["time_to_target"] == 5.0
    assert (row["train_accuracy"], row["test_ties"]) == (0.75, 0.25)
    assert math.isnan(row["validation_accuracy"])
    assert (row["solve_seconds"], row["bits"], row["node"]) == (1.0, 8.0, "here")
    assert (row["versions"], row["hidden"]) == ("p 1; python 3", "2")
    assert row["contradiction"] == ""


def test_a_row_without_facts():
    row = flat(record(None, ending="crash"), None, [])
    assert row["objective"] is None
    assert math.isnan(row["gap"])
    assert (row["feasible"], row["ending"]) == (False, "crash")


def test_contradictions_are_in_the_rows():
    records = [record(3.0), record(4.0, solver="b", bound=3.5)]
    known = knowledge(records)["p"]
    reasons = [flat(r, known, [])["contradiction"] for r in records]
    assert reasons[0].startswith("objective 3 below")
    assert reasons[1].startswith("bound 3.5 above")


def test_reality_checks_have_no_primal_integral():
    check = record(0.0, reference=True)
    known = knowledge([record(1.0, solver="b")])["p"]
    assert math.isnan(flat(check, known, [])["primal_integral"])


@pytest.fixture
def store_file(tmp_path):
    with Store(tmp_path / "s.bnnbench") as store:
        store.add(record(None, ending="crash"))
        store.add(record(3.0), Artefacts(trace=[TracePoint(1.0, 2.0, None)]))
        store.add(record(1.0, solver="b", bound=1.0))
    return tmp_path / "s.bnnbench"


def test_rows_of_a_store(store_file):
    with Store(store_file) as store:
        assert {r["solver"]: r["gap"] for r in rows(store)} == {"a": 2.0, "b": 0.0}
        attempts = [(r["solver"], r["attempt"]) for r in rows(store, attempts=True)]
        assert sorted(attempts) == [("a", 1), ("a", 2), ("b", 1)]
        assert list(rows(store, suite="none")) == []


def test_a_data_frame(store_file):
    pytest.importorskip("pandas")
    import bnnbench

    frame = bnnbench.load(store_file)
    assert len(frame) == 2
    assert frame.set_index("solver").loc["a", "time_to_target"] == 1.0
    assert len(load(store_file, attempts=True)) == 3


def test_no_store_and_no_pandas(tmp_path, monkeypatch):
    with pytest.raises(StoreError, match="no store at"):
        load(tmp_path / "none")
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(StoreError, match=r"pip install 'bnnbench\[pandas\]'"):
        load(tmp_path / "none")


def test_summaries_are_medians_over_seeds():
    records = [
        record(3.0, seed=0, test=0.5, seconds=1.0),
        record(5.0, seed=1, test=0.75, seconds=2.0),
        record(None, seed=2, ending="crash", seconds=3.0),
        record(1.0, solver="b", bound=1.0, test=1.0),
        record(None, solver="c", ending="skipped"),
    ]
    best, middle, last = summarise(records, knowledge(records))
    assert [best.method, middle.method, last.method] == ["b", "a", "c"]
    assert middle.problem == "xor; 2; binary; errors"
    assert (middle.n, middle.found, middle.endings) == (3, 2, {"crash": 1})
    assert (middle.objective, middle.gap, middle.proved) == (4.0, 3.0, 0)
    assert (middle.test, middle.seconds) == (0.625, 2.5)
    assert (best.proved, best.gap) == (1, 0.0)
    assert math.isnan(last.objective)
