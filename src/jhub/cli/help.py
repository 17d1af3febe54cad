"""`jhub help TOPIC`: exit codes, environment variables and output formats."""

from __future__ import annotations

import click

from jhub.cli.kit.exit_codes import CODES

ENVIRONMENT = {
    "JHUB_CONTEXT": "context to use, like -c/--context",
    "JUPYTERHUB_API_URL": "REST API of the hub; with JUPYTERHUB_API_TOKEN, overrides the current context",
    "JUPYTERHUB_API_TOKEN": "token for that hub",
    "JHUB_KEYRING": "set to no, makes jhub login store tokens in a private file, not in the keyring",
    "JHUB_COMPLETION_TIMEOUT": "time limit of shell completion, in seconds (default: 2)",
    "XDG_CONFIG_HOME": "folder of jhub/, which holds contexts and tokens (default: ~/.config)",
    "XDG_DATA_HOME": "folder of jhub/, which holds the local hub (default: ~/.local/share)",
    "HTTPS_PROXY, NO_PROXY": "HTTP proxy for requests to the hub; never used for localhost",
    "SSL_CERT_FILE": "file of certificates to trust instead of those of the system",
    "NO_COLOR": "if set, disables colours",
}

OUTPUT = """\
-o table   aligned columns, for people (default)
-o json    all fields; commands that start or stop servers print one event per line
-o yaml    all fields, as YAML
-o name    names only, one per line; commands read them from stdin with "-"
-o csv     the columns of the table, as CSV

Data goes to stdout. Progress, questions, errors and hints go to stderr.
  jhub server list -o name | jhub server stop --yes -
"""


@click.command("help")
@click.argument("topic", type=click.Choice(["exit-codes", "environment", "output"]))
def help_topics(topic: str) -> None:
    """Explain exit codes, environment variables or output formats.

    $ jhub help exit-codes
    """
    match topic:
        case "exit-codes":
            for code, meaning in CODES.items():
                click.echo(f"{code:>3}  {meaning}")
        case "environment":
            width = max(map(len, ENVIRONMENT))
            for name, meaning in ENVIRONMENT.items():
                click.echo(f"{name:<{width}}  {meaning}")
        case _:
            click.echo(OUTPUT, nl=False)
