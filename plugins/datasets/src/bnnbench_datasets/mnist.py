"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28x28 pixels (datasets.md 3.1, 3.8)."""

from __future__ import annotations

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import TEST, TRAIN, Table
from bnnbench_datasets.files import Record, loader, read
from bnnbench_datasets.idx import read_idx
from bnnbench_datasets.records import FASHION_MNIST, MNIST

_DIGITS = tuple(str(c) for c in range(10))
_FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@loader(MNIST)
def mnist(*, unit4: bool = False) -> Table:
    """Handwritten digits: 60,000 training and 10,000 test images, 784 pixels 0..255, 10 classes.

    Args:
        unit4: divide by 255 and round to 4 decimals, as the INN papers do.

    Raises:
        DataError: when a file is missing or corrupt.
    """
    return _images(MNIST, _DIGITS, unit4)


@loader(FASHION_MNIST)
def fashion_mnist(*, unit4: bool = False) -> Table:
    """Zalando's articles: same format and sizes as mnist, 10 classes.

    Args:
        unit4: divide by 255 and round to 4 decimals.

    Raises:
        DataError: when a file is missing or corrupt.
    """
    return _images(FASHION_MNIST, _FASHION, unit4)


def _images(record: Record, classes: tuple[str, ...], unit4: bool) -> Table:
    arrays = [
        read_idx(read(record, k), file.path, 1 if "labels" in file.path else 3)
        for k, file in enumerate(record.files)
    ]
    sizes = [len(arrays[0]), len(arrays[2])]
    if [len(arrays[1]), len(arrays[3])] != sizes:
        raise DataError(f"{record.name}: {sizes} images, but other numbers of labels.")
    X = np.concatenate([arrays[0].reshape(sizes[0], -1), arrays[2].reshape(sizes[1], -1)])
    if unit4:
        X = np.rint(np.around(np.arange(256) / 255, 4) * 10**4).astype(np.int16)[X]
    return Table(
        X=X,
        y=np.concatenate([arrays[1], arrays[3]]).astype(np.int64),
        part=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), sizes),
        scale=10**4 if unit4 else 1,
        classes=classes,
        features=tuple(f"pixel_{i}_{j}" for i in range(28) for j in range(28)),
        notes={"set": record.name},
    )
