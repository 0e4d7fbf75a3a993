import sys
from pathlib import Path

import numpy as np
import pytest

from bnnbench.testing import SolverCase, tiny_problems

pytest.importorskip("highspy")
HERE = Path(__file__).parent
PROGRAM = [sys.executable, str(HERE / "highs_program.py")]
ARGUMENTS = ["{model}", "{solution}", "{seconds}", "{threads}"]
COMMAND = ",".join(f'"{word}"' for word in [*PROGRAM, *ARGUMENTS])


class TestMpsCommand(SolverCase):
    spec = f"mps-command[command=({COMMAND})]"
    plugins = (HERE / "mps_command.py",)
    formulation = "errors"

    def problems(self):
        return [p for p in tiny_problems() if p.dataset.name[12:] in ("linear", "hidden", "micro")]


def test_a_program_that_is_not_there_is_a_reason():
    case = TestMpsCommand()
    solver = case.member.target(command=("no-such-program",))
    assert "no-such-program" in solver.available()


def test_every_network_is_read_back_from_the_point_file(tmp_path):
    """What is written for a point is the point that is read."""
    import importlib

    case = TestMpsCommand()
    module = importlib.import_module(case.member.target.__module__)
    problem = tiny_problems()[0]
    model = case.registry.formulation(case.parsed.of("errors")).build(problem)
    point = np.asarray(model.encode(problem.random_network(np.random.default_rng(0))))
    path = tmp_path / "solution.txt"
    lines = [f"C{j} {value!r}" for j, value in enumerate(point.tolist())]
    path.write_text("# a comment\n" + "\n".join(lines), encoding="utf-8")
    assert np.array_equal(module.read(model.data, path), point)
