"""Restrictions of programs, partitions and averages mean what they say."""

import dataclasses

import numpy as np
import pytest
from bnnbench_heuristics.cells import Partition
from bnnbench_heuristics.program import Program, around, parameters
from bnnbench_heuristics.subset import mean_network, on_rows

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer
from bnnbench.inner import Inner
from bnnbench.objectives import Errors, Hamming, SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Termination
from bnnbench.testing.exhaustive import enumerate_networks

HIGHS = Inner.of("highs", "hamming")


@pytest.fixture
def problem():
    """Nine rows of two features, a hidden layer of two units, weights in -1..1: 3^9 networks."""
    rng = np.random.default_rng(5)
    X, y = rng.integers(0, 4, (9, 2)), rng.integers(0, 2, 9)
    data = Dataset("tiny", X, y, (9, 0, 0), 1, ("0", "1"))
    return Problem(data, Architecture(2, (2,), 1), Integer(P=1), Hamming())


def activations(problem, network):
    z = network.forward(problem.dataset.part("train")[0], problem.dataset.scale).pre[:-1]
    return np.concatenate(z, axis=1) >= 0


def best(problem, keep):
    """The optimum among the networks with a property."""
    return min(problem.evaluate(n).value for n in enumerate_networks(problem) if keep(n))


def solved(program, problem):
    answer = HIGHS.solve(program.model, Limits(20), 0)
    assert answer.termination is Termination.OPTIMAL
    return answer.network


def test_a_box_holds_every_parameter_between_its_corners(problem):
    centre = problem.random_network(np.random.default_rng(1))
    low, high = around(problem, centre, 1)

    def inside(n):
        return all(
            (a.weights >= lo.weights).all() and (a.weights <= hi.weights).all()
            and (a.bias >= lo.bias).all() and (a.bias <= hi.bias).all()
            for a, lo, hi in zip(n.layers, low.layers, high.layers, strict=True)
        )  # fmt: skip

    found = solved(Program(HIGHS.model(problem)).boxed(low, high), problem)
    assert inside(found)
    assert problem.evaluate(found).value == best(problem, inside)


@pytest.mark.parametrize("block", [0, 1])
def test_what_is_not_freed_stays(problem, block):
    network = problem.random_network(np.random.default_rng(2))
    free = parameters(problem, weights=False, biases=False)
    free[block][0][:] = True

    def same(n):
        return all(
            (a.bias == b.bias).all() and (k == block or (a.weights == b.weights).all())
            for k, (a, b) in enumerate(zip(n.layers, network.layers, strict=True))
        )

    found = solved(Program(HIGHS.model(problem)).freed(network, free), problem)
    assert same(found)
    assert problem.evaluate(found).value == best(problem, same)


def test_activations_can_be_held(problem):
    network = problem.random_network(np.random.default_rng(4))
    wanted = activations(problem, network)

    def same(n):
        return (activations(problem, n) == wanted).all()

    program = Program(HIGHS.model(problem)).activated(network, range(1, 2))
    found = solved(program, problem)
    assert same(found)
    assert problem.evaluate(found).value == best(problem, same)


@pytest.mark.parametrize("cells", [2, 4, 9])
def test_tied_programs_give_the_best_network_with_equal_activations_in_cells(problem, cells):
    problem = dataclasses.replace(problem, domain=Integer(P=1, bias="none"))
    cell = np.arange(9) % cells
    labels = np.asarray(problem.dataset.part("train")[1])

    def tied(n):
        a = activations(problem, n)
        return all((a[cell == c] == a[cell == c][0]).all() for c in range(cells))

    program = Program(HIGHS.model(problem)).tied(cell, labels)
    found = solved(program, problem)
    assert tied(found)
    assert problem.evaluate(found).value == best(problem, tied)
    assert program.milp.n_rows <= HIGHS.model(problem).data.n_rows


def test_a_cutoff_excludes_what_is_worse(problem):
    problem = dataclasses.replace(problem, domain=Integer(P=1, bias="none"))
    optimum = best(problem, lambda n: True)
    program = Program(HIGHS.model(problem))
    assert problem.evaluate(solved(program.at_most(float(optimum)), problem)).value == optimum
    assert HIGHS.solve(program.at_most(float(optimum) - 1).model, Limits(20), 0).network is None


@pytest.mark.parametrize("objective", [Errors(), SaturatedMargin()])
@pytest.mark.parametrize("outputs", [1, 2])
def test_purity_bounds_every_network_tied_to_the_partition(problem, objective, outputs):
    arch = Architecture(2, (1,), outputs)
    problem = dataclasses.replace(problem, architecture=arch, objective=objective, domain=Binary())
    partition = Partition(problem)
    assert partition.size == 1
    assert partition.split(0, seed=0)
    assert partition.split(1, seed=0)
    assert partition.size == 3
    bound = partition.purity()
    for network in enumerate_networks(problem):
        a = activations(problem, network)
        if all((a[partition.cell == c] == a[partition.cell == c][0]).all() for c in range(3)):
            assert problem.evaluate(network).value >= bound


def test_purity_of_one_cell_is_the_minority_and_of_equal_rows_the_bound_of_the_data(problem):
    labels = problem.dataset.part("train")[1]
    partition = Partition(problem)
    assert partition.purity() == min((labels == 0).sum(), (labels == 1).sum())
    cell = partition.worst(np.ones(9, dtype=int))
    while cell is not None:
        partition.split(cell, seed=0)
        cell = partition.worst(np.ones(9, dtype=int))
    assert partition.purity() == problem.lower_bound


def test_means_stay_on_the_grid():
    data = Dataset("t", np.array([[1, 2], [3, 4]]), np.array([0, 1]), (2, 0, 0))
    for domain in (Integer(P=3), Binary(), FixedPoint(decimals=2), Integer(P=2, bias="none")):
        problem = Problem(data, Architecture(2, (3,), 2), domain, Hamming())
        networks = [problem.random_network(np.random.default_rng(s)) for s in range(4)]
        assert problem.outside(mean_network(problem, networks, [1, 0.5, 0.2, 0])) is None
        alone = mean_network(problem, networks, [0, 0, 1, 0])
        assert alone.digest == networks[2].digest


def test_halves_are_rounded_to_even():
    data = Dataset("t", np.array([[1], [3]]), np.array([0, 1]), (2, 0, 0))
    problem = Problem(data, Architecture(1, (), 1), Integer(P=3), Hamming())
    networks = list(enumerate_networks(problem))
    pairs = [
        (a, b) for a in networks for b in networks
        if (a.layers[0].weights[0, 0], b.layers[0].weights[0, 0]) in ((0, 1), (1, 2), (-1, 0))
    ]  # fmt: skip
    for a, b in pairs:
        assert mean_network(problem, [a, b], [1, 1]).layers[0].weights[0, 0] % 2 == 0


def test_a_problem_on_some_rows_keeps_their_labels(breast_cancer):
    problem = Problem(breast_cancer, Architecture(30, (2,), 1), Integer(P=1), Hamming())
    rows, held = np.array([5, 3, 8]), np.array([150, 2])
    part = on_rows(problem, rows, held)
    assert part.dataset.sizes == (3, 2, 0)
    assert (part.dataset.part("validation")[1] == breast_cancer.y[held]).all()
    assert (part.dataset.part("train")[0] == breast_cancer.X[rows]).all()
