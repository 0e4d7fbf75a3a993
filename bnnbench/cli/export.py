"""``bnnbench export``."""

from __future__ import annotations

from pathlib import Path

import click

from bnnbench.errors import StoreError
from bnnbench.store import Store

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
    from bnnbench.frames import load, rows

    try:
        if kind == "jsonl":
            return _json_lines(rows(store, suite=suite, attempts=attempts), target)
        frame = load(store.path, suite=suite, attempts=attempts)
        if kind == "csv":
            frame.to_csv(target, index=False)
        else:
            frame.to_parquet(target, index=False)
        return len(frame)
    except (OSError, ImportError) as error:
        raise StoreError(f"Cannot write {target}: {error}") from error


def _json_lines(rows: object, target: Path) -> int:
    import msgspec

    count = 0
    with target.open("wb") as out:
        for row in rows:  # type: ignore[attr-defined]
            out.write(msgspec.json.encode(row) + b"\n")
            count += 1
    return count
