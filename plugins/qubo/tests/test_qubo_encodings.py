"""Slack encodings, weights on grids and shared weights, by brute force on tiny networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo

from bnnbench.domain import Binary, Integer, TwoValued
from bnnbench.errors import NetworkError, ProblemError

ENCODINGS = ("binary", "unary", "reflected")


def all_states(model, bits):
    free = model.data.n - len(bits)
    aux = ((np.arange(2**free)[:, None] >> np.arange(free)) & 1).astype(np.int8)
    return np.concatenate([np.broadcast_to(np.array(bits, np.int8), (2**free, len(bits))), aux], 1)


def check_every_weight_vector(model, *, loss=True):
    """The least energy over auxiliaries is the completed state's, and that the true loss."""
    for bits in itertools.product((0, 1), repeat=model.info["weight_bits"]):
        states = all_states(model, bits)
        completed = model.data.energy(model.data.complete(np.array([bits], dtype=np.int8)))[0]
        assert model.data.energy(states).min() == pytest.approx(completed)
        if loss:
            value = model.problem.evaluate(model.decode(states[0])).value
            assert completed == pytest.approx(float(value))


def none(**kwargs):
    return kwargs | {"bias": "none"}


GRIDS = {
    "ternary": {"N": 1, "d": 2, "hidden": (1,), "domain": Integer(**none(P=1))},
    "ternary, no hidden layer": {"N": 2, "d": 2, "hidden": (), "domain": Integer(**none(P=1))},
    "ternary, step": {
        "N": 1, "d": 2, "hidden": (1,), "activation": "step", "domain": Integer(**none(P=1)),
    },
    "five values and a bias": {"N": 1, "d": 2, "hidden": (), "domain": Integer(P=2)},
    "{-3/8, 5/8}": {"N": 1, "d": 2, "hidden": (1,), "domain": TwoValued(**none(rhos=(-3,)))},
    "{0, 1}": {"N": 1, "d": 2, "hidden": (1,), "domain": TwoValued(**none(rhos=(0,)))},
    "{-1/8, 7/8}, step": {
        "N": 1, "d": 2, "hidden": (1,), "activation": "step",
        "domain": TwoValued(**none(rhos=(-1,))),
    },
}  # fmt: skip


@pytest.mark.parametrize("case", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("slack", ["binary", "reflected"])
def test_weights_on_a_grid_are_exact_for_every_weight_vector(random_problem, case, slack):
    problem = random_problem(**case)
    model = BnnQubo(penalty="exact", weights="domain", slack=slack).build(problem)
    assert model.exact
    check_every_weight_vector(model)
    rng = np.random.default_rng(0)
    for _ in range(5):
        network = problem.random_network(rng)
        assert problem.outside(model.decode(model.encode(network))) is None
        assert model.decode(model.encode(network)).digest == network.digest


@pytest.mark.parametrize("slack", ENCODINGS)
@pytest.mark.parametrize("seed", range(2))
def test_the_margin_bound_is_exact_for_every_encoding(random_problem, slack, seed):
    problem = random_problem(1, 3, (2,), seed=seed)
    model = BnnQubo(penalty="exact", margin=2.0, slack=slack).build(problem)
    check_every_weight_vector(model, loss=False)


def test_encodings_agree_on_losses_and_margins(random_problem):
    """Completed states: the same loss and the same margin term, whatever the encoding."""
    problem = random_problem(6, 5, (3,), 1, bias="same")
    networks = [problem.random_network(np.random.default_rng(s)) for s in range(6)]

    def energies(slack):
        model = BnnQubo(slack=slack, margin=0.5).build(problem)
        return model.data.energy(np.array([model.encode(n) for n in networks]))

    assert np.allclose(energies("binary"), energies("unary"))
    assert np.allclose(energies("binary"), energies("reflected"))


@pytest.mark.parametrize("slack", ENCODINGS)
def test_the_hard_loss_is_zero_exactly_where_every_row_fits(random_problem, slack):
    problem = random_problem(2, 3, (1,), seed=5)
    model = BnnQubo(loss="hard", slack=slack).build(problem)
    for bits in itertools.product((0, 1), repeat=model.info["weight_bits"]):
        states = all_states(model, bits)
        errors = problem.evaluate(model.decode(states[0])).value
        assert (model.data.energy(states).min() < 1e-9) == (errors == 0)


@pytest.mark.parametrize(("slack", "n"), [("binary", 251), ("unary", 507), ("reflected", 411)])
def test_variable_counts_are_the_measured_ones(teacher_problem, slack, n):
    """qubo.md section 4.5: 9-3-1 on 16 images."""
    assert BnnQubo(slack=slack).build(teacher_problem()).data.n == n


def naive_unit_energy(model, layer, state, slack, row, unit):
    """A unit's squared counter and further penalties from the encoding's definition."""
    problem, index = model.problem, model.data.roles
    x = problem.dataset.part("train")[0][row].astype(int)
    d, h = problem.architecture.inputs, problem.architecture.hidden[0]
    W = 2 * state[: d * h].reshape(d, h)[:, unit].astype(int) - 1
    count = int((W * x > 0).sum())
    tau = (d + 1) // 2
    a = int(state[index["activation"][row * h + unit]])
    bits = len(index["slack"]) // (len(index["activation"]) - len(index["activation"]) // (h + 1))
    s = state[index["slack"][(row * h + unit) * bits :][:bits]].astype(int).tolist()
    if slack == "binary":
        weights = [1, 2, tau - 1 - 3][:bits]
        return (count - tau * a - sum(c * b for c, b in zip(weights, s, strict=True))) ** 2
    chain = [*s[: tau - 1], a, *s[tau - 1 :]]
    broken = sum(later * (1 - sooner) for sooner, later in itertools.pairwise(chain))
    return (count - sum(chain)) ** 2 + broken


@pytest.mark.parametrize("slack", ["binary", "unary"])
def test_random_states_have_the_energy_of_the_definition(random_problem, slack):
    """One hidden unit on 9 inputs, whose output copies it: loss + lambda (unit + output)."""
    problem = random_problem(3, 9, (1,))
    model = BnnQubo(penalty=2.0, slack=slack).build(problem)
    wanted = problem.targets()[:, 0] > 0
    roles = model.data.roles
    for state in np.random.default_rng(1).integers(0, 2, (20, model.data.n), dtype=np.int8):
        a, o = np.split(state[roles["activation"]].astype(int), 2)
        energy = (o != wanted).sum() + 2.0 * ((a - o) ** 2).sum()
        for row in range(3):
            energy += 2.0 * naive_unit_energy(model, 1, state, slack, row, 0)
        assert model.data.energy(state)[0] == pytest.approx(energy)


def test_circulant_units_share_one_kernel(random_problem):
    problem = random_problem(2, 3, (2,))
    model = BnnQubo(penalty="exact", share="circulant").build(problem)
    assert model.info["weight_bits"] == 3
    assert not model.exact
    check_every_weight_vector(model)
    W = model.decode(np.array([1, 0, 0] + [0] * (model.data.n - 3))).layers[0].weights
    assert W.T.tolist() == [[1, -1, -1], [-1, 1, -1]]
    with pytest.raises(NetworkError, match="shared"):
        model.encode(problem.random_network(np.random.default_rng(3)))


@pytest.mark.parametrize(
    ("params", "case", "reason"),
    [
        ({"weights": "domain"}, {"domain": TwoValued()}, "several grids"),
        ({"weights": "domain"}, {"domain": TwoValued(rhos=(0,), ones=0.5)}, "budget"),
        ({"weights": "domain"}, {"domain": Integer(P=40)}, "over 64"),
    ],
)
def test_domains_without_an_encoding_are_refused(random_problem, params, case, reason):
    assert reason in BnnQubo(**params).accepts(random_problem(**case))


@pytest.mark.parametrize("params", [{"slack": "gray"}, {"weights": "real"}, {"share": "all"}])
def test_parameters_are_checked(params):
    with pytest.raises(ProblemError):
        BnnQubo(**params)


def test_free_biases_stay_a_restriction(random_problem):
    problem = random_problem(3, 3, (2,), domain=Binary(bias="free"))
    assert not BnnQubo(penalty="exact", weights="domain").build(problem).exact
