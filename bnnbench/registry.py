"""The registry: what plugins offer, by kind and name, loaded one by one and guarded."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pluggy

from bnnbench import __version__, hookspecs
from bnnbench.errors import PluginError, UnknownNameError, did_you_mean
from bnnbench.interfaces import Formulation, Solver
from bnnbench.member import Kind, Member
from bnnbench.objectives import BUILT_IN, Lexicographic, Objective
from bnnbench.providers import PROVIDERS
from bnnbench.spec import Spec, parse

GROUP = "bnnbench"


HOOKS: Mapping[Kind, str] = {kind: f"bnnbench_{kind}s" for kind in Kind if kind is not Kind.DOMAIN}
"""Weight domains belong to the core: every solver must know what a weight may be."""


@dataclass(frozen=True)
class Plugin:
    """A plugin as found.

    Attributes:
        name: of its entry point or file.
        distribution: what was installed to provide it.
        version: of the distribution.
        error: why it, or a part of it, is not there; None when all is well.
        members: how many things it offers.
    """

    name: str
    distribution: str
    version: str
    error: str | None = None
    members: int = 0


@dataclass
class Registry:
    """Everything that can be named in a suite."""

    _current: ClassVar[Registry | None] = None
    plugins: list[Plugin] = field(default_factory=list)
    suite_folders: list[Path] = field(default_factory=list)
    _members: dict[tuple[Kind, str], Member] = field(default_factory=dict)
    _manager: pluggy.PluginManager = field(
        default_factory=lambda: pluggy.PluginManager(hookspecs.PROJECT)
    )

    @classmethod
    def load(cls, inline: Iterable[Path] = (), *, installed: bool = True) -> Registry:
        """All installed plugins, less those in ``BNNBENCH_DISABLE``, plus local plugin files.

        Without ``installed`` only the core's own members and the local files.

        An installed plugin that fails is listed with its reason and disables nothing else; a local
        file that fails was asked for, and raises.

        Raises:
            PluginError: for a local plugin file that cannot be loaded.
        """
        registry = cls()
        registry._manager.add_hookspecs(hookspecs)
        for objective in BUILT_IN:
            registry._add(Kind.OBJECTIVE, objective, "bnnbench", __version__)
        disabled = {n.strip() for n in os.environ.get("BNNBENCH_DISABLE", "").split(",")}
        points = entry_points(group=GROUP) if installed else ()
        for point in sorted(points, key=lambda p: p.name):
            registry._load_entry_point(point, disabled)
        for path in inline:
            registry.load_file(path)
        return registry

    def share(self) -> None:
        """Make this the process's registry, which :meth:`current` gives."""
        Registry._current = self

    @classmethod
    def current(cls) -> Registry:
        """The process's registry: in a cell the run's, local plugin files included; else a new one.

        For solvers that look up others by name, see :mod:`bnnbench.inner`.
        """
        if cls._current is None:
            cls.load().share()
        assert cls._current is not None
        return cls._current

    def _load_entry_point(self, point: EntryPoint, disabled: set[str]) -> None:
        dist = point.dist.name if point.dist else point.module
        number = point.dist.version if point.dist else ""
        if point.name in disabled or dist in disabled:
            reason = "disabled by BNNBENCH_DISABLE"
            self.plugins.append(Plugin(point.name, dist, number, reason))
            return
        try:
            module = point.load()
        except Exception as error:
            reason = f"cannot be imported: {type(error).__name__}: {error}"
            self.plugins.append(Plugin(point.name, dist, number, reason))
            return
        self.register(module, point.name, dist, number)

    def load_file(self, path: Path) -> None:
        """Register a local ``.py`` file as a plugin, once.

        Raises:
            PluginError: when it cannot be read, run or registered.
        """
        path = path.resolve()
        if any(p.distribution == str(path) for p in self.plugins):
            return
        name = f"bnnbench_inline_{path.stem}_{hashlib.sha256(bytes(path)).hexdigest()[:8]}"
        try:
            number = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            spec = importlib.util.spec_from_file_location(name, path)
            if spec is None or spec.loader is None:
                raise PluginError(f"{path} is not a Python file.")
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
        except Exception as error:
            sys.modules.pop(name, None)
            raise PluginError(
                f"Plugin file {path} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        self.register(module, path.stem, str(path), number)
        problem = self.plugins[-1].error
        if problem:
            raise PluginError(f"Plugin file {path}: {problem}")

    def register(self, module: ModuleType, name: str, distribution: str, number: str) -> None:
        """Ask a plugin module for everything it offers, hook by hook, each call guarded."""
        problems: list[str] = []
        count = 0
        key = f"{name} of {distribution}" if self._manager.has_plugin(name) else name
        try:
            self._manager.register(module, name=key)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.get_plugin(key) is module:
                # what is half registered would be blamed on the plugins after it
                self._manager.unregister(module)
            self.plugins.append(Plugin(name, distribution, number, f"wrong hook: {error}"))
            return
        for kind, hook in HOOKS.items():
            for target in self._ask(key, hook, problems):
                try:
                    self._add(kind, target, distribution, number)
                    count += 1
                except PluginError as error:
                    problems.append(str(error))
        self.suite_folders += [Path(p) for p in self._ask(key, "bnnbench_suites", problems)]
        reason = "; ".join(problems) or None
        self.plugins.append(Plugin(name, distribution, number, reason, count))

    def _ask(self, plugin: str, hook: str, problems: list[str]) -> list[Any]:
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin_name == plugin:
                try:
                    return list(implementation.function())
                except Exception as error:
                    problems.append(f"{hook} failed: {type(error).__name__}: {error}")
        return []

    def _add(self, kind: Kind, target: Any, plugin: str, number: str) -> None:
        base = {Kind.FORMULATION: Formulation, Kind.SOLVER: Solver, Kind.OBJECTIVE: Objective}
        wanted = base.get(kind)
        if wanted is not None and not (isinstance(target, type) and issubclass(target, wanted)):
            raise PluginError(f"{target!r} is not a subclass of {wanted.__name__}.")
        if wanted is None and not callable(target):
            raise PluginError(f"{target!r} is not a function.")
        fallback = "" if wanted else getattr(target, "__name__", "").replace("_", "-")
        name = getattr(target, "name", fallback)
        if not isinstance(name, str) or not name:
            raise PluginError(f"{_where(target)} has no name.")
        taken = self._members.get((kind, name))
        if taken is not None:
            raise PluginError(
                f"{kind} name {name!r} is taken: {_where(taken.target)} has it,"
                f" {_where(target)} wants it. Rename one, or disable a plugin by BNNBENCH_DISABLE."
            )
        self._members[kind, name] = Member(kind, name, target, plugin, number)

    def members(self, kind: Kind) -> list[Member]:
        """All members of a kind, by name."""
        return sorted((m for m in self._members.values() if m.kind is kind), key=lambda m: m.name)

    def get(self, kind: Kind, name: str) -> Member:
        """The member of that kind and name.

        Raises:
            UnknownNameError: naming the nearest members, the kind it may really be, and the
                distribution that would provide it.
        """
        member = self._members.get((kind, name))
        if member is not None:
            return member
        text = f"There is no {kind} {name!r}."
        others = [k for k in Kind if (k, name) in self._members]
        if others:
            text += f" There is a {others[0]} of that name."
        provider = PROVIDERS.get((str(kind), name))
        if provider is not None:
            broken = next((p for p in self.plugins if p.distribution == provider and p.error), None)
            text += (
                f" {provider} provides it, but {broken.error}."
                if broken
                else f" {provider} provides it (pip install {provider})."
            )
        else:
            text += did_you_mean(name, (n for k, n in self._members if k is kind))
        raise UnknownNameError(text)

    def solver(self, spec: Spec) -> Solver:
        """A solver from its spec."""
        solver: Solver = self.get(Kind.SOLVER, spec.name).make(spec)
        return solver

    def formulation(self, spec: Spec) -> Formulation:
        """A formulation from its spec."""
        formulation: Formulation = self.get(Kind.FORMULATION, spec.name).make(spec)
        return formulation

    def objective(self, spec: Spec) -> Objective:
        """An objective from its spec; the levels of a lexicographic one are specs themselves."""
        if spec.name == Lexicographic.name:
            for key in spec.kwargs.keys() - {"levels"}:
                raise self.get(Kind.OBJECTIVE, spec.name).unknown(key)
            levels = spec.kwargs.get("levels", ())
            texts = levels if isinstance(levels, tuple) else (levels,)
            return Lexicographic(
                tuple(self.objective(t if isinstance(t, Spec) else parse(str(t))) for t in texts)
            )
        objective: Objective = self.get(Kind.OBJECTIVE, spec.name).make(spec)
        return objective

    def used_by(self, made: Solver | Formulation) -> Iterator[Member]:
        """What a solver or formulation looks up by name, and what that looks up in turn.

        Raises:
            UnknownNameError: for a name that nothing has.
            SpecError: when the parameters do not fit.
        """
        for kind, spec in made.uses:
            member = self.get(Kind(kind), spec.name)
            yield member
            yield from self.used_by(member.make(spec))

    def warm_up(self) -> None:
        """Look at every signature now, so that forked processes find them already known."""
        for member in self._members.values():
            member.warm_up()

    def recorded(self, record: Any) -> Iterator[str]:
        """Tell observers about a stored record; yields what went wrong in them."""
        for implementation in self._manager.hook.bnnbench_recorded.get_hookimpls():
            try:
                implementation.function(*(record for _ in implementation.argnames))
            except Exception as error:
                yield f"{implementation.plugin_name}: {type(error).__name__}: {error}"


def _where(target: Callable[..., Any] | type) -> str:
    return f"{target.__module__}.{getattr(target, '__qualname__', target)}"
