"""Downloads into the cache, only when somebody asked for one (datasets.md section 1).

A file is fetched under a temporary name, checked, and renamed in one step, so that a reader or a
second download sees the old file, the new one, or none.
"""

from __future__ import annotations

import os
import tempfile
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
