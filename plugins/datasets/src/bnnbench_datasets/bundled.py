"""scikit-learn's bundled sets: the offline default (datasets.md 3.9).

Values are those of the package, not scaled: digits are integers 0..16, iris has one decimal and is
kept exactly over scale 10, breast-cancer and wine are real and usually followed by ``| minmax``.
No set has an official test part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnnbench.table import Table


def digits() -> Table:
    """8x8 grey images of handwritten digits: 1797 x 64 integers 0..16, 10 classes."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    names = tuple(f"pixel_{i}_{j}" for i in range(8) for j in range(8))
    return _table("digits", raw, raw.data.astype(np.uint8), 1, names)


def breast_cancer() -> Table:
    """Breast Cancer Wisconsin (Diagnostic): 569 x 30 reals, 212 malignant (0) / 357 benign (1)."""
    from sklearn.datasets import load_breast_cancer

    raw = load_breast_cancer()
    return _table("breast-cancer", raw, raw.data, 1, tuple(map(str, raw.feature_names)))


def iris() -> Table:
    """Fisher's iris: 150 x 4 with one decimal, 3 classes of 50."""
    from sklearn.datasets import load_iris

    raw = load_iris()
    X = np.rint(raw.data * 10).astype(np.uint8)
    return _table("iris", raw, X, 10, tuple(map(str, raw.feature_names)))


def wine() -> Table:
    """Wine cultivars: 178 x 13 reals, classes of 59, 71 and 48 rows."""
    from sklearn.datasets import load_wine

    raw = load_wine()
    return _table("wine", raw, raw.data, 1, tuple(map(str, raw.feature_names)))


def _table(name: str, raw: Any, X: Any, scale: int, features: tuple[str, ...]) -> Table:
    return Table(
        X=X,
        y=np.asarray(raw.target, dtype=np.int64),
        scale=scale,
        classes=tuple(map(str, raw.target_names)),
        features=features,
        notes={"set": name, "source": "scikit-learn"},
    )
