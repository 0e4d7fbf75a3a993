"""The recipes of docs/how-to/cluster.md: what they would submit is well formed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "cluster.md"


@pytest.mark.parametrize("system", ["SLURM", "PBS"])
def test_job_scripts_are_well_formed(system, tmp_path, monkeypatch):
    """The recipe's Python code, with a cluster that writes its job script and submits nothing."""
    jobqueue = pytest.importorskip("dask_jobqueue")
    real = getattr(jobqueue, f"{system}Cluster")
    made = []

    class Recorded:
        scheduler_address = "tcp://head:8786"

        def __init__(self, **options):
            made.append(options)

        def scale(self, **options):
            made.append(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (recipe,) = [b for b in blocks if real.__name__ in b]
    monkeypatch.setattr(jobqueue, real.__name__, Recorded)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: made.append(command))
    exec(compile(recipe, str(PAGE), "exec"), {"__name__": "__main__"})
    monkeypatch.undo()
    options, scaled, command = made
    text = real.job_cls("tcp://head:8786", name="bnnbench", **options).job_script()
    script = tmp_path / "job.sh"
    script.write_text(text)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "tcp://head:8786 " in text
    print(text)
    assert "--nthreads 1" in text
    assert scaled["jobs"] > 0
    assert command[:2] == ["bnnbench", "run"]
    assert command[command.index("--address") + 1] == "tcp://head:8786"
    assert "--executor" in command
