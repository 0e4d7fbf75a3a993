"""The tables of the reference, and the core's list of names, are those of the hooks."""

from pathlib import Path

import pytest
from bnnbench_datasets import plugin

from bnnbench.member import Kind, Member
from bnnbench.providers import PROVIDERS
from bnnbench.spec import parse_pipeline

DOCS = Path(__file__).parents[3] / "docs"
MEMBERS = [
    Member(kind, getattr(f, "name", f.__name__.replace("_", "-")), f, "bnnbench-datasets", "")
    for kind, functions in (
        (Kind.DATASET, plugin.bnnbench_datasets()),
        (Kind.TRANSFORM, plugin.bnnbench_transforms()),
    )
    for f in functions
]


def row(member: Member) -> str:
    shown = [
        p.name if p.default == "required" else f"{p.name}={p.default}" for p in member.parameters
    ]
    listed = ", ".join(f"`{text}`" for text in shown)
    return f"| `{member.name}` | {listed} | {member.summary.replace('``', '`')} |"


@pytest.mark.parametrize("kind", [Kind.DATASET, Kind.TRANSFORM])
def test_the_reference_lists_every_member_as_it_is(kind):
    text = (DOCS / "reference" / "data-sets.md").read_text(encoding="utf-8")
    title = "## Transforms" if kind is Kind.TRANSFORM else "## Data sets"
    section = text.split(title)[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == sorted(row(m) for m in MEMBERS if m.kind is kind)


def test_the_core_knows_who_provides_what():
    ours = {key for key, dist in PROVIDERS.items() if dist == "bnnbench-datasets"}
    assert ours == {(str(m.kind), m.name) for m in MEMBERS}


def test_data_texts_in_the_how_to_can_be_read():
    names = {m.name for m in MEMBERS}
    text = (DOCS / "how-to" / "data.md").read_text(encoding="utf-8")
    blocks = text.split("```")[1::2]
    lines = [line for b in (blocks[0], blocks[-1]) for line in b.splitlines() if "[" in line]
    assert len(lines) == 5
    for line in lines:
        for spec in parse_pipeline(line.replace("{seed}", "0")):
            assert spec.name.split(":")[0] in names
