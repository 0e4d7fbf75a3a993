"""The idx format of MNIST: magic number, sizes, bytes, all big-endian (datasets.md 3.1).

Magic 0x0000 08 dd: unsigned bytes in dd dimensions; then dd sizes of four bytes; then the values.
"""

from __future__ import annotations

import math
import struct

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError


def read_idx(content: bytes, name: str, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array of an idx file of unsigned bytes.

    Args:
        content: decompressed bytes.
        name: of the file, for messages.
        dimensions: how many are expected: 3 for images, 1 for labels.

    Raises:
        DataError: for another magic number, or a length that does not fit the sizes.
    """
    head = 4 + 4 * dimensions
    magic = struct.unpack(">I", content[:4])[0] if len(content) >= 4 else None
    expected = 0x800 + dimensions
    if magic != expected or len(content) < head:
        raise DataError(f"{name}: magic number {magic}, expected {expected}.")
    shape = struct.unpack(f">{dimensions}I", content[4:head])
    if len(content) != head + math.prod(shape):
        raise DataError(
            f"{name}: {len(content)} bytes, but sizes {shape} need {head + math.prod(shape)}."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=head).reshape(shape)
