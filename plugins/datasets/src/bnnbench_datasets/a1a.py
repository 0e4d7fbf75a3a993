"""LIBSVM's a1a, and the feature subsets of Sasdelli and Chin's notebook (datasets.md 3.6).

The subsets are chosen by column mean over all 1605 rows, so they know the test rows.
"""

from __future__ import annotations

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.columns import keep_columns
from bnnbench_datasets.delimited import labels, numbers, read_fields
from bnnbench_datasets.files import loader, read_text
from bnnbench_datasets.records import A1A

SUBSETS = {
    3: (6, 22, 36),
    7: (22, 36, 40, 42, 63, 72, 80),
    9: (6, 22, 36, 40, 42, 63, 72, 73, 80),
    15: (5, 6, 20, 22, 36, 37, 39, 40, 42, 63, 64, 72, 73, 80, 82),
}
"""LIBSVM numbers, from 1, of the features of each subset."""


@loader(A1A)
def a1a(*, subset: int | None = None) -> Table:
    """1605 x 123 bits, classes -1 (1,210 rows) and +1 (395); features are named 1..123.

    Args:
        subset: 3, 7, 9 or 15 for that many features, chosen as by Sasdelli and Chin; none for
            all.

    Raises:
        DataError: for another subset, or when the file is missing or corrupt.
    """
    if subset is not None and subset not in SUBSETS:
        raise DataError(f"a1a: subset must be one of {sorted(SUBSETS)}, got {subset}.")
    path = A1A.files[0].path
    rows = read_fields(read_text(A1A), path, ",", 124)[1:]
    table = Table(
        X=numbers([row[1:] for row in rows], path).astype(np.uint8),
        y=labels([str(int(float(row[0]))) for row in rows], ("-1", "1"), path),
        classes=("-1", "+1"),
        features=tuple(str(k) for k in range(1, 124)),
        notes={"set": "a1a"},
    )
    if subset is None:
        return table
    chosen = keep_columns(table, np.array(SUBSETS[subset]) - 1)
    return chosen.note(leaks_test_statistics="features chosen by their mean on all rows")
