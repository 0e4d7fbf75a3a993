from __future__ import annotations

import pytest

from bnnbench.cli.adhoc import adhoc_file
from bnnbench.suite import expand

OPTIONS = {
    "dataset": "xor", "solvers": ("coin",), "formulations": (), "objective": None, "hidden": None,
    "domain": "binary", "outputs": "classes", "seeds": "0", "time_limit": "10",
    "memory_limit": "1 GiB", "threads": 1, "target": None,
}  # fmt: skip


@pytest.fixture
def cells(toys):
    def plan(**changes):
        return expand(adhoc_file(toys, OPTIONS | changes), toys, name="adhoc").cells

    return plan


def test_the_defaults(cells):
    (cell,) = cells()
    assert (cell.objective, cell.topology.hidden, cell.seed) == ("errors", (), 0)
    assert (cell.limits.time, cell.limits.memory) == (10.0, 1 << 30)


@pytest.mark.parametrize(
    ("text", "widths"), [("16", (16,)), ("8,4", (8, 4)), ("none", ()), ("", ()), ("0", ())]
)
def test_widths(cells, text, widths):
    assert cells(hidden=text)[0].topology.hidden == widths


@pytest.mark.parametrize(("text", "seeds"), [("3", [3]), ("0-2", [0, 1, 2]), ("5, 1-2", [5, 1, 2])])
def test_seeds(cells, text, seeds):
    assert [c.seed for c in cells(seeds=text)] == seeds


def test_the_formulation_brings_its_objective(cells):
    found = cells(solvers=("reader", "coin"), formulations=("program[tight=true]",))
    assert {c.objective for c in found} == {"hamming"}
    assert [c.method for c in found] == ["program[tight=true] + reader", "coin"]
    (cell,) = cells(solvers=("reader",), formulations=("program",), objective="errors")
    assert cell.objective == "errors"


def test_other_options(cells):
    (cell,) = cells(outputs="one", target=3.0, threads=2)
    assert (cell.topology.outputs, cell.limits.target, cell.limits.threads) == (1, 3.0, 2)
