"""`hub.singleuser("ana", "lab")`: work in one user's server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from jhub.binding import AsyncBound, Bound, Namespace, operation, stream
from jhub.errors import HubBroken
from jhub.models import Model
from jhub.operations.requests import check_timeout
from jhub.singleuser.access import NO_ACTIVITY, Handle, ServerAccess
from jhub.singleuser.cells import CellResult
from jhub.singleuser.commands import CommandOps
from jhub.singleuser.contents import decode
from jhub.singleuser.job_kernel import with_kernel
from jhub.singleuser.kernel_connection import KernelConnection
from jhub.singleuser.notebooks import NotebookEvent, NotebookSource, RunOptions, RunResult, read_source, run_notebook
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


class SingleUserOps(CommandOps):
    """Operations that are methods of a server of `hub.singleuser` itself."""

    @operation
    def status(self: object) -> Flow[ServerStatus]:
        """Return the activity in the server. This does not count as activity.

        `GET api/status` (all versions) of the server; scopes as for `files`. `NotStarted` if the server does not run.
        """
        return cast("Handle", self).run(_status)

    @operation
    def execute(
        self: object, code: str, *, timeout: float | None = None, kernel: str = "", cwd: str = ""
    ) -> Flow[CellResult]:
        """Run code in a kernel of the server, and return its outputs and how it ended.

        The kernel is a new one, which ends with the call. In a `with` block all calls have the same one, so that
        variables stay.

        Parameters
        ----------
        timeout
            Seconds after which the code is interrupted.
        kernel
            The name of a kernel specification, "python3"; by default the server's own choice.
        cwd
            The folder in the server in which the kernel starts. By default the server's top folder.

        `POST api/sessions` and the websocket `api/kernels/{id}/channels` (all versions) of the server; scopes as for
        `files`. `NotStarted` if the server does not run, `InvalidInput` if it does not have this kernel. A kernel that
        dies is a result, not an error.
        """
        check_timeout(timeout)
        job = partial(_execute, code=code, timeout=timeout)
        return with_kernel(cast("Handle", self), job, spec=kernel, folder=cwd)

    @operation
    def run(
        self: object,
        notebook: NotebookSource,
        *,
        parameters: Mapping[str, object] | None = None,
        env: Mapping[str, str] | None = None,
        kernel: str = "",
        cwd: str = "",
        timeout: float | None = None,
        cell_timeout: float | None = None,
        allow_errors: bool = False,
    ) -> Flow[RunResult]:
        """Run a notebook of this machine in the server, in a kernel of its own, and return it with its outputs.

        Cells with the tag `skip-execution` are left out. The first cell with an error ends the run, unless the cell has
        the tag `raises-exception`.

        Parameters
        ----------
        notebook
            The path of a file on this machine, the file's content, or its object.
        parameters
            Values of variables, for notebooks in Python: they are set in a cell after the one with the tag
            `parameters`, or in a first cell.
        env
            Environment variables, for notebooks in Python. They are not in the result.
        kernel
            The name of a kernel specification; by default the notebook's own.
        cwd
            The folder in the server in which the kernel starts. By default the server's top folder.
        timeout, cell_timeout
            Seconds after which the whole run, or a cell, is interrupted.
        allow_errors
            Go on after a cell with an error.

        The requests, scopes and errors are those of `execute`.
        """
        options = RunOptions(
            parameters=parameters,
            env=env,
            kernel=kernel,
            cwd=cwd,
            timeout=timeout,
            cell_timeout=cell_timeout,
            allow_errors=allow_errors,
        )
        return run_notebook(cast("Handle", self), read_source(notebook), options)

    @stream(NotebookEvent)
    def stream_run(
        self: object,
        notebook: NotebookSource,
        *,
        parameters: Mapping[str, object] | None = None,
        env: Mapping[str, str] | None = None,
        kernel: str = "",
        cwd: str = "",
        timeout: float | None = None,
        cell_timeout: float | None = None,
        allow_errors: bool = False,
    ) -> Flow[None]:
        """Run a notebook as `run` does, and iterate over what happens. The last event has the result.

        for event in server.stream_run("report.ipynb"):
            print(event.kind, event.cell, event.text)
        """
        options = RunOptions(
            parameters=parameters,
            env=env,
            kernel=kernel,
            cwd=cwd,
            timeout=timeout,
            cell_timeout=cell_timeout,
            allow_errors=allow_errors,
        )
        # Not a generator: what is invalid is an error before anything runs.
        return _only_events(run_notebook(cast("Handle", self), read_source(notebook), options))


def _only_events(flow: Flow[RunResult]) -> Flow[None]:
    yield from flow


def _execute(kernel: KernelConnection, *, code: str, timeout: float | None) -> Flow[CellResult]:
    return kernel.execute(code, timeout=timeout)


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
