"""Entry point of the `jhub` command, and the list of its commands."""

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
from jhub.cli.kit.output import note, print_messages_as_json
from jhub.cli.kit.streams import prepare_streams

COMMANDS = {
    "login": ("jhub.cli.login:login", "Sign in to a hub and save the token."),
    "logout": ("jhub.cli.logout:logout", "Revoke the saved token and delete it."),
    "whoami": ("jhub.cli.whoami:whoami", "Show your user, your groups and the scopes of your token."),
    "context": ("jhub.cli.context:context", "List the hubs you are signed in to, and switch hubs."),
    "user": ("jhub.cli.user:user", "List, create, edit and delete users."),
    "group": ("jhub.cli.group:group", "Manage groups and their members."),
    "server": ("jhub.cli.server:server", "Create, start, stop and watch servers."),
    "share": ("jhub.cli.share:share", "Share servers with users and groups."),
    "token": ("jhub.cli.token:token", "List, create and revoke API tokens."),
    "run": ("jhub.cli.run:run", "Run a notebook or a Python script in a server."),
    "exec": ("jhub.cli.exec_command:exec_command", "Run a command in a server."),
    "ls": ("jhub.cli.files:ls", "List files in servers."),
    "cat": ("jhub.cli.files:cat", "Print files of servers."),
    "cp": ("jhub.cli.cp:cp", "Copy files to, from and between servers."),
    "rm": ("jhub.cli.files:rm", "Delete files in servers."),
    "validate": ("jhub.cli.validate:validate", "Check state files."),
    "plan": ("jhub.cli.plan:plan", "Show the changes that bring the hub to the state of a file."),
    "apply": ("jhub.cli.apply:apply", "Bring the hub to the state of a file."),
    "export": ("jhub.cli.export:export", "Print the state of the hub as a file."),
    "import": ("jhub.cli.import_command:import_", "Add objects of the hub to a state file."),
    "profile": ("jhub.cli.profile:profile", "List server profiles, and check profiles files."),
    "service": ("jhub.cli.service:service", "List, register and delete services."),
    "hub": ("jhub.cli.hub:hub", "Show hub details, or shut it down."),
    "proxy": ("jhub.cli.proxy:proxy", "List the routes of the proxy, and repair them."),
    "api": ("jhub.cli.api:api", "Send any request to the REST API."),
    "local": ("jhub.cli.local:local", "Run a real JupyterHub on this machine."),
    "demo": ("jhub.cli.demo:demo", "Run a guided demo on a local hub."),
    "completion": ("jhub.cli.completion.command:completion", "Print the completion script for a shell."),
    "help": ("jhub.cli.help:help_topics", "Explain a command, exit codes, environment variables or output formats."),
}


SECTIONS = {
    "Start here": ("login", "logout", "whoami", "demo"),
    "People": ("user", "group", "token"),
    "Servers": ("server", "share", "run", "exec"),
    "Files in servers": ("ls", "cat", "cp", "rm"),
    "State files": ("validate", "plan", "apply", "export", "import"),
    "Profiles": ("profile",),
    "Hub": ("hub", "proxy", "service"),
    "Tools": ("context", "api", "local", "completion", "help"),
}
"""Sections of `jhub --help`."""


@click.group(cls=LazyGroup, lazy=COMMANDS, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", package_name="jhub", message="jhub %(version)s")
@common
def cli() -> None:
    """Automate JupyterHub.

    $ jhub login https://hub.example.org        get a token and save it
    $ jhub group add geo ana bo                 add users to a group
    $ jhub server start ana/lab --profile lab   start a named server and wait until it is ready

    A server is written as USER (the user's default server), USER/NAME (a named server), or /NAME (your own named
    server).
    """


def main() -> None:
    """Run the `jhub` command and exit with its code."""
    prepare_streams()
    if "_JHUB_COMPLETE" in os.environ:
        from jhub.cli.completion.bash import Bash

        add_completion_class(Bash)
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - completion must not print into the line
    warnings.showwarning = _show_warning
    warnings.simplefilter("default", UserWarning)  # warnings of jhub, even if PYTHONWARNINGS hides them
    print_messages_as_json(exit_codes.wants_json(sys.argv[1:]))
    signals.catch()
    code = exit_codes.run(lambda: cli.main(prog_name="jhub", standalone_mode=False), debug="--debug" in sys.argv)
    signals.release()
    sys.exit(signals.exit_code(code))


def _show_warning(message: Warning | str, *location: object, **details: object) -> None:
    """Print a warning of the library on one line, without the source line that Python adds."""
    note(f"warning: {message}")
