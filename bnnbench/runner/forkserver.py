"""The fork server: preloads once, then forks a process per cell and reaps all it leaves behind.

Run as ``python -m bnnbench.runner.forkserver SOCKET_FD LOG_FILE OPTIONS``. It never runs a solver
itself, so nothing a solver does to its process (threads, handlers, corrupted memory) outlives the
cell. Being a subreaper, it inherits every process a cell's process leaves, however detached.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec

from bnnbench.data import make_dataset
from bnnbench.record import Ending
from bnnbench.registry import Registry
from bnnbench.runner import system
from bnnbench.runner.cellrun import CellRun, verify_stream
from bnnbench.runner.messages import (
    Exited,
    MakeData,
    Options,
    Outcome,
    Pipe,
    Request,
    RunCell,
    Signal,
    VerifyStream,
    pack,
    receive_request,
)
from bnnbench.runner.prepared import Preparation, Prepared

_HEADROOM = 1 << 30


class ForkServer:
    """Serves one runner over one socket, one cell at a time."""

    def __init__(self, sock: socket.socket, log: int, options: Options) -> None:
        self._sock, self._log = sock, log
        self._registry = Registry.load(Path(p) for p in options.plugins)
        self._registry.share()
        for module in options.preload:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        self._preparation = Preparation(self._registry)

    def serve(self) -> None:
        """Answer requests until the runner closes the socket."""
        self._registry.warm_up()
        self._space = system.address_space()
        gc.disable()
        gc.collect()
        gc.freeze()
        while (received := receive_request(self._sock)) is not None:
            request, pipe = received
            if pipe is None:
                continue
            prepared = self._prepare(request)
            os.ftruncate(self._log, 0)
            child = os.fork()
            if child == 0:
                self._child(request, prepared, pipe)
            os.close(pipe)
            status, cpu, peak = self._wait(child)
            _kill_descendants()
            message = Exited(
                status=status,
                cpu=cpu,
                peak_memory=peak,
                facts=prepared.facts if isinstance(prepared, Prepared) else None,
                reference=isinstance(prepared, Prepared) and prepared.solver.reference,
            )
            self._sock.sendall(pack(message))

    def _prepare(self, request: Request) -> Prepared | Outcome | None:
        """What the request needs, or the outcome when that cannot be had."""
        if not isinstance(request, (RunCell, VerifyStream)):
            return None
        try:
            return self._preparation.prepare(request)
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            return Outcome(ending=str(Ending.ERROR), stage="load", detail=detail)

    def _wait(self, child: int) -> tuple[int, float, int]:
        """Wait for the child, passing on signals; kill it when the runner goes away."""
        handle = os.pidfd_open(child)
        watched: list[int] = [handle, self._sock.fileno()]
        try:
            while True:
                ready, _, _ = select.select(watched, [], [])
                if handle in ready:
                    break
                received = receive_request(self._sock)
                number = signal.SIGKILL
                if received is not None and isinstance(received[0], Signal):
                    number = signal.Signals(received[0].number)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, number)
                if received is None:
                    os.waitpid(child, 0)
                    _kill_descendants()
                    os._exit(1)
        finally:
            os.close(handle)
        _, status, usage = os.wait4(child, 0)
        scale = 1024 if sys.platform.startswith("linux") else 1
        code = os.waitstatus_to_exitcode(status)
        return code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale

    def _child(self, request: Request, prepared: Prepared | Outcome | None, pipe: int) -> None:
        """Run a request in the forked process; never returns."""
        code = 1
        try:
            gc.enable()
            os.setsid()
            system.die_with_parent()
            self._sock.close()
            os.dup2(self._log, 1)
            os.dup2(self._log, 2)
            self._run(request, prepared, Pipe(pipe))
            code = 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _run(self, request: Request, prepared: Prepared | Outcome | None, emit: Pipe) -> None:
        if isinstance(request, MakeData):
            emit(_make_data(self._registry, request))
        elif not isinstance(prepared, Prepared):
            emit(prepared)
        elif prepared.problem is None or prepared.unavailable:
            reason = prepared.unavailable or ""
            emit(Outcome(ending=str(Ending.SKIPPED), stage="load", detail=reason))
        elif isinstance(request, VerifyStream):
            reference = prepared.solver.reference
            emit(verify_stream(prepared.problem, request.stream, reference=reference))
        elif isinstance(request, RunCell):
            run = CellRun(self._registry, request.cell, emit)
            signal.signal(signal.SIGTERM, lambda *_: run.interrupt())
            _confine(request.cpus, request.cell.limits.memory, self._space)
            emit(run.run(prepared.problem, prepared.solver))


def _make_data(registry: Registry, request: MakeData) -> Outcome:
    try:
        make_dataset(registry, request.text).save(Path(request.folder))
    except Exception as error:
        return Outcome(ending="error", stage="data", detail=f"{type(error).__name__}: {error}")
    return Outcome(ending="ok", stage="data")


def _confine(cpus: list[int], memory: int, space: int) -> None:
    """CPU set and a limit of address space, the inner fences; the runner watches from outside."""
    if cpus and hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cpus)
    if memory:
        limit = space + memory + _HEADROOM
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _kill_descendants() -> None:
    """Kill and reap every process below this one.

    Being a subreaper, this process has a child as long as it has any descendant.
    """
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        for descendant in system.descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(descendant, signal.SIGKILL)
        time.sleep(0.001)


def main(argv: list[str]) -> None:
    """Entry point of the server process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    system.become_subreaper()
    sock = socket.socket(fileno=int(argv[0]))
    log = os.open(argv[1], os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    ForkServer(sock, log, msgspec.json.decode(argv[2], type=Options)).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
