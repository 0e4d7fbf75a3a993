"""Sets of openml.org by their number (datasets.md section 3): ``openml:61`` or ``openml[id=61]``.

``bnnbench data fetch openml:61`` downloads the ARFF file through scikit-learn, which compares its
MD5 with OpenML's, and keeps it as text ``openml/61/data.csv`` with ``meta.json`` beside it; loading
reads these two only and never opens a connection. The SHA-256 of both the ARFF file and the text
are recorded at the download, since no hash is known before, and noted with the data. OpenML's copy
of a set may differ in rows, order and encoding from the set of that name in this package: they are
different sets.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bnnbench.data import FileState
from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.download import locked, offline
from bnnbench_datasets.files import cache_directory, directories
from bnnbench_datasets.fitting import choose
from bnnbench_datasets.userfile import from_text


def openml(*, id: int, missing: str = "refuse") -> Table:  # noqa: A002
    """A set of openml.org with its default target; nominal attributes become one bit per level.

    Numeric attributes come first, then the bits, levels sorted as strings.

    Args:
        id: number of the data set.
        missing: what becomes of missing values: ``refuse``; ``drop`` the row; or ``level``, a level
            of its own, for nominal attributes only.

    Raises:
        DataError: when it was not fetched, was changed since, or has values that cannot be read.
    """
    choose("missing", missing, ("refuse", "drop", "level"))
    folder = _find(id)
    if folder is None:
        searched = ", ".join(str(d) for d in directories())
        raise DataError(
            f"openml:{id}: openml/{id}/data.csv is missing. Searched: {searched}."
            f" Run 'bnnbench data fetch openml:{id}'. No hash is known before the download; the"
            " licence is that of the set's page on openml.org."
        )
    meta = _meta(folder)
    content = (folder / "data.csv").read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != meta["sha256"]:
        raise DataError(
            f"openml:{id}: {folder / 'data.csv'} has sha256 {found}, expected {meta['sha256']}."
            f" Delete {folder} and run 'bnnbench data fetch openml:{id}'."
        )
    where = str(folder / "data.csv")
    table = from_text(content, where, meta["target"], tuple(meta["nominal"]), missing)
    kept = ("sha256", "arff_sha256", "name", "version", "licence")
    return table.note(set=f"openml:{id}", **{key: str(meta[key]) for key in kept})


def fetch(*, id: int, **_: object) -> list[Path]:  # noqa: A002
    """The path of the kept form of a set, downloaded when it is found nowhere.

    Raises:
        DataError: in offline mode, when the download fails, or when the set is no table of numbers
            and nominal attributes with one target.
    """
    try:
        with locked(f"openml/{id}"):
            folder = _find(id)
            if folder is None:
                folder = _download(id)
    except OSError as error:
        raise DataError(f"openml:{id}: cannot be fetched ({error}).") from error
    return [folder / "data.csv"]


def files(*, id: int, verify: bool = True, **_: object) -> list[FileState]:  # noqa: A002
    """Where the kept form of a set is and, when asked, whether it is the one that was fetched."""
    name, searched = f"openml/{id}/data.csv", tuple(str(d) for d in directories())
    folder = _find(id)
    if folder is None:
        detail = f"Run 'bnnbench data fetch openml:{id}'."
        return [FileState(name, "missing", searched, detail=detail)]
    path = folder / "data.csv"
    size = path.stat().st_size
    if not verify:
        return [FileState(name, "found", searched, str(path), size)]
    found, expected = hashlib.sha256(path.read_bytes()).hexdigest(), _meta(folder)["sha256"]
    if found == expected:
        return [FileState(name, "right", searched, str(path), size, found)]
    detail = f"found sha256 {found}, expected {expected}"
    return [FileState(name, "wrong", searched, str(path), size, found, detail)]


openml.__dict__.update(after_colon="id", fetch=fetch, files=files)


def _meta(folder: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / 'meta.json'} cannot be read ({error}).") from error
    return meta


def _find(number: int) -> Path | None:
    folders = (d / "openml" / str(number) for d in directories())
    return next((f for f in folders if (f / "data.csv").is_file()), None)


def _download(number: int) -> Path:
    if offline():
        raise DataError(f"openml:{number} is missing and BNNBENCH_OFFLINE is set.")
    target = cache_directory() / "openml" / str(number)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        bunch = _ask(number, folder)
        part = Path(folder) / "kept"
        part.mkdir()
        content, nominal = _as_text(bunch, number)
        (part / "data.csv").write_bytes(content)
        details = bunch.details
        meta = {
            "target": bunch.target_names[0],
            "nominal": nominal,
            "sha256": hashlib.sha256(content).hexdigest(),
            "arff_sha256": _arff_hash(Path(folder)),
            "name": details.get("name", ""),
            "version": details.get("version", ""),
            "licence": details.get("licence", "unknown"),
            "citation": details.get("citation", ""),
            "url": bunch.url,
        }
        (part / "meta.json").write_text(json.dumps(meta, indent=2), encoding="utf-8")
        part.rename(target)
    return target


def _ask(number: int, folder: str) -> Any:
    from sklearn.datasets import fetch_openml

    try:
        bunch = fetch_openml(data_id=number, data_home=folder, as_frame=False, parser="liac-arff")
    except (OSError, ValueError) as error:
        raise DataError(f"openml:{number} cannot be fetched: {error}") from error
    if len(bunch.target_names) != 1:
        raise DataError(f"openml:{number} has targets {bunch.target_names}, expected one.")
    return bunch


def _arff_hash(folder: Path) -> str:
    """SHA-256 of the ARFF file as downloaded, decompressed."""
    (path,) = [p for p in folder.rglob("*.gz") if "download" in p.parts]
    return hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()


def _as_text(bunch: Any, number: int) -> tuple[bytes, list[str]]:
    """CSV text with names, ``?`` for what is missing, label last; and the nominal attributes."""
    data = bunch.data.toarray() if hasattr(bunch.data, "toarray") else np.asarray(bunch.data)
    nominal = [name for name in bunch.feature_names if name in (bunch.categories or {})]
    columns = []
    for c, name in enumerate(bunch.feature_names):
        levels = bunch.categories[name] if name in nominal else None
        columns.append([_field(v, levels) for v in data[:, c].tolist()])
    target = np.asarray(bunch.target)
    if target.dtype.kind == "f" and not (target == np.rint(target)).all():
        raise DataError(f"openml:{number} has a real-valued target, expected classes.")
    columns.append([_field(v, None) for v in target.tolist()])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*bunch.feature_names, bunch.target_names[0]])
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode(), nominal


def _field(value: Any, levels: list[str] | None) -> str:
    if value is None or value != value:
        return "?"
    if levels is not None:
        return str(levels[int(value)])
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
