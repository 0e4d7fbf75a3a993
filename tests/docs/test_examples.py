"""Every command of the tutorials, the guides and the examples works, page by page, top to bottom.

A page is run in an empty directory, that of an example in a copy of its files, as a reader would: a
``code-block`` or ``literalinclude`` with a caption is a file, ``sh`` blocks are run by bash and
``python`` blocks by Python, each of them must succeed. ``<!-- not run: REASON -->`` before a block
leaves it out.

Every page has a virtual environment of its own that sees what is installed here, so that what a
page installs is gone when it ends; ``pip install`` there takes no dependencies and no network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / f"examples/{name}/README.md" for name in ("cp-sat", "mps-command", "own-data")]
"""The template has tests of its own."""
PAGES = [*sorted([*ROOT.glob("docs/tutorial/*.md"), *ROOT.glob("docs/how-to/*.md")]), *EXAMPLES]
FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\{(?:code-block|literalinclude)\} \S+|\w+)\n"
    r"(?P<body>.*?)^(?P=indent)```$",
    re.M | re.S,
)
SECONDS = 300
"""What one block may take, on a busy machine."""

COMMANDS = {
    "bnnbench": "-m bnnbench",
    "pytest": "-m pytest",
    "pip": "-m pip --isolated --disable-pip-version-check",
}
PIP_INSTALL = "install --no-deps --no-index --no-build-isolation"


@dataclass(frozen=True)
class Block:
    language: str
    body: str
    file: str | None
    line: int


def blocks(page: Path, text: str) -> list[Block]:
    """The blocks of a page that are files or are run, in order."""
    found = []
    for match in FENCE.finditer(text):
        if match["reason"]:
            continue
        language, body = match["language"], match["body"]
        file = None
        if language.startswith("{"):
            directive, language = language.split()
            caption = re.search(r"^:caption: (\S+)\n+", body, re.M)
            assert caption, f"a {directive} without a file name: {body[:60]!r}"
            file, body = caption[1], body[caption.end() :]
            if directive == "{literalinclude}":
                body = (page.parent / language).read_text(encoding="utf-8")
        if file or language in ("sh", "python"):
            found.append(Block(language, body, file, text[: match.start("body")].count("\n") + 1))
    return found


@dataclass(frozen=True)
class Reader:
    """Somebody at a prompt, with a folder and a virtual environment."""

    folder: Path
    scripts: Path

    @classmethod
    def new(cls, root: Path) -> Reader:
        """A reader who has what is installed here, and nothing else yet."""
        venv.create(root / "venv", symlinks=True)
        scripts = root / "venv/bin"
        (site,) = (root / "venv/lib").glob("python*/site-packages")
        here = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
        # addsitedir, unlike a plain line, follows the .pth files of editable installations.
        lines = [f"import site; site.addsitedir({p!r})\n" for p in here]
        (site / "here.pth").write_text("".join(lines), encoding="utf-8")
        for name, arguments in COMMANDS.items():
            install = f'[ "$1" != install ] || {{ shift; set -- {PIP_INSTALL} "$@"; }}\n'
            (scripts / name).write_text(
                f"#!/bin/sh\n{install if name == 'pip' else ''}"
                f"exec '{scripts}/python' {arguments} \"$@\"\n"
            )
            (scripts / name).chmod(0o755)
        (root / "work").mkdir()
        return cls(root / "work", scripts)

    def run(self, block: Block) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(
            (str(self.scripts), str(Path(sys.executable).parent), os.environ["PATH"])
        )
        environment = os.environ | {
            "PATH": path,
            "VIRTUAL_ENV": str(self.scripts.parent),
            "COLUMNS": "160",
        }
        command = {
            "sh": ["bash", "-euo", "pipefail", "-c", block.body],
            "python": [str(self.scripts / "python"), "-c", block.body],
        }[block.language]
        return subprocess.run(
            # timeout ends the whole process group, so that nothing keeps the pipes open
            ["timeout", "--kill-after=10", str(SECONDS), *command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_examples_of_a_page_work(page: Path, tmp_path: Path) -> None:
    todo = blocks(page, page.read_text(encoding="utf-8"))
    reader = Reader.new(tmp_path)
    if page in EXAMPLES:
        shutil.copytree(page.parent, reader.folder, dirs_exist_ok=True)
    for block in todo:
        if block.file:
            path = reader.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
            continue
        done = reader.run(block)
        where = f"{page.relative_to(ROOT)}:{block.line}"
        assert done.returncode == 0, f"{where}\n{block.body}\n{done.stdout}{done.stderr}"


def test_what_a_page_installs_does_not_outlive_it(tmp_path: Path) -> None:
    reader = Reader.new(tmp_path)
    (reader.folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "gone-tomorrow"\nversion = "1"\ndependencies = ["no-such-thing"]\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["gone_tomorrow"]\n'
    )
    (reader.folder / "gone_tomorrow").mkdir()
    (reader.folder / "gone_tomorrow/__init__.py").touch()
    done = reader.run(
        Block("sh", "pip install -e .\ncd /\npython -c 'import gone_tomorrow'", None, 1)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert reader.run(Block("python", "import bnnbench", None, 1)).returncode == 0
    with pytest.raises(ImportError):
        __import__("gone_tomorrow")


def test_the_reader_of_pages_finds_files_commands_and_exceptions(tmp_path: Path) -> None:
    text = (
        "```sh\ntrue\n```\n\n```{code-block} toml\n:caption: a.toml\n\nx = 1\n```\n"
        "```{literalinclude} there.py\n:caption: here.py\n```\n"
        "<!-- not run: needs a cluster -->\n```sh\nfalse\n```\n\n```\nplain\n```\n"
    )
    (tmp_path / "there.py").write_text("x = 2\n")
    found = blocks(tmp_path / "page.md", text)
    assert [(b.language, b.file, b.body) for b in found] == [
        ("sh", None, "true\n"),
        ("toml", "a.toml", "x = 1\n"),
        ("there.py", "here.py", "x = 2\n"),
    ]
