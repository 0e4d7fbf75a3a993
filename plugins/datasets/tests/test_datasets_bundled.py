import subprocess
import sys

import numpy as np
import pytest

from bnnbench.architecture import Architecture
from bnnbench.domain import Integer
from bnnbench.objectives import LinearHinge
from bnnbench.problem import Problem


@pytest.mark.parametrize(
    ("name", "shape", "counts", "scale"),
    [
        ("digits", (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180], 1),
        ("breast-cancer", (569, 30), [212, 357], 10**4),
        ("iris", (150, 4), [50, 50, 50], 10),
        ("wine", (178, 13), [59, 71, 48], 10**4),
    ],
)
def test_shape_classes_and_grid(dataset_of, name, shape, counts, scale):
    data = dataset_of(name)
    assert data.X.shape == shape
    assert np.bincount(data.y).tolist() == counts
    assert data.scale == scale
    assert len(data.features) == shape[1]
    assert len(data.classes) == len(counts)


def test_iris_is_exact_and_has_one_duplicate(table_of):
    table = table_of("iris")
    assert (table.X.min(), table.X.max()) == (1, 79)
    assert len(table_of("iris | dedup").y) == 149


def test_digits_have_three_constant_pixels(table_of):
    kept = table_of("digits | dead-drop[rule=constant]")
    assert kept.X.shape == (1797, 61)
    assert "pixel_0_0" not in kept.features
    assert "pixel_0_1" in kept.features


def test_listing_imports_no_library():
    code = (
        "import sys; from bnnbench_datasets import plugin\n"
        "list(plugin.bnnbench_datasets()); list(plugin.bnnbench_transforms())\n"
        "heavy = {'sklearn', 'pandas', 'scipy', 'pooch', 'torch', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("width", "n", "hidden", "forced"), [(10, 50, 4, 12), (10, 100, 2, 10), (10, 100, 4, 20)]
)
def test_published_instances_have_the_known_forced_loss(dataset_of, width, n, hidden, forced):
    text = f"breast-cancer | median | first-features[n={width}] | round-robin[n={n}]"
    dataset = dataset_of(text)
    arch = Architecture(dataset.n_features, (hidden,), 1)
    problem = Problem(dataset, arch, Integer(P=1, bias="asymmetric"), LinearHinge())
    assert problem.lower_bound == forced


def test_round_robin_balances_classes_and_drops_dead_columns(dataset_of):
    data = dataset_of("digits | threshold[t=8] | round-robin[n=95]")
    X, y = data.part("train")
    assert np.bincount(y).tolist() == [10] * 5 + [9] * 5
    assert y[:10].tolist() == list(range(10))
    assert X.any(axis=0).all()
    assert data.sizes == (95, 0, 1702)
