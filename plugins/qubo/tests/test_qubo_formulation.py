from __future__ import annotations

import itertools

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
