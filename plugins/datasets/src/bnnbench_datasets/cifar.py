"""CIFAR-10 in its binary form (datasets.md 3.7).

Each record is one label byte and 3072 pixels: 1024 red, 1024 green, 1024 blue, row-major.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError
from bnnbench.table import TEST, TRAIN, Table
from bnnbench_datasets.files import find, loader
from bnnbench_datasets.records import CIFAR10

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
MEMBERS = (
    *(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)),
    "cifar-10-batches-bin/test_batch.bin",
)
RECORD = 1 + 3 * 32 * 32
MAX_MEMBER = 10_000 * RECORD


@loader(CIFAR10)
def cifar10() -> Table:
    """Colour images of 32x32 pixels: 50,000 + 10,000 rows, 3072 values 0..255, 10 classes.

    Raises:
        DataError: when the archive is missing or corrupt.
    """
    batches = read_batches(find(CIFAR10))
    data = np.concatenate(batches)
    if data[:, 0].max() >= len(CLASSES):
        row = int(np.argmax(data[:, 0] >= len(CLASSES)))
        raise DataError(f"cifar10, record {row + 1}: label {data[row, 0]}, expected 0..9.")
    n_test = len(batches[-1])
    return Table(
        X=data[:, 1:],
        y=data[:, 0].astype(np.int64),
        part=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), [len(data) - n_test, n_test]),
        classes=CLASSES,
        notes={"set": "cifar10"},
    )


def read_batches(path: Path) -> list[npt.NDArray[np.uint8]]:
    """Records of the six batches, test last, each of shape (n, 3073).

    Members are read by their expected names only and nothing is unpacked to disk.

    Raises:
        DataError: for a member that is missing, not a regular file, or of a wrong size.
    """
    batches = []
    with tarfile.open(path, "r:gz") as archive:
        members = {m.name: m for m in archive.getmembers()}
        for name in MEMBERS:
            member = members.get(name)
            stream = archive.extractfile(member) if member and member.isreg() else None
            if member is None or stream is None:
                raise DataError(f"{path}: the regular file {name} is missing.")
            if not 0 < member.size <= MAX_MEMBER or member.size % RECORD:
                raise DataError(
                    f"{path}: {name} has {member.size} bytes, expected records of {RECORD}."
                )
            batches.append(np.frombuffer(stream.read(), dtype=np.uint8).reshape(-1, RECORD))
    return batches
