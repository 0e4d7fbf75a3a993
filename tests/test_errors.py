from __future__ import annotations

import inspect

import pytest

from bnnbench import errors
from bnnbench.errors import BnnbenchError, did_you_mean


def test_one_base_class():
    found = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
    ]
    assert len(found) > 5
    assert all(issubclass(c, BnnbenchError) for c in found)


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("higs", ["highs", "scip"], " Did you mean 'highs'?"),
        ("digits", ["pen-digits", "wine"], " Did you mean 'pen-digits'?"),
        ("zzz", ["b", "a"], " Known: a, b."),
        ("zzz", [f"member-{i}" for i in range(20)], ""),
        ("zzz", [], ""),
    ],
)
def test_suggestions(name, known, text):
    assert did_you_mean(name, known) == text


def test_at_most_three_suggestions():
    assert did_you_mean("abcd", [f"abcd{i}" for i in range(9)]).count("'") == 6
