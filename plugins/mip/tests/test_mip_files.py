"""Programs leave as MPS and LP files and come back as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pytest
from bnnbench_mip.highs import Highs
from bnnbench_mip.lp import read_lp, write_lp
from bnnbench_mip.mps import read_mps, write_mps
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import Formulation, ignore_report
from bnnbench.models import MatrixMILP
from bnnbench.objectives import Errors, LinearHinge, MinHinge, Objective
from bnnbench.problem import Problem
from bnnbench.solution import Limits

FORMATS = {"mps": (write_mps, read_mps), "lp": (write_lp, read_lp)}
"""By suffix."""
EIGHTHS = st.integers(-(2**30), 2**30).map(lambda k: k / 8)
FLOATS = st.floats(-1e12, 1e12, allow_subnormal=False)


def problem(dataset: Dataset, objective: Objective) -> Problem:
    X = (dataset.X[:20, :5] >= np.median(dataset.X[:, :5], axis=0)).astype(int)
    data = Dataset("bits", X, dataset.y[:20], (20, 0, 0))
    return Problem(data, Architecture(5, (2,), 1), Integer(P=1), objective)


def same(one: MatrixMILP, other: MatrixMILP) -> None:
    """Equal up to the order of coefficients within a row."""
    for part in ("c", "row_lower", "row_upper", "lower", "upper", "integer", "indptr"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part), part)
    rows = np.repeat(np.arange(one.n_rows), np.diff(one.indptr))
    orders = [np.lexsort((m.indices, rows)) for m in (one, other)]
    np.testing.assert_array_equal(one.indices[orders[0]], other.indices[orders[1]])
    np.testing.assert_array_equal(one.data[orders[0]], other.data[orders[1]])
    assert one.offset == other.offset


def intervals(draw: Any, count: int, numbers: Any) -> Any:
    """Lower and upper ends, some open, some equal."""
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    for k in range(count):
        kind = draw(st.sampled_from(["both", "equal", "low", "high", "free"]))
        ends = sorted([draw(numbers), draw(numbers)])
        if kind in ("both", "equal", "low"):
            low[k] = ends[0]
        if kind in ("both", "high"):
            high[k] = ends[1]
        if kind == "equal":
            high[k] = ends[0]
    return low, high


@st.composite
def programs(draw: Any, sides: Any) -> MatrixMILP:
    """Any small program; blocks cover a part of the variables."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(0, 4))
    dense = np.array([[draw(FLOATS) for _ in range(n)] for _ in range(m)]).reshape(m, n)
    dense[np.abs(dense) < 1e-9] = 0
    row_lower, row_upper = intervals(draw, m, sides)
    lower, upper = intervals(draw, n, FLOATS)
    rows, columns = np.nonzero(dense)
    blocks = {"w1": (0, (n // 2, 1)), "e2": (n // 2, (n - n // 2 - 1,)), "m": (n - 1, ())}
    return MatrixMILP(
        c=np.array([draw(FLOATS) for _ in range(n)]),
        indptr=np.searchsorted(rows, np.arange(m + 1)).astype(np.int32),
        indices=columns.astype(np.int32),
        data=dense[rows, columns],
        row_lower=row_lower,
        row_upper=row_upper,
        lower=lower,
        upper=upper,
        integer=np.array([draw(st.booleans()) for _ in range(n)], dtype=bool),
        offset=draw(FLOATS),
        blocks=blocks,
    )


@settings(max_examples=60, deadline=None)
@given(programs(EIGHTHS))
def test_an_mps_file_gives_any_program_back(tmp_path_factory: Any, milp: MatrixMILP) -> None:
    path = tmp_path_factory.mktemp("files") / "a.mps"
    write_mps(milp, path)
    back = read_mps(path)
    same(milp, back)
    assert back.blocks == {k: v for k, v in milp.blocks.items() if 0 not in v[1]}


@settings(max_examples=60, deadline=None)
@given(programs(FLOATS))
def test_an_lp_file_gives_any_program_back(tmp_path_factory: Any, milp: MatrixMILP) -> None:
    path = tmp_path_factory.mktemp("files") / "a.lp"
    write_lp(milp, path)
    back = read_lp(path)
    same(milp, back)
    legal = {"e2": "_e2"}
    wanted = {legal.get(k, k): v for k, v in milp.blocks.items() if 0 not in v[1]}
    assert back.blocks == wanted
    assert max(map(len, path.read_text(encoding="ascii").splitlines())) < 255


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("objective", [Errors(), MinHinge(), LinearHinge()], ids=repr)
def test_a_file_gives_the_program_of_a_problem_and_its_blocks_back(
    suffix: str,
    objective: Objective,
    breast_cancer: Dataset,
    formulation: Callable[..., Formulation],
    tmp_path: Path,
) -> None:
    milp = formulation(objective.name).build(problem(breast_cancer, objective)).data
    write, read = FORMATS[suffix]
    write(milp, tmp_path / f"a.{suffix}")
    back = read(tmp_path / f"a.{suffix}")
    same(milp, back)
    assert back.blocks == milp.blocks


@pytest.mark.parametrize("suffix", FORMATS)
def test_another_reader_of_the_file_finds_the_same_optimum(
    suffix: str,
    breast_cancer: Dataset,
    formulation: Callable[..., Formulation],
    tmp_path: Path,
) -> None:
    model = formulation("errors").build(problem(breast_cancer, Errors()))
    path = tmp_path / f"a.{suffix}"
    FORMATS[suffix][0](model.data, path)
    reader = highspy.Highs()
    reader.setOptionValue("output_flag", False)
    reader.readModel(str(path))
    reader.run()
    ours = Highs().solve(model, Limits(time=60), 0, ignore_report)
    assert reader.getInfo().objective_function_value == pytest.approx(ours.objective, abs=1e-6)


def test_a_lp_file_of_somebody_else_is_read(tmp_path: Path) -> None:
    path = tmp_path / "other.lp"
    path.write_text(
        "maximize\n gain: 2 a + 3 b - c + 7\nsubject to\n one: a + b <= 4\n"
        "bounds\n 1 <= a <= 3\n c free\ngeneral\n a\nbinary\n b\nend\n",
        encoding="ascii",
    )
    milp = read_lp(path)
    assert milp.c.tolist() == [-2, -3, 1]
    assert milp.offset == -7
    assert milp.integer.tolist() == [True, True, False]
    assert milp.upper.tolist() == [3, 1, np.inf]
    assert milp.lower.tolist() == [1, 0, -np.inf]
    assert not milp.blocks


def test_what_is_no_linear_program_is_refused_with_the_name_of_its_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.lp: is it there"):
        read_lp(tmp_path / "none.lp")
    square = tmp_path / "square.lp"
    square.write_text("min\n obj: a + [ 2 a ^ 2 ] / 2\nst\n r: a >= 1\nend\n", encoding="ascii")
    with pytest.raises(ValueError, match="quadratic"):
        read_lp(square)


def test_names_that_lp_does_not_allow_are_replaced_unless_they_clash(tmp_path: Path) -> None:
    milp = MatrixMILP(
        c=np.ones(2),
        indptr=np.array([0, 2], dtype=np.int32),
        indices=np.arange(2, dtype=np.int32),
        data=np.ones(2),
        row_lower=np.ones(1),
        row_upper=np.full(1, np.inf),
        lower=np.zeros(2),
        upper=np.ones(2),
        integer=np.ones(2, dtype=bool),
        blocks={"b[1].x": (0, (1,)), "y": (1, (1,))},
    )
    write_lp(milp, tmp_path / "a.lp")
    assert read_lp(tmp_path / "a.lp").blocks == {"b_1_.x": (0, (1,)), "y": (1, (1,))}
    clash = replace(milp, blocks={"b[1]": (0, (1,)), "b(1)": (1, (1,))})
    with pytest.raises(ValueError, match=r"b\[1\] and b\(1\)"):
        write_lp(clash, tmp_path / "b.lp")
