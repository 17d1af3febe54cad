"""`jhub completion`"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  jhub completion bash > ~/.local/share/bash-completion/completions/jhub
    zsh:   jhub completion zsh > "${fpath[1]}/_jhub"
    fish:  jhub completion fish > ~/.config/fish/completions/jhub.fish
    """
    from jhub.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(cli, {}, "jhub", "_JHUB_COMPLETE").source())
