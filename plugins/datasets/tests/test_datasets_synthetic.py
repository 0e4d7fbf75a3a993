import hashlib
from itertools import product

import numpy as np
import pytest
from bnnbench_datasets.synthetic.planted import reference_network
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.domain import Integer
from bnnbench.errors import DataError
from bnnbench.objectives import Errors, Hamming
from bnnbench.problem import Problem
from bnnbench.table import TEST, Table, finish


def test_kb_random_check_values(table_of):
    t = table_of("kb-random[n=10,m=1000,seed=0]")
    assert np.allclose(t.X[0, :3], [6.36961687, 2.69786714, 0.40973524])
    assert np.allclose(t.X[1, :3], [-0.027385, -8.57404277, -0.33585575])
    assert np.allclose(t.X[2, :3], [0.34124883, 0.29437902, 0.23077022])
    assert t.y[:12].tolist() == [1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1]
    assert int(t.y.sum()) == 500
    assert t.X.sum() == pytest.approx(481.907036839, abs=1e-8)
    digest = hashlib.sha256(np.ascontiguousarray(t.X, dtype="<f8").tobytes()).hexdigest()
    assert digest == "665d51bce2c2febc2a8b1a1fa4c22cee183f55d2a7bb37ec1bccc7ac6618dfaa"
    wide = table_of("kb-random[n=100,m=200]")
    assert int(wide.y.sum()) == 101
    assert wide.X.sum() == pytest.approx(-59.218855461, abs=1e-8)


def test_kb_random_noise_share(table_of):
    t = table_of("kb-random[n=2,m=400,noise_share=0.25]")
    coin = np.abs(t.X).max(axis=1) <= 1
    assert coin[3::4].all()
    assert t.y[[0, 1, 2, 4, 5, 6]].tolist() == [1, 0, 1, 0, 1, 0]
    clean = table_of("kb-random[n=2,m=400,noise_share=0]")
    assert ((clean.X > 0).all(axis=1) == (clean.y == 1)).all()


PLANTED = "planted[n=6,h=2,N=12,mo=1,seed=0,dup={}]"


def test_planted_check_instance(table_of):
    t = table_of(PLANTED.format(3))
    one, two = reference_network(t).layers
    assert one.weights.tolist() == [[1, -1], [1, 0], [-1, 1], [-1, 1], [0, 1], [-1, 1]]
    assert one.bias.tolist() == [-1, 0]
    assert (two.weights.tolist(), two.bias.tolist()) == ([[0], [1]], [0])
    points = [[-1, -1, 1, -1, -1, -1], [1, 1, 1, 1, -1, -1], [1, 1, 1, -1, 1, 1]]
    assert t.X[:3].tolist() == points
    assert t.y[:12].tolist() == [0, 0, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1]
    assert t.source_rows[12:].tolist() == [0, 11, 5]
    assert t.y[12:].tolist() == [1, 0, 0]
    assert np.array_equal(t.X[12:], t.X[[0, 11, 5]])
    assert t.notes["source_optimum_errors"] == "3"


@pytest.mark.parametrize(
    "text",
    [
        "planted[n=20,h=3,N=100,seed=1]",
        "planted[n=9,h=(4,3),N=40,weights=binary,mo=2,seed=2]",
        "planted[n=12,h=5,N=60,outputs=3,P=2,inputs=byte,mo=1,seed=3]",
        "planted[n=8,h=6,N=30,outputs=3,allgood=true,seed=4]",
        "planted[n=8,h=4,N=30,inputs=unit4,seed=4]",
        "planted[n=20,h=3,N=100,seed=1,live=true,dup=7]",
        "planted[n=20,h=3,N=100,seed=1,noise=7]",
    ],
)
def test_planted_network_reaches_what_is_promised(table_of, text):
    t = table_of(text)
    network = reference_network(t)
    dataset = finish(t, text)
    P = 2 if "P=2" in text else 1
    problem = Problem(dataset, network.architecture, Integer(P=P), Errors())
    promised = int(t.notes.get("source_optimum_errors", t.notes.get("source_errors_at_most", "")))
    assert problem.outside(network) is None
    assert problem.evaluate(network).value == promised
    if "dup" in text:
        assert problem.lower_bound == promised
    if "allgood" in text:
        hamming = Problem(dataset, network.architecture, Integer(P=P), Hamming())
        assert hamming.evaluate(network).value == 0
    if "live" in text:
        assert network.layers[1].weights.all()


def test_planted_points_are_distinct_with_the_margin(table_of):
    t = table_of("planted[n=7,h=3,N=50,mo=2,seed=5]")
    assert len(np.unique(t.X, axis=0)) == 50
    assert np.abs(reference_network(t).forward(t.X).output).min() >= 2
    assert np.bincount(t.y).min() >= 12.5


def test_planted_that_does_not_exist(table_of):
    with pytest.raises(DataError, match="no network in 100 attempts gives 10 points"):
        table_of("planted[n=2,h=1,N=10]")
    with pytest.raises(DataError, match="not both"):
        table_of("planted[n=6,h=2,N=12,dup=1,noise=1]")


def unit_functions(X: np.ndarray, P: int = 1) -> np.ndarray:
    """All different sign patterns of one unit with weights and bias in -P..P: shape (k, points)."""
    values = np.arange(-P, P + 1)
    grid = np.array(list(product(values, repeat=X.shape[1] + 1)))
    z = grid[:, :-1] @ X.T + grid[:, -1:]
    return np.unique(np.where(z >= 0, 1, -1), axis=0)


def fewest_errors(X: np.ndarray, y: np.ndarray, h: int) -> int:
    """Optimum over all d-h-1 networks with weights and biases in {-1, 0, 1}, by enumeration."""
    units = unit_functions(np.asarray(X, dtype=np.int64))
    wanted = np.where(y == 1, 1, -1)
    # Signed copies and 0, so that the output is a plain sum with a bias.
    terms = np.unique(np.concatenate([units, -units, 0 * units[:1]]), axis=0)
    sums = terms
    for _ in range(h - 1):
        sums = np.unique((sums[:, None, :] + terms[None, :, :]).reshape(-1, len(y)), axis=0)
    best = len(y)
    for bias in (-1, 0, 1):
        signs = np.where(sums + bias >= 0, 1, -1)
        best = min(best, int((signs != wanted).sum(axis=1).min()))
    return best


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("r", [0, 1, 3, 5])
def test_duplicates_are_exactly_the_optimum(table_of, r, seed):
    t = table_of(f"planted[n=4,h=2,N=10,seed={seed},dup={r}]")
    assert fewest_errors(t.X, t.y, 2) == r


def test_dup_of_any_table_proves_its_errors(dataset_of):
    data = dataset_of("digits | split[train=0.5] | dup[r=25,seed=1]")
    assert data.sizes[0] == 899 + 25
    counts = data.group_counts
    assert int((counts.sum(axis=1) - counts.max(axis=1)).sum()) == 25


@given(
    labels=st.lists(st.integers(0, 3), min_size=8, max_size=30),
    r=st.integers(0, 8),
    seed=st.integers(0, 5),
)
@settings(max_examples=30)
def test_noise_changes_exactly_r_training_labels(labels, r, seed):
    from bnnbench_datasets.synthetic.labels import noise

    y = np.array([*labels, 0, 1, 2, 3])
    part = np.zeros(len(y), dtype=int)
    part[-4:] = TEST
    t = Table(X=np.arange(len(y))[:, None], y=y, part=part, classes=("a", "b", "c", "d"))
    noisy = noise(t, r=r, seed=seed)
    assert int((noisy.y != y).sum()) == r
    assert np.array_equal(noisy.y[-4:], y[-4:])
    assert set(noisy.y.tolist()) <= {0, 1, 2, 3}


def test_noise_needs_one_amount(table_of):
    assert (table_of("iris").y != table_of("iris | noise[eta=0.1]").y).sum() == 15
    for text in ("noise", "noise[r=1,eta=0.1]", "noise[r=151]", "dup[r=151]"):
        with pytest.raises(DataError, match=text.split("[")[0]):
            table_of(f"iris | {text}")


@pytest.mark.parametrize(
    ("f", "n", "ones"),
    [
        ("parity", 4, 8),
        ("majority", 5, 16),
        ("and", 3, 1),
        ("or", 3, 7),
        ("multiplexer", 6, 32),
        ("threshold,k=3", 4, 5),
    ],
)
def test_boolean_functions(table_of, f, n, ones):
    t = table_of(f"boolean[f={f},n={n}]")
    assert t.X.shape == (2**n, n)
    assert len(np.unique(t.X, axis=0)) == 2**n
    assert int(t.y.sum()) == ones


def test_multiplexer_follows_its_address(table_of):
    t = table_of("boolean[f=multiplexer,n=6]")
    for x, y in zip(t.X.tolist(), t.y.tolist(), strict=True):
        address = 2 * (x[0] == 1) + (x[1] == 1)
        assert (x[2 + address] == 1) == bool(y)


@pytest.mark.parametrize(
    ("f", "n", "h", "optimum"),
    [
        ("parity", 2, 1, 1),
        ("parity", 2, 2, 0),
        ("parity", 3, 1, 2),
        ("parity", 3, 2, 1),
        ("parity", 3, 3, 0),
        ("parity", 4, 1, 5),
        ("majority", 3, 1, 0),
    ],
)
def test_known_optima_of_boolean_functions(table_of, f, n, h, optimum):
    t = table_of(f"boolean[f={f},n={n}]")
    assert fewest_errors(t.X, t.y, h) == optimum


def test_boolean_functions_that_do_not_exist(table_of):
    for text in ("f=majority,n=4", "f=multiplexer,n=5", "f=threshold,n=3", "f=xor,n=2"):
        with pytest.raises(DataError):
            table_of(f"boolean[{text}]")


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_bars_and_stripes(table_of, k):
    t = table_of(f"bars-stripes[k={k}]")
    images = t.X.reshape(-1, k, k)
    assert len(images) == 2 * (2**k - 2) == len(np.unique(t.X, axis=0))
    rows_constant = (images == images[:, :, :1]).all(axis=(1, 2))
    assert np.array_equal(rows_constant, t.y == 1)
    assert set(np.unique(t.X)) == {0, 1}
    assert set(np.unique(table_of(f"bars-stripes[k={k},pm1=true]").X)) == {-1, 1}


def test_flipped_bars_and_stripes(table_of, dataset_of):
    clean, noisy = (table_of(f"bars-stripes[k=5,flip={p}]").X for p in (0, 0.1))
    assert 0.05 < (clean != noisy).mean() < 0.15
    data = dataset_of("bars-stripes[k=4] | sample[n=12,seed=3]")
    assert data.sizes == (12, 0, 16)
    assert sorted(data.rows.tolist()) == list(range(28))


@pytest.mark.parametrize(("m", "sizes"), [(3, (32, 0, 480)), (4, (32, 0, 100)), (5, (32, 0, 100))])
def test_teacher(table_of, m, sizes):
    t = table_of(f"teacher[m={m},N=32,test=100,seed=1]")
    data = finish(t, "teacher")
    assert data.sizes == sizes
    assert t.X.shape[1] == m * m + (m % 2 == 0)
    assert len(np.unique(t.X, axis=0)) == len(t.y)
    assert 0.35 <= t.y.mean() <= 0.65
    network = reference_network(t)
    output = network.forward(t.X).output[:, 0]
    assert (output != 0).all()
    assert np.array_equal(output > 0, t.y == 1)


def test_teacher_noise_is_in_training_labels_only(table_of):
    clean, noisy = (table_of(f"teacher[N=40,noise={p},seed=2]") for p in (0, 0.15))
    changed = clean.y != noisy.y
    assert changed[:40].sum() == 6
    assert not changed[40:].any()
    assert noisy.notes["source_errors_at_most"] == "6"
    with pytest.raises(DataError, match="odd"):
        table_of("teacher[h=4]")
    with pytest.raises(DataError, match="more than half"):
        table_of("teacher[m=4,N=40000]")
