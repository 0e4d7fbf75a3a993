"""UCI Adult: income above 50K from census answers (datasets.md 3.2, inn.md 5.2).

108 features: the six numeric columns, then one-hot blocks of the eight others with levels sorted
as strings; ``?`` is a level. Levels come from both files, because one level occurs in one file
only.
"""

from __future__ import annotations

import numpy as np

from bnnbench.table import TEST, TRAIN, Table
from bnnbench_datasets.delimited import labels, numbers, read_fields
from bnnbench_datasets.files import loader, read_text
from bnnbench_datasets.fitting import choose
from bnnbench_datasets.records import ADULT
from bnnbench_datasets.scaling import fixed, minmax

COLUMNS = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation"),
    *("relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week"),
    *("native-country", "income"),
)
NUMERIC = (0, 2, 4, 10, 11, 12)
CATEGORICAL = (1, 3, 5, 6, 7, 8, 9, 13)
INCOMES = ("<=50K", ">50K")


@loader(ADULT)
def adult(*, preprocess: str = "none", missing: str = "level") -> Table:
    """Census income: 32,561 training and 16,281 test rows, 108 features, not scaled.

    Args:
        preprocess: ``inn2023`` gives the data of the INN paper: first record of each file lost,
            columns scaled to [0, 1] over training and test rows, 4 decimals. ``none`` keeps all
            records as they are, usually followed by ``| minmax``.
        missing: ``level`` keeps rows with ``?``, ``drop`` drops them.

    Raises:
        DataError: when a file is missing or corrupt.
    """
    choose("preprocess", preprocess, ("none", "inn2023"))
    choose("missing", missing, ("level", "drop"))
    parts = [_records(k) for k in (0, 1)]
    table = _encode(parts)
    keep = np.ones(len(table.y), dtype=bool)
    if preprocess == "inn2023":
        keep[[0, len(parts[0])]] = False
    if missing == "drop":
        keep &= np.array(["?" not in row for part in parts for row in part])
    table = table.keep(np.flatnonzero(keep))
    return fixed(minmax(table, fit="all")) if preprocess == "inn2023" else table


def _records(index: int) -> list[list[str]]:
    """The fields of one file, without UCI's comment line and the dot that ends its test labels."""
    text = read_text(ADULT, index)
    if text.startswith("|"):
        text = text.split("\n", 1)[1]
    rows = read_fields(text, ADULT.files[index].path, ",", len(COLUMNS))
    for row in rows:
        row[-1] = row[-1].removesuffix(".")
    return rows


def _encode(parts: list[list[list[str]]]) -> Table:
    rows = [row for part in parts for row in part]
    blocks = [numbers([[row[c] for c in NUMERIC] for row in rows], "adult").astype(np.int32)]
    names = [COLUMNS[c] for c in NUMERIC]
    for c in CATEGORICAL:
        levels, codes = np.unique([row[c] for row in rows], return_inverse=True)
        blocks.append((codes[:, None] == np.arange(len(levels))).astype(np.int32))
        names += [f"{COLUMNS[c]}={level}" for level in levels.tolist()]
    return Table(
        X=np.concatenate(blocks, axis=1),
        y=np.concatenate(
            [
                labels([row[-1] for row in part], INCOMES, file.path)
                for part, file in zip(parts, ADULT.files, strict=True)
            ]
        ),
        part=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), [len(part) for part in parts]),
        classes=INCOMES,
        features=tuple(names),
        notes={"set": "adult"},
    )
