"""Inside a Dask worker: the same child process per cell, under the same limits, as locally.

A worker keeps a session for each run that it works for: plugin files, data sets and fork servers.
A session ends when its client says so, and by itself some minutes after its last cell when the
client is gone. The module is also the preload of the workers that a client starts itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from distributed import Status, Worker, get_worker

import bnnbench
from bnnbench.errors import DataError, ExecutorError
from bnnbench.registry import Registry
from bnnbench.runner.cells import Cells
from bnnbench.runner.executor import Ran
from bnnbench.runner.pool import UNPLACED, Pool
from bnnbench.suite import Cell

IDLE_SECONDS = 300.0


class Setting(msgspec.Struct, frozen=True):
    """What all cells of a run share, sent once to every worker.

    Attributes:
        run: names the run.
        plugins: name and content of local plugin files.
        installed: plugins with their versions, as the client has them.
        threads: most CPU threads that a cell will use.
        workers: how many workers the client has started on this machine, numbered from 0; 0 for a
            cluster that somebody else has started.
    """

    run: str
    plugins: list[tuple[str, bytes]]
    installed: list[tuple[str, str, str]]
    threads: int
    workers: int = 0


class Stopped(Exception):  # noqa: N818 - nobody hears it
    """A cell was killed because nobody waits for it any more."""


def installed(registry: Registry) -> list[tuple[str, str, str]]:
    """The installed plugins that work, and the core itself, each with its version."""
    core = ("bnnbench", "bnnbench", bnnbench.__version__)
    return [core, *((p.name, p.distribution, p.version) for p in registry.plugins if not p.error)]


def run_cell(cell: bytes, setting: bytes, data: bytes, digest: str) -> bytes:
    """Run a cell in a child process and return how it ended.

    Args:
        cell: the cell, as MessagePack.
        setting: :class:`Setting`, as MessagePack.
        data: the files of its data set, packed.
        digest: SHA-256 of ``data``.

    Raises:
        ExecutorError: when this worker has other versions than the client.
        DataError: when the data are not those that were sent.
    """
    session = _session(msgspec.msgpack.decode(setting, type=Setting))
    folder = session.unpack(data, digest)
    ran = session.run(msgspec.msgpack.decode(cell, type=Cell), folder, _abandoned())
    return msgspec.msgpack.encode(ran)


class Session:
    """What a worker keeps for a run."""

    def __init__(self, setting: Setting, worker: Worker) -> None:
        self._setting, self._worker = setting, worker
        self._scratch = Path(tempfile.mkdtemp(prefix="bnnbench-", dir=worker.local_directory))
        self._plugins = [self._write(i, *file) for i, file in enumerate(setting.plugins)]
        self._registry = Registry.load()
        self._compare()
        for path in self._plugins:
            self._registry.load_file(path)
        self._lock = threading.Lock()
        self._free: list[tuple[Pool, Cells]] = []
        self._running = self._opened = 0
        self._last = time.monotonic()
        self.stopped = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _write(self, index: int, name: str, content: bytes) -> Path:
        path = self._scratch / f"plugin-{index}" / name
        path.parent.mkdir()
        path.write_bytes(content)
        return path

    def _compare(self) -> None:
        """Records of one run must not come from different code."""
        here = installed(self._registry)
        missing = [p for p in self._setting.installed if tuple(p) not in here]
        if missing:
            wanted = ", ".join(f"{dist} {version}" for _, dist, version in missing)
            raise ExecutorError(
                f"Worker {self._worker.address} lacks {wanted}. Install on the workers what the"
                " client has, and run the same command again."
            )

    def unpack(self, data: bytes, digest: str) -> Path:
        """The folder of a data set, written when it is first asked for."""
        folder = self._scratch / f"data-{digest[:16]}"
        with self._lock:
            if not folder.is_dir():
                if hashlib.sha256(data).hexdigest() != digest:
                    raise DataError("A data set was changed on its way to a worker. Run again.")
                part = Path(tempfile.mkdtemp(dir=self._scratch))
                for name, content in msgspec.msgpack.decode(data, type=dict[str, bytes]).items():
                    (part / name).write_bytes(content)
                part.rename(folder)
        return folder

    def run(self, cell: Cell, folder: Path, abandoned: Callable[[], bool]) -> Ran:
        """Run a cell, unless or until nobody waits for it any more."""
        pool, cells = self._take()
        healthy = False
        try:
            cells.launch(pool.slots[0], cell, str(folder))
            while not (ended := cells.wait()):
                if self.stopped.is_set() or abandoned():
                    raise Stopped
            healthy = True
        finally:
            self._give_back(pool, cells, healthy)
        record = ended[0].record
        host = record.host | {"worker": self._worker.address}
        return Ran(msgspec.structs.replace(record, host=host), ended[0].artefacts)

    def _take(self) -> tuple[Pool, Cells]:
        with self._lock:
            self._running += 1
            if self._free:
                return self._free.pop()
            self._opened += 1
            folder = self._scratch / f"slot-{self._opened}"
        folder.mkdir()
        pool = Pool(
            1,
            threads=self._setting.threads,
            scratch=folder,
            plugins=self._plugins,
            place=self._place(),
        )
        return pool, Cells(self._registry, pool)

    def _place(self) -> tuple[int, int]:
        """Which processors to use: its share where all workers are known, else any."""
        if not self._setting.workers:
            return UNPLACED
        return int(self._worker.name) % self._setting.workers, self._setting.workers

    def _give_back(self, pool: Pool, cells: Cells, healthy: bool) -> None:
        with self._lock:
            self._running -= 1
            self._last = time.monotonic()
            if healthy and not self.stopped.is_set():
                self._free.append((pool, cells))
                return
        pool.close()

    def _watch(self) -> None:
        """End by itself when no cell has come for long: the client may have died."""
        while not self.stopped.wait(IDLE_SECONDS / 10):
            with self._lock:
                idle = not self._running and time.monotonic() - self._last > IDLE_SECONDS
            if idle:
                end_session(self._setting.run)

    def close(self) -> None:
        """Stop what runs and end all processes."""
        self.stopped.set()
        with self._lock:
            idle, self._free = self._free, []
        for pool, _ in idle:
            pool.close()
        deadline = time.monotonic() + 10
        while self._running and time.monotonic() < deadline:
            time.sleep(0.01)
        shutil.rmtree(self._scratch, ignore_errors=True)


_SESSIONS: dict[str, Session] = {}
_LOCK = threading.Lock()


def _session(setting: Setting) -> Session:
    with _LOCK:
        if setting.run not in _SESSIONS:
            _SESSIONS[setting.run] = Session(setting, get_worker())
        return _SESSIONS[setting.run]


def end_session(run: str) -> None:
    """Stop all that runs here for a run."""
    with _LOCK:
        session = _SESSIONS.pop(run, None)
    if session is not None:
        session.close()


def _abandoned() -> Callable[[], bool]:
    """Whether the scheduler has taken this task back, or this worker is leaving."""
    worker = get_worker()
    key = worker.get_current_task()

    def check() -> bool:
        task = worker.state.tasks.get(key)
        leaving = worker.status in (Status.closing, Status.closed, Status.failed)
        return leaving or task is None or task.state == "cancelled"

    return check


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the client, which stops the workers that it has started."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
