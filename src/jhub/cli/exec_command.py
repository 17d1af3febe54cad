"""`jhub exec`: a command in a server."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from jhub.cli.kit.command_streams import FAILED, Stdin, closing_parts, environment, print_parts
from jhub.cli.kit.exit_codes import code_of, print_error
from jhub.cli.kit.local_terminal import LocalKeyboard
from jhub.cli.kit.options import common, connect, duration
from jhub.cli.kit.server_arguments import resolve_server, server_argument
from jhub.cli.kit.streams import write_unbuffered
from jhub.errors import HubError, WaitTimeout

if TYPE_CHECKING:
    from jhub import SingleUser

COMMAND_KEY = "jhub.command"
"""Key in click's `Context.meta` of the command after `--`."""


class ExecCommand(click.Command):
    """A command of click that keeps what follows `--`: without it, `exec -- ls` would name a server `ls`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what precedes `--`."""
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[COMMAND_KEY] = args[:at], args[at + 1 :]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the parts of the usage line."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND [ARGUMENT]..."]


@click.command(cls=ExecCommand, name="exec")
@server_argument
@click.option("-i", "--stdin", "interactive", is_flag=True, help="Pass stdin to the command.")
@click.option("-t", "--tty", is_flag=True, help="Run the command, by default a shell, in a terminal.")
@click.option("--cwd", default="", metavar="FOLDER", help="Folder in the server. Default: its top folder.")
@click.option("--env", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an environment variable; repeatable.")
@click.option("--timeout", metavar="TIME", help="End the command after this time, such as 90s or 15m.")
@common
def exec_command(
    name: str | None, interactive: bool, tty: bool, cwd: str, pairs: tuple[str, ...], timeout: str | None
) -> int:
    """Run a command in a server.

    Stdout, stderr and the exit code are those of the command. 125 is an error of jhub itself, 126 a command that
    cannot be run, 127 one that does not exist, and 8 the end of --timeout. There is no shell in between: for one, run
    sh -c. Ctrl-C interrupts the command in the server.

    With -t, the command has a terminal, and everything that it writes reaches yours, as with ssh. Without -t, a
    terminal gets colours and no other control sequence; a pipe or file gets every byte.

    The command runs in a Python kernel of its own. A server without Python runs it in a terminal, where stderr is in
    stdout.

    Access to a server cannot be read-only: it needs the scopes access:servers for this server and tokens for yourself,
    and also lets you run code as the server's owner.

    $ jhub exec ana/lab -- nvidia-smi
    $ jhub exec /lab -- sh -c 'du -s * | sort -n'
    $ jhub exec ana/lab -i -- tar xz -C data < data.tar.gz
    $ jhub exec ana/lab -t
    """
    command: list[str] = click.get_current_context().meta.get(COMMAND_KEY, [])
    if not command and not tty:
        raise click.UsageError("a command is missing: write it after --")
    seconds = duration(timeout) if timeout else None
    options: dict[str, Any] = {"cwd": cwd, "env": environment(pairs), "timeout": seconds}
    try:
        with connect() as hub:
            target = resolve_server(hub, name)
            server = hub.singleuser(target.user, target.name)
            if tty:
                return _run_at_terminal(server, command, options)
            stdin = Stdin() if interactive else b""
            return print_parts(server.stream_command(command, stdin=stdin, **options))
    except HubError as error:
        code = code_of(error) if isinstance(error, WaitTimeout) else FAILED
        print_error(error, debug="--debug" in sys.argv, exit_code=code)
        return code


def _run_at_terminal(server: SingleUser, command: list[str], options: dict[str, Any]) -> int:
    """Run a command in a terminal of the server, on the terminal of this program, and return its exit code."""
    env = {"TERM": os.environ.get("TERM", "xterm"), **options.pop("env")}
    code = FAILED
    with LocalKeyboard() as keyboard:
        parts = server.stream_terminal(command, keyboard=keyboard, env=env, **options)
        with closing_parts(parts) as items:
            for part in items:
                if part.returncode is not None:
                    code = part.returncode
                write_unbuffered(sys.stdout, part.data)
    return code
