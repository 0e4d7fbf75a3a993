"""What the outputs of a net cost on merged rows: linear hinge with integer margin, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnbench_mip.lattice import Int64
from bnnbench_mip.samples import Samples


@dataclass(frozen=True, eq=False)
class Charge:
    """The loss as a function of the outputs on every distinct feature row.

    Attributes:
        positive, negative: how many training rows want +1 and -1, shape (outputs, rows).
        margin: the hinge's m.
    """

    positive: Int64
    negative: Int64
    margin: int

    @classmethod
    def of(cls, samples: Samples, margin: int) -> Charge:
        """The charge of merged samples."""
        assert samples.row is not None
        outputs, rows = samples.targets.shape[1], samples.rows.dataset.sizes[0]
        counts = np.zeros((2, outputs, rows), dtype=np.int64)
        for c in range(outputs):
            wanted = (samples.targets[:, c] > 0).astype(int)
            np.add.at(counts[:, c], (wanted, samples.row), samples.weights)
        return cls(counts[1], counts[0], margin)

    def losses(self, output: Int64) -> Int64:
        """Loss per output and row; ``output`` broadcasts to (..., outputs, rows)."""
        short, over = np.maximum(0, self.margin - output), np.maximum(0, self.margin + output)
        return self.positive * short + self.negative * over

    def total(self, output: Int64) -> int:
        """Loss of all outputs and rows."""
        return int(self.losses(output).sum())

    def line(self, rest: Int64, tuples: Int64) -> tuple[Int64, Int64]:
        """Twice the loss of one more unit with given tuples: a constant + slope u.

        Args:
            rest: outputs of the other units and the bias, shape (outputs, rows).
            tuples: outgoing weights, shape (count, outputs).

        Returns:
            Constants, shape (count,), and slopes, shape (rows, count).
        """
        up = self.losses(rest + tuples[:, :, None]).sum(axis=1)
        down = self.losses(rest - tuples[:, :, None]).sum(axis=1)
        return (up + down).sum(axis=1), (up - down).T
