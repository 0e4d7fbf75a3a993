"""Cells on a Dask cluster: local workers by default, or any scheduler's address.

Data sets are made once, by the client, and sent once to every worker that needs them; the files of
local plugins go the same way. The scheduler holds both, so that a worker that is lost costs neither
data nor records: its cells run again elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
import uuid
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bnnbench.errors import ExecutorError
from bnnbench.record import Ending
from bnnbench.registry import Registry
from bnnbench.runner.cells import Cells
from bnnbench.runner.executor import Ran, Wanted
from bnnbench.runner.listener import Listener
from bnnbench.runner.local import make_data
from bnnbench.runner.messages import Outcome
from bnnbench.runner.pool import Pool
from bnnbench.suite import Cell

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 4
"""Cells handed to the cluster at a time, per thread of its workers."""
LEAST_AHEAD = 64
COUNT_PERIOD = 5.0
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Dask:
    """Runs cells on the workers of a Dask cluster.

    Attributes:
        registry: knows all that the cells name.
        plugins: local plugin files; their content is sent to the workers.
        address: of a scheduler; empty for a cluster of this machine, started and stopped here.
        jobs: workers of such a cluster; in any case, data sets made side by side by the client.
    """

    registry: Registry
    plugins: Sequence[Path] = ()
    address: str = ""
    jobs: int = 1

    def run(
        self, cells: Sequence[Cell], listener: Listener, wanted: Wanted
    ) -> Generator[Ran, None, None]:
        """See :meth:`bnnbench.runner.Executor.run`."""
        _require_distributed()
        with tempfile.TemporaryDirectory(prefix="bnnbench-") as scratch:
            pool = Pool(self.jobs, threads=1, scratch=Path(scratch), plugins=self.plugins)
            try:
                texts = (cell.data for cell in cells)
                folders, broken = make_data(pool, texts, Path(scratch), listener)
                unrun = Cells(self.registry, pool)
            finally:
                pool.close()
            yield from (unrun.unrun(c, broken[c.data]) for c in cells if c.data in broken)
            todo = (cell for cell in cells if cell.data not in broken and wanted(cell))
            with _client(self.address, self.jobs, Path(scratch)) as client:
                batch = _Batch(client, self._setting(cells), folders, listener, unrun)
                yield from batch.run(todo)

    def _setting(self, cells: Sequence[Cell]) -> Any:
        from bnnbench.runner.daskworker import Setting, installed

        inline = {str(path.resolve()) for path in self.plugins}
        return Setting(
            run=uuid.uuid4().hex,
            plugins=[(path.name, path.read_bytes()) for path in self.plugins],
            installed=[p for p in installed(self.registry) if p[1] not in inline],
            threads=max((cell.limits.threads for cell in cells), default=1),
            workers=0 if self.address else self.jobs,
        )


@dataclass
class _Batch:
    """One run's cells on a connected cluster."""

    client: Client
    setting: Any
    folders: dict[str, str]
    listener: Listener
    unrun: Cells
    _data: dict[str, tuple[Future, str]] = field(default_factory=dict)
    _cells: dict[str, Cell] = field(default_factory=dict)
    _pending: dict[str, Future] = field(default_factory=dict)
    _room: tuple[float, int] = (0.0, 0)

    def run(self, todo: Iterator[Cell]) -> Generator[Ran, None, None]:
        """Yield the cells as they end, with some always handed to the cluster ahead."""
        from distributed import as_completed

        if not self.client.nthreads():
            self.listener.warn("the cluster has no workers yet; cells start when it has some")
        self._shared = self._send(msgspec.msgpack.encode(self.setting), "setting")
        ended = as_completed(loop=self.client.loop, with_results=True, raise_errors=False)
        try:
            while True:
                for cell in islice(todo, max(0, self._ahead() - len(self._pending))):
                    ended.add(self._submit(cell))
                if not self._pending:
                    break
                for future, result in ended.next_batch():
                    del self._pending[future.key]
                    yield self._ran(self._cells.pop(future.key), future, result)
                self.listener.tick()
        finally:
            self._end()

    def _ahead(self) -> int:
        """Enough to keep all workers busy; few enough that a suite of any size fits."""
        now = time.monotonic()
        if now - self._room[0] > COUNT_PERIOD:
            threads = sum(self.client.nthreads().values())
            self._room = (now, max(LEAST_AHEAD, AHEAD * threads))
        return self._room[1]

    def _submit(self, cell: Cell) -> Future:
        from bnnbench.runner.daskworker import run_cell

        self.listener.started(cell)
        if cell.data not in self._data:
            content = _packed(Path(self.folders[cell.data]))
            digest = hashlib.sha256(content).hexdigest()
            self._data[cell.data] = (self._send(content, digest), digest)
        data, digest = self._data[cell.data]
        key = f"bnnbench-{self.setting.run}-{cell.id}"
        self._cells[key] = cell
        self._pending[key] = self.client.submit(
            run_cell, msgspec.msgpack.encode(cell), self._shared, data, digest, key=key, pure=False
        )
        return self._pending[key]

    def _send(self, content: bytes, name: str) -> Future:
        """Bytes on the cluster, as a task that any worker can compute again."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            key = f"bnnbench-data-{self.setting.run}-{name}"
            return self.client.submit(bytes, content, key=key, pure=False)

    def _ran(self, cell: Cell, future: Future, result: Any) -> Ran:
        from distributed import KilledWorker

        if future.status == "finished":
            return msgspec.msgpack.decode(result, type=Ran)
        if future.status != "error":
            raise ExecutorError(
                "The connection to the Dask scheduler is lost. What has finished is in the store;"
                " the same command goes on from there, with or without a cluster."
            )
        error = future.exception()
        if isinstance(error, KilledWorker):
            ran = self.unrun.unrun(cell, _killed(str(error)))
            return Ran(msgspec.structs.replace(ran.record, host={}), ran.artefacts)
        if isinstance(error, ExecutorError):
            raise error
        raise ExecutorError(
            f"A Dask worker cannot run cells: {type(error).__name__}: {error}. Workers need the"
            " bnnbench and the plugins of the client."
        ) from error

    def _end(self) -> None:
        """Take back what is still there, and end its processes on all workers."""
        from bnnbench.runner.daskworker import end_session

        with contextlib.suppress(Exception):
            self.client.cancel(list(self._pending.values()), force=True)
            self.client.run(end_session, self.setting.run, on_error="ignore")


def _killed(reason: str) -> Outcome:
    return Outcome(
        ending=str(Ending.CRASH),
        stage="start",
        detail=f"every Dask worker that was to run it died: {reason}",
    )


def _packed(folder: Path) -> bytes:
    """The files of a saved data set in one piece."""
    return msgspec.msgpack.encode({f.name: f.read_bytes() for f in sorted(folder.iterdir())})


def _require_distributed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ExecutorError(
            "The executor dask needs distributed: pip install 'bnnbench[dask]'."
        ) from error


@contextlib.contextmanager
def _client(address: str, jobs: int, scratch: Path) -> Iterator[Client]:
    """A connected client; a cluster that was started for it ends with it."""
    from distributed import Client, LocalCluster

    if address:
        try:
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ExecutorError(
                f"There is no Dask scheduler at {address}: {error}. Start one by 'dask scheduler',"
                " or leave --address out for a cluster of this machine."
            ) from error
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=":0",
            silence_logs=50,
            local_directory=str(scratch),
            preload=["bnnbench.runner.daskworker"],
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
