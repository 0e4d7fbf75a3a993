"""California housing, as two classes at the median (datasets.md 3.9).

The archive's table has longitude, latitude, age, rooms, bedrooms, population, households, median
income and median house value per block group; rooms, bedrooms and population are divided by the
number of households, as scikit-learn does.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.files import find, loader
from bnnbench_datasets.records import CALIFORNIA

MEMBER = "CaliforniaHousing/cal_housing.data"
MAX_MEMBER = 1 << 24
FEATURES = (
    *("MedInc", "HouseAge", "AveRooms", "AveBedrms"),
    *("Population", "AveOccup", "Latitude", "Longitude"),
)


@loader(CALIFORNIA)
def california() -> Table:
    """House values above the median (1) or not (0): 20,640 x 8 reals.

    The median is taken over all rows and so knows the test rows.

    Raises:
        DataError: when the archive is missing or corrupt.
    """
    path = find(CALIFORNIA)
    raw = read_numbers(path)
    longitude, latitude, age, rooms, bedrooms, population, households, income, value = raw.T
    X = np.column_stack(
        [
            *(income, age, rooms / households, bedrooms / households),
            *(population, population / households, latitude, longitude),
        ]
    )
    return Table(
        X=X,
        y=(value > np.median(value)).astype(np.int64),
        classes=("at most median", "above median"),
        features=FEATURES,
        notes={
            "set": "california",
            "leaks_test_statistics": "classes cut at the median of all rows",
        },
    )


def read_numbers(path: Path) -> npt.NDArray[np.float64]:
    """The nine columns of the archive's table.

    Raises:
        DataError: when the table is missing, ragged, or holds something else than finite numbers.
    """
    with tarfile.open(path, "r:gz") as archive:
        member = next((m for m in archive.getmembers() if m.name == MEMBER), None)
        stream = archive.extractfile(member) if member and member.isreg() else None
        if member is None or stream is None or member.size > MAX_MEMBER:
            raise DataError(f"{path}: the regular file {MEMBER} is missing or too large.")
        lines = stream.read().decode().split()
    try:
        raw = np.array([[float(v) for v in line.split(",")] for line in lines])
    except ValueError as error:
        raise DataError(f"{path}: {MEMBER} is no table of numbers ({error}).") from error
    if raw.ndim != 2 or raw.shape[1] != 9 or not np.isfinite(raw).all() or (raw[:, 6] <= 0).any():
        raise DataError(f"{path}: {MEMBER} has shape {raw.shape}, expected 9 finite columns.")
    return raw
