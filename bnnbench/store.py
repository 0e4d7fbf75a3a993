"""The store: one SQLite file, append-only, one transaction per record."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import msgspec

from bnnbench.errors import StoreError
from bnnbench.metrics import TracePoint
from bnnbench.record import SCHEMA, Artefacts, Record

MAGIC = 0x626E6E62  # "bnnb", SQLite's application_id
_PATIENCE = 30.0  # seconds that a connection waits for another one
_TABLES = """
create table if not exists records (
    id text not null, attempt integer not null, suite text not null, ending text not null,
    stage text not null, problem text not null, created real not null, body blob not null,
    primary key (id, attempt)
) without rowid;
create table if not exists artefacts (
    id text not null, attempt integer not null,
    network blob, trace blob not null, log text not null,
    primary key (id, attempt)
);
create index if not exists by_problem on records (problem);
create view if not exists latest as
    select r.* from records r
    where attempt = (select attempt from records l where l.id = r.id
                     order by created desc, attempt desc limit 1);
"""


class Store:
    """Records in a file.

    Args:
        path: the file; made when it is not there, unless ``create`` is False.
        create: whether a missing file is made.

    Raises:
        StoreError: when the file is no store, was written by another schema, or cannot be opened.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = Path(path)
        if not create and not self.path.is_file():
            raise StoreError(f"There is no store at {self.path}. 'bnnbench run SUITE' makes one.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"Cannot open {self.path}: {error}.") from error

    def _prepare(self) -> None:
        if not self._tables():
            self._create()
        known = self._db.execute("pragma application_id").fetchone()[0]
        version = self._db.execute("pragma user_version").fetchone()[0]
        if known != MAGIC:
            raise StoreError(f"{self.path} is an SQLite file but not a bnnbench store.")
        if version != SCHEMA:
            raise StoreError(
                f"{self.path} has schema {version}, this bnnbench reads {SCHEMA}. Install the"
                " bnnbench that wrote it and use its 'bnnbench export', or name another --store."
            )
        self._use_write_ahead_log()
        self._db.execute("pragma synchronous = normal")

    def _use_write_ahead_log(self) -> None:
        """Switch the journal; unlike all else in SQLite this does not wait for others by itself."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._db.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _tables(self) -> int:
        return int(self._db.execute("select count(*) from sqlite_master").fetchone()[0])

    def _create(self) -> None:
        """Lay out an empty file, unless somebody else does so at this moment."""
        self._db.execute("begin immediate")
        if not self._tables():
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    self._db.execute(statement)
            self._db.execute(f"pragma application_id = {MAGIC}")
            self._db.execute(f"pragma user_version = {SCHEMA}")
        self._db.execute("commit")

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from latest").fetchone()[0])

    def add(self, record: Record, artefacts: Artefacts | None = None) -> Record:
        """Append a record in one transaction; the attempt is counted up here.

        Returns:
            The record as stored.

        Raises:
            StoreError: when it could not be written (full disk, read-only file); nothing of it is
                then in the store, and all earlier records still are.
        """
        return self.extend([(record, artefacts or Artefacts())])[0]

    def extend(self, results: Iterable[tuple[Record, Artefacts]]) -> list[Record]:
        """Append many records in one transaction: all of them or none.

        Returns:
            The records as stored.

        Raises:
            StoreError: as :meth:`add`.
        """
        try:
            self._db.execute("begin immediate")
            try:
                stored = [self._append(record, artefacts) for record, artefacts in results]
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled back by itself
                    self._db.execute("rollback")
                raise
        except sqlite3.Error as error:
            raise StoreError(
                f"Cannot write to {self.path}: {error}. Everything finished before is in the store;"
                " mend the cause and run the same command again to go on."
            ) from error
        return stored

    def _append(self, record: Record, artefacts: Artefacts) -> Record:
        last = self._db.execute(
            "select max(attempt) from records where id = ?", (record.id,)
        ).fetchone()[0]
        record = msgspec.structs.replace(
            record, attempt=(last or 0) + 1, created=record.created or time.time()
        )
        self._insert(record, artefacts)
        return record

    def _insert(self, record: Record, artefacts: Artefacts) -> None:
        self._db.execute(
            "insert into records values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.id,
                record.attempt,
                record.suite,
                str(record.ending),
                record.stage,
                record.problem,
                record.created,
                msgspec.json.encode(record),
            ),
        )
        if artefacts.network or artefacts.trace or artefacts.log:
            self._db.execute(
                "insert into artefacts values (?, ?, ?, ?, ?)",
                (
                    record.id,
                    record.attempt,
                    artefacts.network,
                    msgspec.json.encode(artefacts.trace),
                    artefacts.log,
                ),
            )

    def finished(self, *, retry: Iterable[str] = ()) -> set[str]:
        """Ids of cells that need not run again.

        A cell whose data could not be loaded is never finished.

        Args:
            retry: endings that are to be run again.
        """
        again = list(retry)
        marks = ",".join("?" * len(again))
        rows = self._db.execute(
            f"select id from latest where stage <> 'data' and ending not in ({marks})", again
        )
        return {row[0] for row in rows}

    def records(self, suite: str | None = None, *, attempts: bool = False) -> Iterator[Record]:
        """Records in order of time, the latest attempt of each cell only unless asked otherwise."""
        source = "records" if attempts else "latest"
        where, args = ("where suite = ?", [suite]) if suite else ("", [])
        decoder = msgspec.json.Decoder(Record)
        rows = self._db.execute(f"select body from {source} {where} order by created", args)
        for (body,) in rows:
            yield decoder.decode(body)

    def find(self, prefix: str) -> Record:
        """The latest record of the cell whose id begins with ``prefix``.

        Raises:
            StoreError: when no cell or more than one fits.
        """
        rows = self._db.execute(
            "select body from latest where substr(id, 1, ?) = ? limit 3", (len(prefix), prefix)
        ).fetchall()
        if len(rows) != 1:
            what = "No cell" if not rows else "More than one cell"
            raise StoreError(
                f"{what} of {self.path} has an id that begins with {prefix!r}."
                f" 'bnnbench show {self.path}' lists them."
            )
        return msgspec.json.decode(rows[0][0], type=Record)

    def artefacts(self, record: Record) -> Artefacts:
        """Network, trace and log of a record."""
        row = self._db.execute(
            "select network, trace, log from artefacts where id = ? and attempt = ?",
            (record.id, record.attempt),
        ).fetchone()
        if row is None:
            return Artefacts()
        return Artefacts(row[0], msgspec.json.decode(row[1], type=list[TracePoint]), row[2])

    def suites(self) -> list[str]:
        """Names of the suites that have records, sorted."""
        rows = self._db.execute("select distinct suite from records order by suite")
        return [row[0] for row in rows]

    def traces(self) -> Iterator[tuple[str, int, list[TracePoint]]]:
        """Id, attempt and trace of every record that has one, in no order."""
        decoder = msgspec.json.Decoder(list[TracePoint])
        for key, attempt, trace in self._db.execute("select id, attempt, trace from artefacts"):
            if len(trace) > 2:
                yield key, attempt, decoder.decode(trace)

    def merge(self, other: Store) -> tuple[int, int]:
        """Take over all records of another store that are not here yet.

        Returns:
            How many were added, and how many were here already.
        """
        added = known = 0
        for record in other.records(attempts=True):
            same = self._db.execute(
                "select 1 from records where id = ? and created = ?", (record.id, record.created)
            ).fetchone()
            if same:
                known += 1
                continue
            self.add(record, other.artefacts(record))
            added += 1
        return added, known
