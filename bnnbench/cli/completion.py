"""``bnnbench completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    For bash, add this line to ~/.bashrc:
      eval "$(bnnbench completion bash)"
    """
    from bnnbench.cli import cli

    cls = get_completion_class(shell)
    if cls is None:
        raise click.ClickException(f"No completion for {shell}.")
    click.echo(cls(cli, {}, "bnnbench", "_BNNBENCH_COMPLETE").source())
