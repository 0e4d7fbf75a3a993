"""Verdicts in words, and the estimates they rest on."""

from __future__ import annotations

import math

import pytest

from bnnbench.report import answers, estimates, overview


def only(maker):
    (answer,) = answers(maker.runs())
    return answer, {v.criterion: v for v in answer.verdicts}


def test_the_best_method_and_how_sure(maker):
    for seed in range(8):
        maker.add(1.0 + seed, method="good", seed=seed, test=0.9, trace=[(1.0, 1.0 + seed, None)])
        maker.add(2.0 + seed, method="bad", seed=seed, test=0.9, trace=[(1.0, 2.0 + seed, None)])
    answer, verdicts = only(maker)
    assert answer.n == 8
    best = verdicts["objective"]
    assert (best.level, best.clear) == (("good",), True)
    assert "better on 8, equal on 0, worse on 0 seeds; clear (p = 0.0078)" in best.text
    assert "n = 8" in best.text
    tied = verdicts["test accuracy"]
    assert (tied.level, tied.clear) == (("bad", "good"), False)
    assert "All medians are level" in tied.text


def test_few_seeds_do_not_tell(maker):
    for seed in range(3):
        maker.add(1.0, method="good", seed=seed).add(2.0, method="bad", seed=seed)
    _, verdicts = only(maker)
    assert "too few seeds to tell" in verdicts["objective"].text
    assert "range" in verdicts["objective"].text
    assert not verdicts["objective"].clear


def test_a_method_cannot_win_by_failing(maker):
    for seed in range(6):
        maker.add(5.0, method="steady", seed=seed)
        failed = seed % 2 or seed == 0
        maker.add(
            None if failed else 1.0, method="lucky", seed=seed, ending="crash" if failed else "ok"
        )
    _, verdicts = only(maker)
    assert verdicts["objective"].level == ("steady",)


def test_invalid_records_prove_nothing(maker):
    maker.add(1.0, method="liar", ending="invalid", test=1.0).add(4.0, method="honest", test=0.5)
    _, verdicts = only(maker)
    assert {v.level for v in verdicts.values()} == {("honest",)}


def test_what_nobody_could_do(maker):
    maker.add(3.0, method="a", bound=1.0, test=0.6).add(4.0, method="b", test=0.5)
    maker.add(method="forest", reference=True, test=0.95)
    answer, _ = only(maker)
    assert "Nobody proved the optimum on 1 of 1 seeds." in answer.nobody
    assert any("forest from outside the class (95 %)" in text for text in answer.nobody)


def test_nobody_found_anything(maker):
    maker.add(method="a", ending="crash").add(method="b", ending="timeout")
    answer, verdicts = only(maker)
    assert answer.nobody == ("Nobody found a feasible network.",)
    assert {v.level for v in verdicts.values()} == {()}
    assert overview([answer]) == []


def test_only_references(maker):
    maker.add(method="constant", reference=True, test=0.6)
    answer, _ = only(maker)
    assert answer.nobody == ("Only references from outside the class were run.",)


def test_no_test_rows_and_no_trace(maker):
    maker.add(3.0, method="a").add(5.0, method="b")
    _, verdicts = only(maker)
    assert verdicts["test accuracy"].level == ()
    assert verdicts["objective"].level == ("a",)
    assert verdicts["time to solve"].level == ("a",)


def test_the_overview_counts_problems(maker):
    for number in range(4):
        data = f"set{number}"
        maker.add(1.0, method="a", data=data).add(2.0 if number else 0.0, method="b", data=data)
    sentences = overview(answers(maker.runs()))
    assert sentences[0].startswith(
        "By objective: a is best, alone or level, on 3 of 4 problems (95 % interval 30 to 95 %)"
    )
    assert "then b on 1" in sentences[0]


def test_medians_count_failures_as_worst():
    found = estimates.median([1.0, None, 3.0, math.nan])
    assert (found.value, found.n, found.failed) == (math.inf, 4, 2)
    assert estimates.median([1.0, None, 3.0]).value == 3.0
    assert estimates.median([0.4, None], worst=-math.inf).value == -math.inf
    assert math.isnan(estimates.median([]).value)


@pytest.mark.parametrize(("n", "level"), [(1, 0.0), (3, 0.75), (5, 0.9375), (6, 0.95), (12, 0.95)])
def test_intervals_say_their_level(n, level):
    found = estimates.median(range(n))
    assert found.interval.level == level
    assert found.interval.low <= found.value <= found.interval.high
    inside = sum(math.comb(n, k) for k in range(estimates.rank(n) + 1, n - estimates.rank(n)))
    assert inside / 2**n >= level


def test_instances_count_as_solved_within_the_tolerance(maker):
    trace = [(1.0, 9.0, None), (2.0, 1.4, None), (3.0, 1.0, None)]
    maker.add(1.0, method="a", trace=trace, start=11.0, seconds=4.0)
    maker.add(1.5, method="b", trace=[(0.5, 1.5, None)], start=11.0)
    maker.add(1.6, method="c", trace=[(0.5, 1.6, None)], start=11.0)
    a, b, c = maker.runs().runs
    assert a.threshold == 1.5
    assert (a.seconds_to_solve, b.seconds_to_solve, c.seconds_to_solve) == (2.0, 0.5, math.inf)
