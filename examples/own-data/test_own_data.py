from pathlib import Path

import numpy as np

from bnnbench.data import make_dataset
from bnnbench.registry import Registry
from bnnbench.testing import DatasetCase

HERE = Path(__file__).parent


class TestSeeds(DatasetCase):
    spec = "seeds[train=30] | fixed[decimals=2]"
    plugins = (HERE / "own_data.py",)
    drawn = "seed"


class TestFile(DatasetCase):
    spec = f'file[path="{HERE / "seeds.csv"}"]'


def test_both_ways_read_the_same_numbers():
    registry = Registry.load([HERE / "own_data.py"])
    named = make_dataset(registry, "seeds[train=60] | fixed[decimals=2]")
    file = make_dataset(registry, f'file[path="{HERE / "seeds.csv"}"] | fixed[decimals=2]')
    assert np.array_equal(named.X, file.X)
    assert np.array_equal(named.y, file.y)
    assert named.classes == file.classes == ("kama", "rosa")
    assert named.features == ("length", "width", "groove")
