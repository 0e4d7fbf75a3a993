"""The rules of a transform."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from bnnbench.member import Kind
from bnnbench.table import TEST, TRAIN, VALIDATION, Table, finish
from bnnbench.testing.case import Case, require
from bnnbench.testing.trial import captured


class TransformCase(Case):
    """Conformance of a transform.

    Attributes:
        spec: the transform, with parameters.
        sees_all: True when it is meant to look at rows outside the training part.
    """

    kind = Kind.TRANSFORM
    sees_all: ClassVar[bool] = False

    def table(self) -> Table:
        """What it is tried on: 60 rows of 4 reals with a split, 3 classes; may be overridden."""
        rng = np.random.default_rng(5)
        part = np.repeat([TRAIN, VALIDATION, TEST], [36, 12, 12]).astype(np.int8)
        y = np.arange(60) % 3
        return Table(rng.normal(0, 2, (60, 4)).round(2), y, part, classes=("a", "b", "c"))

    def test_gives_a_table(self) -> None:
        """It gives a table that can be finished into a data set."""
        made = self._apply(self.table())
        require(
            isinstance(made, Table),
            f"It returned a {type(made).__name__}.",
            "Return a Table: table.with_features(...), table.keep(...) or dataclasses.replace.",
        )
        n = len(made.y)
        require(
            len(made.X) == n == len(made.source_rows)
            and (made.part is None or len(made.part) == n),
            f"Rows of X, y, rows and part differ: {len(made.X)}, {n}, {len(made.source_rows)}.",
            "Keep rows together: Table.keep(rows) cuts all of them.",
        )
        finish(made, self.spec)

    def test_leaves_its_input(self) -> None:
        """The table that it is given stays as it was."""
        table, untouched = self.table(), self.table()
        self._apply(table)
        same = all(
            np.array_equal(getattr(table, k), getattr(untouched, k)) for k in ("X", "y", "part")
        )
        require(
            same,
            "It changed the table that it was given.",
            "Copy an array before writing to it: the table may be used again.",
        )

    def test_repeats(self) -> None:
        """The same table and parameters give the same result."""
        digests = set()
        for seed in (1, 2):
            np.random.seed(seed)
            digests.add(finish(self._apply(self.table()), self.spec).digest)
        require(
            len(digests) == 1,
            "Applied twice, the results differ.",
            "Draw from np.random.default_rng(seed), seed being a parameter.",
        )

    def test_learns_from_training_rows(self) -> None:
        """Features of validation and test rows do not change what becomes of training rows."""
        if self.sees_all:
            return
        table = self.table()
        X = np.array(table.X)
        X[~table.train] = 3 * X[~table.train] + 7
        results = [self._apply(t) for t in (table, replace(table, X=X))]
        train = [(r.X[r.train], r.y[r.train]) for r in results]
        require(
            all(np.array_equal(a, b) for a, b in zip(*train, strict=True)),
            "Other test rows gave other training rows.",
            "Fit on table.train alone; a transform that is meant to see all rows sets sees_all in"
            " its case and says so in the table's notes.",
        )

    def test_silent(self) -> None:
        """It prints nothing on standard output."""
        with captured() as output:
            self._apply(self.table())
        require(
            not "".join(output).strip(),
            f"It printed {''.join(output).strip()[:80]!r}.",
            "Put facts worth keeping into the table's notes: Table.note(...).",
        )

    def _apply(self, table: Table) -> Table:
        made: Table = self.member.target(table, **self.member.arguments(self.parsed.kwargs))
        return made
