"""The runner's side of a fork server: start it, give it a request, read what comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec

from bnnbench.runner.messages import (
    Exited,
    Frames,
    FromCell,
    Options,
    Request,
    Signal,
    pack,
    send_request,
)

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_CHUNK = 1 << 18


class Worker:
    """One fork server, used for one request at a time.

    Attributes:
        pipe: from which the running cell is read; None between requests.
        silent: True once the cell has closed its end of the pipe.
        lost: True once the server has gone; it is then of no further use.
    """

    def __init__(self, log: Path, options: Options, threads: int) -> None:
        ours, theirs = socket.socketpair()
        environment = dict(os.environ)
        environment.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
        self._log, self._errors = log, log.with_name(f"{log.name}-server")
        command = [sys.executable, "-m", "bnnbench.runner.forkserver"]
        with theirs, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(log), msgspec.json.encode(options).decode()],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        self.socket = ours
        ours.setblocking(False)
        self._frames = Frames(Exited)
        self._cell = Frames(FromCell)
        self.pipe: int | None = None
        self.silent = False
        self.lost = False

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def start(self, request: Request) -> None:
        """Send a request; the cell then writes to :attr:`pipe`."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        self._cell = Frames(FromCell)
        self.pipe, self.silent = read, False
        self.socket.setblocking(True)
        try:
            send_request(self.socket, request, write)
        except OSError:
            self.lost = True
        finally:
            self.socket.setblocking(False)
            os.close(write)

    def signal(self, number: signal.Signals) -> None:
        """Signal the process group of the running cell."""
        with contextlib.suppress(OSError):
            self.socket.sendall(pack(Signal(number=int(number))))

    def exits(self) -> list[Exited]:
        """Ends that the server has reported since the last call; notices when it has gone."""
        found: list[Exited] = []
        try:
            while content := self.socket.recv(_CHUNK):
                found += self._frames.feed(content)
            self.lost = True
        except BlockingIOError:
            pass
        except OSError:
            self.lost = True
        return found

    def cell_messages(self) -> list[FromCell]:
        """What the cell has said since the last call; notices when it will say no more."""
        found: list[FromCell] = []
        if self.pipe is not None and not self.silent:
            with contextlib.suppress(BlockingIOError):
                while content := os.read(self.pipe, _CHUNK):
                    found += self._cell.feed(content)
                self.silent = True
        return found

    def finish(self) -> None:
        """Forget the finished request."""
        if self.pipe is not None:
            os.close(self.pipe)
        self.pipe = None

    def log_tail(self) -> str:
        """The end of what the cell's process wrote to its standard streams."""
        return _tail(self._log)

    def last_words(self) -> str:
        """The end of what a server that has gone wrote to its standard error."""
        return _tail(self._errors)

    def close(self) -> None:
        """End the server, and with it whatever still runs below it."""
        self.finish()
        self.socket.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _tail(path: Path, size: int = 4096) -> str:
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size))
            return log.read().decode(errors="replace")
    except OSError:
        return ""
