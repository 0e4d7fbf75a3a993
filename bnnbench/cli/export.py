"""``bnnbench export``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnnbench.errors import StoreError
from bnnbench.store import Store

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "csv", "jsonl"]),
    help="[default: by the ending of TARGET]",
)
@click.option("--suite", metavar="NAME", help="Only records of this suite.")
@click.option("--attempts", is_flag=True, help="Also earlier attempts of retried cells.")
def export(store: Path, target: Path, kind: str | None, suite: str | None, attempts: bool) -> None:
    """Write the records of STORE to TARGET, one row per cell with gaps and all figures.

    Parquet needs pandas and pyarrow; CSV needs pandas; JSON lines need nothing.

    \b
    Example:
      bnnbench export quickstart.bnnbench results.csv
    """
    kind = kind or FORMATS.get(target.suffix)
    if kind is None:
        raise click.UsageError(f"Cannot tell a format from {target.name!r}: add --format.")
    with Store(store, create=False) as records:
        count = _write(records, target, kind, suite, attempts)
    click.echo(f"{count} records written to {target}")


def _write(store: Store, target: Path, kind: str, suite: str | None, attempts: bool) -> int:
    """Write chunk by chunk, so that a store of any size fits in memory."""
    from bnnbench.frames import frames, rows

    try:
        if kind == "jsonl":
            return _json_lines(rows(store, suite=suite, attempts=attempts), target)
        chunks = frames(store, suite=suite, attempts=attempts)
        return _csv(chunks, target) if kind == "csv" else _parquet(chunks, target)
    except (OSError, ImportError) as error:
        raise StoreError(f"Cannot write {target}: {error}") from error


def _csv(chunks: Iterator[pd.DataFrame], target: Path) -> int:
    count = 0
    with target.open("w", encoding="utf-8", newline="") as out:
        for chunk in chunks:
            chunk.to_csv(out, index=False, header=not count)
            count += len(chunk)
    return count


def _parquet(chunks: Iterator[pd.DataFrame], target: Path) -> int:
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    first = next(chunks, pd.DataFrame())
    schema = pa.Schema.from_pandas(first, preserve_index=False)
    count = 0
    with parquet.ParquetWriter(target, schema) as out:
        for chunk in itertools.chain([first], chunks):
            out.write_table(pa.Table.from_pandas(chunk, schema, preserve_index=False))
            count += len(chunk)
    return count


def _json_lines(rows: object, target: Path) -> int:
    import msgspec

    count = 0
    with target.open("wb") as out:
        for row in rows:  # type: ignore[attr-defined]
            out.write(msgspec.json.encode(row) + b"\n")
            count += 1
    return count
