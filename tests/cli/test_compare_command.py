from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest


@pytest.fixture
def stores(simulation, tmp_path):
    make = simulation(spells=0.02).store
    return {
        "base": make(tmp_path / "base.bnnbench", 0, repeat=5),
        "same": make(tmp_path / "same.bnnbench", 2, repeat=5),
        "slow": make(tmp_path / "slow.bnnbench", 1, repeat=5, slower=1.2),
        "poor": make(tmp_path / "poor.bnnbench", 1, worse=0.03),
    }


def test_exit_codes(bnnbench, stores):
    assert bnnbench("compare", stores["base"], stores["same"]).code == 0
    slow = bnnbench("compare", stores["base"], stores["slow"])
    assert slow.code == 1
    assert "regression" in slow.out
    assert "worst seconds: data-" in slow.out
    assert "36 in 5/5 spells" in slow.out
    poor = bnnbench("compare", stores["base"], stores["poor"])
    assert "a slower hour of the machine" in poor.out
    assert bnnbench("compare", stores["base"], stores["poor"]).code == 1
    patient = ["--metric", "seconds", "--threshold", "seconds=40%"]
    assert bnnbench("compare", stores["base"], stores["slow"], *patient).code == 0
    assert bnnbench("compare", stores["base"]).code == 2
    assert (
        bnnbench("compare", stores["base"], stores["base"], "--metric", "tset_accuracy").code == 2
    )
    assert bnnbench("compare", stores["base"], "nowhere.bnnbench").code == 3


def test_two_methods(bnnbench, stores):
    found = bnnbench(
        "compare", stores["base"], "--methods", "highs", "ste", "--metric", "test_accuracy"
    )
    assert found.code == 1
    assert "second method against first" in found.out
    wrong = bnnbench("compare", stores["base"], "--methods", "highs", "stee")
    assert wrong.code == 2
    assert "Did you mean 'ste'" in wrong.err


def test_json(bnnbench, stores):
    found = bnnbench("compare", stores["base"], stores["slow"], "--format", "json")
    content = json.loads(found.out)
    assert content["regressed"] is True
    assert content["pairs"] == 36
    rows = {(c["metric"], c["method"]): c for c in content["comparisons"]}
    seconds = rows["seconds", "all methods"]
    assert (seconds["verdict"], seconds["effect_is"]) == ("regression", "ratio")
    assert seconds["spells"] == [5, 5]
    assert seconds["interval"][0] < seconds["effect"] < seconds["interval"][1]
    assert seconds["worst"]["cell"]["method"] in {"highs", "annealing", "ste"}
    assert rows["test_accuracy", "highs"]["lower_is_better"] is False


def test_markdown(bnnbench, stores, tmp_path):
    target = tmp_path / "comment.md"
    found = bnnbench(
        "compare", stores["base"], stores["poor"], "--format", "markdown", "-o", target
    )
    assert (found.code, "Written to" in found.out) == (1, True)
    lines = target.read_text().splitlines()
    assert lines[0].startswith("**Worse: ")
    tables = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} == {10}
    assert any("test_accuracy" in line and "regression" in line for line in tables)


def test_junit(bnnbench, stores, tmp_path):
    target = tmp_path / "compare.xml"
    bnnbench("compare", stores["base"], stores["slow"], "--format", "junit", "--output", target)
    (suite,) = ET.parse(target).getroot().findall("testsuite")
    cases = suite.findall("testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == len(failed) > 0
    assert {case.get("name") for case in failed} >= {"seconds"}


def test_text_to_a_file_has_no_colours(bnnbench, stores, tmp_path):
    target = tmp_path / "out.txt"
    bnnbench("compare", stores["base"], stores["slow"], "--output", target)
    text = target.read_text()
    assert "\x1b" not in text
    assert "36 cells compared" in text
    assert (
        bnnbench("compare", stores["base"], stores["base"], "-o", tmp_path / "no" / "x").code == 3
    )


def test_missing_cells_on_demand(bnnbench, simulation, stores, tmp_path):
    part = simulation(seeds=2).store(tmp_path / "part.bnnbench", 0)
    assert bnnbench("compare", stores["base"], part).code == 0
    found = bnnbench("compare", stores["base"], part, "--fail-on", "missing")
    assert found.code == 1
    assert "missing data-" in found.out
