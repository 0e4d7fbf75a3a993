from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bnnbench.dataset import Dataset
from bnnbench.errors import ProblemError
from bnnbench.suite import Cell, CellLimits, Topology

CELL = Cell(
    data="iris | fixed", topology=Topology((4,)), domain="integer[P=1]", objective="errors",
    formulation="f", solver="s[a=1]", seed=0, limits=CellLimits(target=2.0), versions=("a 1",),
)  # fmt: skip

OTHERS = {
    "data": "wine",
    "topology": Topology((5,)),
    "domain": "binary",
    "objective": "hamming",
    "formulation": "",
    "solver": "s[a=2]",
    "seed": 1,
    "limits": CellLimits(),
    "versions": ("a 2",),
}
TOPOLOGIES = {
    "hidden": (4, 4), "outputs": 1, "activation": "step", "skips": ((0, 2),), "density": 0.5,
    "mask_seed": 3,
}  # fmt: skip
LIMITS = {"time": 1.0, "memory": 5, "threads": 2, "target": 3.0}


def change(struct, **changes):
    return msgspec.structs.replace(struct, **changes)


def test_an_id_changes_with_every_field():
    assert {*OTHERS, "draw"} == set(Cell.__struct_fields__)
    assert set(TOPOLOGIES) == set(Topology.__struct_fields__)
    assert {*LIMITS, "grace"} == set(CellLimits.__struct_fields__)
    cells = [CELL, *(change(CELL, **{k: v}) for k, v in OTHERS.items())]
    cells += [change(CELL, topology=change(CELL.topology, **{k: v})) for k, v in TOPOLOGIES.items()]
    cells += [change(CELL, limits=change(CELL.limits, **{k: v})) for k, v in LIMITS.items()]
    assert len({c.id for c in cells}) == len(cells)


def test_grace_and_draw_change_no_id():
    assert change(CELL, limits=change(CELL.limits, grace=99.0)).id == CELL.id
    assert change(CELL, draw="iris[seed={seed}]").id == CELL.id


def test_ids_are_stable():
    """A store is resumed by ids: whoever changes this breaks every store there is."""
    assert CELL.id == "ec71b5cefc3dbf441fe1119c"
    assert msgspec.convert(CELL.plain(), Cell) == CELL
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(CELL)), Cell).id == CELL.id


def test_methods_in_words():
    assert CELL.method == "f + s[a=1]"
    assert change(CELL, formulation="").method == "s[a=1]"


@pytest.mark.parametrize(
    ("topology", "text", "built"),
    [
        (Topology(()), "linear", "3-3"),
        (Topology((8, 4)), "8-4", "3-8-4-3"),
        (Topology((8,), outputs=1, activation="step"), "8 (1 output) step", "3-8-1+step"),
        (Topology((8,), skips=((0, 2),)), "8 0>2", "3-8-3+0>2"),
    ],
)
def test_topologies(topology, text, built):
    data = Dataset("d", np.zeros((3, 3), int), np.arange(3), (3, 0, 0))
    assert str(topology) == text
    assert topology.architecture(data).text == built


def test_masks_are_drawn_from_their_own_seed():
    data = Dataset("d", np.zeros((3, 9), int), np.arange(3), (3, 0, 0))
    texts = [Topology((9,), density=0.5, mask_seed=s).architecture(data).text for s in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert str(Topology((9,), density=0.5, mask_seed=2)) == "9 mask 0.5/2"
    skipped = Topology((9,), skips=((0, 2),), density=0.5).architecture(data)
    assert all(c.mask is not None for c in skipped.connections)
    assert len(skipped.connections) == 3


def test_skips_that_make_no_sense():
    data = Dataset("d", np.zeros((3, 3), int), np.arange(3), (3, 0, 0))
    with pytest.raises(ProblemError, match="must run forward"):
        Topology((4,), skips=((0, 5),)).architecture(data)


def test_what_the_solver_is_told():
    limits = CellLimits(time=5.0, memory=7, threads=2, target=1.0, grace=3.0).limits()
    assert (limits.time, limits.memory, limits.threads, limits.target) == (5.0, 7, 2, 1.0)
