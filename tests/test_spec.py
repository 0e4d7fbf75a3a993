from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.errors import SpecError
from bnnbench.spec import Spec, format_value, parse, parse_pipeline

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.:/+-]{0,8}", fullmatch=True)
LEAVES = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    NAMES,
    st.sampled_from(
        ["inf", "-inf", "inf-a", "infinite", "nan", "true", "none", "1e5", "", '"', "\\"]
    ),
)


def specs(values, least=0):
    params = st.dictionaries(NAMES, values, min_size=least, max_size=3)
    return st.builds(lambda name, items: Spec(name, tuple(sorted(items.items()))), NAMES, params)


VALUES = st.recursive(
    LEAVES, lambda v: st.one_of(st.lists(v, max_size=3).map(tuple), specs(v, 1)), max_leaves=4
)


def same(a, b):
    """Equal values of equal types: 1, 1.0 and True are three values."""
    if isinstance(a, Spec):
        return isinstance(b, Spec) and a.name == b.name and same(a.params, b.params)
    if isinstance(a, tuple):
        return (
            isinstance(b, tuple)
            and len(a) == len(b)
            and all(same(x, y) for x, y in zip(a, b, strict=True))
        )
    return type(a) is type(b) and a == b


@given(specs(VALUES))
def test_parse_undoes_str(spec):
    assert same(parse(str(spec)), spec)


@given(st.lists(specs(LEAVES), min_size=1, max_size=3))
def test_pipelines(steps):
    assert parse_pipeline(" | ".join(str(s) for s in steps)) == tuple(steps)


@given(specs(VALUES), st.sampled_from([" ", "\t", "  "]))
def test_blanks_around_a_spec_mean_nothing(spec, blank):
    assert parse(f"{blank}{spec}{blank}") == spec


@given(st.text(alphabet='ab[](),="|\\ 1.-', max_size=12))
def test_any_text_is_read_or_refused_with_a_message(text):
    try:
        found = parse_pipeline(text)
    except SpecError:
        with pytest.raises(SpecError, match=re.escape(repr(text))):
            parse_pipeline(text)
    else:
        assert parse_pipeline(" | ".join(map(str, found))) == found


def test_keys_are_sorted_and_values_keep_their_types():
    spec = parse('highs[ threads = 1, gap=1e-4,presolve=true, log="a b", start=none, keep=(3,8) ]')
    assert spec.kwargs == {
        "threads": 1, "gap": 1e-4, "presolve": True, "log": "a b", "start": None, "keep": (3, 8),
    }  # fmt: skip
    assert str(spec) == 'highs[gap=0.0001,keep=(3,8),log="a b",presolve=true,start=none,threads=1]'
    assert spec == Spec.of("highs", **spec.kwargs)


def test_a_nested_spec_without_parameters_is_its_name():
    assert Spec.of("a", x=Spec("b"), y=[Spec.of("c")]).kwargs == {"x": "b", "y": ("c",)}
    assert parse("a[x=b[]]") == parse("a[x=b]") == Spec.of("a", x=Spec("b"))


def test_specs_nest():
    spec = parse("split[inner=highs[threads=2],steps=(greedy,sa[t=1])]")
    assert spec.kwargs["inner"] == Spec.of("highs", threads=2)
    assert spec.kwargs["steps"] == ("greedy", Spec.of("sa", t=1))


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 1, "a name"),
        ("[a=1]", 1, "a name"),
        ("a[b]", 4, "key=value"),
        ("a[b=]", 5, "a value"),
        ("a[b=1", 6, "',' or ']'"),
        ("a[b=1 c=2]", 7, "',' or ']'"),
        ("a[b=(1", 7, "',' or ')'"),
        ('a[b="x', 7, "a closing quote"),
        ("a b", 3, "the end"),
        ("a |", 4, "a name"),
        ("a[b=1]]", 7, "the end"),
        ("a[b=12x]", 5, "a value"),
    ],
)
def test_errors_name_the_position(text, position, expected):
    with pytest.raises(SpecError) as caught:
        parse_pipeline(text)
    assert f"position {position}: expected {expected}, got" in str(caught.value)


def test_a_parameter_given_twice():
    with pytest.raises(SpecError, match="'b' is given twice"):
        parse("a[b=1,b=2]")


def test_a_pipeline_where_one_name_is_wanted():
    with pytest.raises(SpecError, match="got a pipeline of 2"):
        parse("a | b")


@pytest.mark.parametrize("value", [object(), {1: 2}, b"x", math.nan])
def test_values_that_the_notation_does_not_have(value):
    with pytest.raises(SpecError, match="cannot hold"):
        Spec.of("a", x=value)


def test_numpy_floats_are_written_as_numbers():
    assert format_value(np.float64(0.25)) == "0.25"
