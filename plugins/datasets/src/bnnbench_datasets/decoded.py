"""Image sets in the form in which they are used, kept in the cache and mapped into memory.

The first load decompresses and checks the raw files, and saves the data set as the core saves it,
digest and groups of equal rows included; later loads map it. What is kept is named by the hashes of
the raw files, which are still looked for and checked at every load, and stands beside a stamp of
sizes and times: a file that was cut or changed since is decoded anew. Where the cache cannot be
written, every load is a first one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bnnbench import __version__
from bnnbench.dataset import LAYOUT, Dataset
from bnnbench.errors import BnnbenchError
from bnnbench.table import Table, finish
from bnnbench_datasets.files import Record, cache_directory, find

_STAMP = "stamp.json"


def decoded(record: Record, decode: Callable[[], Table], variant: str = "") -> Dataset:
    """The data set of a record without any transform.

    Args:
        record: its raw files.
        decode: reads them; called when the cache does not hold the result.
        variant: what else the result depends on, such as the version of a decoder.

    Raises:
        DataError: when a raw file is missing or corrupt.
    """
    for index in range(len(record.files)):
        find(record, index)
    folder = cache_directory() / "decoded" / f"{record.name}-{_key(record, variant)}"
    kept = _load(folder)
    if kept is not None:
        return kept
    dataset = finish(decode(), record.name)
    with contextlib.suppress(OSError):
        _store(dataset, folder)
    return dataset


def _key(record: Record, variant: str) -> str:
    hashes = [f.content or f.sha256 or f.md5 for f in record.files]
    text = "\n".join([str(LAYOUT), __version__, variant, *hashes])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _load(folder: Path) -> Dataset | None:
    try:
        stamp = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
        return Dataset.load(folder) if stamp == _stamp(folder) else None
    except (OSError, ValueError, KeyError, BnnbenchError):
        return None


def _store(dataset: Dataset, folder: Path) -> None:
    """Save under a temporary name, then rename: a reader sees all of it or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        dataset.save(part)
        (part / _STAMP).write_text(json.dumps(_stamp(part)), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _stamp(folder: Path) -> dict[str, list[int]]:
    """Size and time of change of every saved file."""
    with os.scandir(folder) as entries:
        stats = {e.name: e.stat() for e in entries if e.name != _STAMP}
    return {name: [s.st_size, s.st_mtime_ns] for name, s in sorted(stats.items())}
