"""The `jhub` program."""

from __future__ import annotations

import os
import sys
import warnings

import click
from click.shell_completion import add_completion_class

from jhub import __version__
from jhub.cli.kit import exit_codes, signals
from jhub.cli.kit.lazy_group import LazyGroup
from jhub.cli.kit.options import common
from jhub.cli.kit.output import note
from jhub.cli.kit.streams import prepare_streams

COMMANDS = {
    "login": ("jhub.cli.login:login", "Sign in to a hub and remember it."),
    "logout": ("jhub.cli.identity:logout", "Revoke the token and forget it."),
    "whoami": ("jhub.cli.identity:whoami", "Show who you are on the hub, and what you may do."),
    "context": ("jhub.cli.context:context", "List and switch the hubs you are signed in to."),
    "user": ("jhub.cli.user:user", "List, create, edit and delete users."),
    "group": ("jhub.cli.group:group", "Manage groups and their members."),
    "server": ("jhub.cli.server:server", "Create, start, stop and watch servers."),
    "share": ("jhub.cli.share:share", "Give others access to a server."),
    "token": ("jhub.cli.token:token", "List, create and revoke API tokens."),
    "profile": ("jhub.cli.profile:profile", "List what servers can start from; check a file of profiles."),
    "service": ("jhub.cli.service:service", "List, register and delete services."),
    "hub": ("jhub.cli.hub:hub", "Show what the hub is made of, or shut it down."),
    "proxy": ("jhub.cli.proxy:proxy", "Look at the proxy's routes, and mend them."),
    "api": ("jhub.cli.api:api", "Send any request to the REST API."),
    "local": ("jhub.cli.local:local", "Run a real JupyterHub on this machine."),
    "demo": ("jhub.cli.demo:demo", "See it all work, on a hub of its own."),
    "completion": ("jhub.cli.completion.command:completion", "Print the completion script for a shell."),
    "help": ("jhub.cli.help:help_topics", "Explain exit codes, environment and output."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="jhub", message="jhub %(version)s")
@common
def cli() -> None:
    """Automate JupyterHub.

    $ jhub login https://hub.example.org        get a token and remember it
    $ jhub group add geo ana bo                 put users into a group
    $ jhub server start ana/lab --profile lab   start a named server and wait

    A server is USER (the default one), USER/NAME, or /NAME (mine).
    """


def main() -> None:
    """The entry point."""
    prepare_streams()
    if "_JHUB_COMPLETE" in os.environ:
        from jhub.cli.completion.bash import Bash

        add_completion_class(Bash)
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - nothing is said in the middle of a line
    warnings.showwarning = _show_warning
    warnings.simplefilter("default", UserWarning)  # ours: whatever PYTHONWARNINGS says, they are for people here
    signals.catch()
    code = exit_codes.run(lambda: cli.main(prog_name="jhub", standalone_mode=False), debug="--debug" in sys.argv)
    signals.release()
    sys.exit(signals.exit_code(code))


def _show_warning(message: Warning | str, *location: object, **details: object) -> None:
    """A warning of the library is one for people here: without the line of code that it came from."""
    note(f"warning: {message}")
