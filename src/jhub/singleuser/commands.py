"""Commands in a user's server: in a Python kernel, else in a terminal."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from jhub.binding import operation, stream
from jhub.errors import CommandFailed, HubBroken, HubError, InvalidInput, Unavailable, WaitTimeout
from jhub.models import Model
from jhub.operations.requests import check_timeout
from jhub.singleuser import kernel_api, terminals
from jhub.singleuser.access import Handle
from jhub.singleuser.cells import CellResult
from jhub.singleuser.command_streams import CommandOutput, CommandStreams, InputSource, OutputHandler
from jhub.singleuser.job_kernel import with_kernel
from jhub.singleuser.kernel_connection import KernelConnection
from jhub.singleuser.remote_program import code_for
from jhub.singleuser.terminals import Keyboard
from jhub.steps import Emit, Flow, Interrupted

MAX_OUTPUT_BYTES = 256 * 2**20
"""Maximum size of each output in a `CommandResult`."""
MAX_SCRIPT_BYTES = 4 * 2**20
"""Maximum size of a script."""


class CommandResult(Model, frozen=True, kw_only=True):
    """A command that has ended, as `subprocess.run` returns it."""

    args: tuple[str, ...]
    returncode: int
    """The exit code; 128 and the number of the signal for a command that a signal ended."""
    stdout: bytes = b""
    stderr: bytes = b""
    """Empty if the server has no Python kernel: the error output is then in `stdout`."""
    truncated: bool = False
    """True if an output was larger than 256 MiB, and its end is missing."""

    @property
    def ok(self) -> bool:
        """True for exit code 0."""
        return self.returncode == 0


class BytesInput:
    """Bytes as a source of input."""

    def __init__(self, data: bytes) -> None:
        self._parts = [data] if data else []

    def read(self) -> bytes:
        """Return all bytes, then none."""
        return self._parts.pop() if self._parts else b""


class CommandOps:
    """Commands in a server: methods of a server of `hub.singleuser` itself."""

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
        run = partial(run_command, _at(self), args, stdin=input, cwd=cwd, env=env, timeout=timeout)
        return collect(args, run, check=check)

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
        run = partial(run_command, _at(self), args, stdin=stdin, cwd=cwd, env=env, timeout=timeout)
        return emit(run)

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
        return emit(
            partial(
                run_script,
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
        return emit(run)


def run_command(
    handle: Handle,
    args: Sequence[str],
    output: OutputHandler,
    *,
    stdin: bytes | InputSource = b"",
    cwd: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Flow[int]:
    """Run a command in a server, hand over its output in parts, and return its exit code."""
    check_timeout(timeout)
    spec = _spec(args, cwd, env)
    if not spec["args"]:
        raise InvalidInput("a command is missing")
    code = yield from _run_in_python(handle, spec, output, stdin, timeout)
    if code is not None:
        return code
    if not isinstance(stdin, bytes) or stdin:
        raise InvalidInput(f"{handle}: the server has no Python kernel, and its terminals take no input from a program")
    return (yield from terminals.run_command(handle, spec["args"], output, cwd=cwd, env=spec["env"], timeout=timeout))


def run_script(
    handle: Handle,
    source: str | bytes,
    args: Sequence[str],
    output: OutputHandler,
    *,
    name: str = "script.py",
    stdin: bytes | InputSource = b"",
    kernel: str = "",
    cwd: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Flow[int]:
    """Run a Python script in a server, as a process of the kernel's Python, and return its exit code.

    Parameters
    ----------
    name
        The name of the script, which tracebacks show.
    kernel
        The name of a Python kernel's specification; "" for the default one.
    """
    check_timeout(timeout)
    script = source.encode() if isinstance(source, str) else source
    if len(script) > MAX_SCRIPT_BYTES:
        raise InvalidInput(f"the script is larger than {MAX_SCRIPT_BYTES >> 20} MiB")
    spec = _spec(args, cwd, env) | {"script": b64encode(script).decode(), "name": name}
    if kernel:
        return (yield from _run_in_kernel(handle, kernel, spec, output, stdin, timeout))
    code = yield from _run_in_python(handle, spec, output, stdin, timeout)
    if code is None:
        raise InvalidInput(f"{handle}: the server has no Python kernel")
    return code


def collect(
    args: Sequence[str], run: Callable[[OutputHandler], Flow[int]], *, check: bool = False
) -> Flow[CommandResult]:
    """Run a command, and return its exit code with its output."""
    outputs = {"stdout": bytearray(), "stderr": bytearray()}
    truncated = False

    def keep(part: CommandOutput) -> Flow[None]:
        nonlocal truncated
        kept = outputs[part.stream]
        truncated |= len(kept) + len(part.data) > MAX_OUTPUT_BYTES
        kept += part.data[: MAX_OUTPUT_BYTES - len(kept)]
        yield from ()

    code = yield from run(keep)
    result = CommandResult(
        args=tuple(args),
        returncode=code,
        stdout=bytes(outputs["stdout"]),
        stderr=bytes(outputs["stderr"]),
        truncated=truncated,
    )
    if check and code:
        raise CommandFailed(args[0] if args else "the command", code, result.stdout, result.stderr)
    return result


def emit(run: Callable[[OutputHandler], Flow[int]]) -> Flow[None]:
    """Run a command, and emit its output in parts. The last item has the exit code."""

    def handle(part: CommandOutput) -> Flow[None]:
        yield Emit(part)

    code = yield from run(handle)
    yield Emit(CommandOutput(returncode=code))


def _spec(args: Sequence[str], cwd: str, env: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the description of a command for the server, or raise `InvalidInput`."""
    if isinstance(args, str):
        raise InvalidInput("the command is one text", hint="pass a list: its program, and each of its arguments")
    for text in (*args, cwd, *(env or {}).keys(), *(env or {}).values()):
        if "\0" in text:
            raise InvalidInput("the command contains a zero byte")
    for name in env or {}:
        if not name or "=" in name:
            raise InvalidInput(f"invalid name of a variable: {name!r}")
    return {"args": list(args), "cwd": cwd, "env": dict(env or {})}


class _NotPython(HubError):
    """The default kernel of the server is not for Python."""


def _run_in_python(
    handle: Handle,
    spec: dict[str, Any],
    output: OutputHandler,
    stdin: bytes | InputSource,
    timeout: float | None,
) -> Flow[int | None]:
    """Run a command in a Python kernel, and return its exit code; None if the server has no such kernel.

    Most servers have Python as their default: a look at their specifications first would cost every command a request.
    """
    try:
        return (yield from _run_in_kernel(handle, "", spec, output, stdin, timeout))
    except (_NotPython, HubBroken) as error:
        kernel = yield from handle.run(kernel_api.find_python)
        if kernel and isinstance(error, HubBroken):
            raise
    return (yield from _run_in_kernel(handle, kernel, spec, output, stdin, timeout)) if kernel else None


def _run_in_kernel(
    handle: Handle,
    kernel: str,
    spec: dict[str, Any],
    output: OutputHandler,
    stdin: bytes | InputSource,
    timeout: float | None,
) -> Flow[int]:
    source = BytesInput(stdin) if isinstance(stdin, bytes) else stdin
    has_input = bool(stdin) if isinstance(stdin, bytes) else True

    def job(connection: KernelConnection) -> Flow[int]:
        if (
            not kernel
            and not connection.name.startswith("python")
            and (yield from kernel_api.read_language(connection.access, connection.name)) != "python"
        ):
            raise _NotPython(f"{handle}: {connection.name} is not for Python")
        streams = CommandStreams(str(handle), source if has_input else None, output)
        try:
            result = yield from connection.execute(
                code_for({**spec, "stdin": has_input}),
                timeout=timeout,
                silent=False,
                store_history=False,
                keep_outputs=False,
                handle=streams.handle,
                read_input=streams.read_input,
                is_over=None if handle.has_block else lambda: streams.returncode is not None,
            )
        except Interrupted:
            yield from connection.try_interrupt()  # the program passes it on to the command
            raise
        return _exit_code(str(handle), streams, result, timeout)

    return with_kernel(handle, job, spec=kernel)


def _exit_code(label: str, streams: CommandStreams, result: CellResult, timeout: float | None) -> int:
    """Return the exit code, or raise the error that ended the cell before the command."""
    if result.status == "timeout":
        raise WaitTimeout(f"{label}: the command ran for more than {timeout or 0:g} s, and was ended")
    if streams.returncode is not None and not result.truncated:
        return streams.returncode
    if result.status in ("died", "gone", "lost"):
        raise Unavailable(f"{label}: the command was lost: {result.error.value if result.error else result.status}")
    if not result.ok:
        raise HubBroken(f"the command failed to run: {result.error or result.status}", about=label)
    raise Unavailable(f"{label}: the end of the command was lost")


def _at(subject: object) -> Handle:
    """Return the server that a namespace belongs to."""
    return cast("Handle", subject)
