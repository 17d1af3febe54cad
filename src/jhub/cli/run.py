"""`jhub run`: a notebook or a Python script of this machine, in a server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jhub.cli.completion import completers
from jhub.cli.kit.command_streams import FAILED, Stdin, environment, print_parts
from jhub.cli.kit.exit_codes import code_of, flush_stdout, print_error
from jhub.cli.kit.inputs import STDIN
from jhub.cli.kit.options import common, connect, duration
from jhub.cli.kit.output import note
from jhub.cli.kit.server_arguments import option_option, profile_option, resolve_server, user_options
from jhub.cli.kit.streams import write_unbuffered
from jhub.cli.progress.cells import cell_reporter, print_traceback
from jhub.cli.run_inputs import Program, read_parameters, read_program
from jhub.errors import Conflict, HubError, InvalidInput, NotFound, Unavailable, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Generator

    from jhub import Hub, NotebookEvent, RunResult, SingleUser, Target

CODES = {"ok": 0, "error": 1, "aborted": 1, "timeout": 8}
"""Exit codes by the status of a notebook; `FAILED` for the others."""
SETTLE_SECONDS = 10.0
"""Seconds in which a hub may still accept a start whose request was interrupted."""
POLL_SECONDS = 0.5
"""Pause in seconds before the next look at whether it has."""


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.argument("args", nargs=-1, metavar="[ARG]...")
@click.option(
    "--server",
    "name",
    metavar="[USER | USER/NAME | /NAME]",
    shell_complete=completers.servers,
    help="Server to run it in. Default: your default server.",
)
@profile_option
@option_option
@click.option("--keep", is_flag=True, help="Keep the server running, if this command has started it.")
@click.option(
    "-P",
    "--parameter",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="Parameter of the notebook: a number, true, false, null or text; repeatable.",
)
@click.option(
    "-f",
    "--parameters-file",
    "files",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="YAML file of parameters; repeatable. -P overrides it.",
)
@click.option("--out", type=click.Path(), help="Write the notebook with its outputs here; - is stdout.")
@click.option("--allow-errors", is_flag=True, help="Go on after a cell with an error.")
@click.option("--strict-output", is_flag=True, help="Fail if outputs are missing.")
@click.option("--cell-timeout", type=duration, metavar="TIME", help="Maximum time of a cell, such as 90s or 15m.")
@click.option("--timeout", type=duration, metavar="TIME", help="Maximum time of the whole run.")
@click.option("--kernel", default="", metavar="NAME", help="Kernel specification. Default: the notebook's own.")
@click.option("--cwd", default="", metavar="FOLDER", help="Folder in the server. Default: its top folder.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="Environment variable; repeatable.")
@click.option("-i", "--stdin", "interactive", is_flag=True, help="Pass stdin to a script.")
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    metavar="FORMAT",
    help="text, or json: one event per line.",
)
@common
def run(
    file: str,
    args: tuple[str, ...],
    name: str | None,
    profile: str | None,
    options: tuple[str, ...],
    keep: bool,
    timeout: float | None,
    kernel: str,
    cwd: str,
    output_format: str,
    variables: tuple[str, ...],
    interactive: bool,
    **notebook_options: Any,
) -> int:
    """Run a notebook (.ipynb) or a Python script (.py) of this machine in a server; - is stdin.

    The text of a notebook's outputs goes to stdout as it comes, without control characters, and its progress to stderr.
    With --out, the notebook is written after every cell, also after one that fails. A kernel of its own runs it, and
    ends with it. Cells with the tag skip-execution are left out; one with the tag raises-exception may fail.

    A script is a process of its own in the server. ARG are its arguments: write those that begin with - after --. Its
    stdout, stderr and exit code pass through.

    With --profile or --option, the server is started if it does not run, and stopped at the end, also after an error
    and Ctrl-C.

    Exit codes: 1 error in a cell, 8 time is up, 125 anything that is not the fault of the notebook, such as a stopped
    server, a missing scope, or a kernel that dies for lack of memory.

    Access to a server cannot be read-only: it needs the scopes access:servers for this server and tokens for yourself,
    and also lets you run code as the server's owner.

    $ jhub run report.ipynb --server ana/lab --out done.ipynb
    $ jhub run report.ipynb --profile gpu -P year 2026 -f parameters.yaml --out done.ipynb
    $ jhub run train.py --server /lab -- --epochs 3
    $ jhub run - < report.ipynb
    """
    start_options = user_options(profile, options)
    if keep and profile is None and not start_options:
        raise click.UsageError("--keep needs --profile or --option: without them, no server is started")
    program = read_program(file)
    common_options: dict[str, Any] = {
        "kernel": kernel,
        "timeout": timeout,
        "cwd": cwd,
        "env": environment(variables) or None,
    }
    job: _NotebookRun | _ScriptRun
    if program.is_notebook:
        if args or interactive:
            raise InvalidInput(
                "arguments and --stdin are for scripts", hint="pass parameters of a notebook with -P NAME VALUE"
            )
        job = _NotebookRun(program, common_options, output_format, **notebook_options)
    else:
        _refuse_notebook_options(output_format, notebook_options)
        job = _ScriptRun(program, args, common_options, has_stdin=interactive and file != STDIN)
    try:
        with connect() as hub:
            target = resolve_server(hub, name)
            server = hub.singleuser(target.user, target.name)
            if profile is None and not start_options:
                return job.run(server)
            job.check(hub, server)
            with _started(hub, target, profile, start_options, output_format, keep=keep):
                return job.run(server)
    except HubError as error:
        print_error(error, debug="--debug" in sys.argv, exit_code=_code_of(error))
        return _code_of(error)
    except BrokenPipeError:  # the reader of stdout has closed it, and the run was ended
        flush_stdout()
        return 1


def _code_of(error: HubError) -> int:
    return code_of(error) if isinstance(error, InvalidInput | WaitTimeout) else FAILED


@contextmanager
def _started(
    hub: Hub, target: Target, profile: str | None, options: dict[str, Any], output_format: str, *, keep: bool
) -> Generator[None]:
    """Run the block with a server that runs. One that was started for it is stopped at the end."""
    is_ours = not keep and not _is_active(hub, target)
    was_answered = False
    try:
        from jhub.cli.progress.report import start_server

        fleet = hub.servers.start_many([target], profile=profile, user_options=options)
        failure = start_server(hub, fleet, output_format)
        was_answered = True
        if failure is not None:
            # Somebody else has just started it with other options.
            is_ours = is_ours and not isinstance(failure, Conflict)
            raise click.exceptions.Exit(FAILED)
        yield
    except BaseException as error:
        was_answered |= isinstance(error, HubError) and not isinstance(error, Unavailable)
        if is_ours:
            try:
                _stop(hub, target, 0.0 if was_answered else SETTLE_SECONDS)
            except HubError as failed_stop:
                print_error(failed_stop, exit_code=FAILED)
        raise
    if is_ours:
        _stop(hub, target, 0.0)


def _stop(hub: Hub, target: Target, seconds: float) -> None:
    """Stop a server, also if the hub accepts the interrupted request for its start up to `seconds` later."""
    deadline = time.monotonic() + seconds
    try:
        while not _is_active(hub, target):
            if time.monotonic() >= deadline:
                return
            time.sleep(POLL_SECONDS)
        hub.servers.stop(target.user, target.name)
    except HubError as error:
        raise HubError(f"server {target} was not stopped: {error}", hint=error.hint) from error
    note(f"{target}: stopped")


def _is_active(hub: Hub, target: Target) -> bool:
    """Return whether a server runs or is starting."""
    try:
        server = hub.servers.get(target.user, target.name)
    except NotFound:
        return False
    return server.active and server.pending != "stop"


def _refuse_notebook_options(output_format: str, options: dict[str, Any]) -> None:
    """Raise `InvalidInput` for an option that a script does not have."""
    names = {"pairs": "-P", "files": "-f"}
    used = [names.get(name, f"--{name.replace('_', '-')}") for name, value in options.items() if value]
    used += ["-o json"] if output_format == "json" else []
    if used:
        raise InvalidInput(
            f"{used[0]} is for notebooks", hint="pass arguments of a script after --, and variables with --env"
        )


class _ScriptRun:
    """A script to run."""

    def __init__(self, program: Program, args: tuple[str, ...], options: dict[str, Any], *, has_stdin: bool) -> None:
        self._program = program
        self._args = args
        self._options = options
        self._has_stdin = has_stdin

    def check(self, hub: Hub, server: SingleUser) -> None:
        """Accept every script: Python checks it."""

    def run(self, server: SingleUser) -> int:
        """Run the script, and return its exit code."""
        stdin = Stdin() if self._has_stdin else b""
        parts = server.stream_script(
            self._program.content, self._args, name=self._program.name, stdin=stdin, **self._options
        )
        return print_parts(parts)


class _NotebookRun:
    """A notebook to run, and where its outputs go."""

    def __init__(
        self,
        program: Program,
        options: dict[str, Any],
        output_format: str,
        *,
        files: Iterable[str],
        pairs: Iterable[tuple[str, str]],
        out: str | None,
        cell_timeout: float | None,
        allow_errors: bool,
        strict_output: bool,
    ) -> None:
        self._notebook = program.content
        self._options: dict[str, Any] = {
            **options,
            "parameters": read_parameters(files, pairs),
            "cell_timeout": cell_timeout,
            "allow_errors": allow_errors,
        }
        self._out = out
        self._output_format = output_format
        self._is_strict = strict_output
        self._result: RunResult | None = None
        if out == STDIN and output_format == "json":
            raise InvalidInput("--out - and -o json both write to stdout", hint="write the notebook to a file")
        if out is not None and out != STDIN:
            if out.endswith(("/", os.sep)):
                raise InvalidInput(f"--out {out} names a folder", hint="name a file in it")
            from jhub.cli.copy_places import check_is_file

            try:
                check_is_file(out)
            except Conflict as error:
                raise InvalidInput(str(error), hint="pass the path of a file with --out, or - for stdout") from None
            folder = next(each for each in Path(out).absolute().parents if each.exists())
            if not (folder.is_dir() and os.access(folder, os.W_OK)):
                raise InvalidInput(f"cannot write {out}: {folder} is not a folder that you can write to")

    def check(self, hub: Hub, server: SingleUser) -> None:
        """Raise `InvalidInput` for a notebook that cannot run, before a server is started for it."""
        try:
            hub.preview(server.run, self._notebook, **self._options)
        except InvalidInput:
            raise
        except HubError:
            pass  # the server does not run yet, for example

    def run(self, server: SingleUser) -> int:
        """Run the notebook, and return the exit code."""
        events = server.stream_run(self._notebook, **self._options)
        with (
            cell_reporter(self._output_format, show_text=self._out != STDIN) as report,
            closing(iter(events)) as items,
        ):
            for event in items:
                report(event)
                self._keep(event)
        if self._result is None:
            raise HubError("the run ended without a result")
        if self._out == STDIN:
            write_unbuffered(sys.stdout, self._result.content)
        return self._end(self._result)

    def _keep(self, event: NotebookEvent) -> None:
        """Write the notebook after a cell, and once if it has none."""
        if event.result is None:
            return
        self._result = event.result
        if event.kind == "cell" and event.truncated:
            note(f"warning: cell {event.cell}/{event.count}: outputs are missing")
        if self._out not in (None, STDIN) and (event.kind == "cell" or not event.count):
            from jhub.cli.copy_places import LocalPlace

            path = os.path.realpath(str(self._out))  # a link stays a link
            LocalPlace().write(path, [event.result.content], str(Path(path).parent), overwrite=True)

    def _end(self, result: RunResult) -> int:
        """Print how the run has ended, and return the exit code."""
        code = CODES.get(result.status, FAILED)
        if result.error is not None:
            print_traceback(result.error) if self._output_format != "json" else None
            is_own = result.status in ("error", "aborted")
            message = f"cell {len(result.cells)}: {result.error if is_own else result.error.value}"
            print_error(HubError(message), exit_code=code)
        elif result.truncated and self._is_strict:
            code = 1
            hint = "servers drop what a cell prints too fast: print less, or into a file"
            print_error(HubError("outputs are missing", hint=hint), exit_code=code)
        if self._out not in (None, STDIN):
            note(f"wrote {self._out}")
        return code
