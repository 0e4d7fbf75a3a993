"""Checking a whole plugin without pytest, each member in a process of its own.

A process of its own, because a member may crash or hang, and because some solver libraries must
not meet in one process. ``python -m bnnbench.testing.checking`` is what runs in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from bnnbench.data import resolve
from bnnbench.errors import BnnbenchError, PluginError, did_you_mean
from bnnbench.member import Kind, Member
from bnnbench.registry import Plugin, Registry
from bnnbench.spec import parse, parse_pipeline
from bnnbench.testing.case import Case, Verdict, verdicts

CASES = {
    Kind.SOLVER: "solver_case:SolverCase",
    Kind.FORMULATION: "formulation_case:FormulationCase",
    Kind.DATASET: "dataset_case:DatasetCase",
    Kind.TRANSFORM: "transform_case:TransformCase",
}
PATIENCE = 180.0
"""Seconds for all rules of one member."""
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Checked:
    """A member with what became of its rules.

    Attributes:
        kind: what it is.
        spec: with the parameters it was checked with.
        verdicts: one for each rule.
    """

    kind: str
    spec: str
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> int:
        """How many rules are broken."""
        return sum(v.outcome == "failed" for v in self.verdicts)


def find_plugin(name: str) -> tuple[Registry, Plugin, tuple[Path, ...]]:
    """The plugin of that name: of an entry point, of a distribution, or a local ``.py`` file.

    Returns:
        A registry that has it, the plugin, and the files to load for it.

    Raises:
        PluginError: when there is none, or a local file cannot be loaded.
    """
    path = Path(name)
    if path.suffix == ".py":
        if not path.is_file():
            raise PluginError(f"There is no plugin file {path}.")
        registry = Registry.load([path])
        return registry, registry.plugins[-1], (path.resolve(),)
    registry = Registry.load()
    for plugin in registry.plugins:
        if name in (plugin.name, plugin.distribution):
            return registry, plugin, ()
    known = [n for p in registry.plugins for n in (p.name, p.distribution)]
    raise PluginError(
        f"There is no plugin {name!r}.{did_you_mean(name, known)} Install it first (pip install -e"
        " DIRECTORY), or name a local .py file."
    )


def check_plugin(
    registry: Registry, plugin: Plugin, files: tuple[Path, ...] = (), specs: Iterable[str] = ()
) -> Iterator[Checked]:
    """Check everything that a plugin offers, or only what the given specs name.

    Args:
        registry: that has the plugin.
        plugin: what is checked.
        files: local plugin files to load.
        specs: members with parameters, to be used instead of those with defaults.

    Raises:
        BnnbenchError: for a spec that names nothing of the plugin.
    """
    members = [
        m for kind in Kind for m in registry.members(kind) if m.plugin == plugin.distribution
    ]
    yield Checked("plugin", plugin.name, tuple(_of_plugin(registry, plugin, members)))
    given = [(text, _owner(registry, members, text)) for text in specs]
    wanted = given or [(m.name, m) for m in members if m.kind in CASES]
    for text, member in wanted:
        yield Checked(str(member.kind), text, tuple(_apart(member, text, files)))


def _of_plugin(registry: Registry, plugin: Plugin, members: list[Member]) -> Iterator[Verdict]:
    said = "The plugin loads, its hooks work and its names are free."
    if plugin.error:
        remedy = "Mend what the reason names; 'bnnbench list plugins' shows it too."
        yield Verdict("loads", said, "failed", plugin.error, remedy)
    else:
        yield Verdict("loads", said, "passed")
    said = "The plugin offers something."
    if members or registry.suite_folders:
        yield Verdict("offers", said, "passed")
    else:
        remedy = "Decorate a function such as bnnbench_solvers with @hookimpl, and return classes."
        yield Verdict("offers", said, "failed", "No hook of it returned anything.", remedy)


def _owner(registry: Registry, members: list[Member], text: str) -> Member:
    name = parse_pipeline(text)[0].name
    found = [m for m in members if m.kind in CASES and m.name == name]
    if not found and ":" in name:
        source = resolve(registry, text).source.member
        found = [m for m in members if m == source]
    if not found:
        known = did_you_mean(name, (m.name for m in members))
        raise PluginError(f"The plugin offers nothing named {name!r}.{known}")
    if found[0].kind is not Kind.DATASET:
        found[0].arguments(parse(text).kwargs)
    return found[0]


def _apart(member: Member, spec: str, files: tuple[Path, ...]) -> Iterator[Verdict]:
    """The verdicts on one member, from a process of its own."""
    needs = [p.name for p in member.parameters if p.default == "required"]
    if needs and "[" not in spec and ":" not in spec:
        option = f"--spec '{member.name}[{needs[0]}=...]'"
        why = f"it needs {', '.join(needs)}; name a spec: {option}"
        yield Verdict("all", "All rules.", "skipped", why)
        return
    environment = {**os.environ, **dict.fromkeys(_VARIABLES, "1")}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "verdicts"
        arguments = [str(report), str(member.kind), spec, *map(str, files)]
        ended = "it did not end"
        try:
            done = subprocess.run(
                [sys.executable, "-m", "bnnbench.testing.checking", *arguments],
                capture_output=True,
                text=True,
                env=environment,
                timeout=PATIENCE,
            )
            ended = f"the process ended with code {done.returncode}: {done.stderr.strip()[-500:]}"
            complete = done.returncode == 0
        except subprocess.TimeoutExpired:
            ended, complete = f"it did not end within {PATIENCE:.0f} s", False
        for line in report.read_text(encoding="utf-8").splitlines() if report.exists() else []:
            yield Verdict(**json.loads(line))
        if not complete:
            remedy = "Run it by hand with a small time limit; the rule after the last one failed."
            yield Verdict("survives", "It neither crashes nor hangs.", "failed", ended, remedy)


def main(report: str, kind: str, spec: str, *files: str) -> None:
    """Write the verdicts on one member, one JSON object a line, as they come."""
    module, _, name = CASES[Kind(kind)].partition(":")
    base: type[Case] = getattr(import_module(f"bnnbench.testing.{module}"), name)
    case = type("Check", (base,), {"spec": spec, "plugins": files})
    with Path(report).open("w", encoding="utf-8", buffering=1) as out:
        try:
            for verdict in verdicts(case):
                out.write(json.dumps(asdict(verdict)) + "\n")
        except BnnbenchError as error:
            remedy = "Mend the spec, or the class."
            broken = Verdict("all", "All rules.", "failed", str(error), remedy)
            out.write(json.dumps(asdict(broken)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
