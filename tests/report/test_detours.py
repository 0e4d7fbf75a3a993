"""What a formulation costs beside direct methods on the same instances."""

from __future__ import annotations

import math

import pytest

from bnnbench.report import detours


def test_worse_level_and_better_and_how_much_slower(maker):
    for seed, (qubo, direct) in enumerate([(5.0, 3.0), (3.0, 3.0), (2.0, 2.0), (1.0, 2.0)]):
        trace = [(4.0, qubo, None)]
        maker.add(qubo, method="bnn-qubo + sa", seed=seed, trace=trace, info={"n": 500})
        maker.add(direct + 1, method="greedy", seed=seed, trace=[(0.01, direct + 1, None)])
        maker.add(direct, method="annealing", seed=seed, trace=[(0.5, direct, None)])
    (found,) = detours(maker.runs())
    assert (found.formulation, found.solvers) == ("bnn-qubo", ("sa",))
    assert (found.better, found.level, found.worse) == (1, 2, 1)
    assert found.extra == 0.0
    # level on two instances: one second of the seconds given, against half a second
    assert found.slower.n == 2
    assert found.slower.value == pytest.approx(1.0 / 0.5)
    assert found.variables == 500
    assert "better on 1, level on 2, worse on 1" in found.text
    assert "500 variables" in found.text


def test_without_a_network_it_is_worse(maker):
    maker.add(None, method="errors + highs", ending="timeout").add(4.0, method="annealing")
    (found,) = detours(maker.runs())
    assert found.worse == 1
    assert math.isnan(found.extra)
    assert found.slower.n == 0


def test_only_instances_tried_both_ways_count(maker):
    maker.add(1.0, method="errors + highs", data="a").add(2.0, method="annealing", data="b")
    maker.add(0.5, method="constant", data="a", reference=True)
    assert detours(maker.runs()) == []


def test_the_page_and_the_terminal_say_it(maker, tmp_path):
    from bnnbench.report import write_page

    maker.add(4.0, method="bnn-qubo + sa").add(1.0, method="annealing", test=0.5)
    page = write_page(maker.runs(), tmp_path / "r.html", maker.path).read_text()
    assert "bnn-qubo (sa) against the direct route" in page
