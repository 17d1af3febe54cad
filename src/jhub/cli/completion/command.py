"""The command `jhub completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SCRIPT_PATCHES = {
    # Click's script for fish cuts a name at its first comma.
    'string split ","': 'string split -m 1 ","',
    # Click's script for zsh adds a space after every word, also after KEY=.
    "local -a completions\n": "local -a completions unfinished\n",
    'completions+=("$key")\n': '[[ "$key" == *= ]] && unfinished+=("$key") || completions+=("$key")\n',
    '    if [ -n "$completions" ]': '    compadd -S "" -U -V unsorted -a unfinished\n    if [ -n "$completions" ]',
}
"""Replacements in click's scripts."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    The script completes commands, options, and names on the hub: users, groups, servers, tokens, profiles and so on.
    Requests to the hub time out after 2 seconds; set JHUB_COMPLETION_TIMEOUT to change that.

    $ jhub completion bash > ~/.local/share/bash-completion/completions/jhub
    $ jhub completion zsh > "${fpath[1]}/_jhub"
    $ jhub completion fish > ~/.config/fish/completions/jhub.fish
    """
    from jhub.cli.completion.bash import Bash
    from jhub.cli.main import cli

    shell_class = Bash if shell == "bash" else get_completion_class(shell)
    if shell_class is None:
        raise click.UsageError(f"completion for {shell} is not available")
    source = shell_class(cli, {}, "jhub", "_JHUB_COMPLETE").source()
    for old, new in SCRIPT_PATCHES.items():
        source = source.replace(old, new)
    click.echo(source)
