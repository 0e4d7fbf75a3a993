"""A store's file: opened, laid out or brought up to date, and written in transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from bnnbench.errors import StoreError
from bnnbench.layout import LAYOUT, Codes, lay_out, upgrade

MAGIC = 0x626E6E62  # "bnnb", SQLite's application_id
_PATIENCE = 30.0  # seconds that a connection waits for another one


class StoreFile:
    """An open file.

    Args:
        path: the file; made when it is not there, unless ``create`` is False.
        create: whether a missing file is made.

    Raises:
        StoreError: when the file is no store, has a newer layout, or cannot be opened.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = Path(path)
        if not create and not self.path.is_file():
            raise StoreError(f"There is no store at {self.path}. 'bnnbench run SUITE' makes one.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._connect()
            self._codes = Codes(self._db)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"Cannot open {self.path}: {error}.") from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)

    def _prepare(self) -> None:
        if not self._tables():
            self._create()
        if self._pragma("application_id") != MAGIC:
            raise StoreError(f"{self.path} is an SQLite file but not a bnnbench store.")
        version = self._pragma("user_version")
        if version > LAYOUT:
            raise StoreError(
                f"{self.path} has layout {version}, this bnnbench reads up to {LAYOUT}. A newer"
                " bnnbench wrote it: upgrade (pip install -U bnnbench), or name another --store."
            )
        if version < LAYOUT:
            self._upgrade()
        self._use_write_ahead_log()
        self._db.execute("pragma synchronous = normal")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"pragma {name}").fetchone()[0])

    def _upgrade(self) -> None:
        """Bring an older file up to date in one transaction: it is old or new, never between."""
        try:
            with self._transaction():
                version = self._pragma("user_version")
                if version < LAYOUT:  # nobody else has done so meanwhile
                    upgrade(self._db, version)
                    self._db.execute(f"pragma user_version = {LAYOUT}")
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path} has an older layout and cannot be brought up to date: {error}. It is"
                " as it was; copy it to where you may write and there is room, and use the copy."
            ) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            self._codes.forget()
            if self._db.in_transaction:  # a full disk has rolled back by itself
                self._db.execute("rollback")
            raise

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
        with self._transaction():
            if not self._tables():
                lay_out(self._db)
                self._db.execute(f"pragma application_id = {MAGIC}")
                self._db.execute(f"pragma user_version = {LAYOUT}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise StoreError(
                f"Cannot read {self.path}: {error}. Was it moved, or its disk lost?"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"Cannot write to {self.path}: {error}. Everything finished before is in the store;"
                " mend the cause and run the same command again to go on."
            ) from error
