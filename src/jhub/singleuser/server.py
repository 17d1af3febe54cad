"""`hub.singleuser("ana", "lab")`: work in one user's server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from jhub.binding import AsyncBound, Bound, Namespace, operation, stream
from jhub.errors import HubBroken
from jhub.models import Model
from jhub.singleuser import commands, terminals
from jhub.singleuser.access import NO_ACTIVITY, Handle, ServerAccess
from jhub.singleuser.command_streams import CommandOutput, InputSource
from jhub.singleuser.commands import CommandResult
from jhub.singleuser.contents import decode
from jhub.singleuser.terminals import Keyboard
from jhub.steps import Flow

if TYPE_CHECKING:
    from jhub.singleuser.files import AsyncFiles, Files
    from jhub.singleuser.kernels import AsyncKernels, Kernels


class ServerStatus(Model, frozen=True, kw_only=True):
    """The activity in a server, as its Jupyter Server reports it."""

    started: datetime | None = None
    last_activity: datetime | None = None
    connections: int = 0
    """Number of connections to kernels."""
    kernels: int = 0


class SingleUserOps:
    """Operations that are methods of a server of `hub.singleuser` itself."""

    @operation
    def status(self: object) -> Flow[ServerStatus]:
        """Return the activity in the server. This does not count as activity.

        `GET api/status` (all versions) of the server; scopes as for `files`. `NotStarted` if the server does not run.
        """
        return cast("Handle", self).run(_status)

    @operation
    def command(
        self: object,
        args: Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002 - as in `subprocess.run`
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        check: bool = False,
    ) -> Flow[CommandResult]:
        """Run a command in the server, without a shell, and return its exit code and output.

        Parameters
        ----------
        args
            The program and its arguments.
        input
            What the command reads from stdin.
        cwd
            The folder that it runs in: absolute, or below the server's top folder. `~` is its owner's home folder.
        env
            Additional environment variables.
        timeout
            Seconds after which the command is ended.
        check
            Raise `CommandFailed` for an exit code other than 0.

        The command runs in a Python kernel of its own, else in a terminal: `POST api/sessions` or `api/terminals` (all
        versions) of the server. 127: there is no such program; 126: it cannot be run. `WaitTimeout` after `timeout`.
        Scopes as for `files`.
        """
        run = partial(commands.run_command, _at(self), args, stdin=input, cwd=cwd, env=env, timeout=timeout)
        return commands.collect(args, run, check=check)

    @stream(CommandOutput)
    def stream_command(
        self: object,
        args: Sequence[str],
        *,
        stdin: bytes | InputSource = b"",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Flow[None]:
        """Run a command in the server, and emit its output as it comes. The last item has the exit code.

        The command waits while the caller handles an item. See `command`; `stdin` may also be an object whose `read`
        returns some bytes, None if there are none yet, and no bytes at the end.
        """
        run = partial(commands.run_command, _at(self), args, stdin=stdin, cwd=cwd, env=env, timeout=timeout)
        return commands.emit(run)

    @stream(CommandOutput)
    def stream_script(
        self: object,
        source: str | bytes,
        args: Sequence[str] = (),
        *,
        name: str = "script.py",
        stdin: bytes | InputSource = b"",
        kernel: str = "",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Flow[None]:
        """Run a Python script in the server, and emit its output as it comes. The last item has the exit code.

        The script is a process of its own, of the Python of the kernel specification `kernel` (by default the first
        for Python), and can import modules from the folder that it runs in. `name` is the script's name in tracebacks.
        See `stream_command`.
        """
        return commands.emit(
            partial(
                commands.run_script,
                _at(self),
                source,
                args,
                name=name,
                stdin=stdin,
                kernel=kernel,
                cwd=cwd,
                env=env,
                timeout=timeout,
            )
        )

    @stream(CommandOutput)
    def stream_terminal(
        self: object,
        args: Sequence[str] = (),
        *,
        keyboard: Keyboard,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Flow[None]:
        """Run a command, by default a shell, in a terminal of the server, and emit what it shows.

        `keyboard` is an object whose `read` returns what was typed, or None for nothing, and whose `size` returns the
        number of rows and columns. What a terminal shows can hold any control sequence. The last item has the exit
        code. `POST api/terminals` (all versions) of the server, which needs `jupyter_server_terminals`.
        """
        run = partial(terminals.run_interactive, _at(self), args, keyboard=keyboard, cwd=cwd, env=env, timeout=timeout)
        return commands.emit(run)


def _at(subject: object) -> Handle:
    """Return the server that a namespace belongs to."""
    return cast("Handle", subject)


def _status(access: ServerAccess) -> Flow[ServerStatus]:
    request = partial(access.request, "GET", "api/status", partial(decode, ServerStatus), query=NO_ACTIVITY)
    try:
        return (yield from request())
    except HubBroken:  # Jupyter Server 2.21 answers 500 while a kernel starts
        return (yield from request())


class SingleUser(SingleUserOps, Bound):
    """A user's server, which `hub.singleuser(...)` of `Hub` returns.

        with hub.singleuser("ana", "lab") as server:
            server.files.put("notes.md", b"# Notes")
            print(server.status().kernels)

    Each call makes a token that opens this server alone, and revokes it; inside a `with` block one token serves all
    calls.
    """

    files: Namespace[Files] = Namespace("jhub.singleuser.files", "Files")
    kernels: Namespace[Kernels] = Namespace("jhub.singleuser.kernels", "Kernels")

    def __repr__(self) -> str:
        """Return the server's name and the hub's address."""
        return f"<{type(self).__name__} {self._subject} of {self._wire}>"

    def __enter__(self) -> Self:
        """Use one token for all calls in the block."""
        cast("Handle", self._subject).keep()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Revoke the token."""
        self._wire.run(cast("Handle", self._subject).release())


class AsyncSingleUser(SingleUserOps, AsyncBound):
    """A user's server, which `hub.singleuser(...)` of `AsyncHub` returns. Use it with `await`, or in `async with`.

    See `SingleUser`.
    """

    files: Namespace[AsyncFiles] = Namespace("jhub.singleuser.files", "AsyncFiles")
    kernels: Namespace[AsyncKernels] = Namespace("jhub.singleuser.kernels", "AsyncKernels")

    def __repr__(self) -> str:
        """Return the server's name and the hub's address."""
        return f"<{type(self).__name__} {self._subject} of {self._wire}>"

    async def __aenter__(self) -> Self:
        """Use one token for all calls in the block."""
        cast("Handle", self._subject).keep()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Revoke the token."""
        await self._wire.run(cast("Handle", self._subject).release())
