"""The command line. Commands are imported when they run, so that ``--help`` is instant."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from bnnbench import __version__
from bnnbench.errors import BnnbenchError, StoreError

EPILOG = """\b
Exit codes:
  0    all is well
  1    it ran, but some cells crashed, failed or made false claims; compare: a regression;
       check-plugin: a rule is broken
  2    bad input: an unknown name, a malformed suite, a wrong option
  3    the store cannot be opened or written
  130  interrupted; the same command goes on where it stopped
"""

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("bnnbench.cli.run:run", "Run a suite, or one problem given by options."),
    "list": ("bnnbench.cli.listing:list_", "List data sets, solvers and all else by name."),
    "show": ("bnnbench.cli.show:show", "Show a store's results, or one cell in full."),
    "report": ("bnnbench.cli.report:report", "Tables, verdicts and a page with charts."),
    "compare": ("bnnbench.cli.compare:compare_", "Compare two stores; exit code 1 on regression."),
    "replay": ("bnnbench.cli.replay:replay", "Run one cell of a store again."),
    "verify": ("bnnbench.cli.verifying:verify", "Check every stored network again."),
    "export": ("bnnbench.cli.export:export", "Write records as Parquet, CSV or JSON lines."),
    "export-network": (
        "bnnbench.cli.export_network:export_network",
        "Write a trained network as ONNX or QONNX.",
    ),
    "merge": ("bnnbench.cli.merge:merge", "Take records of other stores into one."),
    "asv": ("bnnbench.cli.asv:asv", "Hand results to asv (airspeed velocity)."),
    "data": ("bnnbench.cli.data:data", "Fetch, check and describe data sets."),
    "suite": ("bnnbench.cli.suites:suite", "Check suite files; print their JSON schema."),
    "new-plugin": ("bnnbench.cli.new_plugin:new_plugin", "Write a plugin package to start from."),
    "check-plugin": (
        "bnnbench.cli.check_plugin:check_plugin",
        "Check that a plugin keeps the rules.",
    ),
    "completion": ("bnnbench.cli.completion:completion", "Print a shell completion script."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' one-line helps and imports a command to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument; an unknown one fails with the nearest names."""
        from bnnbench.errors import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"There is no command {args[0]!r}." + did_you_mean(args[0], COMMANDS))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="bnnbench")
def cli() -> None:
    """Benchmark how small discrete neural networks are trained by optimisation.

    \b
    Start with:
      bnnbench run quickstart
      bnnbench list solvers
      bnnbench run --dataset breast-cancer --hidden 4 --solver annealing --time-limit 10
    """


def main() -> None:
    """Entry point of the ``bnnbench`` command."""
    # This process solves nothing, and starting a thread per core for its linear algebra would cost
    # more than all it computes; what cells may use is set by their limits.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        cli.main(prog_name="bnnbench", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except BnnbenchError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3 if isinstance(error, StoreError) else 2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
