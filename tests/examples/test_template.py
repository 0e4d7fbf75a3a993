"""``bnnbench new-plugin`` writes the template, and what it writes passes its own tests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bnnbench.cli.new_plugin import names, template, write_plugin
from bnnbench.errors import PluginError

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "examples" / "plugin-template"


def content(directory):
    return {str(p.relative_to(directory)): p.read_bytes()
            for p in directory.rglob("*") if p.is_file() and "__pycache__" not in p.parts}  # fmt: skip


def test_the_template_is_what_is_written_under_its_own_name(tmp_path):
    write_plugin("bnnbench-example", tmp_path / "p")
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", TEMPLATE],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    written = content(tmp_path / "p")
    if tracked.returncode == 0 and tracked.stdout:
        prefix = "examples/plugin-template/"
        assert set(written) == {
            line.removeprefix(prefix) for line in tracked.stdout.split("\n") if line
        }
    assert written == {name: (TEMPLATE / name).read_bytes() for name in written}


def test_a_new_plugin_passes_its_own_tests(tmp_path, install, run, own_tests):
    directory = tmp_path / "package"
    said = run("bnnbench", "new-plugin", "Zoo.Plugin-7", "-d", directory, cwd=tmp_path)
    assert "check-plugin Zoo.Plugin-7" in said
    assert not any(b"example" in text for text in content(directory).values())
    install(directory)
    assert " passed" in own_tests(directory)
    report = json.loads(
        run(
            "bnnbench",
            "check-plugin",
            "Zoo.Plugin-7",
            "--format",
            "json",
            cwd=tmp_path,
        )
    )
    assert report["failed"] == 0
    checked = {
        (m["kind"], m["spec"]): {v["outcome"] for v in m["verdicts"]} for m in report["members"]
    }
    assert set(checked) == {
        ("plugin", "Zoo.Plugin-7"),
        ("solver", "zoo-plugin-7-walk"),
        ("formulation", "zoo-plugin-7-unit"),
        ("dataset", "zoo-plugin-7-votes"),
    }
    assert all("passed" in outcomes for outcomes in checked.values())


@pytest.mark.parametrize(
    ("name", "module", "short"),
    [
        ("bnnbench-mine", "bnnbench_mine", "mine"),
        ("A.b--c", "a_b_c", "a-b-c"),
        ("bnnbench-2opt", "bnnbench_2opt", "plugin-2opt"),
    ],
)
def test_names(name, module, short):
    assert names(name) == (module, short)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a/b", "2opt", "class", "bnnbench", "é"])
def test_names_that_nothing_can_have_are_refused(name, tmp_path):
    with pytest.raises(PluginError, match="use letters|makes no module"):
        write_plugin(name, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_a_directory_with_content_is_left_alone(tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(PluginError, match="is there already"):
        write_plugin("bnnbench-mine", tmp_path)
    with pytest.raises(PluginError, match="is there already"):
        write_plugin("bnnbench-mine", tmp_path / "note")
    assert content(tmp_path) == {"note": b"mine"}


def test_the_template_is_all_text():
    assert {p.suffix for p, _ in template()} >= {".py", ".toml", ".md", ".yml"}


def test_the_wheel_carries_the_template():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"examples/plugin-template" = "bnnbench/_template"' in text
