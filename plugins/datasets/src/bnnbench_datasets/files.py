"""Raw files: where they are looked for, and how they are checked (datasets.md section 1).

A file of a set is found by its relative name in each directory of ``BNNBENCH_DATA``, then in the
cache (``BNNBENCH_CACHE``, default the platform's user cache directory). It is read only after its
SHA-256 was compared; a check is remembered by path, size and times of change, in the cache too.
Loading never opens a connection: see :mod:`bnnbench_datasets.download`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

from bnnbench.data import FileState
from bnnbench.errors import DataError, MissingDataError
from bnnbench_datasets.memory import remember, remembered

_CHUNK = 1 << 20
Loader = TypeVar("Loader", bound=Callable[..., Any])


@dataclass(frozen=True)
class RawFile:
    """One file of a set.

    Attributes:
        path: name relative to a data directory, ``set/file``.
        bytes: size, or None when unknown.
        sha256: of the file; empty when only the MD5 sum is known.
        also: SHA-256 sums of other versions that the loader reads to the same values.
        content: SHA-256 of the decompressed content of a gz file: any compression will do then.
        md5: as published; tested when there is no SHA-256.
        url: where ``fetch`` gets it; empty for files to be placed by hand.
    """

    path: str
    bytes: int | None = None
    sha256: str = ""
    also: tuple[str, ...] = ()
    content: str = ""
    md5: str = ""
    url: str = ""


@dataclass(frozen=True)
class Record:
    """A set of raw files with its provenance.

    Attributes:
        name: name of the data set.
        files: what it consists of.
        source: the official source, by name.
        licence: what is known of its licence, and whether it was verified.
        manual: how to get it by hand.
        citation: what to cite.
    """

    name: str
    files: tuple[RawFile, ...]
    source: str
    licence: str
    manual: str
    citation: str


def loader(record: Record) -> Callable[[Loader], Loader]:
    """Mark a function as the loader of a record.

    It then carries the ``record``; ``fetch()``, which downloads what is missing and returns the
    checked paths; and ``files(verify=...)``, which says where each file is and whether it is right.
    """

    def fetch(**_: object) -> list[Path]:
        from bnnbench_datasets import download

        return download.fetch(record)

    def state(*, verify: bool = True, **_: object) -> list[FileState]:
        return [file_state(record, file, verify) for file in record.files]

    def mark(function: Loader) -> Loader:
        function.__dict__.update(name=record.name, record=record, fetch=fetch, files=state)
        return function

    return mark


def cache_directory() -> Path:
    """Where downloads go: ``BNNBENCH_CACHE`` or the platform's user cache directory."""
    chosen = os.environ.get("BNNBENCH_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("bnnbench", appauthor=False))


def directories() -> list[Path]:
    """All directories that are searched, in order."""
    given = os.environ.get("BNNBENCH_DATA", "").split(os.pathsep)
    return [*(Path(d) for d in given if d), cache_directory()]


def find(record: Record, index: int = 0) -> Path:
    """The checked path of a file of a record.

    Raises:
        MissingDataError: when it is nowhere.
        DataError: when it is not what the record says.
    """
    file = record.files[index]
    for directory in directories():
        path = directory / file.path
        if path.is_file():
            check(record, file, path)
            return path
    searched = ", ".join(str(d) for d in directories())
    raise MissingDataError(
        f"{record.name}: {file.path} is missing. Searched: {searched}. {how(record)}"
    )


def read(record: Record, index: int = 0) -> bytes:
    """The checked content of a file, decompressed when its name ends in ``.gz``."""
    path = find(record, index)
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def read_text(record: Record, index: int = 0) -> str:
    """The checked content of a text file: UTF-8, with or without byte-order mark."""
    return read(record, index).decode("utf-8-sig")


def check(record: Record, file: RawFile, path: Path) -> None:
    """Compare a file with its record.

    Raises:
        DataError: naming expected and found hash and size.
    """
    stat, accepted = path.stat(), file.sha256 or file.md5
    if remembered(cache_directory(), path, stat, accepted):
        return
    problem = _problem(file, str(path), stat.st_size)
    if problem:
        raise DataError(
            f"{record.name}: {path} is not the expected file: {problem}."
            f" Delete it or point BNNBENCH_DATA elsewhere. {how(record)}"
        )
    remember(cache_directory(), path, stat, accepted)


def file_state(record: Record, file: RawFile, verify: bool) -> FileState:
    """Where a file is and, when asked, whether its content is the expected one, hashed anew."""
    searched = tuple(str(d) for d in directories())
    path = next((d / file.path for d in directories() if (d / file.path).is_file()), None)
    if path is None:
        return FileState(file.path, "missing", searched, detail=how(record, file))
    size = path.stat().st_size
    if not verify:
        return FileState(file.path, "found", searched, str(path), size)
    with path.open("rb") as stream:
        found = _digest(stream, "sha256")
    problem = _problem(file, str(path), size)
    right: Literal["right", "wrong"] = "wrong" if problem else "right"
    return FileState(file.path, right, searched, str(path), size, found, problem)


def how(record: Record, file: RawFile | None = None) -> str:
    """How to get the files of a record, or one; what they must be; and under which licence."""
    expected = "; ".join(
        f"{f.path} ({f.bytes or 'unknown'} bytes, {_expected_hash(f)})"
        for f in ([file] if file else record.files)
    )
    command = f"Run 'bnnbench data fetch {record.name}', or: " if _fetchable(record) else ""
    return (
        f"Expected: {expected}. Source: {record.source}. {command}{record.manual}"
        f" Licence: {record.licence}."
    )


def _fetchable(record: Record) -> bool:
    return all(file.url for file in record.files)


def _expected_hash(file: RawFile) -> str:
    return f"sha256 {file.sha256}" if file.sha256 else f"md5 {file.md5}"


def _problem(file: RawFile, path: str, size: int) -> str:
    """What is wrong with a file of that size, empty when it is as expected."""
    algorithm = "sha256" if file.sha256 else "md5"
    with Path(path).open("rb") as stream:
        found = _digest(stream, algorithm)
    if found in (file.sha256 or file.md5, *file.also):
        return ""
    reason = ""
    if file.content:
        try:
            with gzip.open(path) as stream:
                if _digest(stream, "sha256") == file.content:
                    return ""
        except (OSError, EOFError, zlib.error) as error:
            reason = f"; it cannot be decompressed ({error})"
    return (
        f"found {algorithm} {found} and {size} bytes, expected {_expected_hash(file)} and"
        f" {file.bytes or 'unknown'} bytes{reason}"
    )


def _digest(stream: BinaryIO | gzip.GzipFile, algorithm: str) -> str:
    # MD5 only where nothing better is published; it guards against damage, not against malice.
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
