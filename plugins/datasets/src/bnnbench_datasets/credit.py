"""Default of credit card clients, the csv of Kurtz and Bah (datasets.md 3.5)."""

from __future__ import annotations

import numpy as np

from bnnbench.table import Table
from bnnbench_datasets.delimited import labels, numbers, read_fields
from bnnbench_datasets.files import loader, read_text
from bnnbench_datasets.records import CREDIT_DEFAULT

COLUMNS = (
    *("LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"),
    *("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),
    *(f"BILL_AMT{k}" for k in range(1, 7)),
    *(f"PAY_AMT{k}" for k in range(1, 7)),
)


@loader(CREDIT_DEFAULT)
def credit_default() -> Table:
    """30,000 x 23 integers up to 1.7 million, 23,364 paid (0) / 6,636 default (1).

    Amounts and codes differ by six orders of magnitude: scale, ``| minmax``.

    Raises:
        DataError: when the file is missing or corrupt.
    """
    path = CREDIT_DEFAULT.files[0].path
    rows = read_fields(read_text(CREDIT_DEFAULT), path, ";", len(COLUMNS) + 1)
    return Table(
        X=numbers([row[:-1] for row in rows], path).astype(np.int32),
        y=labels([row[-1] for row in rows], ("0", "1"), path),
        classes=("paid", "default"),
        features=COLUMNS,
        notes={"set": "credit-default"},
    )
