"""The store: one SQLite file, append-only, one transaction per record."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from bnnbench.columns import INTEGERS, NUMBERS, TEXTS, Array, Columns, column
from bnnbench.errors import StoreError
from bnnbench.layout import insert
from bnnbench.metrics import TracePoint
from bnnbench.record import Artefacts, Record
from bnnbench.storefile import StoreFile

_BATCH = 1000  # records per transaction where there are many
_CHUNK = 20_000  # rows fetched at a time


class Store(StoreFile):
    """Records in a file.

    Args:
        path: the file; made when it is not there, unless ``create`` is False.
        create: whether a missing file is made.

    Raises:
        StoreError: when the file is no store, has a newer layout, or cannot be opened.
    """

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from records where latest").fetchone()[0])

    def add(self, record: Record, artefacts: Artefacts | None = None) -> Record:
        """Append a record in one transaction; the attempt is counted up here.

        Returns:
            The record as stored.

        Raises:
            StoreError: when it could not be written (full disk, read-only file); nothing of it is
                then in the store, and all earlier records still are.
        """
        with self._writing(), self._transaction():
            return self._append(record, artefacts or Artefacts())

    @property
    def mark(self) -> int:
        """The place in the file that the last record has; grows with every record."""
        return int(self._db.execute("select max(key) from records").fetchone()[0] or 0)

    def ended_since(self, mark: int, key: str) -> bool:
        """Whether a cell, by its id, has been finished by whoever since a mark was taken."""
        found = self._db.execute(
            "select 1 from records where id = ? and key > ? and stage <> ?",
            (key, mark, self._codes.find("data") or -1),
        ).fetchone()
        return found is not None

    def add_unless(self, mark: int, record: Record, artefacts: Artefacts) -> Record | None:
        """Append a record unless its cell has been finished since a mark was taken.

        Returns:
            The record as stored; None when another run was first.

        Raises:
            StoreError: as :meth:`add`.
        """
        with self._writing(), self._transaction():
            if self.ended_since(mark, record.id):
                return None
            return self._append(record, artefacts)

    def extend(self, items: Iterable[tuple[Record, Artefacts]]) -> int:
        """Append many records, some at a time: all of a transaction or none.

        Returns:
            How many there were.

        Raises:
            StoreError: when they could not be written.
        """
        count, before = 0, -1
        left = iter(items)
        while before < count:
            before = count
            with self._writing(), self._transaction():
                for record, artefacts in itertools.islice(left, _BATCH):
                    self._append(record, artefacts)
                    count += 1
        return count

    def _append(self, record: Record, artefacts: Artefacts) -> Record:
        created = record.created or time.time()
        last, newest = self._db.execute(
            "select max(attempt), max(created) from records where id = ?", (record.id,)
        ).fetchone()
        record = msgspec.structs.replace(record, attempt=(last or 0) + 1, created=created)
        latest = newest is None or created >= newest
        if latest and last:
            self._db.execute("update records set latest = 0 where id = ? and latest", (record.id,))
        self._insert(record, artefacts, latest)
        return record

    def _insert(self, record: Record, artefacts: Artefacts, latest: bool) -> None:
        body = msgspec.json.encode(record)
        key = insert(self._db, self._codes, record, body, latest=latest)
        if artefacts.network or artefacts.trace or artefacts.log:
            trace = msgspec.json.encode(artefacts.trace)
            self._db.execute(
                "insert into artefacts values (?, ?, ?, ?)",
                (key, artefacts.network, trace, artefacts.log),
            )

    def finished(self, *, retry: Iterable[str] = (), attempts: int = 1) -> set[str]:
        """Ids of cells that need not run again.

        A cell whose data could not be loaded is never finished.

        Args:
            retry: endings that are to be run again.
            attempts: how often a cell is to have run.
        """
        again = [code for text in retry if (code := self._codes.find(text)) is not None]
        marks = ",".join("?" * len(again))
        rows = self._db.execute(
            f"select id from records r where latest and stage <> ? and ending not in ({marks})"
            " and exists (select 1 from records a where a.id = r.id and a.attempt = ?)",
            (self._codes.find("data") or -1, *again, attempts),
        )
        return {row[0] for row in rows}

    def records(self, suite: str | None = None, *, attempts: bool = False) -> Iterator[Record]:
        """Records in order of time, the latest attempt of each cell only unless asked otherwise."""
        for record, _ in self._scan("null", suite, attempts):
            yield record

    def traced(
        self, suite: str | None = None, *, attempts: bool = False
    ) -> Iterator[tuple[Record, list[TracePoint]]]:
        """The same with the trace of each, in one pass over the file."""
        decoder = msgspec.json.Decoder(list[TracePoint])
        trace = "(select trace from artefacts a where a.key = r.key)"
        for record, content in self._scan(trace, suite, attempts):
            yield record, decoder.decode(content) if content else []

    def _scan(
        self, more: str, suite: str | None, attempts: bool
    ) -> Iterator[tuple[Record, bytes | None]]:
        """Records with a further column; an index gives the order, so that nothing is sorted."""
        conditions, values = self._conditions({} if suite is None else {"suite": [suite]}, attempts)
        decoder = msgspec.json.Decoder(Record)
        rows = self._db.execute(
            f"select (select body from bodies b where b.key = r.key), {more} from records r"
            f" where {conditions} order by created, key",
            values,
        )
        for body, content in rows:
            yield decoder.decode(body), content

    def columns(
        self,
        names: Iterable[str] = (*TEXTS, *INTEGERS, *NUMBERS),
        *,
        attempts: bool = False,
        **wanted: str | Collection[str],
    ) -> Columns:
        """Figures of all records, or of those with some texts, without decoding any.

        Args:
            names: which columns of :mod:`bnnbench.columns`.
            attempts: also earlier attempts of retried cells.
            wanted: for a column of texts, the text or texts that it must hold, such as
                ``suite="s"``, ``ending=["ok", "timeout"]`` or ``solver="highs"``.
        """
        chosen = list(names)
        sets = {k: [v] if isinstance(v, str) else list(v) for k, v in wanted.items()}
        conditions, values = self._conditions(sets, attempts)
        rows = self._db.execute(
            f"select {', '.join(['id', *chosen])} from records where {conditions} order by key",
            values,
        )
        ids: list[str] = []
        parts: dict[str, list[Array]] = {n: [column(n, ())] for n in chosen}
        while chunk := rows.fetchmany(_CHUNK):
            own, *found = zip(*chunk, strict=True)
            ids += own
            for name, part in zip(chosen, found, strict=True):
                parts[name].append(column(name, part))
        texts = dict(self._db.execute("select code, text from texts"))
        return Columns(ids, texts, {n: np.concatenate(p) for n, p in parts.items()})

    def _conditions(
        self, wanted: Mapping[str, Sequence[str]], attempts: bool
    ) -> tuple[str, list[int]]:
        parts = ["1"] if attempts else ["latest"]
        values: list[int] = []
        for name, texts in wanted.items():
            if name not in TEXTS:
                raise StoreError(f"There is no column of texts {name!r} in a store.")
            codes = [c for t in texts if (c := self._codes.find(t)) is not None]
            parts.append(f"{name} in ({', '.join('?' * len(codes))})")
            values += codes
        return " and ".join(parts), values

    def find(self, prefix: str) -> Record:
        """The latest record of the cell whose id begins with ``prefix``.

        Raises:
            StoreError: when no cell or more than one fits.
        """
        rows = self._db.execute(
            "select body from records join bodies using (key)"
            " where latest and id >= ? and id < ? limit 3",
            (prefix, prefix + chr(sys.maxunicode)),
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
            "select network, trace, log from artefacts where key ="
            " (select key from records where id = ? and attempt = ?)",
            (record.id, record.attempt),
        ).fetchone()
        if row is None:
            return Artefacts()
        return Artefacts(row[0], msgspec.json.decode(row[1], type=list[TracePoint]), row[2])

    def suites(self) -> list[str]:
        """Names of the suites that have records, sorted."""
        rows = self._db.execute(
            "select text from texts where code in (select distinct suite from records)"
            " order by text"
        )
        return [row[0] for row in rows]

    def merge(self, other: Store) -> tuple[int, int]:
        """Take over all records of another store that are not here yet, some at a time.

        Returns:
            How many were added, and how many were here already.

        Raises:
            StoreError: when they could not be written; merging again goes on.
        """
        known = 0

        def new() -> Iterator[tuple[Record, Artefacts]]:
            nonlocal known
            for record in other.records(attempts=True):
                if self._holds(record):
                    known += 1
                else:
                    yield record, other.artefacts(record)

        return self.extend(new()), known

    def _holds(self, record: Record) -> bool:
        return bool(
            self._db.execute(
                "select 1 from records where id = ? and created = ?", (record.id, record.created)
            ).fetchone()
        )
