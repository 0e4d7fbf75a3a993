"""Breast Cancer Wisconsin (Original), 9 cytological scores 1..10, in two files (datasets.md 3.4).

Not to be confused with scikit-learn's ``breast-cancer``, which is the diagnostic set (569 x 30).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bnnbench.table import Table
from bnnbench_datasets.delimited import labels, numbers, read_fields
from bnnbench_datasets.files import loader, read_text
from bnnbench_datasets.fitting import choose
from bnnbench_datasets.records import BCW_KURTZ_BAH, BCW_ORIGINAL

Int64 = npt.NDArray[np.int64]
COLUMNS = (
    *("clump thickness", "uniformity of cell size", "uniformity of cell shape"),
    *("marginal adhesion", "single epithelial cell size", "bare nuclei"),
    *("bland chromatin", "normal nucleoli", "mitoses"),
)
CLASSES = ("benign", "malignant")
FIRST_FILLED = 683
"""From this row on, bare nuclei was missing and stands as 4 in the file of Kurtz and Bah."""


@loader(BCW_KURTZ_BAH)
def bcw_kurtz_bah(*, missing: str = "filled") -> Table:
    """Kurtz and Bah's file: 699 x 9 integers 1..10, 458 benign (0) / 241 malignant (1).

    The last 16 rows are those with a missing value: shuffle before splitting.

    Args:
        missing: ``filled`` keeps the 16 rows with the authors' 4 for bare nuclei, ``drop`` drops
            them (444 / 239).

    Raises:
        DataError: when the file is missing or corrupt.
    """
    choose("missing", missing, ("filled", "drop"))
    path = BCW_KURTZ_BAH.files[0].path
    rows = read_fields(read_text(BCW_KURTZ_BAH), path, ";", len(COLUMNS) + 1)
    table = _table(
        "bcw-kurtz-bah",
        numbers([row[:-1] for row in rows], path),
        labels([row[-1] for row in rows], ("0", "1"), path),
    )
    return table.keep(np.arange(FIRST_FILLED)) if missing == "drop" else table


@loader(BCW_ORIGINAL)
def bcw_original() -> Table:
    """UCI's file without the 16 rows that lack bare nuclei: 683 x 9, 444 benign / 239 malignant.

    Raises:
        DataError: when the file is missing or corrupt.
    """
    path = BCW_ORIGINAL.files[0].path
    rows = read_fields(read_text(BCW_ORIGINAL), path, ",", len(COLUMNS) + 2)
    complete = np.array(["?" not in row for row in rows])
    filled = [["0" if field == "?" else field for field in row[1:-1]] for row in rows]
    y = labels([row[-1] for row in rows], ("2", "4"), path)
    return _table("bcw-original", numbers(filled, path), y).keep(np.flatnonzero(complete))


def _table(name: str, X: Int64, y: Int64) -> Table:
    return Table(X=X, y=y, classes=CLASSES, features=COLUMNS, notes={"set": name})
