"""What the outputs of a net cost on merged rows: linear hinge with integer margin, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnbench_mip.lattice import Int64
from bnnbench_mip.samples import Samples


@dataclass(frozen=True, eq=False)
class Charge:
    """The loss as a function of the output on every distinct feature row.

    Attributes:
        positive, negative: how many training rows want +1 and -1, shape (rows,).
        margin: the hinge's m.
    """

    positive: Int64
    negative: Int64
    margin: int

    @classmethod
    def of(cls, samples: Samples, margin: int) -> Charge:
        """The charge of merged samples with one output."""
        assert samples.row is not None
        rows = samples.rows.dataset.sizes[0]
        counts = np.zeros((2, rows), dtype=np.int64)
        np.add.at(counts, ((samples.targets[:, 0] > 0).astype(int), samples.row), samples.weights)
        return cls(counts[1], counts[0], margin)

    def losses(self, output: Int64) -> Int64:
        """Loss per row; ``output`` broadcasts to (..., rows)."""
        short, over = np.maximum(0, self.margin - output), np.maximum(0, self.margin + output)
        return self.positive * short + self.negative * over

    def total(self, output: Int64) -> int:
        """Loss of all rows."""
        return int(self.losses(output).sum())

    def slope(self, rest: Int64) -> Int64:
        """Slope of the loss in one more unit u: it is a constant + slope u / 2."""
        return self.losses(rest + 1) - self.losses(rest - 1)
