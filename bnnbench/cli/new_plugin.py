"""``bnnbench new-plugin``: the template package under another name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from pathlib import Path

import click

import bnnbench
from bnnbench.errors import PluginError

NAME, MODULE, SHORT = "bnnbench-example", "bnnbench_example", "example-"
_PEP_508 = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE)


@click.command()
@click.argument("name")
@click.option(
    "--directory",
    "-d",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it.  [default: ./NAME]",
)
def new_plugin(name: str, directory: Path | None) -> None:
    """Write a plugin package that can be installed at once and passes its own tests.

    NAME is the name of the distribution, by custom bnnbench-SOMETHING. The package has a solver, a
    formulation, a data set, tests that subclass the conformance suites, and a CI workflow.

    \b
    Example:
      bnnbench new-plugin bnnbench-mine
      pip install -e './bnnbench-mine[test]' && pytest bnnbench-mine
    """
    written = write_plugin(name, directory or Path(name))
    click.echo(f"{written} holds the plugin {name}. Next:")
    click.echo(f"  pip install -e '{written}[test]' && pytest {written}")
    click.echo(f"  bnnbench check-plugin {name}")


def write_plugin(name: str, directory: Path) -> Path:
    """Write the template under another name.

    Raises:
        PluginError: for a name that no distribution may have or that makes no module, and when the
            directory is there and not empty.
    """
    module, short = names(name)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PluginError(
            f"{directory} is there already and not an empty directory: name another by --directory."
        )
    renamed = {NAME: name, MODULE: module, SHORT: f"{short}-"}
    for path, content in template():
        target = directory / _rename(str(path), renamed)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_rename(content, renamed), encoding="utf-8", newline="\n")
    return directory


def names(name: str) -> tuple[str, str]:
    """Module and short name of a distribution.

    Raises:
        PluginError: when it can have none.
    """
    if not _PEP_508.fullmatch(name):
        raise PluginError(
            f"{name!r} is no name of a distribution: use letters, digits, '-', '_' and '.', with a"
            " letter or digit first and last."
        )
    module = re.sub(r"[-_.]+", "_", name).lower()
    if not module.isidentifier() or keyword.iskeyword(module) or module == "bnnbench":
        raise PluginError(f"{name!r} makes no module name ({module}): try bnnbench-{name}.")
    short = module.removeprefix("bnnbench_").replace("_", "-")
    # specs begin with a letter
    return module, short if short[0].isalpha() else f"plugin-{short}"


def template() -> Iterator[tuple[Path, str]]:
    """Files of the template: path within it, and text.

    Raises:
        PluginError: when it is not part of this installation.
    """
    package = Path(bnnbench.__file__).parent
    folders = [package / "_template", package.parent / "examples" / "plugin-template"]
    root = next((f for f in folders if f.is_dir()), None)
    if root is None:
        raise PluginError(f"The template is in none of {', '.join(map(str, folders))}.")
    ours = {"__pycache__", ".pytest_cache", ".venv", "dist"}
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if path.is_file() and not ours & set(inner.parts) and ".egg-info" not in str(inner):
            yield inner, path.read_text(encoding="utf-8")


def _rename(text: str, renamed: dict[str, str]) -> str:
    """All old names for new ones in one pass, so that a new name is never renamed again."""
    pattern = "|".join(re.escape(old) for old in renamed)
    return re.sub(pattern, lambda found: renamed[found[0]], text)
