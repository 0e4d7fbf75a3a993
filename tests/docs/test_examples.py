"""Every command and example of the tutorials and guides works, page by page, top to bottom.

A page is run in an empty directory, as a reader would: a ``code-block`` with a caption is a file,
``sh`` blocks are run by bash and ``python`` blocks by this interpreter, each of them must succeed.
``<!-- not run: REASON -->`` before a block leaves it out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/tutorial/*.md"), *ROOT.glob("docs/how-to/*.md")])
FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\{code-block\} \w+|\w+)\n(?P<body>.*?)^(?P=indent)```$",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    language: str
    body: str
    file: str | None
    line: int


def blocks(text: str) -> list[Block]:
    """The blocks of a page that are files or are run, in order."""
    found = []
    for match in FENCE.finditer(text):
        if match["reason"]:
            continue
        language, body = match["language"], match["body"]
        file = None
        if language.startswith("{code-block}"):
            language = language.split()[1]
            caption = re.match(r"\s*:caption: (\S+)\n+", body)
            assert caption, f"a code-block without a file name: {body[:60]!r}"
            file, body = caption[1], body[caption.end() :]
        if file or language in ("sh", "python"):
            found.append(Block(language, body, file, text[: match.start("body")].count("\n") + 1))
    return found


def run(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    interpreter = Path(sys.executable)
    search = f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": search, "COLUMNS": "160"}
    command = {
        "sh": ["bash", "-euo", "pipefail", "-c", block.body],
        "python": [str(interpreter), "-c", block.body],
    }[block.language]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_examples_of_a_page_work(page: Path, tmp_path: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.file:
            path = tmp_path / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
            continue
        done = run(block, tmp_path)
        where = f"{page.relative_to(ROOT)}:{block.line}"
        assert done.returncode == 0, f"{where}\n{block.body}\n{done.stdout}{done.stderr}"


def test_the_reader_of_pages_finds_files_commands_and_exceptions() -> None:
    text = (
        "```sh\ntrue\n```\n\n```{code-block} toml\n:caption: a.toml\n\nx = 1\n```\n"
        "<!-- not run: needs a cluster -->\n```sh\nfalse\n```\n\n```\nplain\n```\n"
    )
    found = blocks(text)
    assert [(b.language, b.file, b.body) for b in found] == [
        ("sh", None, "true\n"),
        ("toml", "a.toml", "x = 1\n"),
    ]
