"""Comparing selections: what is planted is found, what is not there is not."""

from __future__ import annotations

import itertools
import math
import re

import msgspec
import pytest

from bnnbench.compare import METRICS, Options, Verdict, compare, select
from bnnbench.compare.events import EventKind
from bnnbench.compare.metrics import chosen
from bnnbench.errors import SpecError
from bnnbench.record import Claims, Ending

REPEAT = 5


@pytest.fixture(scope="module")
def base(simulation, tmp_path_factory):
    return simulation().store(tmp_path_factory.mktemp("base") / "base.bnnbench", 0)


@pytest.fixture(scope="module")
def often(simulation, tmp_path_factory):
    """The same, run several times on a machine that is now quicker, now slower."""
    path = tmp_path_factory.mktemp("often") / "often.bnnbench"
    return simulation(spells=0.03).store(path, 0, repeat=REPEAT)


def against(base, other, **options):
    return compare(select(str(base)), select(str(other)), Options(**options))


def test_a_slowdown_of_a_fifth_is_found(simulation, often, tmp_path):
    slow = simulation(spells=0.03).store(tmp_path / "b", 1, repeat=REPEAT, slower=1.2)
    result = against(often, slow)
    assert {c.metric.name for c in result.regressions} >= {"seconds"}
    (overall, *_) = [c for c in result.regressions if c.metric.name == "seconds"]
    assert overall.method == "all methods"
    assert overall.spells == (REPEAT, REPEAT)
    assert not overall.effect.interval.excludes(1.2)
    assert overall.effect.value == pytest.approx(1.2, abs=0.06)
    assert result.regressed
    assert "test_accuracy" not in {c.metric.name for c in result.regressions}


def test_a_slowdown_of_one_method_is_told_from_the_others(simulation, often, tmp_path):
    def edit(record, cell):
        if cell.solver != "annealing":
            return record
        longer = record.seconds.solve * 1.3
        seconds = msgspec.structs.replace(record.seconds, solve=longer, solve_cpu=longer)
        return msgspec.structs.replace(record, seconds=seconds)

    slower = simulation(spells=0.03).store(tmp_path / "b", 1, repeat=REPEAT, edit=edit)
    result = against(often, slower)
    slow = {c.method for c in result.regressions if c.metric.name == "seconds"}
    assert "annealing" in slow
    assert not slow & {"highs", "ste"}


def test_a_drop_in_accuracy_is_found_and_a_rise_is_none(simulation, base, tmp_path):
    lower = simulation().store(tmp_path / "b", 1, worse=0.03)
    found = {(c.metric.name, c.method) for c in against(base, lower).regressions}
    assert ("test_accuracy", "all methods") in found
    assert {name for name, _ in found} == {"test_accuracy"}
    back = against(lower, base)
    assert not back.regressed
    better = {c.metric.name for c in back.comparisons if c.verdict is Verdict.IMPROVEMENT}
    assert better == {"test_accuracy"}


@pytest.mark.parametrize("repeat", [1, 3])
def test_no_false_alarm_in_twenty_comparisons_of_unchanged_code(simulation, tmp_path, repeat):
    """All cells of a run share the machine's spell, which is no evidence against the code."""
    noisy = simulation(noisy=("annealing", "ste"), problems=2, seeds=3, spells=0.15)
    stores = [noisy.store(tmp_path / f"s{run}", run, repeat=repeat) for run in range(21)]
    alarms = [
        (c.metric.name, c.method, c.effect)
        for a, b in itertools.pairwise(stores)
        for c in against(a, b, metrics=(*Options().metrics, METRICS["cpu_seconds"])).regressions
    ]
    assert alarms == []


def test_few_seeds_are_no_proof(simulation, tmp_path):
    one = simulation(methods=("highs",), problems=1, seeds=3)
    a, b = (one.store(tmp_path / f"{run}", run, slower=1 + 2 * run) for run in (0, 1))
    (seconds,) = [c for c in against(a, b).comparisons if c.metric.name == "seconds"]
    assert seconds.verdict is Verdict.UNSURE
    assert not against(a, b).regressed


def test_few_runs_prove_large_slowdowns_only(simulation, base, tmp_path):
    for slower, found in ((1.6, False), (2.5, True)):
        other = simulation().store(tmp_path / f"{slower}", 1, slower=slower)
        result = against(base, other)
        assert result.regressed is found
        assert any(
            "a slower hour of the machine looks like slower code" in w for w in result.warnings
        )
    twice = simulation().store(tmp_path / "twice", 1, repeat=2, slower=1.6)
    assert not against(base, twice).regressed
    asked = against(base, tmp_path / "1.6", own=frozenset({m.name for m in METRICS.values()}))
    assert "seconds" in {c.metric.name for c in asked.regressions}
    assert not any("slower hour" in w for w in asked.warnings)


def test_runs_one_after_the_other_are_one_spell(simulation, tmp_path):
    make = simulation(spells=0.02).store
    before = make(tmp_path / "a", 0)
    after = make(tmp_path / "b", 1, created=90000.0, slower=1.7)
    for minute in (10, 20, 30, 40):
        make(before, 0, created=1000.0 + minute * 60)
        make(after, 1, created=90000.0 + minute * 60, slower=1.7)
    result = against(before, after)
    assert not result.regressed
    assert any("in turns" in w for w in result.warnings)
    for hour in (2, 4):
        make(before, 0, created=1e6 + hour * 3600)
        make(after, 1, created=1e6 + hour * 3600 + 60, slower=1.7)
    found = {c.metric.name: c.spells for c in against(before, after).regressions}
    assert found["seconds"] == (3, 3)


def test_repetitions_are_runs_of_the_same_code_that_did_not_fail(simulation, often, tmp_path):
    path = simulation(spells=0.03).store(tmp_path / "b", 1, repeat=2)

    def crash(record, cell):
        ending = Ending.CRASH if cell.seed == 0 else Ending.OK
        return msgspec.structs.replace(record, ending=ending)

    simulation().store(path, 1, edit=crash, created=150000.0)
    simulation(spells=0.03).store(path, 1, repeat=3, created=173900.0)
    spells = [c.spells for c in against(often, path).comparisons if c.metric.name == "seconds"]
    assert spells == [(5, 5)] * 4
    simulation().store(path, 3, created=1e6)
    result = against(often, path)
    assert {c.spells for c in result.comparisons} == {None}
    assert any("36 cells have records of several versions" in w for w in result.warnings)


def test_the_same_store_twice(base):
    result = against(base, base)
    assert {c.verdict for c in result.comparisons} == {Verdict.UNCHANGED}
    assert all(c.effect.value == c.metric.no_change and c.p == 1 for c in result.comparisons)
    assert (result.events, result.new) == ((), 0)
    assert all("slower hour" in warning for warning in result.warnings)


def test_runs_that_fail_now_raise_an_alarm(simulation, base, tmp_path):
    endings = {("highs", 0): Ending.CRASH, ("ste", 1): Ending.INVALID, ("ste", 2): Ending.TIMEOUT}

    def edit(record, cell):
        ending = endings.get((cell.solver, cell.seed))
        if ending is None or cell.data != "data-0":
            return record
        return msgspec.structs.replace(record, ending=ending, detail="signal SIGSEGV\nmore")

    other = simulation().store(tmp_path / "b", 1, edit=edit)
    result = against(base, other)
    failures = {e.cell.method: e.text for e in result.events if e.kind is EventKind.FAILURE}
    assert failures["highs"] == "ok -> crash: signal SIGSEGV"
    assert len([e for e in result.alarms if e.kind is EventKind.FAILURE]) == 3
    assert result.regressed
    assert not against(base, other, fail_on=frozenset()).alarms
    failed = [c for c in result.comparisons if c.method == "highs" and c.metric.name == "seconds"]
    assert (failed[0].effect.n, failed[0].failed) == (11, 1)


def test_lost_proofs_raise_an_alarm_unless_near_the_limit(simulation, tmp_path):
    def edit(record, cell):
        stopped = Claims(status="feasible", termination="time")
        return msgspec.structs.replace(record, claims=stopped)

    def near(record, cell):
        seconds = msgspec.structs.replace(record.seconds, solve=9.0)
        return msgspec.structs.replace(record, seconds=seconds)

    highs = simulation(methods=("highs",), problems=1, seeds=2)
    lost = highs.store(tmp_path / "lost", 1, edit=edit)
    result = against(highs.store(tmp_path / "a", 0), lost)
    assert [e.kind for e in result.alarms] == [EventKind.PROOF] * 2
    chance = against(highs.store(tmp_path / "near", 0, edit=near), lost)
    assert [e.chance for e in chance.events] == [True, True]
    assert not chance.regressed


def test_missing_cells_are_told_and_alarm_on_demand(simulation, base, tmp_path):
    part = simulation(methods=("highs", "annealing", "greedy"), seeds=3).store(tmp_path / "b", 0)
    result = against(base, part)
    missing = [e for e in result.events if e.kind is EventKind.MISSING]
    assert (len(missing), result.pairs, result.new) == (3 * 4 + 2 * 3, 18, 9)
    assert not result.regressed
    assert against(base, part, fail_on=frozenset({EventKind.MISSING})).regressed


def test_times_at_their_limit_are_ties_and_bounds(simulation, tmp_path):
    short = simulation(limit=0.01, methods=("annealing",))
    a, b = short.store(tmp_path / "a", 0), short.store(tmp_path / "b", 1, slower=3)
    (seconds,) = [c for c in against(a, b).comparisons if c.metric.name == "seconds"]
    assert (seconds.effect.value, seconds.effect.ties) == (1.0, seconds.effect.n)
    assert seconds.effect.censored == seconds.effect.n


def test_a_slower_machine_is_named_not_corrected(simulation, base, tmp_path):
    result = against(base, simulation(machine=1.5).store(tmp_path / "b", 1))
    assert any(
        re.search(r"the second selection's machine was 1\.[45]\d times slower", w)
        for w in result.warnings
    )
    (seconds,) = [
        c for c in result.comparisons if c.metric.name == "seconds" and c.method == "all methods"
    ]
    assert seconds.effect.value == pytest.approx(1.5, abs=0.1)

    def elsewhere(record, cell):
        return msgspec.structs.replace(record, host={"node": "there", "cpu": "y"})

    moved = simulation().store(tmp_path / "c", 1, edit=elsewhere)
    assert any(
        "different machines: here (x) | there (y)" in w for w in against(base, moved).warnings
    )


def test_a_busy_machine_is_no_slow_code(simulation, tmp_path):
    """A third of the processor for every cell: more time, for which there is no alarm."""

    def shared(record, cell):
        seconds = msgspec.structs.replace(record.seconds, solve_cpu=record.seconds.solve / 3)
        return msgspec.structs.replace(record, seconds=seconds)

    make = simulation(limit=100.0).store
    quiet, busy = (
        make(tmp_path / "a", 0),
        make(tmp_path / "b", 1, slower=2.4, edit=shared),
    )
    slow = make(tmp_path / "c", 1, slower=2.4)
    result = against(quiet, busy)
    assert not result.regressed
    assert any("second selection's cells got 3.00 times less" in w for w in result.warnings)
    found = against(quiet, slow, metrics=chosen(("seconds", "cpu_seconds"), ()))
    assert {c.metric.name for c in found.regressions} == {"seconds", "cpu_seconds"}


def test_thresholds_of_times_are_raised_unless_asked_for(simulation, base, often, tmp_path):
    found = {c.metric.name: c.metric.threshold for c in against(base, often).comparisons}
    assert found["seconds"] == 1.0
    assert found["test_accuracy"] == METRICS["test_accuracy"].threshold
    asked = against(base, often, own=frozenset({"seconds"})).comparisons
    assert {c.metric.name: c.metric.threshold for c in asked}["seconds"] == 0.1
    again = against(often, often).comparisons
    assert {c.metric.name: c.metric.threshold for c in again}["seconds"] == 0.1


def test_two_methods_in_one_store(base):
    result = compare(
        select(str(base), method="highs"), select(str(base), method="ste"), Options(methods=True)
    )
    assert result.pairs == 12
    worse = {c.metric.name for c in result.regressions}
    assert "test_accuracy" in worse
    assert {c.method for c in result.comparisons} == {""}


def test_selections_by_suite_and_version(simulation, tmp_path):
    path = simulation().store(tmp_path / "both", 0, suite="first")
    simulation().store(path, 1, suite="second", slower=2.5)
    for a, b in (("suite=first", "suite=second"), ("version=0.0.0", "version=0.1.0")):
        before, after = select(f"{path}@{a}"), select(f"{path}@{b}")
        result = compare(before, after)
        assert (result.pairs, result.regressed) == (36, True)
    found = select(f"{path}@method=h*@seed=1")
    assert {(e.cell.solver, e.cell.seed) for e in found.entries} == {("highs", 1)}
    assert select(f"{path}@toys=1").entries


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("suite=simm", "No record of .* has suite 'simm'. Did you mean 'sim'"),
        ("method=hihgs", "Did you mean 'highs'"),
        ("flavour=1", "no key 'flavour'"),
        ("suite", "expected STORE@key=value"),
        ("commit=abc", "one store per commit"),
    ],
)
def test_wrong_selections_name_what_there_is(base, condition, message):
    with pytest.raises(SpecError, match=message):
        select(f"{base}@{condition}")


def test_nothing_in_common_says_what_each_side_has(base):
    with pytest.raises(SpecError, match=r"methods of the first: highs\n.*second: ste\n.*--methods"):
        compare(select(f"{base}@method=highs"), select(f"{base}@method=ste"))


def test_thresholds_are_read_by_scale():
    found = {m.name: m for m in chosen((), ("seconds=15%", "test_accuracy=1pp"))}
    assert found["seconds"].threshold == pytest.approx(0.15)
    assert found["test_accuracy"].threshold == pytest.approx(0.01)
    assert [m.name for m in chosen(("gap",), ("gap=2",))] == ["gap"]
    for wrong, message in (
        ("seconds=1pp", "seconds=10%"), ("gap=1%", "gap=0.5"), ("secnds=1%", "Did you mean 'seconds'"),
        ("seconds", "seconds=10%"), ("seconds=x%", "seconds=10%"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            chosen((), (wrong,))
    with pytest.raises(SpecError, match="Did you mean 'gap'"):
        chosen(("gpa",), ())


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_knows_its_direction(name):
    metric = METRICS[name]
    up = metric.no_change + 0.5
    assert metric.worse(up) is metric.lower
    assert metric.worse(metric.no_change) is False
    assert not metric.exceeds(metric.no_change)
    assert metric.exceeds(metric.no_change + 2 * metric.threshold + 1e-9)
    assert not math.isnan(metric.threshold)
    assert ("accuracy" in name or "good" in name) is not metric.lower


def test_metrics_without_figures_are_left_out(base):
    result = against(base, base, metrics=chosen(("validation_accuracy", "gap"), ()))
    assert {c.metric.name for c in result.comparisons} == {"gap"}
