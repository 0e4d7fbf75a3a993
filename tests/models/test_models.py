from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.models import Qubo, RowBuilder, milp
from bnnbench.models.qubo import pair_order

ENTRIES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-5, 5)), max_size=12)


@given(st.lists(st.integers(-5, 5), min_size=4, max_size=4), ENTRIES, st.integers(-3, 3))
def test_qubo_terms_keep_their_energy(linear, entries, offset):
    """Repeated, mirrored and diagonal pairs collapse without changing any state's energy."""
    rows, cols, values = (np.array([e[i] for e in entries], dtype=int) for i in range(3))
    qubo = Qubo.from_terms(4, np.array(linear, float), rows, cols, values.astype(float),
                           offset=float(offset))  # fmt: skip
    states = np.array(list(itertools.product((0, 1), repeat=4)))
    expected = [
        offset
        + sum(c * x for c, x in zip(linear, state, strict=True))
        + sum(v * state[i] * state[j] for i, j, v in entries)
        for state in states.tolist()
    ]
    assert qubo.energy(states) == pytest.approx(expected)
    assert qubo.energy(states[3]) == pytest.approx([expected[3]])
    assert (qubo.rows < qubo.cols).all()
    pairs = list(zip(qubo.rows.tolist(), qubo.cols.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert (qubo.values != 0).all()
    assert qubo.n == 4


@pytest.mark.parametrize("n", [1, 300, 2**16 + 5, 2**33])
def test_pairs_are_ordered_by_their_numbers(n):
    rng = np.random.default_rng(n)
    low, high = rng.integers(0, n, (2, 500))
    assert np.array_equal(pair_order(low, high, n), np.lexsort((high, low)))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float64, bool])
def test_energies_do_not_depend_on_the_type_or_the_chunks_of_states(monkeypatch, dtype):
    monkeypatch.setattr("bnnbench.models.qubo.GATHERED", 7)
    rng = np.random.default_rng(0)
    rows, cols = np.triu_indices(6, 1)
    qubo = Qubo(rng.normal(size=6), rows, cols, rng.normal(size=15), offset=2.0)
    states = rng.integers(0, 2, (4, 6))
    full = np.zeros((6, 6))
    full[rows, cols] = qubo.values
    expected = [x @ full @ x + x @ qubo.linear + 2.0 for x in states]
    assert qubo.energy(states.astype(dtype)) == pytest.approx(expected)


def program():
    """x in [0, 4]^2 integer, y in [0, 1] real; x0 + 2 x1 - y <= 4 and x0 >= 1."""
    builder = RowBuilder()
    x = builder.variables("x", (2,), 0, 4, integer=True, cost=[1, 2])
    y = builder.variables("y", (), 0, 1, cost=-3)
    columns = np.concatenate([x, y.reshape(1)])
    builder.rows((1,), [(columns[None, :], [1, 2, -1])], -np.inf, 4)
    builder.rows((2,), [(x[:, None], [[1], [0]])], [1, -np.inf], np.inf)
    return builder.build(offset=7)


def test_a_program_by_hand():
    m = program()
    assert (m.n_cols, m.n_rows, m.nnz) == (3, 3, 4)
    assert m.columns("x").tolist() == [0, 1]
    assert m.columns("y").shape == ()
    point = np.array([2.0, 1.0, 0.5])
    assert m.view("x", point).tolist() == [2, 1]
    assert m.objective(point) == 2 + 2 - 1.5 + 7
    assert m.integer.tolist() == [True, True, False]
    assert m.indptr.tolist() == [0, 3, 4, 4]


@pytest.mark.parametrize(
    ("point", "violation"),
    [((2, 1, 0.5), 0), ((4, 1, 0.5), 1.5), ((0, 0, 0), 1), ((1.25, 1, 0), 0.25), ((2, 0, 3), 2),
     ((1, -2, 0), 2)],
)  # fmt: skip
def test_violations(point, violation):
    assert program().violation(np.array(point)) == pytest.approx(violation)


def test_an_empty_program():
    m = RowBuilder().build()
    assert (m.n_cols, m.n_rows, m.nnz) == (0, 0, 0)
    assert m.violation(np.zeros(0)) == 0
    assert m.objective(np.zeros(0)) == 0


def test_a_builder_gives_its_program_away_once():
    builder = RowBuilder()
    x = builder.variables("x", (2,), 0, 1)
    first = builder.build()
    with pytest.raises(RuntimeError, match="given away"):
        builder.build()
    assert first.columns("x").tolist() == x.tolist()


def test_a_block_that_is_made_in_pieces_is_the_same_block(monkeypatch):
    rng = np.random.default_rng(0)
    A = rng.integers(-1, 2, (50, 3, 4))
    programs = []
    for piece in (1, 20, 1 << 16):
        monkeypatch.setattr(milp, "PIECE", piece)
        builder = RowBuilder()
        x = builder.variables("x", (50, 3, 4), 0, np.arange(4))
        y = builder.variables("y", (), 0, 1, cost=2)
        builder.rows((50, 3), [(x, A), (y, 1)], -np.inf, np.arange(3))
        builder.rows((), [(x[0, 0], [1, 2, 3, 4])], 0, 0)
        programs.append(builder.build())
    for other in programs[1:]:
        for part in ("indptr", "indices", "data", "row_upper", "upper", "c"):
            assert np.array_equal(getattr(programs[0], part), getattr(other, part))
    assert programs[0].nnz == np.count_nonzero(A) + 50 * 3 + 4


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**16))
def test_blocks_of_rows_are_the_sums_they_spell(n, k, seed):
    """Rows (i, j): sum_t A_ijt x_ijt + 2 y_j, built by broadcasting."""
    rng = np.random.default_rng(seed)
    builder = RowBuilder()
    x = builder.variables("x", (n, 2, k), -9, 9)
    y = builder.variables("y", (2,), -9, 9)
    A = rng.integers(-1, 2, (n, 2, k))
    builder.rows((n, 2), [(x, A), (y[None, :, None], 2)], 0, 0)
    m = builder.build()
    point = rng.integers(-3, 4, m.n_cols).astype(float)
    expected = (A * m.view("x", point)).sum(axis=2) + 2 * m.view("y", point)[None, :]
    assert m.violation(point) == pytest.approx(np.abs(expected).max())
    assert m.nnz == np.count_nonzero(A) + 2 * n
