"""Downloads into the cache, only when somebody asked for one (datasets.md section 1).

A file is fetched under a temporary name, checked, and renamed in one step, so that a reader sees
the old file, the new one, or none. A lock per file makes a second process wait and find it there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bnnbench.errors import DataError
from bnnbench_datasets.files import RawFile, Record, cache_directory, check, directories, how


def offline() -> bool:
    """Whether ``BNNBENCH_OFFLINE`` forbids every connection."""
    return os.environ.get("BNNBENCH_OFFLINE", "") not in ("", "0")


def fetch(record: Record) -> list[Path]:
    """The checked paths of all files of a record; those found nowhere are downloaded.

    Raises:
        DataError: in offline mode, for a record without download, when the cache cannot be
            written, the download fails, or the content is not the expected one.
    """
    paths = []
    for file in record.files:
        found = [d / file.path for d in directories() if (d / file.path).is_file()]
        if found:
            check(record, file, found[0])
        paths.append(found[0] if found else _download(record, file))
    return paths


def _download(record: Record, file: RawFile) -> Path:
    if not file.url:
        raise DataError(f"{record.name}: there is no download. {how(record)}")
    if offline():
        raise DataError(
            f"{record.name}: {file.path} is missing and BNNBENCH_OFFLINE is set. {how(record)}"
        )
    target = cache_directory() / file.path
    try:
        with locked(file.path):
            if target.is_file():
                check(record, file, target)
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                part = _retrieve(record, file, Path(folder), target.name)
                check(record, file, part)
                part.replace(target)
    except OSError as error:
        raise DataError(
            f"{record.name}: {target} cannot be written ({error}). Set BNNBENCH_CACHE to a"
            " directory you may write to."
        ) from error
    return target


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the cache's lock of that name; another process waits until it is free.

    Raises:
        OSError: when the cache cannot be written.
    """
    path = cache_directory() / "locks" / hashlib.sha256(name.encode()).hexdigest()[:32]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        # Released by the kernel when the process ends, however it ends.
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _retrieve(record: Record, file: RawFile, folder: Path, name: str) -> Path:
    import pooch
    import requests

    try:
        # No hash here: check() knows other compressions of the same content.
        return Path(pooch.retrieve(file.url, known_hash=None, fname=name, path=folder))
    except requests.exceptions.RequestException as error:
        raise DataError(
            f"{record.name}: {file.url} cannot be read ({error}). {how(record)}"
        ) from error
