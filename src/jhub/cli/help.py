"""`jhub help TOPIC`: what belongs to no single command."""

from __future__ import annotations

import click

from jhub.cli.kit.exit_codes import CODES

ENVIRONMENT = {
    "JHUB_CONTEXT": "the context to use, as -c/--context does",
    "JUPYTERHUB_API_URL": "the hub's REST API; with the next one it beats the current context",
    "JUPYTERHUB_API_TOKEN": "the token for it",
    "JHUB_KEYRING": "no: login keeps tokens in a file of yours, not in the system's keyring",
    "JHUB_COMPLETION_TIMEOUT": "seconds that the shell's completion may ask the hub (2)",
    "XDG_CONFIG_HOME": "contexts and tokens are kept in jhub/ below it (~/.config)",
    "XDG_DATA_HOME": "the local hub is kept in jhub/ below it (~/.local/share)",
    "HTTPS_PROXY, NO_PROXY": "the proxy on the way to the hub; never used for this machine",
    "SSL_CERT_FILE": "certificates to trust instead of the system's",
    "NO_COLOR": "no colours",
}

OUTPUT = """\
-o table   for people; one line per object, aligned
-o json    every field; on long work one event per line
-o yaml    the same as YAML
-o name    names only, one per line: what "-" reads on stdin
-o csv     the table's columns

Data goes to stdout; progress, questions and hints go to stderr.
  jhub server list -o name | jhub server stop --yes -
"""


@click.command("help")
@click.argument("topic", type=click.Choice(["exit-codes", "environment", "output"]))
def help_topics(topic: str) -> None:
    """Explain exit-codes, environment or output.

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
