"""``bnnbench check-plugin``: an author reads what is broken, why, and what to do."""

from __future__ import annotations

import json

import pytest

BAD = '''
@dataclass(frozen=True)
class Boaster(Solver):
    """Claims too much."""
    name: ClassVar[str] = "boaster"
    steps: int = 1
    def solve(self, model, limits, seed, report):
        network = model.problem.random_network(np.random.default_rng(seed))
        return Solution.found(network, objective=-5.0)

def grid(*, k: int):
    """Needs a parameter."""
    X = np.arange(4 * k).reshape(-1, 2)
    return Table(X, np.arange(2 * k) % 2)

@hookimpl
def bnnbench_solvers(): return [Boaster]
@hookimpl
def bnnbench_datasets(): return [grid]
'''


@pytest.fixture
def bad(plugin_file):
    return plugin_file(BAD, "bad.py")


def test_a_broken_rule_is_explained(bnnbench, bad):
    done = bnnbench("check-plugin", bad, "--spec", "boaster[steps=2]")
    assert done.code == 1
    assert "solver boaster[steps=2]: " in done.out
    assert "FAILED   claims_are_true: Claims equal verified figures" in done.out
    assert "FAILED   runs_as_a_cell: " in done.out
    assert "why     On conformance-" in done.out
    assert "remedy  Claim what Problem.evaluate(network).value says" in done.out
    assert "1 member checked: 2 rules are broken." in done.out
    assert "passed " not in done.out


def test_for_machines(bnnbench, bad):
    done = bnnbench("check-plugin", bad, "--spec", "grid[k=5]", "--format", "json")
    report = json.loads(done.out)
    assert (done.code, report["failed"], report["plugin"]) == (0, 0, "bad")
    plugin, grid = report["members"]
    assert (plugin["kind"], grid["kind"], grid["spec"]) == ("plugin", "dataset", "grid[k=5]")
    assert {"rule", "says", "outcome", "why", "remedy"} == set(grid["verdicts"][0])


def test_what_needs_a_parameter_says_how_to_give_it(bnnbench, bad, monkeypatch):
    monkeypatch.setattr(
        "bnnbench.testing.checking.CASES", {k: c for k, c in cases().items() if k == "dataset"}
    )
    done = bnnbench("check-plugin", bad)
    assert done.code == 0
    assert "skipped  all: it needs k; name a spec: --spec 'grid[k=...]'" in done.out


def cases():
    from bnnbench.testing import checking

    return dict(checking.CASES)


def test_a_crash_is_a_broken_rule(bnnbench, plugin_file):
    path = plugin_file(
        '''
        class Crash(Solver):
            """Ends the process."""
            name = "crash"
            def available(self):
                import os
                os._exit(7)
            def solve(self, *a): pass
        @hookimpl
        def bnnbench_solvers(): return [Crash]
        ''',
        "crash.py",
    )
    done = bnnbench("check-plugin", path)
    assert done.code == 1
    assert "survives" in done.out
    assert "ended with code 7" in done.out


def test_a_plugin_that_does_not_load_is_one_broken_rule(bnnbench):
    done = bnnbench("check-plugin", "broken")
    assert done.code == 1
    assert "FAILED   loads" in done.out
    assert "no such library" in done.out


def test_unknown_names(bnnbench, bad):
    assert "Did you mean 'toys'" in bnnbench("check-plugin", "tois").err
    assert "There is no plugin file" in bnnbench("check-plugin", "absent.py").err
    done = bnnbench("check-plugin", bad, "--spec", "boster")
    assert done.code == 2
    assert "offers nothing named 'boster'" in done.err
    assert bnnbench("check-plugin", bad, "--spec", "boaster[speed=1]").code == 2
