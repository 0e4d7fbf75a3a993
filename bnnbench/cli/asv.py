"""``bnnbench asv``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from bnnbench.asv.results import Target, export
from bnnbench.store import Store


@click.group()
def asv() -> None:
    """Hand results to asv (airspeed velocity), which draws them over commits."""


@asv.command("export")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--commit", default="HEAD", show_default=True, metavar="REV", help="What was measured."
)
@click.option(
    "--repo",
    default=".",
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The git repository that knows the commit.",
)
@click.option(
    "--results",
    default=Path(".asv/results"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="asv's results_dir.",
)
@click.option("--machine", default="", metavar="NAME", help="[default: the records' host]")
@click.option(
    "--environment", default="", metavar="NAME", help="[default: existing-py and the version]"
)
@click.option("--suite", metavar="NAME", help="Only records of this suite.")
def export_(
    store: Path,
    commit: str,
    repo: Path,
    results: Path,
    machine: str,
    environment: str,
    suite: str | None,
) -> None:
    """Write the records of STORE as asv's results of one commit.

    Records know no commits: say which one was measured. Then 'asv publish', 'asv show' and
    'asv compare' read the results as if asv had run the suite.

    \b
    Example:
      bnnbench run smoke --store smoke.bnnbench
      bnnbench asv export smoke.bnnbench --commit HEAD
      asv publish
    """
    full, date = _commit(repo, commit)
    target = Target(results, full, date, machine, environment)
    with Store(store, create=False) as records:
        path = export(records, target, suite)
    click.echo(f"Written to {path}")


def _commit(repo: Path, revision: str) -> tuple[str, float]:
    """Full hash and date of a revision."""
    words = [
        "git",
        "-C",
        str(repo),
        "show",
        "-s",
        "--format=%H %ct",
        f"{revision}^{{commit}}",
        "--",
    ]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise click.UsageError("git is needed to look the commit up.") from error
    except subprocess.CalledProcessError as error:
        raise click.UsageError(
            f"There is no commit {revision!r} in {repo.resolve()}: {error.stderr.strip()}"
        ) from error
    commit, date = done.stdout.split()
    return commit, float(date)
