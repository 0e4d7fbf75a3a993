"""Data sets: integer features over one common scale, labels, and a fixed split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError

if TYPE_CHECKING:
    from bnnbench.network import Network

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
REFERENCE = "reference.net"
LAYOUT = 2
"""Counted up when :meth:`Dataset.save` or the definition of the digest changes."""
IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features as exact fixed-point numbers, labels and a split.

    Attributes:
        name: canonical text of the data set, for tables and records.
        X: integers, shape (n, d); the feature value is ``X / scale``.
        y: class indices 0..q-1, shape (n,).
        sizes: how many rows belong to train, validation and test, in this order of rows.
        scale: common positive denominator of all features.
        classes: names of the q classes.
        features: names of the d features; empty for "not named".
        rows: index of every row in the raw source, shape (n,).
        notes: facts worth keeping beside every figure, such as ``leaks_test_statistics``.
        reference: a network known for these features, such as the one that drew the labels; its
            exact objective is known without solving.

    Raises:
        DataError: when the parts do not fit together.
    """

    name: str
    X: IntArray
    y: IntArray
    sizes: tuple[int, int, int]
    scale: int = 1
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    rows: IntArray | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    reference: Network | None = None

    def __post_init__(self) -> None:
        X, y = np.asarray(self.X), np.asarray(self.y)
        if X.ndim != 2 or not np.issubdtype(X.dtype, np.integer):
            raise DataError(
                f"{self.name}: X must be an integer matrix (n, d), got {X.dtype} {X.shape}."
                " Real features are put on a grid first, for example with '| fixed'."
            )
        if y.shape != X.shape[:1] or not np.issubdtype(y.dtype, np.integer):
            raise DataError(f"{self.name}: y must hold {len(X)} integers, got {y.dtype} {y.shape}.")
        if sum(self.sizes) != len(X) or min(self.sizes) < 0 or self.sizes[0] == 0:
            raise DataError(
                f"{self.name}: the parts {self.sizes} must hold all {len(X)} rows, train at least"
                " one."
            )
        if self.scale < 1:
            raise DataError(f"{self.name}: scale must be a positive integer, got {self.scale}.")
        classes = self.classes or tuple(str(c) for c in range(int(y.max()) + 1))
        if int(y.min()) < 0 or int(y.max()) >= len(classes):
            raise DataError(f"{self.name}: labels must lie in 0..{len(classes) - 1}.")
        if self.features and len(self.features) != X.shape[1]:
            raise DataError(f"{self.name}: {len(self.features)} names for {X.shape[1]} features.")
        rows = np.arange(len(X)) if self.rows is None else np.asarray(self.rows)
        if rows.shape != y.shape:
            raise DataError(f"{self.name}: rows must hold one source index per row.")
        for key, value in (("X", X), ("y", y), ("rows", rows)):
            view = value.view()
            view.flags.writeable = False
            object.__setattr__(self, key, view)
        object.__setattr__(self, "classes", classes)

    @property
    def n_features(self) -> int:
        """Number d of features."""
        return int(self.X.shape[1])

    @property
    def n_classes(self) -> int:
        """Number q of classes, also those without a row."""
        return len(self.classes)

    def part(self, part: Part) -> tuple[IntArray, IntArray]:
        """Features and labels of one part, as views: shapes (m, d) and (m,)."""
        k = PARTS.index(part)
        rows = slice(sum(self.sizes[:k]), sum(self.sizes[: k + 1]))
        return self.X[rows], self.y[rows]

    @cached_property
    def group_counts(self) -> npt.NDArray[np.int64]:
        """How often each class occurs among equal training rows: shape (groups, q).

        Two rows of different class in one group contradict each other: no classifier fits both.
        """
        X, y = self.part("train")
        number: dict[bytes, int] = {}
        group = [number.setdefault(row, len(number)) for row in _rows(X)]
        counts = np.zeros((len(number), self.n_classes), dtype=np.int64)
        np.add.at(counts, (np.array(group), y), 1)
        return counts

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that a method can see: features, labels, parts, scale, classes.

        Features enter in the smallest type that holds them, whatever type they are kept in.
        """
        dtype = smallest_type(self.X).newbyteorder("<")
        shape, sizes = list(self.X.shape), list(self.sizes)
        head = json.dumps([shape, dtype.str, sizes, self.scale, len(self.classes)])
        sha = hashlib.sha256(head.encode())
        for start in range(0, len(self.X), 4096):
            sha.update(np.ascontiguousarray(self.X[start : start + 4096], dtype=dtype).tobytes())
        sha.update(np.ascontiguousarray(self.y, dtype="<i8").tobytes())
        return sha.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the data set so that :meth:`load` maps it into memory instead of reading it."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"X": self.X, "y": self.y, "rows": self.rows, "groups": self.group_counts}
        for key, value in arrays.items():
            np.save(folder / f"{key}.npy", np.asarray(value), allow_pickle=False)
        meta = {
            "name": self.name,
            "sizes": self.sizes,
            "scale": self.scale,
            "classes": self.classes,
            "features": self.features,
            "notes": dict(self.notes),
            "digest": self.digest,
        }
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        if self.reference is not None:
            from bnnbench import netfile

            netfile.save(self.reference, folder / REFERENCE)

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """Map a saved data set; its digest and groups are those found when it was saved."""
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        X, y, rows, groups = (
            np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)
            for key in ("X", "y", "rows", "groups")
        )
        reference = None
        if (folder / REFERENCE).is_file():
            from bnnbench import netfile

            reference = netfile.load(folder / REFERENCE)
        dataset = cls(
            name=meta["name"],
            X=X,
            y=y,
            sizes=tuple(meta["sizes"]),
            scale=meta["scale"],
            classes=tuple(meta["classes"]),
            features=tuple(meta["features"]),
            rows=rows,
            notes=meta["notes"],
            reference=reference,
        )
        dataset.__dict__.update(digest=meta["digest"], group_counts=np.asarray(groups))
        return dataset


def _rows(X: IntArray) -> Iterator[bytes]:
    """The content of every row."""
    width = X.shape[1] * X.dtype.itemsize
    for start in range(0, len(X), 1024):
        block = X[start : start + 1024]
        content = block.tobytes()
        yield from (content[k * width : (k + 1) * width] for k in range(len(block)))


def smallest_type(X: npt.NDArray[Any]) -> np.dtype[Any]:
    """The first of uint8, int8, int16, int32 and int64 that holds these whole numbers."""
    if X.dtype == np.uint8 or not X.size:
        return np.dtype(np.uint8)
    low, high = int(X.min()), int(X.max())
    for dtype in (np.uint8, np.int8, np.int16, np.int32):
        info = np.iinfo(dtype)
        if info.min <= low and high <= info.max:
            return np.dtype(dtype)
    return np.dtype(np.int64)
