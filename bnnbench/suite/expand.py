"""From a suite file to its cells, in time linear in their number."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from bnnbench.data import resolve
from bnnbench.errors import BnnbenchError, SpecError, SuiteError, UnknownNameError
from bnnbench.interfaces import Formulation
from bnnbench.member import Kind
from bnnbench.problem import objective_spec
from bnnbench.registry import Registry
from bnnbench.spec import Spec, parse
from bnnbench.suite.cell import Cell, CellLimits, Topology, weight_domain
from bnnbench.suite.schema import ExcludeTable, MethodTable, ProblemTable, SuiteFile
from bnnbench.suite.units import seconds, size


@dataclass(frozen=True)
class Suite:
    """A named list of cells.

    Attributes:
        name: of the suite.
        file: what it was read from.
        source: where that was; None for an ad-hoc run.
        cells: all of them, in the order of the file, without repetition.
        inline: local plugin files it needs.
        warnings: why optional methods are not there, and what else looks unintended.
        left_out: how many cells there are not, since a formulation is for another objective.
    """

    name: str
    file: SuiteFile
    source: Path | None
    cells: tuple[Cell, ...]
    inline: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Named:
    """A checked text with what provides it."""

    text: str
    versions: tuple[str, ...]
    target: Any


def expand(file: SuiteFile, registry: Registry, *, name: str, source: Path | None = None) -> Suite:
    """All cells of a suite file.

    Raises:
        SuiteError: naming file and key, for every name, parameter or combination that is wrong.
    """
    planner = _Planner(file, registry, str(source or name))
    cells = tuple(dict.fromkeys(planner.cells()))
    left_out = tuple(planner.left_out())
    if not cells:
        text = f"{source or name}: no cells are left after the exclusions."
        raise SuiteError(" ".join([text, *(f"{reason}." for reason in left_out)]))
    folder = source.parent if source else Path()
    inline = tuple(folder / p for p in file.suite.plugins)
    warnings = planner.warnings()
    return Suite(file.suite.name or name, file, source, cells, inline, warnings, left_out)


class _Planner:
    """Checks every text once and multiplies the dimensions out."""

    def __init__(self, file: SuiteFile, registry: Registry, where: str) -> None:
        self.file, self.registry, self.where = file, registry, where
        self.data = lru_cache(None)(self._data)
        self.objective = lru_cache(None)(self._objective)
        self.formulation = lru_cache(None)(self._formulation)
        self.absent: list[str] = []
        self.unfit: Counter[type[Formulation]] = Counter()
        self.used_rules: set[int] = set()

    def fail(self, key: str, error: BnnbenchError) -> SuiteError:
        return SuiteError(f"{self.where}: key {key}: {error}")

    def cells(self) -> Iterator[Cell]:
        methods = [m for i, t in enumerate(self.file.method) for m in self._present(i, t)]
        for i, table in enumerate(self.file.problem):
            for data, topology, domain, objective in self._problems(i, table):
                for method in methods:
                    limits = msgspec.structs.replace(method.limits, target=table.target)
                    for seed in method.seeds:
                        drawn = self._at(f"problem[{i}].data", self.data, _draw(data, seed))
                        versions = (*drawn.versions, *objective.versions, *method.versions)
                        cell = Cell(
                            data=drawn.text,
                            topology=topology,
                            domain=domain,
                            objective=objective.text,
                            formulation=method.formulation,
                            solver=method.solver,
                            seed=seed,
                            limits=limits,
                            versions=tuple(dict.fromkeys(versions)),
                            draw=data if data != _draw(data, seed) else "",
                        )
                        if not self._excludes(cell) and self._models(method, objective):
                            yield cell

    def _problems(self, i: int, table: ProblemTable) -> Iterator[tuple[str, Topology, str, _Named]]:
        key = f"problem[{i}]"
        objectives = [
            self._at(f"{key}.objective", self.objective, t) for t in _list(table.objective)
        ]
        domains = [
            self._at(f"{key}.domain", lambda t: str(weight_domain(parse(t)).spec), t)
            for t in _list(table.domain)
        ]
        topologies = [
            Topology(
                tuple(hidden),
                1 if table.outputs == "one" else 0,
                table.activation,
                tuple(table.skips),
                table.density,
                table.mask_seed,
            )
            for hidden in self._at(f"{key}.hidden", _hidden_layers, table.hidden)
        ]
        yield from itertools.product(_list(table.data), topologies, domains, objectives)

    def _excludes(self, cell: Cell) -> bool:
        """Whether a rule leaves the cell out; remembers which rules do."""
        hits = {k for k, rule in enumerate(self.file.exclude) if _excluded(cell, rule)}
        self.used_rules |= hits
        return bool(hits)

    def _models(self, method: _Method, objective: _Named) -> bool:
        """Whether the method's formulation is for the objective; remembers which ones are not."""
        formulation = method.made
        if formulation is None or not formulation.objectives:
            return True
        if objective.target.name in formulation.objectives:
            return True
        self.unfit[type(formulation)] += 1
        return False

    def left_out(self) -> Iterator[str]:
        """Which formulations leave how many cells out; after :meth:`cells`."""
        for cls, count in self.unfit.items():
            known = " or ".join(cls.objectives)
            yield f"left out: {count} cells: formulation {cls.name} is for objective {known}"

    def warnings(self) -> tuple[str, ...]:
        """What is not installed, and what in the suite has no effect; after :meth:`cells`."""
        idle = [f"exclude[{k}]" for k in range(len(self.file.exclude)) if k not in self.used_rules]
        if self.absent or not idle:
            return tuple(self.absent)
        return (f"no cell matches {', '.join(idle)}",)

    def _present(self, i: int, table: MethodTable) -> list[_Method]:
        """A table's methods; none when it is optional and its plugin is not installed."""
        try:
            return list(self._methods(i, table))
        except SuiteError as error:
            if table.optional and isinstance(error.__cause__, UnknownNameError):
                self.absent.append(f"left out: {error.__cause__}")
                return []
            raise

    def _methods(self, i: int, table: MethodTable) -> Iterator[_Method]:
        key = f"method[{i}]"
        for text in _list(table.solver):
            base = self._at(f"{key}.solver", parse, text)
            for values in itertools.product(*table.grid.values()):
                params = base.kwargs | dict(zip(table.grid, values, strict=True))
                solver = self._at(f"{key}.solver", self._solver, Spec.of(base.name, **params))
                yield from self._with_formulations(key, table, solver)

    def _with_formulations(self, key: str, table: MethodTable, solver: _Named) -> Iterator[_Method]:
        limits = self._limits(key, table)
        seeds = tuple(self.file.seeds if table.seeds is None else table.seeds)
        kind = solver.target.kind
        if kind == "direct":
            if table.formulation is not None:
                raise SuiteError(
                    f"{self.where}: key {key}.formulation: solver {solver.text} is direct and takes"
                    " no formulation; leave the key out."
                )
            yield _Method("", None, solver.text, solver.versions, seeds, limits)
            return
        if table.formulation is None:
            fitting = [
                m.name
                for m in self.registry.members(Kind.FORMULATION)
                if getattr(m.target, "kind", None) == kind
            ]
            raise SuiteError(
                f"{self.where}: key {key}.formulation is missing: solver {solver.text} reads models"
                f" of kind {kind}. Formulations of that kind: {', '.join(fitting) or 'none'}."
            )
        for text in _list(table.formulation):
            formulation = self._at(f"{key}.formulation", self.formulation, text)
            if formulation.target.kind != kind:
                raise SuiteError(
                    f"{self.where}: key {key}.formulation: {text} builds models of kind"
                    f" {formulation.target.kind}, solver {solver.text} reads {kind}."
                )
            versions = (*formulation.versions, *solver.versions)
            made = formulation.target
            yield _Method(formulation.text, made, solver.text, versions, seeds, limits)

    def _limits(self, key: str, table: MethodTable) -> CellLimits:
        common = self.file.limits
        return CellLimits(
            time=self._at(
                f"{key}.time", seconds, common.time if table.time is None else table.time
            ),
            memory=self._at("limits.memory", size, common.memory),
            threads=table.threads or common.threads,
            grace=common.grace,
        )

    def _at(self, key: str, check: Any, value: Any) -> Any:
        try:
            return check(value)
        except SuiteError:
            raise
        except BnnbenchError as error:
            raise self.fail(key, error) from error

    def _data(self, text: str) -> _Named:
        pipeline = resolve(self.registry, text)
        return _Named(pipeline.text, pipeline.versions, None)

    def _objective(self, text: str) -> _Named:
        spec = parse(text)
        objective = self.registry.objective(spec)
        member = self.registry.get(Kind.OBJECTIVE, spec.name)
        return _Named(str(objective_spec(objective)), member.identity, objective)

    def _formulation(self, text: str) -> _Named:
        return self._member(Kind.FORMULATION, parse(text))

    def _solver(self, spec: Spec) -> _Named:
        return self._member(Kind.SOLVER, spec)

    def _member(self, kind: Kind, spec: Spec) -> _Named:
        member = self.registry.get(kind, spec.name)
        made = member.make(spec)
        used = (v for m in self.registry.used_by(made) for v in m.identity)
        versions = (*member.identity, *used)
        return _Named(str(member.canonical(spec)), versions, made)


@dataclass(frozen=True)
class _Method:
    formulation: str
    made: Formulation | None
    solver: str
    versions: tuple[str, ...]
    seeds: tuple[int, ...]
    limits: CellLimits


def _draw(data: str, seed: int) -> str:
    """``{seed}`` in a data text is the cell's seed: a fresh draw of the data for every seed."""
    return data.replace("{seed}", str(seed))


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _hidden_layers(value: list[Any]) -> list[list[int]]:
    """``[4, 8]`` is one architecture of two layers, ``[[4], [8], []]`` are three."""
    nested = [isinstance(v, list) for v in value]
    if any(nested) and not all(nested):
        raise SpecError(
            f"hidden mixes widths and lists, got {value}: write [4, 8] for one architecture of two"
            " layers or [[4], [8]] for two architectures."
        )
    return value if any(nested) else [value]


def _excluded(cell: Cell, rule: ExcludeTable) -> bool:
    texts = ("data", "domain", "objective", "formulation", "solver")
    patterns = [(getattr(rule, key), getattr(cell, key)) for key in texts]
    return (
        all(pattern is None or _match(pattern, text) for pattern, text in patterns)
        and (rule.hidden is None or tuple(rule.hidden) == cell.topology.hidden)
        and (rule.seed is None or rule.seed == cell.seed)
    )


def _match(pattern: str, text: str) -> bool:
    """Shell pattern in which brackets mean themselves, for they belong to specs."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))
