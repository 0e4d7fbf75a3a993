"""What runner, fork server and cell process say to each other: length-prefixed MessagePack."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

import msgspec

from bnnbench.metrics import TracePoint
from bnnbench.record import Claims, Seconds
from bnnbench.suite import Cell
from bnnbench.verify import Evaluation

_LENGTH = struct.Struct("<I")


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    pass


class Options(msgspec.Struct):
    """How a fork server is set up."""

    preload: list[str] = []
    plugins: list[str] = []


class RunCell(_Message, frozen=True, kw_only=True):
    """To the fork server: run a cell on a prepared data set."""

    cell: Cell
    data: str
    cpus: list[int] = []


class MakeData(_Message, frozen=True, kw_only=True):
    """To the fork server: make a data set and save it to a folder."""

    text: str
    folder: str


class VerifyStream(_Message, frozen=True, kw_only=True):
    """To the fork server: verify the networks a killed cell had streamed."""

    cell: Cell
    data: str
    stream: list[Incumbent]


class Signal(_Message, frozen=True, kw_only=True):
    """To the fork server: send a signal to the process group of the running cell."""

    number: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the core knows about a cell's problem without solving it; see :class:`Record`."""

    problem: str
    data: str
    rows: int
    lower_bound: float | None
    reference_objective: float | None
    known_objective: float | None
    notes: dict[str, str]


class Exited(_Message, frozen=True, kw_only=True):
    """From the fork server: the process of the cell is gone, with all its descendants.

    Attributes:
        status: exit status, negative for a signal.
        cpu: seconds of the process and the children it waited for.
        peak_memory: bytes.
        facts: about the problem; None where there is none.
        reference: whether the solver is a reality check outside the class.
    """

    status: int
    cpu: float
    peak_memory: int
    facts: Facts | None = None
    reference: bool = False


class Phase(_Message, frozen=True, kw_only=True):
    """From a cell: a step begins."""

    name: str


class Incumbent(_Message, frozen=True, kw_only=True):
    """From a cell: a streamed answer, a bound, or both."""

    time: float
    network: bytes | None
    objective: float | None
    bound: float | None


class Outcome(_Message, frozen=True, kw_only=True):
    """From a cell: its end."""

    ending: str
    stage: str
    detail: str = ""
    claims: Claims = Claims()
    evaluation: Evaluation | None = None
    solver_bound: float | None = None
    network: bytes | None = None
    trace: list[TracePoint] = []
    seconds: Seconds = Seconds()


Request = RunCell | MakeData | VerifyStream | Signal
FromCell = Phase | Incumbent | Outcome

_ENCODER = msgspec.msgpack.Encoder()
_REQUESTS = msgspec.msgpack.Decoder(Request)


def pack(message: Any) -> bytes:
    """A message with its length in front."""
    body = _ENCODER.encode(message)
    return _LENGTH.pack(len(body)) + body


class Pipe:
    """The cell's end of its pipe.

    Every write wakes the runner, so messages that can wait go out with the next one that cannot.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._held = b""

    def __call__(self, message: Any, *, hold: bool = False) -> None:
        """Send a message, or hold it back until the next is sent."""
        self._held += pack(message)
        if hold:
            return
        view = memoryview(self._held)
        while view:
            view = view[os.write(self._fd, view) :]
        self._held = b""


class Frames:
    """Cuts a byte stream into messages; an incomplete end waits for more."""

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, content: bytes) -> list[Any]:
        """The messages that are now complete."""
        self._buffer += content
        found = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            found.append(self._decoder.decode(memoryview(self._buffer)[_LENGTH.size : end]))
            del self._buffer[:end]
        return found


def send_request(sock: socket.socket, request: Request, pipe: int | None = None) -> None:
    """Send a request with the write end of the cell's pipe."""
    content = pack(request)
    if pipe is None:
        sock.sendall(content)
        return
    sent = socket.send_fds(sock, [content], [pipe])
    sock.sendall(content[sent:])


def receive_request(sock: socket.socket) -> tuple[Request, int | None] | None:
    """The next request and the pipe that came with it; None when the runner has gone."""
    head, fds, _, _ = socket.recv_fds(sock, _LENGTH.size, 1)
    while head and len(head) < _LENGTH.size:
        head += sock.recv(_LENGTH.size - len(head))
    if not head:
        return None
    (length,) = _LENGTH.unpack(head)
    body = bytearray()
    while len(body) < length:
        chunk = sock.recv(length - len(body))
        if not chunk:
            return None
        body += chunk
    return _REQUESTS.decode(body), (fds[0] if fds else None)
