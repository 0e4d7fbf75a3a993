"""CIFAR-10 and CIFAR-100 in their binary form (datasets.md 3.7).

A record of CIFAR-10 is one label byte and 3072 pixels: 1024 red, 1024 green, 1024 blue, row-major.
One of CIFAR-100 has two label bytes, coarse and fine.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from bnnbench.dataset import Dataset
from bnnbench.errors import DataError
from bnnbench.table import TEST, TRAIN, Table
from bnnbench_datasets.decoded import decoded
from bnnbench_datasets.files import find, loader
from bnnbench_datasets.records import CIFAR10, CIFAR100

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
MEMBERS = (
    *(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)),
    "cifar-10-batches-bin/test_batch.bin",
)
MEMBERS_100 = ("cifar-100-binary/train.bin", "cifar-100-binary/test.bin")
PIXELS = 3 * 32 * 32
RECORD, RECORD_100 = 1 + PIXELS, 2 + PIXELS
MAX_MEMBER = 50_000 * RECORD_100

Bytes = npt.NDArray[np.uint8]


@loader(CIFAR10)
def cifar10() -> Dataset:
    """Colour images of 32x32 pixels: 50,000 + 10,000 rows, 3072 values 0..255, 10 classes.

    Raises:
        DataError: when the archive is missing or corrupt.
    """
    return decoded(CIFAR10, _cifar10)


@loader(CIFAR100)
def cifar100(*, labels: Literal["fine", "coarse"] = "fine") -> Dataset:
    """Colour images of 32x32 pixels: 50,000 + 10,000 rows, 100 classes in 20 superclasses.

    Args:
        labels: ``fine`` for the classes, ``coarse`` for the superclasses.

    Raises:
        DataError: when the archive is missing or corrupt.
    """
    return decoded(CIFAR100, lambda: _cifar100(labels), labels)


def _cifar10() -> Table:
    path = find(CIFAR10)
    members = read_members(path, MEMBERS)
    batches = [as_records(members, name, RECORD, path) for name in MEMBERS]
    return _table("cifar10", batches, len(batches[-1]), 0, 1, CLASSES)


def _cifar100(labels: str) -> Table:
    path, names = find(CIFAR100), f"cifar-100-binary/{labels}_label_names.txt"
    members = read_members(path, (*MEMBERS_100, names))
    train, test = (as_records(members, name, RECORD_100, path) for name in MEMBERS_100)
    classes = tuple(members[names].decode().split())
    label = ("coarse", "fine").index(labels)
    return _table("cifar100", [train, test], len(test), label, 2, classes)


def _table(
    name: str, parts: list[Bytes], n_test: int, label: int, first: int, classes: tuple[str, ...]
) -> Table:
    """Label byte number ``label`` and pixels from byte ``first`` on of all records, test last."""
    data = np.concatenate(parts)
    y = data[:, label]
    if y.max() >= len(classes):
        row = int(np.argmax(y >= len(classes)))
        raise DataError(
            f"{name}, record {row + 1}: label {y[row]}, expected 0..{len(classes) - 1}."
        )
    return Table(
        X=data[:, first:],
        y=y.astype(np.int64),
        part=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), [len(data) - n_test, n_test]),
        classes=classes,
        notes={"set": name},
    )


def read_members(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Contents of some members of an archive, in one pass; nothing is unpacked to disk.

    Raises:
        DataError: for a member that is missing, not a regular file, or too large.
    """
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isreg() else None
            if member.name in names and stream is not None:
                if member.size > MAX_MEMBER:
                    raise DataError(f"{path}: {member.name} has {member.size} bytes.")
                found[member.name] = stream.read()
    absent = [name for name in names if name not in found]
    if absent:
        raise DataError(f"{path}: the regular file {absent[0]} is missing.")
    return found


def as_records(members: dict[str, bytes], name: str, record: int, path: Path) -> Bytes:
    """Records of a member: shape (n, record).

    Raises:
        DataError: for a size that is no multiple of the record's.
    """
    content = members[name]
    if not content or len(content) % record:
        raise DataError(f"{path}: {name} has {len(content)} bytes, expected records of {record}.")
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, record)
