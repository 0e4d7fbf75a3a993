"""Files of older layouts are brought up to date, wholly or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from bnnbench import layout
from bnnbench.analysis import knowledge
from bnnbench.columns import Columns
from bnnbench.errors import StoreError
from bnnbench.layout import LAYOUT
from bnnbench.record import Record
from bnnbench.store import Store

OLD = Path(__file__).parent / "data" / "store-v1.bnnbench"


@pytest.fixture
def old(tmp_path):
    shutil.copy(OLD, tmp_path / "s.bnnbench")
    return tmp_path / "s.bnnbench"


@pytest.fixture(scope="module")
def truth():
    """What the old file holds, read by its own layout: bodies, artefacts and latest attempts."""
    with sqlite3.connect(f"file:{OLD}?immutable=1", uri=True) as db:
        bodies = {(i, a): b for i, a, b in db.execute("select id, attempt, body from records")}
        heavy = {
            (i, a): rest
            for i, a, *rest in db.execute("select id, attempt, network, trace, log from artefacts")
        }
        latest = set(db.execute("select id, attempt from latest"))
    db.close()
    return bodies, heavy, latest


def version(path):
    with sqlite3.connect(path) as db:
        found = db.execute("pragma user_version").fetchone()[0]
    db.close()
    return found


def test_the_old_file_holds_what_matters(truth):
    bodies, heavy, latest = truth
    endings = Counter(str(msgspec.json.decode(b, type=Record).ending) for b in bodies.values())
    assert set(endings) >= {"ok", "error", "timeout", "skipped"}
    assert len(latest) < len(bodies)
    assert any(attempt > 1 for _, attempt in latest), "a retried cell"
    assert any((i, a + 1) in bodies for i, a in latest), "an older run, merged later"
    assert heavy


def test_nothing_is_lost_or_changed(old, truth):
    bodies, heavy, latest = truth
    with Store(old, create=False) as store:
        records = list(store.records(attempts=True))
        assert {(r.id, r.attempt) for r in records} == set(bodies)
        assert {(r.id, r.attempt) for r in store.records()} == latest
        for record in records:
            key = record.id, record.attempt
            assert record == msgspec.json.decode(bodies[key], type=Record)
            found = store.artefacts(record)
            network, trace, log = heavy.get(key, (None, b"[]", ""))
            assert (found.network, found.log) == (network, log)
            assert found.trace == [tuple(p) for p in msgspec.json.decode(trace)]
        kept = store._db.execute("select id, attempt, body from records join bodies using (key)")
        assert {(i, a): b for i, a, b in kept} == bodies
        assert store._db.execute("pragma integrity_check").fetchone()[0] == "ok"
    assert version(old) == LAYOUT


def test_figures_are_those_of_the_records(old):
    with Store(old) as store:
        assert knowledge(store.columns()) == knowledge(store.records())
        endings = Counter(str(r.ending) for r in store.records())
        assert Counter(store.columns().words("ending")) == endings


def test_old_and_new_files_look_alike(old, tmp_path):
    with Store(old) as upgraded, Store(tmp_path / "new") as fresh:
        sql = "select type, name, sql from sqlite_master order by name"
        assert upgraded._db.execute(sql).fetchall() == fresh._db.execute(sql).fetchall()
        first = next(upgraded.records())
        assert upgraded.add(first).attempt > first.attempt
        assert fresh.merge(upgraded)[0] > 0


def test_a_failure_leaves_the_old_file_as_it_was(old, monkeypatch):
    before = list(sqlite3.connect(old).iterdump())
    calls, numbers = iter(range(5)), layout.numbers_of

    def failing(record):
        if next(calls, None) is None:
            raise sqlite3.OperationalError("database or disk is full")
        return numbers(record)

    monkeypatch.setattr(layout, "numbers_of", failing)
    with pytest.raises(StoreError, match=r"cannot be brought up to date: .*full.*as it was; copy"):
        Store(old)
    assert version(old) == 1
    assert list(sqlite3.connect(old).iterdump()) == before
    monkeypatch.undo()
    with Store(old) as store:
        assert len(store)
    assert version(old) == LAYOUT


def test_an_old_file_that_may_only_be_read(old, monkeypatch):
    def connect(self):
        return sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, isolation_level=None)

    monkeypatch.setattr(Store, "_connect", connect)
    with pytest.raises(
        StoreError, match=r"older layout .*readonly.*copy it to where you may write"
    ):
        Store(old)
    assert version(old) == 1


def test_many_open_an_old_file_at_once(old, truth):
    failures, counts = [], []

    def use():
        try:
            with Store(old) as store:
                counts.append(len(list(store.records(attempts=True))))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert counts == [len(truth[0])] * 4


def test_columns_of_no_records():
    empty = Columns.of([])
    assert len(empty) == 0
    assert knowledge(empty) == {}
