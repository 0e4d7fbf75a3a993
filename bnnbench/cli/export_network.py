"""``bnnbench export-network``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bnnbench import netfile
from bnnbench.dataset import Dataset
from bnnbench.errors import NetworkError
from bnnbench.export import Features, differences, to_onnx, to_qonnx, trial_rows
from bnnbench.network import Network

SQLITE = b"SQLite format 3\0"
WRITERS = {"onnx": to_onnx, "qonnx": to_qonnx}


@click.command("export-network")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--cell", metavar="ID", help="Which cell of a store (its id or the beginning of it).")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["onnx", "qonnx"]),
    default="onnx",
    show_default=True,
    help="Integer operators, or quantiser nodes for hardware flows.",
)
@click.option(
    "--range",
    "bounds",
    type=int,
    nargs=2,
    metavar="LOW HIGH",
    help="Least and largest feature numerator  [default: of the cell's data]",
)
@click.option(
    "--scale", type=int, help="Denominator of the features, for a network file  [default: 1]"
)
@click.option("--check/--no-check", default=True, help="Run the file and compare every output.")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True),
    help="A local plugin file the cell's data need; may be repeated.",
)
def export_network(
    source: Path,
    target: Path,
    cell: str | None,
    kind: str,
    bounds: tuple[int, int] | None,
    scale: int | None,
    check: bool,
    plugins: tuple[Path, ...],
) -> None:
    """Write a network as ONNX, exact to the last integer.

    SOURCE is a store, with --cell, or a network file, with --range. The model reads the features'
    integer numerators and gives those of the output pre-activations; denominators and the class
    decision are in the file's metadata. Before it is written it is run on the cell's own rows, or
    on random ones, and every output compared with the exact forward pass.

    \b
    Examples:
      bnnbench export-network quickstart.bnnbench best.onnx --cell 3f9a
      bnnbench show quickstart.bnnbench 3f9a --save-network best.net
      bnnbench export-network best.net best.onnx --range 0 16
    """
    with source.open("rb") as file:
        is_store = file.read(len(SQLITE)) == SQLITE
    if is_store != (cell is not None):
        raise click.UsageError(
            f"{source} is a store: add --cell." if is_store else f"{source} is no store: no --cell."
        )
    if cell is not None:
        if scale is not None:
            raise click.UsageError("A cell's data have a scale: --scale is for network files.")
        network, dataset = _from_store(source, cell, plugins)
        X = dataset.X
        features = Features(*bounds, dataset.scale) if bounds else Features.of(X, dataset.scale)
    else:
        network = netfile.load(source)
        if bounds is None:
            raise click.UsageError("A network file does not know its features: add --range.")
        features = Features(*bounds, scale or 1)
        X = trial_rows(features, network.architecture.inputs)
    model = WRITERS[kind](network, features)
    if check:
        _check(model, network, X, features.scale)
    try:
        target.write_bytes(model.SerializeToString())
    except OSError as error:
        raise NetworkError(f"Cannot write {target}: {error.strerror}.") from error
    checked = f", {len(X)} rows checked" if check else ""
    click.echo(f"{network.architecture.text} written to {target}{checked}")


def _from_store(path: Path, cell: str, plugins: tuple[Path, ...]) -> tuple[Network, Dataset]:
    from bnnbench.data import make_dataset
    from bnnbench.registry import Registry
    from bnnbench.store import Store

    with Store(path, create=False) as records:
        record = records.find(cell)
        content = records.artefacts(record).network
    if content is None:
        raise NetworkError(f"Cell {record.id[:10]} has no network.")
    dataset = make_dataset(Registry.load(plugins), record.cell["data"])
    if dataset.digest != record.data:
        raise NetworkError("The data set is not the one of the record: their digests differ.")
    return netfile.from_bytes(content), dataset


def _check(model: Any, network: Network, X: Any, scale: int) -> None:
    wrong = differences(model, network, X, scale)
    if wrong:
        raise NetworkError(
            f"{wrong} outputs of the exported model are not those of the network; nothing was"
            " written. Please report it with the versions of onnx and onnxruntime."
        )
