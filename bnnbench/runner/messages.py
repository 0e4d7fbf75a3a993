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


class Ready(_Message, frozen=True, kw_only=True):
    """From the fork server: it is up."""

    pid: int


class Started(_Message, frozen=True, kw_only=True):
    """From the fork server: the process of the cell."""

    pid: int


class Exited(_Message, frozen=True, kw_only=True):
    """From the fork server: the process of the cell is gone, with all its descendants.

    Attributes:
        status: exit status, negative for a signal.
        cpu: seconds of the process and the children it waited for.
        peak_memory: bytes.
        orphans: descendants that had to be killed.
    """

    status: int
    cpu: float
    peak_memory: int
    orphans: int


class Phase(_Message, frozen=True, kw_only=True):
    """From a cell: a step begins."""

    name: str
    time: float


class Opened(_Message, frozen=True, kw_only=True):
    """From a cell: facts about its problem."""

    problem: str
    data: str
    rows: int
    lower_bound: float | None
    reference_objective: float | None
    known_objective: float | None
    reference: bool
    notes: dict[str, str]


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
FromServer = Ready | Started | Exited
FromCell = Phase | Opened | Incumbent | Outcome

_ENCODER = msgspec.msgpack.Encoder()
_REQUESTS = msgspec.msgpack.Decoder(Request)


def pack(message: Any) -> bytes:
    """A message with its length in front."""
    body = _ENCODER.encode(message)
    return _LENGTH.pack(len(body)) + body


def write(fd: int, message: Any) -> None:
    """Write a message to a pipe, all of it."""
    view = memoryview(pack(message))
    while view:
        view = view[os.write(fd, view) :]


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
