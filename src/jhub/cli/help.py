"""`jhub help`: the help of a command, exit codes, environment variables and output formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click
from click.shell_completion import CompletionItem

from jhub.cli.kit.exit_codes import CODES

ENVIRONMENT = {
    "JHUB_CONTEXT": "context to use, like -c/--context",
    "JUPYTERHUB_API_URL": "REST API of the hub; with JUPYTERHUB_API_TOKEN, overrides the current context",
    "JUPYTERHUB_API_TOKEN": "token for that hub",
    "JHUB_KEYRING": "if set to no, jhub login stores tokens in a private file instead of the keyring",
    "JHUB_COMPLETION_TIMEOUT": "time limit of shell completion, in seconds (default: 2)",
    "XDG_CONFIG_HOME": "parent folder of jhub/, which holds contexts and tokens (default: ~/.config)",
    "XDG_DATA_HOME": "parent folder of jhub/, which holds the local hub (default: ~/.local/share)",
    "HTTPS_PROXY, NO_PROXY": "HTTP proxy for requests to the hub; never used for localhost",
    "SSL_CERT_FILE": "file of CA certificates to trust instead of the system's",
    "NO_COLOR": "if set, disables colours",
}

OUTPUT = """\
-o table   aligned columns, for people (default)
-o wide    more columns, such as URLs and members
-o json    all fields; commands that start or stop servers print one event per line
-o yaml    all fields, as YAML
-o name    names only, one per line; commands read them from stdin with "-", and skip blank lines and # comments
-o csv     the columns of -o wide, as CSV, with times in ISO 8601

Lists take --columns, --sort and --limit: jhub user list --columns name,groups --limit 10

In json, yaml and csv, times are ISO 8601 and URLs are absolute. Deletions print {"name": NAME, "result": "deleted"}.
In csv, a text that a spreadsheet would take for a formula, such as a note that begins with =, has a ' in front.
A dry run in json is one object: dry_run, requests, complete, failed, unknown.
With -o json, stderr has one object a line: note, or error, hint, kind, status, request and exit_code.

Data goes to stdout. Progress, prompts, errors and hints go to stderr.
  jhub server list -o name | jhub server stop --yes -
"""


def _print_exit_codes() -> None:
    for code, meaning in CODES.items():
        click.echo(f"{code:>3}  {meaning}")


def _print_environment() -> None:
    width = max(map(len, ENVIRONMENT))
    for name, meaning in ENVIRONMENT.items():
        click.echo(f"{name:<{width}}  {meaning}")


TOPICS: dict[str, Callable[[], None]] = {
    "exit-codes": _print_exit_codes,
    "environment": _print_environment,
    "output": lambda: click.echo(OUTPUT, nl=False),
}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete topics and commands, or the verbs of the noun that precedes."""
    parent, _ = _find(ctx.find_root(), ctx.params.get("words") or ())
    topics = () if ctx.params.get("words") else tuple(TOPICS)
    verbs = parent.list_commands(ctx) if isinstance(parent, click.Group) else []
    return [CompletionItem(name) for name in (*topics, *verbs) if name.startswith(incomplete)]


def _find(root: click.Context, words: Sequence[str]) -> tuple[click.Command, click.Context]:
    """Return the command of these words, and a context in which its help has its full name."""
    command, ctx = root.command, root
    for word in words:
        child = command.get_command(ctx, word) if isinstance(command, click.Group) else None
        if child is None:
            raise click.UsageError(
                f"no help for {' '.join(words)!r}; topics: {', '.join(TOPICS)}; commands: jhub --help", root
            )
        command, ctx = child, click.Context(child, info_name=child.name, parent=ctx)
    return command, ctx


@click.command("help")
@click.argument("words", nargs=-1, metavar="[TOPIC | COMMAND]...", shell_complete=_complete)
@click.pass_context
def help_topics(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Explain a command, or one of the topics exit-codes, environment and output.

    $ jhub help exit-codes
    $ jhub help server start
    """
    if len(words) == 1 and words[0] in TOPICS:
        TOPICS[words[0]]()
        return
    command, its_ctx = _find(ctx.find_root(), words)
    click.echo(command.get_help(its_ctx))
