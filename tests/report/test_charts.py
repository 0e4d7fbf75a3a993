"""What charts show: data, and specifications that Vega-Lite takes."""

from __future__ import annotations

import csv
import math
import xml.etree.ElementTree as ET

import pytest

from bnnbench.report import Runs, write_figures
from bnnbench.report.charts import charts
from bnnbench.report.charts.base import looks, resolve
from bnnbench.report.columns import columns, compact, figure
from bnnbench.suite import CellLimits


def rows(chart):
    return [
        dict(zip(chart.rows, row, strict=True)) for row in zip(*chart.rows.values(), strict=True)
    ]


def by_name(runs):
    return {chart.name: chart for chart in charts(runs)}


def test_the_front_holds_what_nobody_beats(maker):
    for method, seconds, test in (("quick", 1, 0.6), ("slow", 9, 0.9), ("beaten", 9.5, 0.7)):
        maker.add(1.0, method=method, seconds=seconds, test=test)
    maker.add(method="broken", ending="crash")
    chart = by_name(maker.runs())["pareto"]
    assert {r["method"]: r["front"] for r in rows(chart)} == {"quick": 1, "slow": 1, "beaten": 0}
    assert "3 of 4 pairs" in chart.note
    assert {r["part"] for r in rows(chart)} == {"test"}


def test_without_test_rows_the_front_is_of_training_rows(maker):
    chart = by_name(maker.add(1.0).runs())["pareto"]
    assert [(r["part"], r["accuracy"]) for r in rows(chart)] == [("train", 75.0)]


def test_objective_over_time_is_a_median_of_all_runs(maker):
    maker.add(2.0, seed=0, trace=[(1.0, 6.0, None), (4.0, 2.0, None)])
    maker.add(4.0, seed=1, trace=[(2.0, 4.0, None)])
    maker.add(None, seed=2, ending="timeout")
    found = rows(by_name(maker.runs())["objective-over-time"])
    assert min(r["time"] for r in found) >= 2.0  # before, most runs hold nothing
    assert found[0]["value"] == 6.0
    assert (found[-1]["value"], found[-1]["low"], found[-1]["n"], found[-1]["held"]) == (
        4.0,
        2.0,
        3,
        2,
    )


def test_gap_over_time_needs_a_bound(maker):
    maker.add(2.0, trace=[(1.0, 6.0, None), (4.0, 2.0, None)])
    assert by_name(maker.runs())["gap-over-time"].empty
    maker.add(3.0, method="b", bound=1.0)
    found = [r["value"] for r in rows(by_name(maker.runs())["gap-over-time"])]
    assert (found[0], found[-1]) == (5.0, 1.0)


def test_profiles_keep_what_nobody_solved(maker):
    maker.add(1.0, method="a", data="one", trace=[(1.0, 1.0, None)])
    maker.add(9.0, method="b", data="one", trace=[(1.0, 9.0, None)])
    for method in "ab":
        maker.add(None, method=method, data="two", ending="crash")
    chart = by_name(maker.runs())["performance-profile"]
    last = {r["method"]: r["y"] for r in rows(chart)}
    assert last == {"a": 0.5, "b": 0.0}
    assert {r["n"] for r in rows(chart)} == {2}
    assert "2 of 2 instances, on which all 2 methods ran" in chart.note


def test_profiles_leave_out_methods_with_few_instances_and_say_so(maker):
    for seed in range(4):
        maker.add(1.0, method="a", seed=seed).add(1.0, method="b", seed=seed)
    maker.add(1.0, method="rare", seed=0)
    chart = by_name(maker.runs())["performance-profile"]
    assert {r["method"] for r in rows(chart)} == {"a", "b"}
    assert "1 methods that ran on fewer than half" in chart.note
    assert "a and rare" in {r["pair"] for r in rows(by_name(maker.runs())["pairwise-profile"])}


def test_time_to_target_counts_the_censored(maker):
    limits = CellLimits(time=10.0, target=2.0)
    maker.add(2.0, seed=0, limits=limits, trace=[(3.0, 2.0, None)], seconds=4.0)
    maker.add(5.0, seed=1, limits=limits, trace=[(3.0, 5.0, None)])
    maker.add(1.0, method="b")
    chart = by_name(maker.runs())["time-to-target"]
    assert rows(chart)[-1] | {"low": 0, "high": 0} == {
        "method": "a", "x": 3.0, "y": 0.5, "low": 0, "high": 0, "n": 2, "censored": 1,
    }  # fmt: skip
    assert (
        chart.note
        == "2 runs with a target, of which 1 never reached it (censored). 1 runs had no target."
    )


def test_time_to_solution_pools_reads(maker):
    info = {"reads": 100, "best_reads": 10, "sample_seconds": 1.0, "decode_seconds": 1.0}
    maker.add(1.0, method="s", seed=0, info=info).add(1.0, method="s", seed=1, info=info)
    maker.add(3.0, method="never", seed=0, info=info)
    found = {r["method"]: r for r in rows(by_name(maker.runs())["time-to-solution"])}
    assert found["s"]["time"] == pytest.approx(0.02 * math.log(0.01) / math.log(0.9))
    assert (found["s"]["reads"], found["s"]["successes"], found["s"]["never"]) == (200, 20, 0)
    assert found["s"]["low"] < found["s"]["time"] < found["s"]["high"]
    assert found["never"]["time"] is None
    assert found["never"]["bound"] == 1


def test_ranks_over_problems(maker):
    for number in range(6):
        for place, method in enumerate(("first", "second", "third")):
            maker.add(float(place), method=method, data=f"set{number}")
    found = [r for r in rows(by_name(maker.runs())["critical-difference"]) if r["kind"] == "method"]
    assert [(r["method"], r["rank"]) for r in found] == [("first", 1), ("second", 2), ("third", 3)]


def test_ranks_over_the_seeds_of_one_problem(maker):
    for seed in range(4):
        maker.add(1.0, method="a", seed=seed).add(2.0, method="b", seed=seed)
    assert "4 of 4 seeds of the only problem" in by_name(maker.runs())["critical-difference"].note


def test_endings_are_all_there(maker):
    maker.add(1.0, seed=0).add(seed=1, ending="crash").add(seed=2, ending="memout")
    found = rows(by_name(maker.runs())["endings"])
    assert {(r["ending"], r["count"], r["n"]) for r in found} == {
        ("ok", 1, 3), ("crash", 1, 3), ("memout", 1, 3),
    }  # fmt: skip


STORES = {
    "empty": lambda m: m,
    "one record": lambda m: m.add(1.0, test=0.5, trace=[(0.1, 1.0, None)]),
    "all failed": lambda m: m.add(ending="crash").add(method="b", ending="error", detail="no"),
    "no traces": lambda m: m.add(1.0).add(2.0, method="b"),
    "references": lambda m: m.add(method="constant", reference=True, test=0.5),
    "skipped": lambda m: m.add(ending="skipped", seed=3),
}


@pytest.mark.parametrize("name", STORES)
def test_every_chart_of_a_poor_store_can_be_drawn(name, maker, tmp_path):
    runs = STORES[name](maker).runs()
    if name == "empty":
        assert maker.runs().runs == []
    written = write_figures(runs, tmp_path / "figures")
    assert {p.stem for p in written if p.suffix == ".csv"} == {
        c.name for c in charts(runs) if not c.empty
    }


def test_figures_are_drawings_and_data(runs, tmp_path):
    methods = {"annealing", "bnn-qubo + ising-sa", "constant"}
    chosen = [r for r in runs.runs if r.problem == runs.problems[0] and r.method in methods]
    few = Runs(runs.name, None, chosen)
    written = write_figures(few, tmp_path / "figures")
    drawn = [p for p in written if p.suffix == ".svg"]
    assert len(drawn) >= 10
    for path in drawn:
        text = path.read_text(encoding="utf-8")
        ET.fromstring(text)
        assert "currentColor" not in text
        assert path.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    with (tmp_path / "figures" / "pareto.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert {row["method"] for row in read} == set(few.methods)


def test_a_method_keeps_its_look_whatever_is_drawn():
    methods = [f"m{i}" for i in range(40)]
    whole, part = looks(methods, methods), looks(methods, methods[7:9])
    spec = {"domain": ["@methods"], "range": ["@colours"], "other": [["@dashes"], 1]}
    assert resolve(spec, part)["domain"] == ["m7", "m8"]
    assert resolve(spec, part)["range"] == whole["@colours"][7:9]
    looks_of = list(zip(whole["@colours"], map(tuple, whole["@dashes"]), strict=True))
    assert len(set(looks_of)) == 40


def test_columns_are_compact_and_lose_nothing_that_matters():
    table = columns([{"a": "x", "b": 1 / 3}, {"a": "x", "b": math.nan}, {"a": None}], ["a", "b"])
    assert compact(table) == {"a": {"of": ["x"], "at": [0, 0, -1]}, "b": [0.333333, None, None]}
    assert [figure(v) for v in (3.0, True, math.inf, 1e-9, 7)] == [3, True, None, 1e-9, 7]
