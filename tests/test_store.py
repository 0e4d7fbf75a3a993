from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.errors import StoreError
from bnnbench.layout import LAYOUT
from bnnbench.metrics import PartMetrics, TracePoint
from bnnbench.record import Artefacts, Claims, Ending, Record, Seconds
from bnnbench.store import Store
from bnnbench.verify import Evaluation


def record(name="aa11", *, ending="ok", created=1.0, suite="s", **rest):
    return Record(
        id=name, cell={"solver": "x", "seed": 1}, suite=suite, ending=Ending(ending),
        created=created, **rest,
    )  # fmt: skip


FULL = record(
    problem="p",
    claims=Claims(status="optimal", termination="optimal", objective=1.5, bound=-2.0,
                  info={"nodes": 3, "text": "ü"}),
    evaluation=Evaluation(
        feasible=True, objective=1.5, exact="3/2", outside=None, network="d",
        parts={"train": PartMetrics(4, 0.75, 0.25, 0.5)}, sizes={"bits": 8.0},
    ),
    seconds=Seconds(build=0.1, solve=2.0), notes={"k": "v"}, versions={"bnnbench": "0"},
    probe=0.01, detail="a\nb",
)  # fmt: skip
ARTEFACTS = Artefacts(b"\x00net", [TracePoint(0.5, 2.0, None), TracePoint(1.0, 1.5, -2.0)], "log")


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "s.bnnbench") as opened:
        yield opened


def test_a_record_comes_back_whole(store):
    assert store.add(FULL, ARTEFACTS) == FULL
    assert list(store.records()) == [FULL]
    assert store.find("aa") == FULL
    assert store.artefacts(FULL) == ARTEFACTS


def test_records_survive_closing(tmp_path):
    with Store(tmp_path / "deep" / "s") as store:
        store.add(FULL, ARTEFACTS)
    with Store(tmp_path / "deep" / "s", create=False) as store:
        assert list(store.records()) == [FULL]


def test_no_artefacts_take_no_room(store):
    store.add(record())
    assert store.artefacts(record()) == Artefacts()


def test_attempts_count_up_and_the_last_is_the_record(store):
    assert store.add(record(ending="crash")).attempt == 1
    assert store.add(record(ending="ok", created=2.0)).attempt == 2
    assert store.add(record("bb", created=1.5)).attempt == 1
    assert len(store) == 2
    assert [(r.id, r.attempt) for r in store.records()] == [("bb", 1), ("aa11", 2)]
    assert [r.attempt for r in store.records(attempts=True)] == [1, 1, 2]
    assert store.find("aa").ending == Ending.OK


def test_artefacts_belong_to_an_attempt(store):
    first = store.add(record(), Artefacts(log="one"))
    second = store.add(record(), Artefacts(log="two"))
    assert [store.artefacts(r).log for r in (first, second)] == ["one", "two"]


def test_finished_cells(store):
    for name, ending, stage in (
        ("a", "ok", "done"), ("b", "crash", "solve"), ("c", "skipped", "build"),
        ("d", "error", "data"),
    ):  # fmt: skip
        store.add(record(name, ending=ending, stage=stage))
    assert store.finished() == {"a", "b", "c"}
    assert store.finished(attempts=2) == set()
    assert store.finished(retry=["crash"]) == {"a", "c"}
    assert store.finished(retry=["crash", "ok", "skipped"]) == set()
    store.add(record("b", ending="ok"))
    assert store.finished(retry=["crash"]) == {"a", "b", "c"}


def test_records_of_a_suite(store):
    store.add(record("a", suite="one"))
    store.add(record("b", suite="two"))
    assert [r.id for r in store.records("two")] == ["b"]
    assert list(store.records("three")) == []


def test_find_wants_one_cell(store):
    store.add(record("aa11"))
    store.add(record("ab22"))
    assert store.find("ab").id == "ab22"
    with pytest.raises(StoreError, match=r"More than one cell .* begins with 'a'.*bnnbench show"):
        store.find("a")
    for odd in ("x", "aa%", "a_"):
        with pytest.raises(StoreError, match="No cell of"):
            store.find(odd)


IDS = st.sampled_from(["a", "b", "c"])
RUNS = st.lists(st.tuples(IDS, st.integers(1, 9)), max_size=6, unique=True)


@settings(max_examples=25)
@given(RUNS, RUNS)
def test_merging_is_idempotent_and_loses_nothing(tmp_path_factory, mine, theirs):
    folder = tmp_path_factory.mktemp("merge")
    with Store(folder / "a") as into, Store(folder / "b") as other:
        for store, runs in ((into, mine), (other, theirs)):
            for name, created in runs:
                store.add(record(name, created=float(created)), Artefacts(log=f"{name}{created}"))
        added, known = into.merge(other)
        assert added == len(set(theirs) - set(mine))
        assert added + known == len(theirs)
        assert into.merge(other) == (0, len(theirs))
        assert into.merge(into) == (0, len(set(mine) | set(theirs)))
        kept = list(into.records(attempts=True))
        assert {(r.id, int(r.created)) for r in kept} == set(mine) | set(theirs)
        assert all(into.artefacts(r).log == f"{r.id}{int(r.created)}" for r in kept)
        for name in {r.id for r in kept}:
            attempts = sorted(r.attempt for r in kept if r.id == name)
            assert attempts == list(range(1, len(attempts) + 1))


def test_merging_an_older_run_does_not_hide_the_newer(tmp_path):
    with Store(tmp_path / "a") as into, Store(tmp_path / "b") as other:
        into.add(record(ending="ok", created=200.0))
        other.add(record(ending="crash", created=100.0))
        into.merge(other)
        assert into.find("aa").ending == Ending.OK
        assert into.finished(retry=["crash"]) == {"aa11"}
        assert len(into) == 1


def test_a_record_without_time_gets_one_and_merges_once(tmp_path):
    with Store(tmp_path / "a") as into, Store(tmp_path / "b") as other:
        stored = other.add(record(created=0.0))
        assert stored.created > 1e9
        assert into.merge(other) == (1, 0)
        assert into.merge(other) == (0, 1)


def test_two_connections_write_at_once(tmp_path):
    path = tmp_path / "s"
    failures = []

    def write(worker):
        try:
            with Store(path) as store:
                for i in range(20):
                    store.add(record("shared", created=worker * 100.0 + i))
                    store.add(record(f"own-{worker}-{i}"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store(path, create=False) as store:
        assert len(store) == 61
        attempts = [r.attempt for r in store.records(attempts=True) if r.id == "shared"]
        assert sorted(attempts) == list(range(1, 61))


def test_reading_while_another_writes(tmp_path):
    with Store(tmp_path / "s") as writer, Store(tmp_path / "s") as reader:
        for i in range(5):
            writer.add(record(f"r{i}", created=float(i + 1)))
        seen = reader.records()
        first = next(seen)
        writer.add(record("late", created=99.0))
        assert [first.id, *(r.id for r in seen)][:5] == [f"r{i}" for i in range(5)]
        assert len(reader) == 6


def test_a_missing_store(tmp_path):
    with pytest.raises(StoreError, match=r"no store at .*none.*bnnbench run SUITE"):
        Store(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_a_newer_layout(tmp_path):
    Store(tmp_path / "s").close()
    with sqlite3.connect(tmp_path / "s") as db:
        db.execute("pragma user_version = 99")
    db.close()
    with pytest.raises(
        StoreError, match=f"has layout 99, this bnnbench reads up to {LAYOUT}.*upgrade"
    ):
        Store(tmp_path / "s")


def test_not_a_database(tmp_path):
    path = tmp_path / "s"
    path.write_text("id,objective\n" * 100)
    with pytest.raises(StoreError, match=r"Cannot open .*file is not a database"):
        Store(path)
    assert path.read_text() == "id,objective\n" * 100


def test_another_sqlite_file(tmp_path):
    path = tmp_path / "s"
    with sqlite3.connect(path) as db:
        db.execute("create table t (a)")
    db.close()
    with pytest.raises(StoreError, match="is an SQLite file but not a bnnbench store"):
        Store(path)
    with sqlite3.connect(path) as db:
        assert db.execute("select name from sqlite_master").fetchall() == [("t",)]
    db.close()


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="Cannot open"):
        Store(tmp_path)


def test_a_store_in_a_place_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="Cannot open"):
        Store(tmp_path / "file" / "s")


def test_a_store_that_may_only_be_read(store):
    """Nothing of the record is written, and the message says how to go on."""
    store.add(record("before"))
    store._db.execute("pragma query_only = on")
    with pytest.raises(StoreError, match=r"Cannot write to .*readonly.*same command again"):
        store.add(record("after"), ARTEFACTS)
    store._db.execute("pragma query_only = off")
    assert [r.id for r in store.records()] == ["before"]


def test_a_full_disk(store):
    store.add(record("before"))
    pages = store._db.execute("pragma page_count").fetchone()[0]
    store._db.execute(f"pragma max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="database or disk is full"):
        store.add(record("after"), Artefacts(log="x" * 100_000))
    store._db.execute("pragma max_page_count = 1000000")
    assert [r.id for r in store.records(attempts=True)] == ["before"]
    store.add(record("after"))


def test_what_cannot_be_encoded_leaves_nothing_behind(store):
    with pytest.raises(TypeError):
        store.add(record("odd", claims=Claims(info={"x": object()})))
    assert len(store) == 0
    store.add(record("even"))


def test_a_killed_writer_leaves_whole_records_only(tmp_path):
    """Killed between the insert and the commit: the record is not there, the store is whole."""
    path = tmp_path / "s"
    script = f"""
import os, signal
from pathlib import Path
from bnnbench.record import Ending, Record
from bnnbench.store import Store
store = Store(Path({str(path)!r}))
store.add(Record(id="whole", cell={{}}, ending=Ending.OK))
insert = store._insert
def torn(*what):
    insert(*what)
    os.kill(os.getpid(), signal.SIGKILL)
store._insert = torn
store.add(Record(id="torn", cell={{}}, ending=Ending.OK))
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -9
    with Store(path, create=False) as store:
        assert [r.id for r in store.records()] == ["whole"]
        store.add(record("next"))


def test_numbers_that_json_lacks(store):
    stored = store.add(record(claims=Claims(objective=float("inf"), info={"x": float("nan")})))
    back = store.find(stored.id)
    assert back.claims.objective is None
    assert back.claims.info == {"x": None}


def test_records_are_plain_json_inside(store):
    """Another tool can read them without bnnbench."""
    store.add(FULL)
    (body,) = store._db.execute("select body from latest").fetchone()
    assert msgspec.json.decode(body)["evaluation"]["exact"] == "3/2"
