from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.errors import ProblemError
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors, Hamming, SaturatedMargin, SignErrors
from bnnbench.problem import Problem


def scores(outputs, labels, *objectives):
    """Values on a linear network whose output pre-activations are these integers."""
    Z = np.array(outputs)
    q = Z.shape[1]
    data = Dataset("z", Z, np.array(labels), (len(Z), 0, 0), classes=tuple("abcde"[: max(q, 2)]))
    network = Network(
        Architecture(q, (), q), (Layer(np.eye(q, dtype=int), np.zeros(q, dtype=int)),)
    )
    found = [
        Problem(data, network.architecture, Integer(P=1), o).evaluate(network) for o in objectives
    ]
    return [s.value for s in found]


def test_ties_are_a_fair_draw():
    outputs = [[1, 1, 0], [1, 1, 0], [2, 2, 2], [0, 1, 0], [0, 1, 0]]
    labels = [0, 2, 1, 1, 0]
    expected = Fraction(1, 2) + 1 + Fraction(2, 3) + 0 + 1
    assert scores(outputs, labels, Errors(), Errors(ties="wrong")) == [expected, 4]


def test_a_single_output_decides_by_its_sign():
    assert scores([[0], [-1], [3], [-1]], [1, 1, 0, 0], Errors(), Errors(ties="wrong")) == [2, 2]


def test_sign_errors_want_exactly_the_label_up():
    outputs = [[0, -1], [0, 0], [-1, -1], [-1, 0]]
    assert scores(outputs, [0, 0, 0, 0], SignErrors(), SignErrors(strict=True)) == [3, None]
    assert scores(outputs[::3], [0, 0], SignErrors(strict=True)) == [1]


def test_hamming_counts_outputs():
    outputs = [[0, -1], [0, 0], [-1, -1], [-1, 0]]
    assert scores(outputs, [0, 0, 0, 0], Hamming()) == [0 + 1 + 1 + 2]


def test_saturated_margin_wants_half():
    """B is the mean row sum, 8: u = z / 4, so z = 2 is at the margin and -2 for the other side."""
    outputs = [[2, -2], [1, -11]]
    assert scores(outputs, [0, 0], SaturatedMargin()) == [1]
    assert scores(outputs, [1, 1], SaturatedMargin()) == [4]


def test_parameters_are_checked():
    with pytest.raises(ProblemError, match="expected or wrong, got 'random'"):
        Errors(ties="random")


def test_bounds_from_contradicting_rows():
    data = Dataset(
        "clash", np.array([[1], [1], [1], [1], [2], [2]]), np.array([0, 0, 0, 1, 2, 1]), (6, 0, 0)
    )
    arch = Architecture(1, (), 3)
    bounds = [
        Problem(data, arch, Integer(P=1), o).lower_bound
        for o in (Errors(), SignErrors(), Hamming(), SaturatedMargin())
    ]
    # the second group loses one of its rows whichever it takes; each lost row has two wrong signs
    assert bounds == [2, 2, 4, 4]


def test_references_say_the_majority():
    data = Dataset("m", np.array([[1], [2], [3], [4]]), np.array([1, 1, 1, 0]), (4, 0, 0))
    for outputs, signs in ((2, 2), (1, 1)):
        arch = Architecture(1, (), outputs)
        found = [
            Problem(data, arch, Integer(P=1), o).reference
            for o in (Errors(), SignErrors(), Hamming(), SaturatedMargin())
        ]
        assert found == [1, 1, signs, signs]
