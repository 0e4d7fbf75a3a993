from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, random_masks, skip_connections
from bnnbench.domain import Binary, FixedPoint, Integer
from bnnbench.errors import NetworkError, ProblemError
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors, Hamming, SignErrors, SquaredHinge

EXACT = BnnQubo(penalty="exact")


def all_states(model, bits):
    """Every state that has these weight bits."""
    free = model.data.n - len(bits)
    aux = ((np.arange(2**free)[:, None] >> np.arange(free)) & 1).astype(np.int8)
    return np.concatenate([np.broadcast_to(np.array(bits, np.int8), (2**free, len(bits))), aux], 1)


CASES = {
    "odd": {"hidden": (1,)},
    "even output": {"N": 1, "hidden": (2,)},
    "odd with bias": {"N": 1, "d": 2, "hidden": (2,), "bias": "same"},
    "even everywhere": {"N": 1, "d": 2, "hidden": (2,)},
    "two outputs": {"N": 1, "d": 1, "hidden": (2,), "outputs": 2},
    "two outputs with bias": {"N": 1, "hidden": (1,), "outputs": 2, "bias": "same"},
    "0/1 inputs": {"d": 4, "hidden": (1,), "values": (0, 1)},
    "0/1 inputs with bias": {"N": 1, "d": 2, "hidden": (2,), "values": (0, 1), "bias": "same"},
    "inputs half the bias": {"hidden": (1,), "values": (-1, 1), "scale": 2, "bias": "same"},
    "many-valued inputs": {"hidden": (1,), "values": (-2, 0, 3)},
    "step": {"N": 1, "d": 2, "hidden": (2,), "activation": "step"},
    "two hidden layers": {"N": 2, "d": 1, "hidden": (2, 1)},
    "skip": {"N": 1, "d": 2, "hidden": (2,), "connections": skip_connections(2, [(0, 2)])},
    "no hidden layer": {"N": 3, "hidden": ()},
    "row errors": {"hidden": (1,), "outputs": 2, "objective": SignErrors()},
}


TOO_LARGE = {"two outputs with bias", "two hidden layers", "even everywhere", "step"}
"""Cases whose longer encodings have too many states."""


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(
    ("case", "slack"),
    [
        pytest.param(case, slack, id=f"{name}-{slack}")
        for slack in ("binary", "unary", "reflected")
        for name, case in CASES.items()
        if slack == "binary" or name not in TOO_LARGE
    ],
)
def test_the_minimum_over_auxiliaries_is_the_loss_of_every_weight_vector(
    random_problem, case, normalise, slack
):
    problem = random_problem(**case)
    model = BnnQubo(penalty="exact", normalise=normalise, slack=slack).build(problem)
    assert model.exact
    for bits in itertools.product((0, 1), repeat=model.info["weight_bits"]):
        states = all_states(model, bits)
        loss = float(problem.evaluate(model.decode(states[0])).value)
        assert model.data.energy(states).min() == pytest.approx(loss)
        completed = model.data.complete(np.array([bits], dtype=np.int8))
        assert model.data.energy(completed)[0] == pytest.approx(loss)


def test_below_the_exact_penalty_some_minimum_undershoots(random_problem):
    problem = random_problem(N=2, hidden=(2,), seed=2)
    model = BnnQubo(penalty=0.4).build(problem)
    assert not model.exact
    gaps = []
    for bits in itertools.product((0, 1), repeat=model.info["weight_bits"]):
        states = all_states(model, bits)
        loss = float(problem.evaluate(model.decode(states[0])).value)
        gaps.append(loss - model.data.energy(states).min())
    assert max(gaps) > 0.1
    assert min(gaps) > -1e-9


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_normalising_loses_no_reachable_loss(random_problem, case):
    problem = random_problem(**case)

    def losses(normalise):
        model = BnnQubo(normalise=normalise).build(problem)
        bits = itertools.product((0, 1), repeat=model.info["weight_bits"])
        return {problem.evaluate(model.decode(np.array(b))).value for b in bits}

    assert losses(True) == losses(False)


def product(p, q):
    out = {}
    for (a, x), (b, y) in itertools.product(p.items(), q.items()):
        out[a | b] = out.get(a | b, 0) + x * y
    return out


def plus(*polynomials):
    out = {}
    for p in polynomials:
        for key, value in p.items():
            out[key] = out.get(key, 0) + value
    return out


def times(factor, p):
    return {key: factor * value for key, value in p.items()}


ONE = {frozenset(): Fraction(1)}


def naive_energy(problem, penalty, normalise):
    """qubo.md section 1.3 as written: agreement counts c = tau a + s, term by term.

    One hidden layer of sign units, inputs -1/+1 or 0/1; an even count gets one more arc that
    always agrees.
    """
    X, _ = problem.dataset.part("train")
    wanted = problem.targets() > 0
    widths, bias = problem.architecture.widths, problem.domain.bias == "same"
    counter = itertools.count()

    def fresh():
        return {frozenset({next(counter)}): Fraction(1)}

    def active(k):
        return [i for i in range(widths[0]) if X[k, i]]

    odd = all((len(active(k)) + bias) % 2 == 1 for k in range(len(X)))
    w = {}
    for layer in (1, 2):
        for i in range(widths[layer - 1] + bias):
            for v in range(widths[layer]):
                fixed = normalise and odd and layer == 2 and v == 0 and i < widths[1]
                w[layer, i, v] = ONE if fixed else fresh()
    terms, hidden = [], {}
    for layer in (1, 2):
        samples, units = range(len(X)), range(widths[layer])
        arcs = {k: active(k) if layer == 1 else list(range(widths[1])) for k in samples}
        reach = {k: len(arcs[k]) + bias for k in samples}
        tau = {k: reach[k] // 2 + 1 for k in samples}
        a = {(k, v): fresh() for k in samples for v in units}
        slack = {}
        for k, v in itertools.product(samples, units):
            bits, total = (tau[k] - 1).bit_length(), 0
            for b in range(bits):
                coefficient = 2**b if b < bits - 1 else tau[k] - 1 - total
                total += coefficient
                slack.setdefault((k, v), []).append(times(coefficient, fresh()))
        q = {}
        if layer == 2:
            for k, i, v in itertools.product(samples, arcs[0], units):
                if w[2, i, v] is not ONE:
                    q[k, i, v] = fresh()
        for k, v in itertools.product(samples, units):
            parts = [ONE] if reach[k] % 2 == 0 else []
            for i in arcs[k]:
                weight = w[layer, i, v]
                if layer == 1:
                    agree = weight if X[k, i] > 0 else plus(ONE, times(-1, weight))
                elif weight is ONE:
                    agree = hidden[k, i]
                else:
                    s, h = q[k, i, v], hidden[k, i]
                    agree = plus(ONE, times(-1, weight), times(-1, h), times(2, s))
                    rosenberg = plus(
                        product(weight, h), times(-2, product(s, plus(weight, h))), times(3, s)
                    )
                    terms.append(times(penalty, rosenberg))
                parts.append(agree)
            if bias:
                parts.append(w[layer, widths[layer - 1], v])
            negative = [times(-1, s) for s in slack.get((k, v), [])]
            gap = plus(*parts, times(-tau[k], a[k, v]), *negative)
            terms.append(times(penalty, product(gap, gap)))
            if layer == 2:
                terms.append(plus(ONE, times(-1, a[k, v])) if wanted[k, v] else a[k, v])
        hidden = a
    return plus(*terms), next(counter)


@pytest.mark.parametrize("bias", ["none", "same"])
@pytest.mark.parametrize("values", [(-1, 1), (0, 1)])
@pytest.mark.parametrize(("d", "h", "outputs"), [(3, 2, 1), (4, 3, 1), (5, 3, 2), (2, 1, 3)])
@pytest.mark.parametrize("normalise", [True, False])
def test_the_builder_is_the_naive_expansion_term_by_term(
    random_problem, bias, values, d, h, outputs, normalise
):
    problem = random_problem(4, d, (h,), outputs, values=values, bias=bias)
    qubo = BnnQubo(penalty=0.25, normalise=normalise).build(problem).data
    expected, n = naive_energy(problem, Fraction(1, 4), normalise)
    built = {frozenset(): qubo.offset}
    built |= {frozenset({i}): v for i, v in enumerate(qubo.linear.tolist())}
    triples = zip(qubo.rows.tolist(), qubo.cols.tolist(), qubo.values.tolist(), strict=True)
    built |= {frozenset({i, j}): v for i, j, v in triples}
    assert qubo.n == n
    assert {k: v for k, v in built.items() if v} == {k: float(v) for k, v in expected.items() if v}


@pytest.mark.parametrize(("widths", "N"), [((9, 3, 1), 8), ((9, 9, 1), 64), ((7, 7, 1), 16)])
def test_variable_counts_are_the_published_formulas(random_problem, widths, N):
    """n = sum of weights + N (units (1 + B) + products); less with fixed output weights."""
    d, h, _ = widths
    problem = random_problem(N, d, (h,))

    def slack(fan_in):
        return ((fan_in + 1) // 2 - 1).bit_length()

    plain = d * h + h + N * (h * (1 + slack(d)) + 1 + slack(h) + h)
    fixed = d * h + N * (h * (1 + slack(d)) + 1 + slack(h))
    assert BnnQubo(normalise=False).build(problem).data.n == plain
    model = BnnQubo().build(problem)
    assert model.data.n == model.info["n"] == fixed
    assert {(9, 9, 1): 2641, (7, 7, 1): 433}.get(widths, fixed) == fixed
    roles = model.data.roles
    assert np.array_equal(np.sort(np.concatenate(list(roles.values()))), np.arange(fixed))
    assert (len(roles["weight"]), len(roles["product"])) == (d * h, 0)


@st.composite
def shapes(draw):
    hidden = tuple(draw(st.lists(st.integers(1, 4), max_size=2)))
    depth = len(hidden) + 1
    skips = draw(st.booleans()) and depth > 1
    outputs = draw(st.sampled_from([1, 2, 3]))
    objective = draw(st.sampled_from([Hamming(), SignErrors(), Errors()]))
    return {
        "N": draw(st.integers(1, 6)),
        "d": draw(st.integers(1, 6)),
        "hidden": hidden,
        "outputs": 1 if isinstance(objective, Errors) else outputs,
        "objective": objective,
        "values": draw(st.sampled_from([(-1, 1), (0, 1), (-3, 3), (-2, 0, 1, 5)])),
        "scale": draw(st.sampled_from([1, 2, 3])),
        "bias": draw(st.sampled_from(["none", "same"])),
        "activation": draw(st.sampled_from(["sign", "step"])),
        "connections": skip_connections(depth, [(0, depth)]) if skips else (),
        "seed": draw(st.integers(0, 1000)),
    }


@settings(max_examples=60, deadline=None)
@given(shape=shapes(), seed=st.integers(0, 2**32 - 1), normalise=st.booleans())
def test_the_energy_of_an_encoded_network_is_its_loss(random_problem, shape, seed, normalise):
    problem = random_problem(**shape)
    model = BnnQubo(penalty="exact", normalise=normalise).build(problem)
    rng = np.random.default_rng(seed)
    network = problem.random_network(rng)
    state = model.encode(network)
    loss = problem.evaluate(network).value
    assert model.data.energy(state)[0] == pytest.approx(float(loss))
    decoded = model.decode(state)
    assert problem.evaluate(decoded).value == loss
    assert problem.outside(decoded) is None
    noise = np.tile(state, (50, 1))
    aux = noise[:, model.info["weight_bits"] :]
    aux ^= (rng.random(aux.shape) < rng.random((50, 1))).astype(np.int8)
    assert (model.data.energy(noise) > float(loss) - 1e-6).all()
    assert problem.evaluate(model.decode(noise[0])).value == loss


def test_without_normalisation_a_network_survives_encoding_unchanged(random_problem):
    problem = random_problem(5, 4, (3, 2), 2, bias="same")
    model = BnnQubo(normalise=False).build(problem)
    network = problem.random_network(np.random.default_rng(0))
    assert model.decode(model.encode(network)).digest == network.digest


def test_masked_arcs_have_no_variables(random_problem):
    arch = Architecture(6, (4,), 2)
    connections = random_masks(arch, 0.5, seed=3)
    problem = random_problem(6, 6, (4,), 2, connections=connections)
    model = EXACT.build(problem)
    network = problem.random_network(np.random.default_rng(1))
    state = model.encode(network)
    assert model.info["weight_bits"] + model.info["fixed_weights"] == problem.architecture.n_weights
    assert model.data.energy(state)[0] == float(problem.evaluate(network).value)
    assert problem.outside(model.decode(state)) is None


@pytest.mark.parametrize("values", [(-1, 1), (0, 1)])
def test_the_margin_term_is_the_mean_relative_margin(random_problem, values):
    problem = random_problem(6, 5, (3,), 1, values=values, bias="same")
    model = BnnQubo(margin=0.5, penalty="exact").build(problem)
    network = problem.random_network(np.random.default_rng(2))
    X, _ = problem.dataset.part("train")
    got = total = 0
    for layer, pre in enumerate(network.forward(X).pre):
        reach = (np.abs(X).sum(axis=1) if layer == 0 else np.full(len(X), 3)) + 1
        # an even reach gets one arc that always agrees, so |P + 1| = 2 m + 1
        got += ((np.abs(pre + (reach % 2 == 0)[:, None]) - 1) // 2).sum()
        total += (reach // 2).sum() * pre.shape[1]
    loss = float(problem.evaluate(network).value)
    energy = model.data.energy(model.encode(network))[0]
    assert energy == pytest.approx(loss - 0.5 * got / total)
    assert not model.exact
    assert model.info["lambda"] == model.info["exact_lambda"] > 1


def test_the_margin_bound_keeps_the_minimum_over_auxiliaries(random_problem):
    problem = random_problem(2, 3, (2,), seed=4)
    model = BnnQubo(margin=2.0, penalty="exact").build(problem)
    for bits in itertools.product((0, 1), repeat=model.info["weight_bits"]):
        completed = model.data.complete(np.array([bits], dtype=np.int8))
        least = model.data.energy(all_states(model, bits)).min()
        assert least == pytest.approx(model.data.energy(completed)[0])


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_the_hard_loss_is_zero_exactly_where_every_row_fits(random_problem, margin):
    problem = random_problem(3, 3, (2,), seed=5)
    plain = BnnQubo(loss="hard").build(problem)
    model = BnnQubo(loss="hard", margin=margin).build(problem)
    assert not model.exact
    assert model.info["n"] == BnnQubo().build(problem).info["n"] - 3
    for bits in itertools.product((0, 1), repeat=model.info["weight_bits"]):
        states = all_states(model, bits)
        penalties = plain.data.energy(states)
        errors = problem.evaluate(model.decode(states[0])).value
        assert (penalties.min() < 1e-9) == (errors == 0)
        rewards = penalties - model.data.energy(states)
        assert rewards.min() > -1e-9
        assert rewards.max() < margin + 1e-9


def test_integer_weights_are_a_restriction_to_plus_and_minus_one(random_problem):
    problem = random_problem(4, 4, (2,), domain=Integer(P=3))
    model = EXACT.build(problem)
    assert not model.exact
    network = model.decode(np.zeros(model.data.n))
    assert problem.outside(network) is None
    assert all((np.abs(a.bias) == 1).all() for a in network.layers)
    layers = tuple(Layer(a.weights * 0, a.bias) for a in network.layers)
    zeros = Network(network.architecture, layers)
    with pytest.raises(NetworkError, match="-1 or \\+1"):
        model.encode(zeros)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"domain": FixedPoint()}, "domain fixed-point"),
        ({"objective": SquaredHinge()}, "objective squared-hinge"),
        ({"outputs": 3, "objective": Errors()}, "argmax"),
        ({"outputs": 3, "objective": SignErrors(strict=True)}, "strict"),
        ({"values": (-3000, 5000, 7001)}, "over 4096"),
        ({"N": 200_000, "hidden": (9,)}, "use fewer rows"),
    ],
)
def test_refusals_name_their_reason(random_problem, case, reason):
    assert reason in EXACT.accepts(random_problem(**case))


@pytest.mark.parametrize("objective", [Errors(), Hamming(), SignErrors(), SignErrors(strict=True)])
def test_one_output_takes_every_counting_objective(random_problem, objective):
    problem = random_problem(4, 3, (2,), objective=objective)
    assert EXACT.accepts(problem) is None
    model = EXACT.build(problem)
    network = problem.random_network(np.random.default_rng(0))
    assert model.data.energy(model.encode(network))[0] == float(problem.evaluate(network).value)


@pytest.mark.parametrize(
    "params", [{"penalty": 0}, {"penalty": "large"}, {"loss": "soft-hard"}, {"margin": -1}]
)
def test_parameters_are_checked(params):
    with pytest.raises(ProblemError):
        BnnQubo(**params)


def test_real_images_build_at_realistic_size(digits_problem):
    for pm1, fixed in ((True, 3), (False, 0)):
        problem = digits_problem(64, pm1=pm1)
        model = EXACT.build(problem)
        assert model.exact
        assert model.info["fixed_weights"] == fixed
        networks = [problem.random_network(np.random.default_rng(s)) for s in range(5)]
        energies = model.data.energy(np.array([model.encode(net) for net in networks]))
        assert energies.tolist() == [float(problem.evaluate(net).value) for net in networks]


def test_a_pixel_that_is_never_on_is_no_trouble(random_problem):
    problem = random_problem(3, 3, (2,), values=(0,), domain=Binary(bias="none"))
    model = EXACT.build(problem)
    network = problem.random_network(np.random.default_rng(0))
    assert model.data.energy(model.encode(network))[0] == float(problem.evaluate(network).value)


@pytest.mark.parametrize("hidden", [(), (1,), (3,), (3, 2)])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("bias", ["none", "same"])
@pytest.mark.parametrize("params", [{}, {"normalise": False}, {"margin": 0.4}])
def test_every_pair_of_variables_occurs_once(random_problem, hidden, outputs, bias, params):
    qubo = BnnQubo(**params).build(random_problem(3, 5, hidden, outputs, bias=bias)).data
    assert (qubo.rows < qubo.cols).all()
    assert len(np.unique(qubo.rows * qubo.n + qubo.cols)) == len(qubo.values)
    assert (qubo.values != 0).all()
