"""The tables of a store file, and how files of older layouts are brought up to date.

Layout 2 keeps bodies apart from the figures of :mod:`bnnbench.columns`, so that looking through all
records reads the figures only. A body is the record as JSON, whatever the layout.
"""

from __future__ import annotations

import sqlite3

import msgspec

from bnnbench.columns import INTEGERS, NUMBERS, TEXTS, numbers_of, texts_of
from bnnbench.record import Record

LAYOUT = 2
"""Of this bnnbench's store files, SQLite's user_version; see :data:`bnnbench.record.SCHEMA` for
that of records."""

NAMES = (*TEXTS, *INTEGERS, *NUMBERS)
_DECLARED = ", ".join(
    [
        *(f"{name} integer not null" for name in (*TEXTS, *INTEGERS)),
        *(f"{name} real" for name in NUMBERS),
    ]
)
_SPELT = ", ".join(f"(select text from texts where code = r.{n}) as {n}" for n in TEXTS)
_PLAIN = ", ".join(f"r.{n}" for n in (*INTEGERS, *NUMBERS))
TABLES = (
    "create table texts (code integer primary key, text text not null unique)",
    "create table records (key integer primary key, id text not null, attempt integer not null,"
    f" created real not null, latest integer not null, {_DECLARED}, unique (id, attempt))",
    "create table bodies (key integer primary key, body blob not null)",
    "create table artefacts (key integer primary key, network blob, trace blob not null,"
    " log text not null)",
    "create index by_time on records (created)",
    "create index by_suite on records (suite, created)",
    "create index by_problem on records (problem)",
    "create index by_ending on records (ending)",
    "create index by_method on records (solver, formulation)",
    # for people and other tools
    f"create view latest as select r.id, r.attempt, r.created, {_SPELT}, {_PLAIN}, b.body"
    " from records r join bodies b using (key) where r.latest",
)
_INSERT = (
    f"insert into records (id, attempt, created, latest, {', '.join(NAMES)})"
    f" values ({', '.join('?' * (4 + len(NAMES)))})"
)


class Codes:
    """The codes of texts in a store file, within one connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """The code of a text, a new one when it has none; within a transaction."""
        code = self._known.get(text)
        if code is None:
            code = self.find(text)
        if code is None:
            code = self._db.execute("insert into texts (text) values (?)", (text,)).lastrowid
            assert code is not None
        self._known[text] = code
        return code

    def find(self, text: str) -> int | None:
        """The code of a text, None when it has none."""
        row = self._db.execute("select code from texts where text = ?", (text,)).fetchone()
        return None if row is None else int(row[0])

    def forget(self) -> None:
        """After a transaction that was rolled back."""
        self._known.clear()


def lay_out(db: sqlite3.Connection) -> None:
    """Lay out an empty file; within a transaction."""
    for statement in TABLES:
        db.execute(statement)


def insert(
    db: sqlite3.Connection, codes: Codes, record: Record, body: bytes, *, latest: bool
) -> int:
    """Insert a record and its body; within a transaction.

    Returns:
        Its key.
    """
    figures = [*map(codes, texts_of(record)), *numbers_of(record)]
    key = db.execute(
        _INSERT, (record.id, record.attempt, record.created, latest, *figures)
    ).lastrowid
    assert key is not None
    db.execute("insert into bodies values (?, ?)", (key, body))
    return key


def upgrade(db: sqlite3.Connection, version: int) -> None:
    """Bring a file of an older layout up to this one; within a transaction."""
    if version == 1:
        _from_1(db)


def _from_1(db: sqlite3.Connection) -> None:
    """Layout 1 kept records with their bodies in one table, and artefacts by id and attempt."""
    db.execute("drop view latest")
    db.execute("drop index by_problem")
    for table in ("records", "artefacts"):
        db.execute(f"alter table {table} rename to {table}_1")
    lay_out(db)
    codes, decoder = Codes(db), msgspec.json.Decoder(Record)
    for (body,) in db.execute("select body from records_1 order by id, attempt"):
        insert(db, codes, decoder.decode(body), body, latest=False)
    db.execute(
        "update records set latest = 1 where key in (select key from (select key, row_number()"
        " over (partition by id order by created desc, attempt desc) as rank from records)"
        " where rank = 1)"
    )
    db.execute(
        "insert into artefacts select r.key, a.network, a.trace, a.log"
        " from artefacts_1 a join records r on r.id = a.id and r.attempt = a.attempt"
    )
    for table in ("records_1", "artefacts_1"):
        db.execute(f"drop table {table}")
