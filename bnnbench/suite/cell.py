"""Cells: one point of a suite's grid, with an id that hashes all that can change its outcome."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from bnnbench import __version__
from bnnbench.architecture import Architecture, layered
from bnnbench.dataset import Dataset
from bnnbench.domain import DOMAINS, WeightDomain
from bnnbench.errors import SpecError, did_you_mean
from bnnbench.member import Kind, Member
from bnnbench.solution import Limits
from bnnbench.spec import Spec, parse


class Topology(msgspec.Struct, frozen=True):
    """An architecture before the data set says how many inputs and classes there are.

    Attributes:
        hidden: widths of the hidden layers.
        outputs: 0 for one output per class, 1 for a single output deciding two classes by sign.
        activation: ``sign`` or ``step``.
        skips: connections beyond the chain, as (source layer, target layer), 0 being the input.
        density: share of arcs kept by a random mask; 1 for all.
        mask_seed: seed of that mask.
    """

    hidden: tuple[int, ...]
    outputs: int = 0
    activation: str = "sign"
    skips: tuple[tuple[int, int], ...] = ()
    density: float = 1.0
    mask_seed: int = 0

    def architecture(self, dataset: Dataset) -> Architecture:
        """The architecture for a data set.

        Raises:
            ProblemError: when the widths, skips or the density make no sense.
        """
        return layered(
            dataset.n_features,
            self.hidden,
            self.outputs or dataset.n_classes,
            self.activation,  # type: ignore[arg-type]
            self.skips,
            self.density,
            self.mask_seed,
        )

    def __str__(self) -> str:
        text = "-".join(str(w) for w in self.hidden) or "linear"
        if self.outputs == 1:
            text += " (1 output)"
        if self.activation != "sign":
            text += f" {self.activation}"
        text += "".join(f" {s}>{t}" for s, t in self.skips)
        return text + (f" mask {self.density:g}/{self.mask_seed}" if self.density < 1 else "")


class CellLimits(msgspec.Struct, frozen=True):
    """Limits of a cell: wall seconds, bytes, threads, target, and the grace before a kill."""

    time: float = 60.0
    memory: int = 2 << 30
    threads: int = 1
    target: float | None = None
    grace: float = 5.0

    def limits(self) -> Limits:
        """What the solver is told."""
        return Limits(self.time, self.threads, self.memory, self.target)


class Cell(msgspec.Struct, frozen=True):
    """One run of one method on one problem with one seed.

    Attributes:
        data: the data set's pipeline, canonical text.
        topology: the hidden structure.
        domain: the weight domain, canonical text.
        objective: the objective, canonical text.
        formulation: canonical text; empty for solvers of kind ``direct``.
        solver: canonical text.
        seed: of the solver.
        limits: what it may use.
        versions: what provides data, formulation, objective and solver, with versions.
        draw: the data text as the suite has it, with ``{seed}`` for a fresh draw per seed; only for
            putting cells together that differ in nothing but their seed.
    """

    data: str
    topology: Topology
    domain: str
    objective: str
    formulation: str
    solver: str
    seed: int
    limits: CellLimits
    versions: tuple[str, ...] = ()
    draw: str = ""

    @property
    def id(self) -> str:
        """Hash of everything that can change the outcome; grace and draw cannot."""
        limits = msgspec.structs.replace(self.limits, grace=0)
        plain = msgspec.structs.replace(self, limits=limits, draw="")
        return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()[:24]

    @property
    def method(self) -> str:
        """Formulation and solver in one text."""
        return method_text(self.formulation, self.solver)

    def plain(self) -> dict[str, Any]:
        """The cell as plain values, as records keep it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def method_text(formulation: str, solver: str) -> str:
    """A formulation, which may be empty, and a solver in one text."""
    return f"{formulation} + {solver}" if formulation else solver


def domain_member(name: str) -> Member:
    """A weight domain as a member, so that it is listed and checked like all else.

    Raises:
        SpecError: for an unknown domain.
    """
    cls = DOMAINS.get(name)
    if cls is None:
        raise SpecError(f"There is no weight domain {name!r}." + did_you_mean(name, DOMAINS))
    return Member(Kind.DOMAIN, name, cls, "bnnbench", __version__)


def weight_domain(spec: Spec) -> WeightDomain:
    """A weight domain from its spec.

    Raises:
        SpecError: for an unknown domain or parameter.
        ProblemError: for a value out of range.
    """
    domain: WeightDomain = domain_member(spec.name).make(spec)
    return domain


def parse_domain(text: str) -> WeightDomain:
    """A weight domain from its text."""
    return weight_domain(parse(text))
