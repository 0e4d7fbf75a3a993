from __future__ import annotations

import json

import pytest

from bnnbench.domain import DOMAINS
from bnnbench.objectives import BUILT_IN


def rows(outcome):
    assert outcome.code == 0
    return json.loads(outcome.out)


def test_every_kind_can_be_listed(bnnbench):
    expected = {
        "datasets": {"xor"}, "transforms": {"half"}, "solvers": {"coin", "reader"},
        "formulations": {"program", "energy"}, "domains": set(DOMAINS),
        "objectives": {cls.name for cls in BUILT_IN}, "plugins": {"toys", "broken"},
    }  # fmt: skip
    for what, names in expected.items():
        assert {row["name"] for row in rows(bnnbench("list", what, "--json"))} == names
        shown = bnnbench("list", what)
        assert shown.code == 0
        assert all(name in shown.out for name in names)


def test_parameters_with_their_defaults(bnnbench):
    coin = rows(bnnbench("list", "solvers", "--json"))[0]
    assert (coin["summary"], coin["kind"], coin["plugin"]) == (
        "Draws one network.", "direct", "bnnbench-toys"
    )  # fmt: skip
    assert coin["problem"] is None
    assert {"name": "tries", "default": "1", "type": "int"} in coin["parameters"]
    assert "tries = 1  int" in bnnbench("list", "solvers", "--long").out
    assert "tries" not in bnnbench("list", "solvers").out


def test_a_broken_plugin_is_listed_with_its_reason(bnnbench):
    (broken,) = [r for r in rows(bnnbench("list", "plugins", "--json")) if r["name"] == "broken"]
    assert broken["problem"] == "cannot be imported: ImportError: no such library"
    assert "no such library" in bnnbench("list", "plugins").out


def test_suites_with_their_questions(bnnbench, suite_file):
    found = {r["name"]: r for r in rows(bnnbench("list", "suites", "--json"))}
    assert found["toss"]["summary"] == "What does a coin know?"


def test_a_broken_suite_hides_no_other(bnnbench, suite_file):
    (suite_file.parent / "bad.toml").write_text("seeds = 1\n")
    found = {r["name"]: r for r in rows(bnnbench("list", "suites", "--json"))}
    assert found["toss"]["summary"] == "What does a coin know?"
    assert "bad.toml" in found["bad"]["summary"]


def test_nothing_there(bnnbench, monkeypatch):
    monkeypatch.setattr("bnnbench.registry.entry_points", lambda group: [])
    shown = bnnbench("list", "solvers")
    assert shown.code == 0
    assert "No solvers are registered. 'bnnbench list plugins'" in shown.out


@pytest.mark.parametrize("what", ["solver", "everything"])
def test_what_cannot_be_listed(bnnbench, what):
    refused = bnnbench("list", what)
    assert refused.code == 2
    assert "solvers" in refused.err
