"""``bnnbench data``."""

import json
import shutil
from pathlib import Path

import pytest
from bnnbench_datasets.records import RECORDS
from click.testing import CliRunner

from bnnbench.cli import cli
from bnnbench.errors import BnnbenchError

HEART = RECORDS["heart"].files[0]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs ``bnnbench data`` with an empty data directory and cache, offline."""
    source = next((Path(d) for d in _searched() if (Path(d) / HEART.path).is_file()), None)
    monkeypatch.setenv("BNNBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BNNBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BNNBENCH_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)

    def call(*args: str):
        result = CliRunner().invoke(cli, ["data", *args])
        if result.exception and not isinstance(result.exception, (SystemExit, BnnbenchError)):
            raise result.exception
        return result

    def heart() -> Path:
        if source is None:
            pytest.skip(f"{HEART.path} is missing.")
        target = tmp_path / "data" / HEART.path
        target.parent.mkdir(parents=True)
        shutil.copy(source / HEART.path, target)
        target.chmod(0o644)
        return target

    call.heart = heart
    return call


def _searched() -> list[str]:
    from bnnbench_datasets.files import directories

    return [str(d) for d in directories()]


def test_list_says_what_is_here(run):
    rows = {row["name"]: row["files"] for row in json.loads(run("list", "--json").output)}
    assert rows["heart"] == "missing, by hand"
    assert rows["cifar10"] == "bnnbench data fetch cifar10"
    assert rows["digits"] == ""
    run.heart()
    rows = {row["name"]: row["files"] for row in json.loads(run("list", "--json").output)}
    assert rows["heart"] == "here"
    assert "cifar100" in run("list").output


def test_check_names_hashes_and_places(run, tmp_path):
    missing = run("check", "heart")
    assert missing.exit_code == 1
    for text in ("missing", HEART.sha256, str(tmp_path / "data"), str(tmp_path / "cache")):
        assert text in missing.output
    path = run.heart()
    right = run("check", "heart")
    assert (right.exit_code, right.output.split()[0]) == (0, "right")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"7")
    (state,) = json.loads(run("check", "heart", "--json").output)["heart"]
    assert (state["state"], state["bytes"], state["path"]) == ("wrong", len(content), str(path))
    assert state["sha256"] != HEART.sha256
    assert HEART.sha256 in state["detail"]
    assert run("check").exit_code == 1
    path.unlink()
    everything = json.loads(run("check", "--json").output)
    assert set(RECORDS) == set(everything)
    assert run("check").exit_code == 0
    assert run("check", "digits").output == "digits: has no raw files\n"


def test_fetch_offline_and_of_what_needs_none(run):
    assert run("fetch", "digits").output == "digits: needs no download\n"
    for name in ("cifar10", "openml:61"):
        assert "BNNBENCH_OFFLINE" in str(run("fetch", name).exception)
    path = run.heart()
    assert run("fetch", "heart").output == f"heart: {path}\n"


def test_describe(run):
    facts = json.loads(run("describe", "--json", "iris | stratified[train=0.8,seed=1]").output)
    assert facts["rows"] == {"train": 120, "validation": 0, "test": 30}
    assert facts["classes"]["test"] == {"setosa": 10, "versicolor": 10, "virginica": 10}
    assert (facts["features"], facts["scale"], facts["largest value"]) == (4, 10, 7.9)
    assert facts["errors that equal rows force"] == 0
    assert len(facts["digest"]) == 64
    text = run("describe", "planted[n=6,h=2,N=12,dup=3]").output
    assert "reference network             6-2-1" in text
    assert "errors that equal rows force  3" in text
    run.heart()
    text = run("describe", "heart | minmax").output
    for part in (RECORDS["heart"].licence, RECORDS["heart"].citation, "fitted: minmax"):
        assert part in text
    Path("own.csv").write_text("a,b,y\n1,2,u\n3,4,v\n1,2,v\n")
    facts = json.loads(run("describe", "--json", "file:own.csv").output)
    assert facts["errors that equal rows force"] == 1
    assert facts["notes"]["sha256"] in " ".join(facts["provided by"])


def test_unknown_names_suggest_the_near_one(run):
    assert "'heart'" in str(run("check", "haert").exception)
