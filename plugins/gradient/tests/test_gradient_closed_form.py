from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest
from bnnbench_gradient import closed_form
from bnnbench_gradient.closed_form import QuantisationError, explained, quantise
from bnnbench_gradient.cut_search import best_cuts
from bnnbench_gradient.layer_budget import allocate
from bnnbench_gradient.rivals import approximate
from hypothesis import given, settings
from hypothesis import strategies as st

W1 = (0.9, -0.4, 0.1, -0.2, 0.6, -1.3, 0.05, -0.1)
W2 = (3, 3, -1, -1, -1, 0, -1, -2)
W3 = (10, 4, 4, 4, 4, 4, 4, -6)
CONSTRAINTS = ("exactly", "at-most")

vectors = st.lists(
    st.one_of(st.integers(-3, 3), st.floats(-10, 10, width=32)), min_size=1, max_size=12
).map(lambda w: np.array(w, dtype=float))


@pytest.mark.parametrize(
    ("w", "constraint", "k", "mask", "alpha", "beta", "sse"),
    [
        (W1, "exactly", 2, "01000100", 0.225, -0.85, 1.33375),
        (W1, "at-most", 2, "00000100", 0.135714, -1.3, 1.263571),
        (W1, "exactly", 4, "10101010", -0.5, 0.4125, 1.401875),
        (W1, "at-most", 4, "00000100", 0.135714, -1.3, 1.263571),
        (W2, "exactly", 2, "11000000", -1, 3, 2),
        (W2, "at-most", 2, "11000000", -1, 3, 2),
        (W2, "at-most", 4, "11000000", -1, 3, 2),
        (W2, "exactly", 3, "11000100", -1.2, 2, 6.8),
        (W2, "exactly", 4, "11100100", -1.25, 1.25, 13.5),
        (W3, "exactly", 1, "00000001", 4.857143, -6, 30.857143),
        (W3, "at-most", 4, "00000001", 4.857143, -6, 30.857143),
        (W3, "exactly", 2, "00000011", 5, -1, 80),
        (W3, "exactly", 4, "11110000", 1.5, 5.5, 102),
    ],
)
def test_check_values(w, constraint, k, mask, alpha, beta, sse):
    found = quantise(w, k, constraint)
    assert "".join(map(str, found.mask.astype(int))) == mask
    assert (found.alpha, found.beta, found.sse) == pytest.approx((alpha, beta, sse), abs=1e-6)


def test_the_curve_has_several_peaks():
    curve = explained((1, -1, -1, -3, -3))
    assert curve.top == pytest.approx([0, 7.2, 6.533333, 8.533333, 3.2, 0], abs=1e-6)
    assert explained(W1).total == pytest.approx(3.067188, abs=1e-6)


def by_enumeration(w):
    """Least squared error over all masks by number of ones; and with beta >= alpha alone."""
    either, top = np.full(len(w) + 1, np.inf), np.full(len(w) + 1, np.inf)
    masks = np.array(list(product([False, True], repeat=len(w))))
    k, others = masks.sum(1), (~masks).sum(1)
    beta, alpha = masks @ w / np.maximum(k, 1), ~masks @ w / np.maximum(others, 1)
    beta, alpha = np.where(k == 0, alpha, beta), np.where(others == 0, beta, alpha)
    sse = np.square(w - np.where(masks, beta[:, None], alpha[:, None])).sum(1)
    np.minimum.at(either, k, sse)
    up = beta >= alpha - 1e-12
    np.minimum.at(top, k[up], sse[up])
    return either, top


def test_equal_to_exhaustive_search_on_1000_vectors():
    rng = np.random.default_rng(0)
    for case in range(1000):
        n = int(rng.integers(1, 13 if case % 10 == 0 else 9))
        kinds = (rng.normal(size=n), rng.integers(-2, 3, n) / 2, rng.exponential(size=n) ** 2)
        w = np.asarray(kinds[case % 3], dtype=float)
        for orientation, least in zip(("either", "top"), by_enumeration(w), strict=True):
            for k in range(n + 1):
                exactly = quantise(w, k, "exactly", orientation)
                most = quantise(w, k, "at-most", orientation)
                assert exactly.ones == k
                assert most.ones <= k
                assert exactly.sse == pytest.approx(least[k], abs=1e-9)
                assert most.sse == pytest.approx(least[: k + 1].min(), abs=1e-9)
                for found in (exactly, most):
                    assert found.sse == pytest.approx(np.square(w - found.values).sum(), abs=1e-12)
                    assert orientation == "either" or found.beta >= found.alpha - 1e-12


@given(w=vectors, data=st.data(), constraint=st.sampled_from(CONSTRAINTS))
@settings(deadline=None)
def test_invariances(w, data, constraint):
    k = data.draw(st.integers(0, len(w)))
    found = quantise(w, k, constraint)
    order = data.draw(st.permutations(range(len(w))))
    size = 1e-9 * max(1.0, float(np.square(w).sum()))
    assert quantise(w[order], k, constraint).sse == pytest.approx(found.sse, abs=size)
    moved = quantise(4 * w - 8, k, constraint)
    assert moved.sse == pytest.approx(16 * found.sse, abs=100 * size)
    if np.array_equal(moved.mask, found.mask):
        wanted = (4 * found.alpha - 8, 4 * found.beta - 8)
        assert (moved.alpha, moved.beta) == pytest.approx(wanted)
    errors = [quantise(w, j, "at-most").sse for j in range(len(w) + 1)]
    assert all(b <= a + size for a, b in pairwise(errors))


def test_a_transformed_vector_has_transformed_values():
    w = np.random.default_rng(1).normal(size=500)
    for k in (30, 250, 500):
        found, moved = quantise(w, k), quantise(3 * w + 7, k)
        assert np.array_equal(found.mask, moved.mask)
        assert (moved.alpha, moved.beta) == pytest.approx((3 * found.alpha + 7, 3 * found.beta + 7))


def test_degenerate_cases():
    w = np.array([1.0, 2.0, 6.0])
    for constraint, k in (("exactly", 0), ("at-most", 0), ("exactly", 3)):
        found = quantise(w, k, constraint)
        assert (found.ones, found.alpha, found.beta) == (k, 3, 3)
        assert found.sse == 14
    for value in (0.0, 0.1, -1e300):
        flat = quantise([value] * 5, 2, "exactly")
        assert flat.mask.tolist() == [True, True, False, False, False]
        assert flat.sse == 0
        assert quantise([value] * 5, 2).ones == 0
    assert quantise([7]).alpha == 7


def test_symmetric_ties_go_to_fewer_and_largest():
    w = np.array([0.1, -0.1, 0.3, -0.3, 0.0])
    for k in (1, 2):
        assert quantise(w, k, "exactly").beta > 0
    assert quantise(w).mask.tolist() == [True, False, True, False, False]


def test_refusals():
    for w in ([], [1.0, np.nan], [np.inf], [[1.0, 2.0]]):
        with pytest.raises(QuantisationError, match="Weights must be"):
            quantise(w)
    for k in (-1, 3):
        with pytest.raises(QuantisationError, match=r"k must lie in 0\.\.2"):
            quantise([1, 2], k)
    with pytest.raises(QuantisationError, match="constraint must be one of exactly, at-most"):
        quantise([1, 2], 1, "about")
    with pytest.raises(QuantisationError, match="orientation"):
        quantise([1, 2], 1, "exactly", "bottom")


def test_float32_weights_are_summed_in_float64():
    w = np.random.default_rng(2).normal(1000, 1, 100_000).astype(np.float32)
    narrow, wide = quantise(w, 5000), quantise(w.astype(np.float64), 5000)
    assert np.array_equal(narrow.mask, wide.mask)
    assert narrow.sse == pytest.approx(wide.sse, rel=1e-9)


SHAPES = {
    "normal": lambda rng, n: rng.normal(1000, 1, n),
    "exponential": lambda rng, n: -rng.exponential(size=n),
    "two-heaps": lambda rng, n: np.where(rng.random(n) < 0.1, 5, 0) + rng.normal(0, 0.01, n),
    "outliers": lambda rng, n: rng.standard_cauchy(n) ** 3,
    "symmetric": lambda rng, n: (
        np.repeat(np.abs(rng.normal(size=n // 2)), 2) * np.tile([1, -1], n // 2)
    ),
    "wide": lambda rng, n: 10.0 ** rng.uniform(-60, 40, n) * rng.choice([-1, 1], n),
    "far": lambda rng, n: rng.normal(1e8, 1, n),
    "few-values": lambda rng, n: rng.integers(-2, 3, n) / 4,
    "almost-flat": lambda rng, n: np.eye(1, n)[0],
    "float32": lambda rng, n: rng.laplace(size=n).astype(np.float32),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
@pytest.mark.parametrize("orientation", ["either", "top"])
def test_searching_a_long_vector_equals_sorting_it(shape, orientation, monkeypatch):
    w = SHAPES[shape](np.random.default_rng(8), 20_000)
    sizes = (0, 1, 2, 150, 2_000, 9_999, 10_000, 19_999, 20_000)
    searched = [quantise(w, k, "at-most", orientation) for k in sizes]
    monkeypatch.setattr(closed_form, "LONG", math.inf)
    for k, found in zip(sizes, searched, strict=True):
        wanted = quantise(w, k, "at-most", orientation)
        assert np.array_equal(found.mask, wanted.mask), k
        assert (found.alpha, found.beta) == pytest.approx((wanted.alpha, wanted.beta), rel=1e-9)
        assert found.sse == pytest.approx(wanted.sse, rel=1e-9, abs=1e-9)


def test_few_entries_remain_to_be_sorted():
    w = np.random.default_rng(9).normal(size=50_000)
    for most in (50_000, 5_000, 500):
        assert best_cuts(w, (w.min(), w.max()), most, bottom=True) is not None
    assert best_cuts(np.append(w, 1e9), (w.min(), 1e9), 20_000, bottom=False) is not None
    tiny = np.append(np.zeros(50_000), 5e-324)
    assert best_cuts(tiny, (0.0, 5e-324), 10, bottom=True) is None
    assert quantise(tiny, 10).sse == 0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_single_wrong_entry_of_a_long_vector_is_refused(wrong):
    for place in (0, 12_345, 20_000):
        w = np.insert(np.random.default_rng(10).normal(size=20_000), place, wrong)
        with pytest.raises(QuantisationError, match="finite"):
            quantise(w)


def test_no_worse_than_kmeans_on_digit_pixels(digits):
    from sklearn.cluster import KMeans

    pixels = digits.part("train")[0].astype(float).ravel()
    rival = KMeans(2, random_state=0).fit(pixels[:, None])
    assert quantise(pixels).sse <= rival.inertia_ * (1 + 1e-12)


def test_layers_share_one_budget_as_by_enumeration():
    rng = np.random.default_rng(3)
    for _ in range(30):
        layers = [rng.choice([rng.normal(size=4), rng.integers(-2, 3, 4) * 1.0]) for _ in range(3)]
        single = [by_enumeration(w)[0] for w in layers]
        least = np.full(13, np.inf)
        for ks in product(range(5), repeat=3):
            cost = sum(s[k] for s, k in zip(single, ks, strict=True))
            least[sum(ks)] = min(least[sum(ks)], cost)
        for budget in range(13):
            exactly = allocate(layers, budget, "exactly")
            assert sum(exactly.ones) == budget
            assert exactly.sse == pytest.approx(least[budget], abs=1e-9)
            most = allocate(layers, budget)
            assert sum(most.ones) <= budget
            assert most.sse == pytest.approx(least[: budget + 1].min(), abs=1e-9)
            assert sum(q.sse for q in most.layers) == pytest.approx(most.sse)
            for constraint, best in (("exactly", least[budget]), ("at-most", most.sse)):
                relaxed = allocate(layers, budget, constraint, method="lagrangian")
                total = sum(relaxed.ones)
                assert total == budget if constraint == "exactly" else total <= budget
                assert best - 1e-9 <= relaxed.sse <= best + relaxed.gap + 1e-9


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("normalise", [False, True])
def test_the_relaxation_is_tight_on_wide_layers(constraint, normalise):
    rng = np.random.default_rng(4)
    layers = [rng.normal(0, s, n) for s, n in ((1, 600), (0.2, 900), (3, 300))]
    exact, relaxed = (
        allocate(layers, 180, constraint, normalise=normalise, method=m)
        for m in ("exact", "lagrangian")
    )
    assert (exact.method, exact.gap) == ("exact", 0)
    assert exact.sse - 1e-9 <= relaxed.sse <= exact.sse * 1.001
    assert relaxed.sse - exact.sse <= relaxed.gap + 1e-9
    assert relaxed.gap <= 0.01 * exact.sse


def test_normalised_layers_do_not_compete_by_their_scale():
    rng = np.random.default_rng(5)
    small, large = rng.normal(size=200), 100 * rng.normal(size=200)
    plain, fair = (allocate([small, large], 30, normalise=n) for n in (False, True))
    assert plain.ones[0] <= 2
    assert min(fair.ones) >= 8
    flat = allocate([np.ones(5), small], 10, "exactly", normalise=True)
    assert flat.layers[0].sse == 0


def test_large_networks_are_relaxed_and_budgets_checked():
    rng = np.random.default_rng(6)
    layers = [rng.normal(size=20_000), rng.laplace(size=30_000)]
    found = allocate(layers, 5000)
    assert found.method == "lagrangian"
    assert sum(found.ones) <= 5000
    assert found.gap <= 1e-4 * found.sse
    free = allocate(layers, 50_000, method="lagrangian")
    assert free.sse == pytest.approx(sum(quantise(w).sse for w in layers))
    assert free.gap == 0
    for budget in (-1, 50_001):
        with pytest.raises(QuantisationError, match="budget must lie in"):
            allocate(layers, budget)
    with pytest.raises(QuantisationError, match="method"):
        allocate(layers, 5, method="greedy")


@pytest.mark.parametrize(
    ("p", "two", "symmetric", "zero_one", "ternary"),
    [
        (0.50, 0.363, 0.363, 0.682, 0.192),
        (0.25, 0.461, 0.596, 0.596, 0.322),
        (0.10, 0.658, 0.877, 0.692, 0.575),
        (0.05, 0.776, 0.957, 0.787, 0.727),
    ],
)
def test_gaussian_weights(p, two, symmetric, zero_one, ternary):
    w = np.random.default_rng(7).normal(size=10**6)
    k, total = int(p * len(w)), float(np.square(w).sum())
    assert quantise(w, k, "exactly", "top").sse / total == pytest.approx(two, abs=0.005)
    wanted = {"symmetric": symmetric, "zero-one": zero_one, "ternary": ternary}
    for domain, figure in wanted.items():
        assert approximate(w, domain, k).sse / total == pytest.approx(figure, abs=0.005)


@given(w=vectors.filter(lambda w: len(w) <= 8), data=st.data())
@settings(deadline=None)
def test_rivals_are_optimal_for_their_masks_and_sizes(w, data):
    k = data.draw(st.integers(0, len(w)))

    def least(codes):
        codes = [np.array(c) for c in codes]
        sizes = [max(int((c != 0).sum()), 1) for c in codes]
        return (w**2).sum() - max(float(w @ c) ** 2 / s for c, s in zip(codes, sizes, strict=True))

    slack = 1e-9 * max(1.0, float((w**2).sum()))
    ternary = [c for c in product((-1, 0, 1), repeat=len(w)) if np.count_nonzero(c) == k]
    assert approximate(w, "ternary", k).sse == pytest.approx(least(ternary), abs=slack)
    ones = [c for c in product((0, 1), repeat=len(w)) if sum(c) == k]
    assert approximate(w, "zero-one", k).sse == pytest.approx(least(ones), abs=slack)
    signs = list(product((-1, 1), repeat=len(w)))
    assert approximate(w, "sign").sse == pytest.approx(least(signs), abs=slack)
    top = [c for c in signs if sum(x > 0 for x in c) == k]
    best = approximate(w, "symmetric", k)
    assert best.scale == pytest.approx(max(w @ np.array(c) for c in top) / len(w), abs=slack)
    for domain in ("ternary", "zero-one", "symmetric"):
        found = approximate(w, domain, k)
        assert found.sse == pytest.approx(np.square(w - found.values).sum(), abs=slack)
        assert np.count_nonzero(found.codes > 0 if domain == "symmetric" else found.codes) == k


def test_rivals_refuse_what_makes_no_sense():
    with pytest.raises(QuantisationError, match="sign takes no k"):
        approximate([1, 2], "sign", 1)
    with pytest.raises(QuantisationError, match="ternary needs k"):
        approximate([1, 2], "ternary")
    with pytest.raises(QuantisationError, match=r"0\.\.2"):
        approximate([1, 2], "ternary", 3)
    with pytest.raises(QuantisationError, match="domain must be one of"):
        approximate([1, 2], "quaternary", 1)
