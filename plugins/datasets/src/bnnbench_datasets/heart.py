"""Heart disease: Kaggle's heart.csv, and UCI's Cleveland file (datasets.md 3.3, inn.md 5.1).

The two are different encodings of almost the same patients: heart.csv inverts the target (1 = no
disease), recodes cp, restecg and slope, and hides missing values as ca = 4 and thal = 0.
"""

from __future__ import annotations

import numpy as np

from bnnbench.table import Table
from bnnbench_datasets.columns import onehot
from bnnbench_datasets.delimited import labels, numbers, read_fields
from bnnbench_datasets.files import loader, read_text
from bnnbench_datasets.fitting import choose
from bnnbench_datasets.records import CLEVELAND, HEART
from bnnbench_datasets.scaling import fixed, minmax

COLUMNS = (
    *("age", "sex", "cp", "trestbps", "chol", "fbs", "restecg", "thalach", "exang", "oldpeak"),
    *("slope", "ca", "thal"),
)


@loader(HEART)
def heart(*, preprocess: str = "none") -> Table:
    """heart.csv: 303 x 13, one decimal, classes disease (0, 138) and no disease (1, 165).

    The rows are sorted by class: split before use.

    Args:
        preprocess: ``inn2023`` gives the data of the INN paper: cp, thal and slope one-hot (21
            features), columns scaled to [0, 1] over all rows, 4 decimals. ``none`` keeps values.

    Raises:
        DataError: when the file is missing or corrupt.
    """
    choose("preprocess", preprocess, ("none", "inn2023"))
    path = HEART.files[0].path
    rows = read_fields(read_text(HEART), path, ",", len(COLUMNS) + 1)[1:]
    table = Table(
        X=numbers([row[:-1] for row in rows], path, scale=10),
        y=labels([row[-1] for row in rows], ("0", "1"), path),
        scale=10,
        classes=("disease", "no disease"),
        features=COLUMNS,
        notes={"set": "heart"},
    )
    if preprocess == "none":
        return table
    table = onehot(table, columns=("cp", "thal", "slope"), fit="all")
    return fixed(minmax(table, fit="all"))


@loader(CLEVELAND)
def cleveland(*, missing: str = "drop") -> Table:
    """UCI's processed.cleveland.data: 13 features, classes no disease (0) and disease (1).

    Args:
        missing: what becomes of the 6 rows with ``?`` in ca or thal: ``drop``, or ``level``,
            which writes -1 for ``?``.

    Raises:
        DataError: when the file is missing or corrupt.
    """
    choose("missing", missing, ("drop", "level"))
    path = CLEVELAND.files[0].path
    rows = read_fields(read_text(CLEVELAND), path, ",", len(COLUMNS) + 1)
    complete = np.array(["?" not in row for row in rows])
    filled = [["-1" if field == "?" else field for field in row[:-1]] for row in rows]
    degree = labels([row[-1] for row in rows], ("0", "1", "2", "3", "4"), path)
    table = Table(
        X=numbers(filled, path, scale=10),
        y=(degree > 0).astype(np.int64),
        scale=10,
        classes=("no disease", "disease"),
        features=COLUMNS,
        notes={"set": "cleveland"},
    )
    return table.keep(np.flatnonzero(complete)) if missing == "drop" else table
