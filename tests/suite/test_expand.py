from __future__ import annotations

import itertools
from collections import Counter

import pytest

from bnnbench.errors import SuiteError
from bnnbench.registry import Registry
from bnnbench.spec import parse
from bnnbench.suite import expand, read

BASE = """
[[problem]]
data = "xor"
objective = "errors"
[[method]]
solver = "coin"
"""


@pytest.fixture
def plan(toys, tmp_path):
    """The suite of a text."""

    def make(text, registry=toys):
        path = tmp_path / "suite.toml"
        path.write_text(text)
        return expand(read(path), registry, name="suite", source=path)

    return make


def test_one_cell(plan, toys):
    (cell,) = plan(BASE).cells
    assert (cell.data, cell.domain, cell.objective) == ("xor", "integer[P=1]", "errors")
    assert (cell.formulation, cell.solver, cell.seed) == ("", "coin", 0)
    assert cell.topology.hidden == ()
    assert (cell.limits.time, cell.limits.memory, cell.limits.threads) == (60.0, 2 << 30, 1)
    assert any(v.startswith(toys.plugins[0].distribution) for v in cell.versions)


def test_grids_multiply_out(plan):
    suite = plan("""
        seeds = [0, 1, 2]
        [limits]
        time = "1 min"
        [[problem]]
        data = ["xor", "xor[copies=2] | half"]
        objective = ["errors", "hamming"]
        hidden = [[], [2], [2, 2]]
        domain = ["binary", "integer[P=3]"]
        target = 1
        [[method]]
        solver = ["coin", "coin[mode=slow]"]
        [method.grid]
        tries = [2, 3]
        rate = [0.25, 0.75]
        [[method]]
        solver = "reader"
        formulation = ["program", "program[tight=true]"]
        seeds = [7]
        time = 5
        threads = 2
    """)
    problems = 2 * 2 * 3 * 2
    assert len(suite.cells) == problems * (2 * 4 * 3 + 2)
    coin = [c for c in suite.cells if not c.formulation]
    assert {c.solver for c in coin} == {
        f"coin[{mode}rate={r},tries={t}]"
        for mode, r, t in itertools.product(("", "mode=slow,"), (0.25, 0.75), (2, 3))
    }
    assert {c.seed for c in coin} == {0, 1, 2}
    assert all((c.limits.time, c.limits.target) == (60.0, 1.0) for c in coin)
    programs = [c for c in suite.cells if c.formulation]
    assert {c.formulation for c in programs} == {"program", "program[tight=true]"}
    assert {(c.seed, c.limits.time, c.limits.threads) for c in programs} == {(7, 5.0, 2)}
    counts = Counter((c.data, c.topology, c.domain, c.objective) for c in suite.cells)
    assert set(counts.values()) == {26}
    assert len({c.id for c in suite.cells}) == len(suite.cells)


def test_a_flat_list_is_one_architecture(plan):
    (cell,) = plan(BASE.replace('"errors"', '"errors"\nhidden = [4, 8]')).cells
    assert cell.topology.hidden == (4, 8)


def test_topology_keys(plan):
    text = BASE.replace('"errors"', '"errors"\nhidden=[3]\noutputs="one"\nactivation="step"\n'
                        'skips=[[0, 2]]\ndensity=0.5\nmask_seed=4')  # fmt: skip
    (cell,) = plan(text).cells
    assert str(cell.topology) == "3 (1 output) step 0>2 mask 0.5/4"


def test_repeated_cells_are_one(plan):
    text = BASE.replace('"coin"', '["coin", "coin[tries=1]", "coin[rate=0.5,tries=1]"]')
    assert len(plan(text).cells) == 1


def test_texts_are_canonical(plan):
    text = BASE.replace('"xor"', '"xor[ seed = 1,copies=2]|half"')
    text = text.replace('"errors"', '"errors[ties=expected]"\ndomain="integer[bias=none, P=2]"')
    (cell,) = plan(text).cells
    assert cell.data == "xor[copies=2,seed=1] | half"
    assert (cell.objective, cell.domain) == ("errors", 'integer[P=2,bias="none"]')


def test_the_seed_draws_the_data(plan):
    text = "seeds = [3, 4]\n" + BASE.replace('"xor"', '"xor[seed={seed}]"')
    assert [(c.data, c.seed) for c in plan(text).cells] == [
        ("xor[seed=3]", 3), ("xor[seed=4]", 4)
    ]  # fmt: skip


GRID = """
seeds = [0, 1]
[[problem]]
data = ["xor", "xor[copies=2]", "xor[copies=2] | half"]
objective = ["errors", "hamming"]
hidden = [[2], [3]]
[[method]]
solver = ["coin", "coin[tries=2]"]
[[method]]
solver = "reader"
formulation = "program"
"""


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        ('solver = "coin[tries=2]"', lambda c: c.solver == "coin[tries=2]"),
        ('solver = "coin*"', lambda c: c.solver.startswith("coin")),
        ('solver = "coin[[]*"', lambda c: False),
        ('solver = "coi?"', lambda c: c.solver == "coin"),
        ('data = "xor[copies=2]"', lambda c: c.data == "xor[copies=2]"),
        ('data = "* | half"', lambda c: "half" in c.data),
        ('data = "XOR"', lambda c: False),
        ('hidden = [2]\nsolver = "reader"', lambda c: c.topology.hidden == (2,) and c.formulation),
        ('formulation = "program"', lambda c: bool(c.formulation)),
        ('formulation = ""', lambda c: not c.formulation),
        ('seed = 1\nobjective = "hamming"', lambda c: c.seed == 1 and c.objective == "hamming"),
        ('domain = "integer[P=1]"\nseed = 0', lambda c: c.seed == 0),
        ('seed = 0\n[[exclude]]\nsolver = "reader"', lambda c: c.seed == 0 or c.formulation),
    ],
)
def test_exclusions(plan, rule, gone):
    everything = plan(GRID).cells
    kept = plan(f"{GRID}\n[[exclude]]\n{rule}\n").cells
    assert kept == tuple(c for c in everything if not gone(c))


def test_nothing_left(plan):
    with pytest.raises(SuiteError, match=r"suite\.toml: no cells are left after the exclusions"):
        plan(BASE + '[[exclude]]\nsolver = "*"\n')


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"coin"', '"coim"', r"key method\[0\].solver: There is no solver 'coim'. Did you mean"),
        ('"coin"', '"coin[trys=1]"', r"method\[0\].solver: solver 'coin' has no parameter 'trys'"),
        ('"coin"', '"coin[tries=x]"', r"method\[0\].solver: .*Expected `int`, got `str`"),
        ('"coin"', '"coin["', r"key method\[0\].solver: 'coin\[', position 6: expected key=value"),
        ('"coin"', '"coin"\ngrid={trys=[1]}', r"method\[0\].solver: .*no parameter 'trys'"),
        ('"coin"', '"coin"\nformulation="program"',
         r"method\[0\].formulation: solver coin is direct and takes no formulation"),
        ('"coin"', '"reader"', r"key method\[0\].formulation is missing: solver reader reads models"
         r" of kind milp. Formulations of that kind: program\."),
        ('"coin"', '"reader"\nformulation="energy"', r"formulation: energy builds models of kind"
         r" qubo, solver reader reads milp"),
        ('"coin"', '"reader"\nformulation="programme"', r"no formulation 'programme'. Did you"),
        ('"coin"', '"coin"\ntime="soon"', r"key method\[0\].time: expected a time such as"),
        ('"coin"', '"coin"\n[limits]\nmemory="lots"', r"key limits.memory: expected a size"),
        ('"coin"', '"coin"\n[limits]\ntime="0 s"', r"time: expected a time above 0, got '0 s'"),
        ('"xor"', '"xro"', r"key problem\[0\].data: There is no dataset 'xro'. Did you mean 'xor'"),
        ('"xor"', '"xor | hlaf"', r"problem\[0\].data: There is no transform 'hlaf'"),
        ('"xor"', '"xor | xor"', r"no transform 'xor'. There is a dataset of that name"),
        ('"xor"', '"xor[copy=2]"', r"problem\[0\].data: dataset 'xor' has no parameter 'copy'"),
        ('"xor"', '"xor | half[part=all]"', r"half\[part=all\]: Invalid enum value 'all'"),
        ('"xor"', '"xor[seed={sed}]"', r"problem\[0\].data: .*position 10: expected a value"),
        ('"errors"', '"eror"', r"key problem\[0\].objective: There is no objective 'eror'"),
        ('"errors"', '"errors[ties=odd]"', r"problem\[0\].objective: .*Invalid enum value 'odd'"),
        ('"errors"', '"lexicographic"', r"problem\[0\].objective: .*at least one level"),
        ('"errors"', '"errors"\ndomain="integr"', r"problem\[0\].domain: .*Did you mean 'integer'"),
        ('"errors"', '"errors"\ndomain="integer[P=0]"', r"domain: .*positive integer, got 0"),
        ('"errors"', '"errors"\nhidden=[4, [8]]', r"key problem\[0\].hidden: hidden mixes widths"),
    ],
)  # fmt: skip
def test_names_and_combinations_are_checked(plan, old, new, message):
    assert old in BASE
    with pytest.raises(SuiteError, match=rf"suite\.toml: .*{message}"):
        plan(BASE.replace(old, new))


def test_a_name_that_a_plugin_would_provide(plan, bare):
    with pytest.raises(SuiteError, match=r"method\[0\].solver: .*pip install bnnbench-mip"):
        plan(BASE.replace('"coin"', '"highs"'))


def test_plugins_lie_beside_the_suite(plan, tmp_path):
    suite = plan(BASE + '[suite]\nname = "mine"\nplugins = ["toys.py"]\n')
    assert suite.name == "mine"
    assert suite.inline == (tmp_path / "toys.py",)


def test_planning_looks_every_name_up_once(plan, toys, monkeypatch):
    """The work per cell is making the cell: look-ups do not grow with the grid."""
    calls = Counter()
    real = Registry.get

    def counted(self, kind, name):
        calls[kind, name] += 1
        return real(self, kind, name)

    monkeypatch.setattr(Registry, "get", counted)
    seen = []
    for seeds, widths in ((2, 2), (50, 20)):
        calls.clear()
        hidden = [[w] for w in range(1, widths + 1)]
        text = f"seeds = {list(range(seeds))}\n" + BASE.replace(
            '"errors"', f'["errors", "hamming"]\nhidden = {hidden}'
        )
        assert len(plan(text).cells) == 2 * seeds * widths
        seen.append(dict(calls))
    assert seen[0] == seen[1]


def test_draws_of_one_problem_are_described_alike(plan):
    """Cells that differ in nothing but the seed of their draw share a line of every table."""
    from bnnbench.summary import describe

    text = "seeds = [3, 4]\n" + BASE.replace('"xor"', '"xor[seed={seed}]"')
    cells = plan(text).cells
    assert len({c.data for c in cells}) == 2
    assert len({describe(c) for c in cells}) == 1


PROGRAMS = """
[[problem]]
data = ["xor", "xor[copies=2]"]
objective = ["errors", "min-hinge", "lexicographic[levels=(errors,hamming)]"]
[[method]]
solver = "reader"
formulation = ["program", "program[tight=true]"]
"""


def test_a_formulation_meets_only_the_objectives_it_is_for(plan):
    suite = plan(PROGRAMS + '[[method]]\nsolver = "coin"\n')
    met = Counter((c.formulation, c.objective.split("[")[0]) for c in suite.cells)
    assert met == {
        ("program", "errors"): 2,
        ("program[tight=true]", "errors"): 2,
        **{("", objective): 2 for objective in ("errors", "min-hinge", "lexicographic")},
    }
    reason = "left out: 8 cells: formulation program is for objective hamming or errors"
    assert suite.left_out == (reason,)
    assert suite.warnings == ()
    rule = '[[exclude]]\nformulation = "program"\nobjective = "min-hinge"\n'
    excluding = plan(PROGRAMS + rule)
    assert excluding.left_out == (reason.replace("8", "6"),)
    assert excluding.warnings == ()
    with pytest.raises(
        SuiteError, match=r"no cells are left .*8 cells: formulation program is for"
    ):
        plan(PROGRAMS.replace('"errors", ', ""))


def test_a_formulation_that_names_no_objectives_meets_all(plan, toys, plugin_file):
    toys.load_file(
        plugin_file(
            """
    @dataclass(frozen=True)
    class Any(Formulation):
        \"\"\"Any objective.\"\"\"
        name: ClassVar[str] = "any"
        kind: ClassVar[str] = "milp"
        def accepts(self, problem): return None
        def build(self, problem): return Model(problem, self.kind, None, lambda point: None)
    @hookimpl
    def bnnbench_formulations(): return [Any]
""",
            "any.py",
        )
    )
    suite = plan(PROGRAMS.replace('["program", "program[tight=true]"]', '"any"'))
    assert len(suite.cells) == 6
    assert suite.left_out == ()


def test_an_exclusion_without_effect_is_warned_of(plan):
    suite = plan(BASE + '[[exclude]]\ndata = "xro*"\n')
    assert suite.warnings == ("no cell matches exclude[0]",)
    assert plan(BASE).warnings == ()


def test_an_optional_method_may_be_missing(plan):
    absent = '[[method]]\nsolver = "no-such-solver"\n'
    with pytest.raises(SuiteError, match="no-such-solver"):
        plan(BASE + absent)
    suite = plan(BASE + absent + "optional = true\n")
    assert len(suite.cells) == 1
    assert "no-such-solver" in suite.warnings[0]


USER = """
    @dataclass(frozen=True)
    class User(Solver):
        \"\"\"Uses another.\"\"\"
        name: ClassVar[str] = "user"
        inner: str = "coin"
        @property
        def uses(self):
            from bnnbench.spec import parse
            return (("solver", parse(str(self.inner))),)
        def solve(self, model, limits, seed, report): return Solution()
    @hookimpl
    def bnnbench_solvers(): return [User]
"""


def test_what_a_solver_uses_is_checked_and_part_of_the_identity(plan, toys, plugin_file):
    toys.load_file(plugin_file(USER, "user.py"))
    suite = plan(BASE.replace('"coin"', '["coin", "user", "user[inner=coin[tries=3]]"]'))
    plain, *using = suite.cells
    toy = toys.plugins[0].distribution
    assert [sum(v.startswith(toy) for v in c.versions) for c in (plain, *using)] == [1, 1, 1]
    assert all(any("user.py" in v for v in c.versions) for c in using)
    for wrong in ("user[inner=nobody]", "user[inner=coin[nothing=1]]"):
        with pytest.raises(SuiteError, match=r"nobody|nothing"):
            plan(BASE.replace('"coin"', f'"{wrong}"'))


def test_what_a_formulation_uses_is_part_of_the_identity_too(plan, toys, plugin_file):
    body = """
    @dataclass(frozen=True)
    class Wrapped(Formulation):
        \"\"\"Wraps another.\"\"\"
        name: ClassVar[str] = "wrapped"
        kind: ClassVar[str] = "qubo"
        inner: str = "program"
        @property
        def uses(self):
            from bnnbench.spec import parse
            return (("formulation", parse(self.inner)),)
        def accepts(self, problem): return None
        def build(self, problem): return Model(problem, self.kind, None, lambda point: None)
    @dataclass(frozen=True)
    class Sampler(Solver):
        \"\"\"Samples.\"\"\"
        name: ClassVar[str] = "sampler"
        kind: ClassVar[str] = "qubo"
        def solve(self, model, limits, seed, report): return Solution()
    @hookimpl
    def bnnbench_formulations(): return [Wrapped]
    @hookimpl
    def bnnbench_solvers(): return [Sampler]
    """
    toys.load_file(plugin_file(body, "wrapped.py"))
    text = BASE.replace('"coin"', '"sampler"\nformulation = "wrapped"')
    with pytest.raises(SuiteError, match="nobody"):
        plan(text.replace('"wrapped"', '"wrapped[inner=nobody]"'))
    (cell,) = plan(text).cells
    (member,) = toys.used_by(toys.formulation(parse(cell.formulation)))
    assert member.name == "program"
