"""Published figures beside ours."""

from __future__ import annotations

import csv
import re

import pytest

from bnnbench.errors import StoreError
from bnnbench.report.published import COLUMNS, beside, load


def written(tmp_path, *rows):
    with (tmp_path / "paper.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return load(tmp_path)


ROW = {
    "suite": "paper", "data": "adult*n=40*", "hidden": "16", "domain": "integer[P=1]*", "objective": "*errors*",
    "method": "mip* + *", "published_method": "max_correct", "metric": "test_accuracy", "value": 71.4, "unit": "%",
    "n": 5, "spread": 6.0, "spread_kind": "sd", "source": "somebody, table 1",
}  # fmt: skip
OURS = {"data": "adult | split[n=40;seed={seed}]", "hidden": (16,), "domain": "integer[P=1]"}


def test_a_figure_stands_beside_the_same_method_and_our_best(maker, tmp_path):
    for seed in range(3):
        maker.add(1.0, method="mip + highs", seed=seed, test=0.7, **OURS)
        maker.add(2.0, method="annealing", seed=seed, test=0.8, **OURS)
    maker.add(method="constant", reference=True, test=0.99, **OURS)
    (found,) = beside(maker.runs(), written(tmp_path, ROW))
    assert (found.method, found.best_method) == ("mip + highs", "annealing")
    assert (found.ours.value, found.ours.n) == (pytest.approx(70), 3)
    assert found.best.value == pytest.approx(80)
    assert found.published.value == 71.4


@pytest.mark.parametrize("other", [{"hidden": (8,)}, {"domain": "integer[P=15]"}, {"objective": "min-hinge"},
                                   {"data": "adult | split[n=80;seed={seed}]"}])  # fmt: skip
def test_another_problem_does_not_fit(maker, tmp_path, other):
    maker.add(1.0, method="mip + highs", test=0.7, **(OURS | other))
    (found,) = beside(maker.runs(), written(tmp_path, ROW))
    assert (found.problem, found.ours, found.best) == ("", None, None)


def test_without_patterns_a_figure_stands_alone(maker, tmp_path):
    maker.add(1.0, test=0.7)
    claim = {"suite": "paper", "metric": "claim", "note": "better"}
    (found,) = beside(maker.runs(), written(tmp_path, claim))
    assert (found.problem, found.published.value) == ("", None)


@pytest.mark.parametrize(("metric", "ours"), [("objective", 4.0), ("seconds", 2.0), ("train_accuracy", 75.0),
                                              ("test_all_good", 30.0), ("latency", None)])  # fmt: skip
def test_metrics(maker, tmp_path, metric, ours):
    maker.add(4.0, method="mip + highs", test=0.6, seconds=2.0, **OURS)
    (found,) = beside(maker.runs(), written(tmp_path, ROW | {"metric": metric}))
    assert (found.ours.value if found.ours else None) == (
        None if ours is None else pytest.approx(ours)
    )


def test_a_malformed_file_is_named(tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(StoreError, match=re.escape("bad.csv must have the columns suite,")):
        load(tmp_path)
    (tmp_path / "bad.csv").unlink()
    with pytest.raises(StoreError, match="paper.csv, line 2: could not convert"):
        written(tmp_path, ROW | {"value": "many"})
    with (tmp_path / "paper.csv").open("w") as file:
        file.write(",".join(COLUMNS) + "\n" + "," * len(COLUMNS) + "\n")
    with pytest.raises(StoreError, match="paper.csv, line 2: has more columns than its head"):
        load(tmp_path)


def test_the_files_of_the_project():
    found = load()
    papers = {row.suite for row in found}
    assert papers == {"inn-2023", "bdnn-2021", "sbnn-2023", "qubo-2026", "icarte-2019", "bemi-2023"}
    assert all(row.source for row in found)
    assert all((row.value is None) == (row.metric == "claim") for row in found)
    assert all(row.value is None or row.unit != "%" or 0 <= row.value <= 100 for row in found)


def test_figures_of_the_adult_experiment():
    found = [r for r in load() if r.experiment == "2A adult" and r.metric == "test_accuracy"]
    assert len(found) == 4 * 4 * 7
    (cell,) = [
        r
        for r in found
        if (r.published_method, r.domain, r.n_train) == ("sat_margin", "integer[P=3]*", 280)
    ]
    assert (round(cell.value, 1), round(cell.spread, 1), cell.n) == (81.2, 0.5, 5)
