"""The rules of a data set."""

from __future__ import annotations

import random
import tempfile
import unittest
from pathlib import Path
from typing import ClassVar

import numpy as np

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset, resolve
from bnnbench.dataset import PARTS, Dataset
from bnnbench.domain import Integer
from bnnbench.errors import DataError
from bnnbench.member import Kind, Member
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.spec import Spec, parse_pipeline
from bnnbench.testing.case import BrokenRuleError, Case, require
from bnnbench.testing.trial import captured


class DatasetCase(Case):
    """Conformance of a data set.

    Attributes:
        spec: its text, as a suite would write it; transforms may follow.
        drawn: the parameter that draws it anew, if other values of it have to give other data; by
            default ``seed``, of which equal data are forgiven, since not every setting draws.
    """

    kind = Kind.DATASET
    drawn: ClassVar[str | None] = None

    @property
    def parsed(self) -> Spec:
        """The source, without its transforms."""
        return parse_pipeline(self.spec)[0]

    @property
    def member(self) -> Member:
        """The source as it is registered."""
        return resolve(self.registry, self.spec).source.member

    def test_parameters_have_a_text(self) -> None:
        """The spec reads back what it writes, and parameters are set by keyword."""
        text = resolve(self.registry, self.spec).text
        again = resolve(self.registry, text)
        require(
            again.text == text,
            f"{text} reads back as {again.text}.",
            "Use numbers, texts, booleans, none or tuples of these as parameters.",
        )

    def test_makes_a_data_set(self) -> None:
        """It gives integer features, at least two classes, and training rows."""
        data = self._data()
        labels = np.unique(data.part("train")[1])
        require(
            len(labels) > 1,
            f"The training rows hold the classes {labels.tolist()} only.",
            "Mix the classes before cutting parts, or leave the split to '| split'.",
        )
        require(
            data.n_features > 0,
            "It has no features.",
            "Return a Table with X of shape (n, d), d > 0.",
        )

    def test_repeats(self) -> None:
        """The same text gives the same data, whatever global generators hold."""
        first = self._data().digest
        digests = {first}
        for state in (1, 2):
            np.random.seed(state)
            random.seed(state)
            digests.add(make_dataset(self.registry, self.spec).digest)
        require(
            len(digests) == 1,
            "Made three times, the data differ.",
            "Draw from np.random.default_rng(seed), a parameter of the function, and sort what"
            " comes out of sets and directories.",
        )

    def test_seed_draws(self) -> None:
        """Another seed gives other data, and never another shape."""
        drawn = self.drawn or "seed"
        if drawn not in {p.name for p in self.member.parameters}:
            raise unittest.SkipTest(f"it has no parameter {drawn}")
        source, *steps = parse_pipeline(self.spec)
        seeds = [Spec.of(source.name, **{**source.kwargs, drawn: s}) for s in (11, 12)]
        rest = [str(step) for step in steps]
        one, other = (make_dataset(self.registry, " | ".join([str(s), *rest])) for s in seeds)
        if self.drawn is None and one.digest == other.digest:
            raise unittest.SkipTest("seeds 11 and 12 give the same data with these parameters")
        require(
            one.digest != other.digest,
            f"The data are the same for {drawn} 11 and 12.",
            f"Draw with np.random.default_rng({drawn}), or drop the parameter.",
        )
        require(
            one.n_features == other.n_features and one.classes == other.classes,
            "Features or classes change with the seed.",
            "Name all classes in Table.classes, whether or not a draw has rows of each.",
        )

    def test_parts_are_apart(self) -> None:
        """No source row is in two parts."""
        data = self._data()
        cuts = np.cumsum(data.sizes)[:-1]
        assert data.rows is not None
        parts = [set(rows.tolist()) for rows in np.split(data.rows, cuts)]
        for i, name in enumerate(PARTS):
            both = parts[i] & parts[i - 1]
            require(
                not both,
                f"Source rows {sorted(both)[:5]} are in {name} and in {PARTS[i - 1]}.",
                "Cut each row into one part; rows in Table.rows are indices in the raw source.",
            )

    def test_survives_saving(self) -> None:
        """Saved and read back, as every run does, it is the same."""
        data = self._data()
        with tempfile.TemporaryDirectory() as folder:
            data.save(Path(folder))
            again = Dataset.load(Path(folder))
            require(
                again.digest == data.digest and again.classes == data.classes,
                "Saved and read back, the data differ.",
                "Keep texts in notes, and names of classes and features as texts.",
            )

    def test_can_be_learnt_from(self) -> None:
        """Exact arithmetic holds its features: a network can be evaluated."""
        data = self._data()
        outputs = 1 if data.n_classes == 2 else data.n_classes
        arch = Architecture(data.n_features, (2,), outputs)
        problem = Problem(data, arch, Integer(P=1), Errors())
        score = problem.evaluate(problem.random_network(np.random.default_rng(0)))
        bound = problem.lower_bound or 0
        require(
            score.value is not None and bound <= score.value <= data.sizes[0],
            f"A random network has {score} errors on {data.sizes[0]} rows.",
            "Look at labels and features: they do not fit together.",
        )

    def test_describes_itself(self) -> None:
        """What `bnnbench data` shows is there: a record has source, licence and citation."""
        record = getattr(self.member.target, "record", None)
        if record is None:
            raise unittest.SkipTest("it has no attribute 'record'")
        absent = [a for a in ("source", "licence", "citation") if not getattr(record, a, None)]
        require(
            not absent,
            f"Its record has no {', '.join(absent)}.",
            "Set function.record to an object with the texts source, licence and citation.",
        )

    def test_silent(self) -> None:
        """It prints nothing on standard output."""
        self._data()
        with captured() as output:
            make_dataset(self.registry, self.spec)
        require(
            not "".join(output).strip(),
            f"It printed {''.join(output).strip()[:80]!r}.",
            "Put facts worth keeping into the table's notes: Table.note(source=...).",
        )

    def _data(self) -> Dataset:
        """The data set, made once for all rules of a case."""
        case = type(self)
        if "_kept" not in vars(case):
            try:
                case._kept = make_dataset(self.registry, self.spec)
            except DataError as error:
                if "is missing" in str(error) or "not installed" in str(error):
                    raise unittest.SkipTest(str(error)[:200]) from error
                raise BrokenRuleError(
                    f"It cannot be made: {error}", "Mend the data, or the parameters of the spec."
                ) from error
        return case._kept

    _kept: ClassVar[Dataset]
