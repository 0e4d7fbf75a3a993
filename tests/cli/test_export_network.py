"""``bnnbench export-network``: from a store or a network file to an exact ONNX file."""

from __future__ import annotations

import numpy as np
import pytest

from bnnbench.store import Store

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def cell_with_network(path):
    with Store(path, create=False) as store:
        return next(r.id for r in store.records() if store.artefacts(r).network)


@pytest.mark.parametrize("kind", ["onnx", "qonnx"])
def test_a_cell_of_a_store(bnnbench, store_file, tmp_path, kind):
    target = tmp_path / "best.onnx"
    arguments = ("--cell", cell_with_network(store_file), "--format", kind)
    done = bnnbench("export-network", str(store_file), str(target), *arguments)
    assert done.code == 0, done.err
    assert "rows checked" in done.out
    assert target.stat().st_size > 0


def test_a_network_file(bnnbench, store_file, tmp_path):
    from bnnbench import netfile

    saved, target = tmp_path / "best.net", tmp_path / "best.onnx"
    bnnbench("show", str(store_file), cell_with_network(store_file), "--save-network", str(saved))
    done = bnnbench("export-network", str(saved), str(target), "--range", "-1", "1")
    assert done.code == 0, done.err
    network = netfile.load(saved)
    X = (
        np.array(np.meshgrid(*[[-1, 0, 1]] * network.architecture.inputs))
        .reshape(network.architecture.inputs, -1)
        .T
    )
    session = onnxruntime.InferenceSession(target.read_bytes())
    outputs = session.run(None, {"features": X.astype(np.int8)})[0]
    assert (outputs == network.forward(X).output).all()


def test_what_is_missing_or_superfluous_is_named(bnnbench, store_file, tmp_path):
    saved, target = tmp_path / "best.net", tmp_path / "best.onnx"
    cell = cell_with_network(store_file)
    bnnbench("show", str(store_file), cell, "--save-network", str(saved))
    for arguments, words in (
        ((str(store_file), str(target)), "add --cell"),
        ((str(saved), str(target)), "add --range"),
        ((str(saved), str(target), "--cell", cell), "no --cell"),
        (
            (str(store_file), str(target), "--cell", cell, "--scale", "3"),
            "--scale is for network files",
        ),
        ((str(saved), str(tmp_path / "no" / "x.onnx"), "--range", "0", "1"), "Cannot write"),
    ):
        refused = bnnbench("export-network", *arguments)
        assert refused.code == 2
        assert words in refused.err
    assert not target.exists()
