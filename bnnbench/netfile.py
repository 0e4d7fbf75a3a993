"""Network files: one file, versioned, no pickling.

MessagePack with ``format``, ``version``, the architecture and the layers; weights are stored in
the smallest integer type that holds them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bnnbench.architecture import Architecture, Connection
from bnnbench.errors import NetworkError, ProblemError
from bnnbench.network import Int64, Layer, Network

FORMAT = "bnnbench-network"
VERSION = 1


class _Array(msgspec.Struct):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


class _Connection(msgspec.Struct):
    source: int
    target: int
    mask: _Array | None


class _Layer(msgspec.Struct):
    weights: _Array
    bias: _Array
    scale: int
    bias_scale: int


class _File(msgspec.Struct):
    format: str
    version: int
    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str
    connections: list[_Connection]
    layers: list[_Layer]


def to_bytes(network: Network) -> bytes:
    """The network as the content of a network file."""
    arch = network.architecture
    return msgspec.msgpack.encode(
        _File(
            format=FORMAT,
            version=VERSION,
            inputs=arch.inputs,
            hidden=arch.hidden,
            outputs=arch.outputs,
            activation=arch.activation,
            connections=[
                _Connection(c.source, c.target, None if c.mask is None else _pack(c.mask))
                for c in ([] if arch.dense else arch.connections)
            ],
            layers=[
                _Layer(_pack(a.weights), _pack(a.bias), a.scale, a.bias_scale)
                for a in network.layers
            ],
        )
    )


def from_bytes(content: bytes, source: str = "network") -> Network:
    """Read the content of a network file.

    Raises:
        NetworkError: when it is no network file, truncated, or of a newer version.
    """
    try:
        head = msgspec.msgpack.decode(content, type=dict[str, Any])
        if head.get("format") != FORMAT:
            raise NetworkError(f"{source} is not a bnnbench network file.")
        if head.get("version") != VERSION:
            raise NetworkError(
                f"{source} has version {head.get('version')}, this bnnbench reads {VERSION}."
                " Upgrade bnnbench, or save the network again with the version that wrote it."
            )
        file = msgspec.convert(head, _File)
        arch = Architecture(
            file.inputs,
            file.hidden,
            file.outputs,
            file.activation,  # type: ignore[arg-type]
            tuple(
                Connection(c.source, c.target, None if c.mask is None else _unpack(c.mask) > 0)
                for c in file.connections
            ),
        )
        layers = tuple(
            Layer(_unpack(a.weights), _unpack(a.bias), a.scale, a.bias_scale) for a in file.layers
        )
    except (msgspec.MsgspecError, ProblemError, ValueError, TypeError, RecursionError) as error:
        raise NetworkError(f"{source} is corrupt or truncated: {error}") from error
    return Network(arch, layers)


def save(network: Network, path: Path) -> None:
    """Write a network file."""
    path.write_bytes(to_bytes(network))


def load(path: Path) -> Network:
    """Read a network file.

    Raises:
        NetworkError: when it is missing, corrupt or of another version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"Cannot read network file {path}: {error.strerror}.") from error
    return from_bytes(content, str(path))


def _pack(array: Any) -> _Array:
    a = np.asarray(array)
    if a.dtype == bool:
        a = a.astype(np.int8)
    for dtype in ("<i1", "<i2", "<i4", "<i8"):
        info = np.iinfo(dtype)
        if a.size == 0 or (a.min() >= info.min and a.max() <= info.max):
            break
    return _Array(dtype, a.shape, np.ascontiguousarray(a, dtype=dtype).tobytes())


def _unpack(array: _Array) -> Int64:
    if array.dtype not in ("<i1", "<i2", "<i4", "<i8"):
        raise ValueError(f"unexpected number type {array.dtype!r}")
    return np.frombuffer(array.data, dtype=array.dtype).reshape(array.shape).astype(np.int64)
