"""``bnnbench run``."""

from __future__ import annotations

import dataclasses
import signal
import sys
from pathlib import Path
from types import FrameType

import click

from bnnbench.cli.adhoc import adhoc_file
from bnnbench.cli.progress import watch
from bnnbench.cli.tables import closing
from bnnbench.record import Ending
from bnnbench.registry import Registry
from bnnbench.runner import Executor, Local, Runner
from bnnbench.store import Store
from bnnbench.suite import Suite, expand, load


@click.command()
@click.argument("name", metavar="[SUITE]", required=False)
@click.option(
    "--store",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where records go.  [default: ./SUITE.bnnbench]",
)
@click.option(
    "--jobs",
    "-j",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Cells side by side. Timings are cleanest with 1.",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Where cells run: processes of this machine, or a Dask cluster.",
)
@click.option(
    "--address",
    default="",
    metavar="URL",
    help="Dask: a scheduler, e.g. tcp://host:8786.  [default: --jobs workers of this machine]",
)
@click.option(
    "--retry",
    multiple=True,
    metavar="ENDING",
    type=click.Choice([str(e) for e in Ending]),
    help="Run cells again that ended so; may be repeated.",
)
@click.option(
    "--repeat",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Passes over the suite, so that times can be compared; earlier ones count.",
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A local .py file to use as a plugin; may be repeated.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress, only the closing table.")
@click.option("--dataset", "-d", metavar="TEXT", help="Ad hoc: data set, e.g. 'digits | median'.")
@click.option(
    "--solver",
    "-s",
    "solvers",
    multiple=True,
    metavar="SPEC",
    help="Ad hoc: solver, e.g. 'highs[threads=1]'; may be repeated.",
)
@click.option(
    "--formulation",
    "-f",
    "formulations",
    multiple=True,
    metavar="SPEC",
    help="Ad hoc: formulation for solvers that need one; may be repeated.",
)
@click.option(
    "--objective",
    metavar="SPEC",
    help="Ad hoc: objective.  [default: the formulation's, else errors]",
)
@click.option("--hidden", metavar="WIDTHS", help="Ad hoc: hidden layers, e.g. 16 or 8,8 or none.")
@click.option(
    "--domain",
    default="integer[P=1]",
    show_default=True,
    metavar="SPEC",
    help="Ad hoc: weight domain.",
)
@click.option(
    "--outputs",
    type=click.Choice(["classes", "one"]),
    default="classes",
    show_default=True,
    help="Ad hoc: an output per class, or one for two classes.",
)
@click.option(
    "--seeds",
    default="0",
    show_default=True,
    metavar="LIST",
    help="Ad hoc: seeds, e.g. 0,1,2 or 0-7.",
)
@click.option(
    "--time-limit",
    default="60",
    show_default=True,
    metavar="TIME",
    help="Ad hoc: per cell, building included, e.g. 10 or '2 min'.",
)
@click.option(
    "--memory-limit", default="2 GiB", show_default=True, metavar="SIZE", help="Ad hoc: per cell."
)
@click.option(
    "--threads", default=1, show_default=True, type=click.IntRange(1), help="Ad hoc: per cell."
)
@click.option("--target", type=float, help="Ad hoc: stop at an objective of at most this.")
def run(
    name: str | None,
    store: Path | None,
    jobs: int,
    executor: str,
    address: str,
    retry: tuple[str, ...],
    repeat: int,
    plugins: tuple[Path, ...],
    quiet: bool,
    **adhoc: object,
) -> None:
    """Run SUITE (a name from 'bnnbench list suites' or a .toml file), or one ad-hoc problem.

    Finished cells are kept in the store: the same command again goes on where it stopped.

    \b
    Examples:
      bnnbench run quickstart
      bnnbench run smoke --repeat 5
      bnnbench run quickstart --jobs 2 --retry crash
      bnnbench run quickstart --executor dask --address tcp://head-node:8786
      bnnbench run -d breast-cancer -f min-hinge -s 'highs[threads=1]' --hidden 4 --time-limit 10
    """
    if address and executor != "dask":
        raise click.UsageError("--address needs --executor dask.")
    suite, registry = _suite(name, plugins, adhoc)
    path = store or Path(f"{suite.name}.bnnbench")
    signal.signal(signal.SIGTERM, _interrupt)
    with Store(path) as records, watch(quiet=quiet) as listener:
        for warning in suite.warnings:
            listener.warn(warning)
        where = _executor(executor, address, suite, registry, jobs)
        runner = Runner(
            suite, registry, records, listener, retry=retry, attempts=repeat, executor=where
        )
        try:
            summary = runner.run()
        except KeyboardInterrupt:
            listener.close()
            done = len(runner.summary.records)
            click.echo(
                f"\nInterrupted after {done} cells; they are in {path}."
                " The same command goes on from there.",
                err=True,
            )
            sys.exit(130)
    bad = closing(path, suite, summary)
    sys.exit(1 if bad else 0)


def _executor(name: str, address: str, suite: Suite, registry: Registry, jobs: int) -> Executor:
    if name == "local":
        return Local(registry, suite.inline, jobs)
    from bnnbench.runner.dask import Dask

    return Dask(registry, suite.inline, address, jobs)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Stop as cleanly for a job scheduler as for Ctrl-C."""
    raise KeyboardInterrupt


def _suite(
    name: str | None, plugins: tuple[Path, ...], adhoc: dict[str, object]
) -> tuple[Suite, Registry]:
    if name is None:
        if not adhoc["dataset"] or not adhoc["solvers"]:
            raise click.UsageError(
                "Give a SUITE, or at least --dataset and --solver."
                " 'bnnbench list suites' shows what there is."
            )
        registry = Registry.load(plugins)
        suite = expand(adhoc_file(registry, adhoc), registry, name="adhoc")
        return dataclasses.replace(suite, inline=plugins), registry
    if adhoc["dataset"] or adhoc["solvers"]:
        raise click.UsageError("Give either a SUITE or an ad-hoc problem, not both.")
    return load(name, plugins)
