"""Checks of raw files that were passed, remembered in the cache over processes.

A file is taken for the checked one while its path, size, inode and both times of change are those
of the check. One that changed less than a second before the check is not remembered: it might
change again within the resolution of its time stamp. Where the cache cannot be written, nothing is
remembered.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path

_FRESH = 1.0


def remembered(cache: Path, path: Path, stat: os.stat_result, accepted: str) -> bool:
    """Whether this very file passed the check against this hash before."""
    try:
        return _slip(cache, path).read_text(encoding="utf-8") == _facts(path, stat, accepted)
    except (OSError, UnicodeDecodeError):
        return False


def remember(cache: Path, path: Path, stat: os.stat_result, accepted: str) -> None:
    """Note that a file passed its check."""
    if time.time() - stat.st_ctime < _FRESH:
        return
    slip = _slip(cache, path)
    with contextlib.suppress(OSError):
        slip.parent.mkdir(parents=True, exist_ok=True)
        part = slip.with_suffix(f".{os.getpid()}")
        part.write_text(_facts(path, stat, accepted), encoding="utf-8")
        part.replace(slip)


def _slip(cache: Path, path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    return cache / "checked" / name


def _facts(path: Path, stat: os.stat_result, accepted: str) -> str:
    figures = (stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)
    return "\n".join([str(path.absolute()), *map(str, figures), accepted])
