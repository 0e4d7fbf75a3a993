"""The table of who provides what is what our plugins really register."""

from __future__ import annotations

import pytest

from bnnbench.member import Kind
from bnnbench.providers import PROVIDERS
from bnnbench.registry import Registry

DISTRIBUTIONS = sorted(set(PROVIDERS.values()))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_table_names_all_members_of_a_distribution(distribution):
    registry = Registry.load()
    if not any(p.distribution == distribution for p in registry.plugins):
        pytest.skip(f"{distribution} is not installed")
    registered = {
        (str(kind), m.name)
        for kind in Kind
        for m in registry.members(kind)
        if m.plugin == distribution
    }
    assert registered == {key for key, d in PROVIDERS.items() if d == distribution}


def test_our_own_plugins_load_without_trouble():
    for plugin in Registry.load().plugins:
        if plugin.distribution in DISTRIBUTIONS:
            assert plugin.error is None
