from __future__ import annotations

import sys
import types
from dataclasses import dataclass

import pytest

from bnnbench.errors import PluginError, SpecError, UnknownNameError
from bnnbench.hookspecs import hookimpl
from bnnbench.objectives import BUILT_IN, Errors, Lexicographic, MinWeight
from bnnbench.registry import HOOKS, Kind, Registry
from bnnbench.spec import parse

SOLVER = """
    @dataclass(frozen=True)
    class Mine(Solver):
        \"\"\"Mine.\"\"\"
        name: ClassVar[str] = "{name}"
        def solve(self, model, limits, seed, report): return Solution()
    @hookimpl
    def bnnbench_solvers(): return [Mine]
"""


@dataclass
class Point:
    """An entry point without a distribution behind it."""

    name: str
    make: object
    distribution: str = ""

    @property
    def dist(self):
        return types.SimpleNamespace(name=self.distribution or f"dist-{self.name}", version="1.2")

    def load(self):
        module = self.make() if callable(self.make) else self.make
        if isinstance(module, Exception):
            raise module
        return module


@pytest.fixture
def installed(bare, monkeypatch):
    """Sets what is installed."""

    def install(*points):
        monkeypatch.setattr("bnnbench.registry.entry_points", lambda group: list(points))

    return install


def module(path, name):
    """A module from a plugin file, as an entry point would load it."""
    found = types.ModuleType(name)
    sys.modules[name] = found
    exec(compile(path.read_text(), str(path), "exec"), found.__dict__)
    return found


def names(registry, kind):
    return [m.name for m in registry.members(kind)]


def test_the_core_alone_has_objectives_only(bare):
    registry = Registry.load()
    assert set(names(registry, Kind.OBJECTIVE)) == {cls.name for cls in BUILT_IN}
    assert registry.plugins == []
    for kind in HOOKS:
        assert kind is Kind.OBJECTIVE or names(registry, kind) == []


def test_a_local_file(toys, toys_file):
    assert names(toys, Kind.SOLVER) == ["coin", "reader"]
    assert names(toys, Kind.DATASET) == ["xor"]
    assert names(toys, Kind.TRANSFORM) == ["half"]
    (plugin,) = toys.plugins
    assert (plugin.name, plugin.distribution, plugin.error) == ("toys", str(toys_file), None)
    assert plugin.members == 6
    member = toys.get(Kind.SOLVER, "coin")
    assert member.summary == "Draws one network."
    assert member.identity == (f"{toys_file} {plugin.version}",)
    parameters = {p.name: p.default for p in member.parameters}
    assert parameters == {"tries": "1", "rate": "0.5", "mode": "fast"}
    assert [p.name for p in toys.get(Kind.TRANSFORM, "half").parameters] == ["part"]


def test_a_changed_file_has_another_version(bare, toys_file):
    before = Registry.load([toys_file]).plugins[0].version
    toys_file.write_text(toys_file.read_text() + "\n# changed\n")
    assert Registry.load([toys_file]).plugins[0].version != before


def test_a_broken_module_disables_nothing_else(installed, plugin_file):
    good = module(plugin_file(SOLVER.format(name="good"), "good.py"), "good_plugin")
    installed(
        Point("a", ImportError("no module named 'gurobi'")),
        Point("b", lambda: 1 / 0),
        Point("z", good),
    )
    registry = Registry.load()
    errors = {p.name: p.error for p in registry.plugins}
    assert errors == {
        "a": "cannot be imported: ImportError: no module named 'gurobi'",
        "b": "cannot be imported: ZeroDivisionError: division by zero",
        "z": None,
    }
    assert names(registry, Kind.SOLVER) == ["good"]
    assert registry.plugins[-1].version == "1.2"


@pytest.mark.parametrize(
    ("hook", "word"),
    [
        ("bnnbench_solvers(extra)", "extra"),
        ("bnnbench_sovlers()", "bnnbench_sovlers"),
        ("bnnbench_recorded(result)", "result"),
    ],
)
def test_a_wrong_hook_disables_nothing_else(installed, plugin_file, hook, word):
    text = f"""
    @hookimpl
    def {hook}: return []
    """
    bad = module(plugin_file(text, "bad.py"), "bad_plugin")
    good = module(plugin_file(SOLVER.format(name="good"), "good.py"), "good_plugin")
    installed(Point("a", bad), Point("z", good))
    registry = Registry.load()
    assert registry.plugins[0].error.startswith("wrong hook: ")
    assert word in registry.plugins[0].error
    assert registry.plugins[1].error is None
    assert names(registry, Kind.SOLVER) == ["good"]
    assert list(registry.recorded(object())) == []


def test_plugins_of_one_name(installed, plugin_file):
    """Two distributions may call their entry points the same."""
    one = module(plugin_file(SOLVER.format(name="one"), "one.py"), "one_plugin")
    two = module(plugin_file(SOLVER.format(name="two"), "two.py"), "two_plugin")
    installed(Point("mip", one, "a"), Point("mip", two, "b"))
    registry = Registry.load()
    assert [(p.name, p.error) for p in registry.plugins] == [("mip", None)] * 2
    assert names(registry, Kind.SOLVER) == ["one", "two"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("@hookimpl\n    def bnnbench_solvers(): raise RuntimeError('boom')",
         "bnnbench_solvers failed: RuntimeError: boom"),
        ("@hookimpl\n    def bnnbench_solvers(): return 3",
         "bnnbench_solvers failed: TypeError: 'int' object is not iterable"),
        ("@hookimpl\n    def bnnbench_solvers(): return [int]", "is not a subclass of Solver"),
        ("@hookimpl\n    def bnnbench_datasets(): return [3]", "3 is not a function"),
        ("class Anonymous(Solver):\n        def solve(self): pass\n"
         "    @hookimpl\n    def bnnbench_solvers(): return [Anonymous]", "Anonymous has no name"),
    ],
)  # fmt: skip
def test_a_failing_hook_leaves_the_others(installed, plugin_file, body, reason):
    text = f"""
    {body}
    def fine(): ...
    @hookimpl
    def bnnbench_transforms(): return [fine]
    """
    installed(Point("a", module(plugin_file(text, "half.py"), "half_plugin")))
    registry = Registry.load()
    assert reason in registry.plugins[0].error
    assert registry.plugins[0].members == 1
    assert names(registry, Kind.TRANSFORM) == ["fine"]


def test_a_name_taken_names_both(installed, plugin_file):
    one = module(plugin_file(SOLVER.format(name="same"), "one.py"), "one_plugin")
    two = module(plugin_file(SOLVER.format(name="same"), "two.py"), "two_plugin")
    installed(Point("a", one), Point("b", two))
    registry = Registry.load()
    reason = registry.plugins[1].error
    assert "solver name 'same' is taken" in reason
    assert "one_plugin.Mine" in reason
    assert "two_plugin.Mine" in reason
    assert registry.get(Kind.SOLVER, "same").plugin == "dist-a"


def test_names_are_taken_per_kind(installed, plugin_file):
    """A data set and a solver may share a name."""
    text = (
        SOLVER.format(name="xor")
        + "    def xor(): ...\n    @hookimpl\n    def bnnbench_datasets(): return [xor]\n"
    )
    installed(Point("a", module(plugin_file(text), "both_plugin")))
    registry = Registry.load()
    assert registry.plugins[0].error is None
    assert names(registry, Kind.SOLVER) == names(registry, Kind.DATASET) == ["xor"]


@pytest.mark.parametrize("disabled", ["a", "dist-a", "x, a ,y"])
def test_disabling(installed, plugin_file, monkeypatch, disabled):
    def never():
        raise AssertionError("imported although disabled")

    good = module(plugin_file(SOLVER.format(name="good")), "good_plugin")
    installed(Point("a", never), Point("b", good))
    monkeypatch.setenv("BNNBENCH_DISABLE", disabled)
    registry = Registry.load()
    assert registry.plugins[0].error == "disabled by BNNBENCH_DISABLE"
    assert names(registry, Kind.SOLVER) == ["good"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        ("from bnnbench.hookspecs import hookimpl\n@hookimpl\ndef bnnbench_solvers(): return [3]",
         "is not a subclass of Solver"),
        ("from bnnbench.hookspecs import hookimpl\n@hookimpl\ndef bnnbench_solver(): return []",
         "wrong hook"),
    ],
)  # fmt: skip
def test_a_local_file_was_asked_for_and_raises(bare, tmp_path, text, reason):
    path = tmp_path / "p.py"
    path.write_text(text)
    with pytest.raises(PluginError, match=rf"Plugin file {path}.*{reason}"):
        Registry.load([path])


def test_a_local_file_that_is_missing_or_no_python(bare, tmp_path):
    with pytest.raises(PluginError, match="cannot be loaded: FileNotFoundError"):
        Registry.load([tmp_path / "none.py"])
    (tmp_path / "data.txt").write_text("x")
    with pytest.raises(PluginError, match="is not a Python file"):
        Registry.load([tmp_path / "data.txt"])


def test_local_files_of_the_same_name(bare, plugin_file):
    paths = [plugin_file(SOLVER.format(name=n), f"{n}/plugin.py") for n in ("one", "two")]
    assert names(Registry.load(paths), Kind.SOLVER) == ["one", "two"]


def test_a_local_file_named_twice_is_loaded_once(toys, toys_file):
    """A suite may name the file that --plugin names too."""
    toys.load_file(toys_file)
    assert len(toys.plugins) == 1
    assert names(toys, Kind.SOLVER) == ["coin", "reader"]


def test_unknown_names_come_with_the_nearest(toys):
    with pytest.raises(UnknownNameError, match=r"no solver 'coim'\. Did you mean 'coin'\?"):
        toys.get(Kind.SOLVER, "coim")
    with pytest.raises(UnknownNameError, match=r"no solver 'zzz'\. Known: coin, reader\."):
        toys.get(Kind.SOLVER, "zzz")
    with pytest.raises(UnknownNameError, match=r"no solver 'program'\. There is a formulation of"):
        toys.get(Kind.SOLVER, "program")
    with pytest.raises(UnknownNameError, match=r"objective 'eror'.*'errors'"):
        toys.objective(parse("eror"))


def test_who_would_provide_a_name(installed):
    installed()
    with pytest.raises(UnknownNameError, match=r"pip install bnnbench-mip"):
        Registry.load().get(Kind.SOLVER, "highs")
    installed(Point("mip", ImportError("no pyomo"), "bnnbench-mip"))
    with pytest.raises(UnknownNameError, match="bnnbench-mip provides it, but cannot be imported"):
        Registry.load().get(Kind.SOLVER, "highs")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("coin[trys=2]", "solver 'coin' has no parameter 'trys'. Did you mean 'tries'?"),
        ("coin[tries=x]", r"solver coin\[tries=x\]: Expected `int`, got `str`"),
        ("coin[tries=1.5]", "Expected `int`, got `float`"),
        ("coin[mode=medium]", r"coin\[mode=medium\]: Invalid enum value 'medium'"),
        ("reader[a=1]", "solver 'reader' has no parameter 'a'. It has none"),
    ],
)
def test_parameters_are_checked(toys, text, message):
    with pytest.raises(SpecError, match=message.replace("?", r"\?")):
        toys.solver(parse(text))


def test_parameters_are_converted_and_canonical(toys):
    member = toys.get(Kind.SOLVER, "coin")
    assert toys.solver(parse("coin[rate=2]")).rate == 2.0
    for given, text in (
        ("coin", "coin"),
        ("coin[tries=1]", "coin"),
        ("coin[tries=1,rate=0.5]", "coin"),
        ("coin[tries=2,mode=fast]", "coin[tries=2]"),
        ("coin[rate=2]", "coin[rate=2.0]"),
        ("coin[rate=2.0]", "coin[rate=2.0]"),
    ):
        assert str(member.canonical(parse(given))) == text


def test_required_and_open_parameters(bare, plugin_file):
    path = plugin_file("""
        def table(path: str, *, columns: tuple[int, ...] = (), **more): ...
        @hookimpl
        def bnnbench_datasets(): return [table]
    """)
    member = Registry.load([path]).get(Kind.DATASET, "table")
    with pytest.raises(SpecError, match="dataset 'table' needs path"):
        member.arguments({})
    assert member.arguments({"path": "a", "columns": (1, 2)}) == {"path": "a", "columns": (1, 2)}
    assert member.parameters[0].default == "required"


def test_names_of_functions(bare, plugin_file):
    path = plugin_file("""
        def two_words(): ...
        def other(): ...
        other.name = "renamed"
        @hookimpl
        def bnnbench_datasets(): return [two_words, other]
    """)
    assert names(Registry.load([path]), Kind.DATASET) == ["renamed", "two-words"]


def test_lexicographic_levels_are_specs(bare):
    registry = Registry.load()
    objective = registry.objective(parse("lexicographic[levels=(errors[ties=wrong],min-weight)]"))
    assert objective == Lexicographic((Errors(ties="wrong"), MinWeight()))
    assert registry.objective(parse("lexicographic[levels=errors]")).levels == (Errors(),)
    with pytest.raises(UnknownNameError, match="no objective 'eror'"):
        registry.objective(parse("lexicographic[levels=(eror)]"))
    with pytest.raises(SpecError, match=r"no parameter 'level'.*'levels'"):
        registry.objective(parse("lexicographic[level=errors]"))


def test_observers_hear_of_records_and_may_fail(installed):
    heard = []

    class Quiet:
        @hookimpl
        def bnnbench_recorded(self, record):
            heard.append(record)

    class Loud:
        @hookimpl
        def bnnbench_recorded(self, record):
            raise RuntimeError("disk full")

    class Plain:
        @hookimpl
        def bnnbench_recorded(self):
            heard.append("something")

    installed(Point("quiet", Quiet()), Point("loud", Loud()), Point("plain", Plain()))
    registry = Registry.load()
    assert [p.error for p in registry.plugins] == [None] * 3
    assert list(registry.recorded("r")) == ["loud: RuntimeError: disk full"]
    assert sorted(heard) == ["r", "something"]


def test_suite_folders(bare, plugin_file, tmp_path):
    path = plugin_file(f"""
        from pathlib import Path
        @hookimpl
        def bnnbench_suites(): return [Path({str(tmp_path)!r})]
    """)
    assert Registry.load([path]).suite_folders == [tmp_path]


def test_identity_names_what_is_required(bare, plugin_file):
    needs = 'requires = ("numpy", "no-such-distribution")\n        def solve'
    path = plugin_file(SOLVER.format(name="needy").replace("def solve", needs))
    member = Registry.load([path]).get(Kind.SOLVER, "needy")
    import numpy

    assert member.identity[1:] == (f"numpy {numpy.__version__}", "no-such-distribution absent")
    assert member.target().available() == (
        "not installed: no-such-distribution (pip install no-such-distribution)"
    )


def test_warm_up_survives_odd_members(toys):
    toys.warm_up()
    assert toys.get(Kind.SOLVER, "coin").parameters


def test_the_process_has_one_registry_which_is_the_one_shared(bare, plugin_file, monkeypatch):
    monkeypatch.setattr(Registry, "_current", None)
    fresh = Registry.current()
    assert Registry.current() is fresh
    loaded = Registry.load([plugin_file(SOLVER.format(name="shared"))])
    assert Registry.current() is fresh
    loaded.share()
    assert Registry.current().solver(parse("shared")).name == "shared"
