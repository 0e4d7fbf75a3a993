from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.analysis import Knowledge, gap, knowledge, objective
from bnnbench.record import Ending, Record
from bnnbench.verify import Evaluation


def record(name, *, value=None, bound=None, lower=None, ending="ok", problem="p", **rest):
    facts = Evaluation(
        feasible=value is not None, objective=value, exact="", outside=None, parts={}, sizes={},
        network=name,
    )  # fmt: skip
    return Record(
        id=name, cell={}, problem=problem, ending=Ending(ending), evaluation=facts,
        solver_bound=bound, lower_bound=lower, rows=10, **rest,
    )  # fmt: skip


def test_a_bound_of_one_is_a_bound_for_all():
    a, b = record("a", value=8.0), record("b", value=9.0, bound=6.0)
    known = knowledge([a, b])["p"]
    assert (known.bound, known.best, known.contradicted) == (6.0, 8.0, {})
    assert gap(a, known).absolute == 2.0


def test_problems_do_not_mix():
    known = knowledge([record("a", value=1.0, problem="p"), record("b", bound=5.0, problem="q")])
    assert known["p"].bound is None
    assert known["q"].best is None


def test_bounds_from_the_data_count_too():
    known = knowledge([record("a", value=8.0, bound=3.0, lower=4.0)])["p"]
    assert known.bound == 4.0


def test_a_contradiction_is_flagged_on_both_sides():
    liar = record("liar", value=9.0, bound=8.5)
    honest = record("honest", value=8.0, lower=2.0)
    known = knowledge([liar, honest, record("other", value=9.0, bound=1.0)])["p"]
    assert set(known.contradicted) == {"liar", "honest"}
    assert known.contradicted["liar"] == "bound 8.5 above honest's objective"
    assert known.contradicted["honest"] == "objective 8 below liar's bound"
    assert known.bound == 2.0, "a contradicted bound is no bound"


def test_noise_is_no_contradiction():
    assert knowledge([record("a", value=1e6, bound=1e6 + 0.5)])["p"].contradicted == {}


@pytest.mark.parametrize("ending", ["timeout", "memout", "crash", "error"])
def test_verified_figures_of_a_cut_run_count(ending):
    cut = record("a", value=3.0, bound=1.0, ending=ending)
    known = knowledge([cut])["p"]
    assert (known.best, known.bound) == (3.0, 1.0)


@pytest.mark.parametrize("ending", ["invalid", "skipped"])
def test_unsound_records_prove_nothing(ending):
    assert knowledge([record("a", value=3.0, bound=1.0, ending=ending)]) == {}
    assert objective(record("a", value=3.0, ending=ending)) is None


def test_reality_checks_enter_no_gap():
    check = record("a", value=0.0, reference=True)
    assert objective(check) is None
    assert math.isnan(gap(check, Knowledge(bound=0.0)).absolute)


def test_gap_figures():
    known = Knowledge(bound=2.0, best=3.0)
    found = gap(record("a", value=7.0, reference_objective=12.0), known)
    assert (found.absolute, found.per_row, found.normalised) == (5.0, 0.5, 0.5)
    assert not found.proved
    optimal = gap(record("a", value=2.0, reference_objective=2.0), known)
    assert (optimal.absolute, optimal.proved) == (0.0, True)
    assert math.isnan(optimal.normalised), "the majority network is optimal: nothing to divide by"
    assert math.isnan(gap(record("a", value=7.0), known).normalised)
    assert math.isnan(gap(record("a", value=7.0), Knowledge()).absolute)
    assert math.isnan(gap(record("a", value=7.0), None).absolute)
    assert math.isnan(gap(record("a"), known).absolute)


def test_a_proof_within_noise():
    assert gap(record("a", value=1e6), Knowledge(bound=1e6 - 0.5)).proved
    assert not gap(record("a", value=1e6), Knowledge(bound=1e6 - 5)).proved


NUMBERS = st.one_of(st.none(), st.integers(0, 6).map(float))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5))
def test_contradictions_come_in_pairs(raw):
    records = [record(f"r{i}", value=v, bound=b) for i, (v, b) in enumerate(raw)]
    known = knowledge(records).get("p", Knowledge())
    clash = {
        key
        for a in records
        for b in records
        if a.solver_bound is not None
        and b.evaluation.objective is not None
        and a.solver_bound > b.evaluation.objective
        for key in (a.id, b.id)
    }
    assert set(known.contradicted) == clash
    sound = [r.solver_bound for r in records if r.id not in clash and r.solver_bound is not None]
    assert known.bound == max(sound, default=None)
    if not clash and known.bound is not None and known.best is not None:
        assert known.bound <= known.best
