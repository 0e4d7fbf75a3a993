"""Figures column by column are those of the records, from a store or not."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.analysis import SOUND, gap, knowledge, objective
from bnnbench.columns import INTEGERS, NUMBERS, TEXTS, Columns, medians
from bnnbench.errors import StoreError
from bnnbench.frames import rows
from bnnbench.metrics import PartMetrics, TracePoint
from bnnbench.record import Artefacts, Ending, Record, Seconds
from bnnbench.store import Store
from bnnbench.suite import Cell, CellLimits, Topology
from bnnbench.summary import describe, summarise
from bnnbench.verify import TOLERANCE, Evaluation

ENDINGS = [*Ending]


def synthetic(count, seed=0):
    """Records of every ending, with and without figures, some contradicting others."""
    rng = np.random.default_rng(seed)

    def maybe(value, share=0.5):
        return float(value) if rng.random() < share else None

    for i in range(count):
        cell = Cell(
            data=f"d{rng.integers(4)}", topology=Topology((int(rng.integers(1, 3)),)),
            domain="integer[P=1]", objective="errors", formulation=str(rng.choice(["", "f"])),
            solver=f"s{rng.integers(3)}", seed=i, limits=CellLimits(),
        )  # fmt: skip
        facts = None
        if rng.random() < 0.8:
            value = float(rng.integers(0, 12))
            part = PartMetrics(4, rng.random(), 0.0, rng.random())
            feasible = bool(rng.random() < 0.8)
            facts = Evaluation(
                feasible=feasible, objective=value if feasible else None, exact="", outside=None,
                parts={"test": part} if rng.random() < 0.7 else {}, sizes={}, network="n",
            )  # fmt: skip
        ending = ENDINGS[int(rng.integers(7))] if rng.random() < 0.3 else Ending.OK
        yield Record(
            id=f"{i:06d}", cell=cell.plain(), suite=f"u{i % 2}", ending=ending,
            problem="" if rng.random() < 0.05 else f"{cell.data} {cell.topology}",
            detail="" if ending is Ending.OK else f"why {i % 3}\nmore", evaluation=facts,
            reference=bool(rng.random() < 0.05), rows=4, lower_bound=maybe(0),
            solver_bound=maybe(rng.integers(0, 3), 0.05), known_objective=maybe(9, 0.1),
            reference_objective=20.0, seconds=Seconds(build=rng.random(), solve=rng.random()),
            created=float(i + 1),
        )  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Ten thousand records, and a store of them."""
    records = list(synthetic(10_000))
    path = tmp_path_factory.mktemp("columns") / "s.bnnbench"
    with Store(path) as store:
        traced = ((r, Artefacts(trace=[TracePoint(1.0, 2.0, None)])) for r in records)
        assert store.extend(traced) == len(records)
        yield records, store


def plainly_known(records):
    """Best bound and objective of each problem, straight from the definitions."""
    found = {}
    for problem in {r.problem for r in records if r.ending in SOUND} - {""}:
        group = [r for r in records if r.problem == problem and r.ending in SOUND]
        values = [(r.id, objective(r)) for r in group] + [("", r.known_objective) for r in group]
        values = [(i, v) for i, v in values if v is not None]
        flagged = set()
        for r in group:
            for other, v in values:
                if r.solver_bound is not None and r.solver_bound > v + TOLERANCE * max(1, abs(v)):
                    flagged |= {r.id, other} - {""}
        bounds = [r.solver_bound for r in group if r.id not in flagged]
        bounds = [b for b in [*bounds, *(r.lower_bound for r in group)] if b is not None]
        best = min((v for _, v in values), default=None)
        found[problem] = (max(bounds, default=None), best, flagged)
    return found


def test_knowledge_is_that_of_the_definitions(filled):
    records, store = filled
    known = knowledge(store.columns())
    assert known == knowledge(records)
    found = {p: (k.bound, k.best, set(k.contradicted)) for p, k in known.items()}
    assert found == plainly_known(records)
    assert any(k.contradicted for k in known.values())


def median(values):
    kept = [v for v in values if v is not None and not math.isnan(v)]
    return statistics.median(kept) if kept else math.nan


def test_summaries_are_those_of_the_definitions(filled):
    records, store = filled
    columns = store.columns()
    known = knowledge(columns)
    table = summarise(columns, known)
    again = summarise(records, known)
    assert [repr(r) for r in table] == [repr(r) for r in again]
    groups = {}
    for r in records:
        cell = Cell(**{**r.cell, "topology": Topology(**r.cell["topology"])})
        groups.setdefault((describe(cell), cell.method), []).append(r)
    assert {(r.problem, r.method) for r in table} == set(groups)
    for row in table:
        group = groups[row.problem, row.method]
        gaps = [gap(r, known.get(r.problem)) for r in group]
        parts = [r.evaluation.parts.get("test") for r in group if r.evaluation]
        endings = [str(r.ending) for r in group if r.ending is not Ending.OK]
        assert row.n == len(group)
        assert row.endings == {e: endings.count(e) for e in endings}
        assert row.found == sum(bool(r.evaluation and r.evaluation.feasible) for r in group)
        assert row.proved == sum(g.proved for g in gaps)
        np.testing.assert_array_equal(
            [row.objective, row.gap, row.test, row.all_good, row.seconds],
            [
                median(objective(r) for r in group), median(g.absolute for g in gaps),
                median(p.argmax for p in parts if p), median(p.all_good for p in parts if p),
                median(r.seconds.build + r.seconds.solve for r in group),
            ],
        )  # fmt: skip


def test_a_store_gives_the_columns_of_its_records(filled):
    records, store = filled
    stored, made = store.columns(), Columns.of(records)
    assert list(stored.ids) == list(made.ids)
    assert all(stored.words(name) == made.words(name) for name in TEXTS)
    for name in [*INTEGERS, *NUMBERS]:
        np.testing.assert_array_equal(stored[name], made[name])


def test_filters(filled):
    records, store = filled
    some = store.columns(["objective"], ending=["crash", "timeout"], suite="u1")
    wanted = [r.id for r in records if str(r.ending) in ("crash", "timeout") and r.suite == "u1"]
    assert list(some.ids) == wanted
    assert set(some.arrays) == {"objective"}
    assert len(store.columns(solver="none such")) == 0
    assert store.columns().where(store.columns().equals("suite", "u1")).ids == [
        r.id for r in records if r.suite == "u1"
    ]
    with pytest.raises(StoreError, match="no column of texts 'method'"):
        store.columns(method="x")


def test_filters_and_orders_use_indexes(filled):
    _, store = filled
    for sql, index in [
        ("select id from records where latest and suite in (1)", "by_suite"),
        ("select id from records where latest and problem in (1)", "by_problem"),
        ("select id from records where latest and solver in (1) and formulation in (2)", "by_method"),
        ("select id from records where latest and ending in (1)", "by_ending"),
        ("select id from records where latest order by created, key", "by_time"),
    ]:  # fmt: skip
        (plan,) = {row[3] for row in store._db.execute(f"explain query plan {sql}")}
        assert index in plan


def test_only_the_latest_attempt_counts(tmp_path):
    first, second, third = synthetic(3)
    with Store(tmp_path / "s") as store:
        for record, created in ((first, 5.0), (second, 6.0), (third, 4.0)):
            changed = {"id": "same", "created": created, "suite": f"at {created}"}
            store.add(Record(**{k: getattr(record, k) for k in Record.__struct_fields__} | changed))
        assert store.columns().words("suite") == ["at 6.0"]
        assert len(store.columns(attempts=True)) == 3
        assert store.find("same").created == 6.0


def test_a_transaction_that_failed_leaves_no_code_behind(tmp_path):
    """Codes of texts that were rolled back must not be used again."""
    (record,) = synthetic(1)
    with Store(tmp_path / "s") as store:
        broken = Artefacts(trace=[object()])
        with pytest.raises(TypeError):
            store.add(record, broken)
        store.add(record)
        assert store.columns().words("data") == [record.cell["data"]]
        assert store.columns(data=record.cell["data"]).ids == [record.id]


def test_the_view_is_for_people(filled):
    records, store = filled
    row = store._db.execute("select suite, solver, objective from latest where id = '000007'")
    facts = records[7].evaluation
    assert row.fetchone() == (
        records[7].suite, records[7].cell["solver"], facts.objective if facts else None
    )  # fmt: skip


def test_rows_hold_their_own_traces(filled):
    records, store = filled
    found = list(rows(store, suite="u0"))
    assert [r["id"] for r in found] == [r.id for r in records if r.suite == "u0"]
    known = [r for r in found if r["best_objective"] == 2.0 and not r["reference"]]
    assert all(r["primal_integral"] == pytest.approx(1 / 60) for r in known)


FLOATS = st.floats(-10, 10) | st.just(math.nan)


@given(st.lists(st.tuples(FLOATS, st.integers(0, 3)), max_size=12))
def test_medians(pairs):
    values = np.array([v for v, _ in pairs], dtype=float)
    group = np.array([g for _, g in pairs], dtype=int)
    wanted = [median(v for v, g in pairs if g == k) for k in range(4)]
    np.testing.assert_array_equal(medians(values, group, 4), wanted)
