"""A notebook that runs in a server, cell by cell."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jhub.errors import HubBroken, InvalidInput
from jhub.models import Model
from jhub.operations.requests import check_timeout
from jhub.singleuser import kernel_api, notebook_file
from jhub.singleuser.access import Handle
from jhub.singleuser.cells import CellError, CellResult, CellStatus, text_of
from jhub.singleuser.job_kernel import with_kernel
from jhub.singleuser.kernel_connection import KernelConnection
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.notebook_file import Notebook
from jhub.steps import Emit, Flow, Now

NotebookSource: TypeAlias = str | os.PathLike[str] | bytes | Mapping[str, Any]
"""A notebook: the path of its file on this machine, the file's content, or its object."""
RAISES_TAG = "raises-exception"
"""Tag of a cell that may end with an error, as nbclient has it."""

TIMES = ("iopub.status.busy", "iopub.execute_input", "iopub.status.idle")
"""Times in the metadata of a cell that has run, as nbclient has them."""
MAX_TIME_CHARACTERS = 40
"""Maximum length of a time that a kernel sends."""


class RunCell(Model, frozen=True, kw_only=True):
    """A cell of a notebook that has run."""

    index: int
    """The number of the cell among all cells of the notebook, from 0."""
    status: CellStatus
    seconds: float
    truncated: bool = False
    """True if outputs are missing."""


class RunResult(Model, frozen=True, kw_only=True):
    """A notebook that has run, or as much of it as has."""

    notebook: dict[str, Any]
    """The notebook with its outputs, of format 4."""
    cells: tuple[RunCell, ...] = ()
    """The cells that have run."""
    status: CellStatus = "ok"
    """The status of the cell that ended the run, "ok" if all have run. Errors that are allowed do not count."""
    error: CellError | None = None
    """The error that ended the run."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """True if all cells have run, without an error that is not allowed."""
        return self.status == "ok"

    @property
    def truncated(self) -> bool:
        """True if outputs of a cell are missing."""
        return any(cell.truncated for cell in self.cells)

    @property
    def content(self) -> bytes:
        """The notebook as the content of a file, as Jupyter writes it."""
        return notebook_file.dump(self.notebook)


class NotebookEvent(Model, frozen=True, kw_only=True):
    """An event of a notebook that runs."""

    kind: Literal["started", "output", "cell", "finished"]
    """A cell has started, has printed something, or has ended; or the whole run has ended."""
    cell: int = 0
    """The number of the cell among those that run, from 1."""
    count: int = 0
    """The number of cells that run."""
    status: CellStatus | None = None
    seconds: float = 0.0
    stream: Literal["", "stdout", "stderr"] = ""
    """The stream of the text; empty for a result, such as the value of a cell."""
    text: str = ""
    """The text of an output, as the server sends it: it can contain control characters."""
    truncated: bool = False
    """True for a cell whose outputs are incomplete."""
    result: RunResult | None = None
    """The result so far, after a cell, and at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a notebook runs."""

    parameters: Mapping[str, object] | None = None
    env: Mapping[str, str] | None = None
    kernel: str = ""
    cwd: str = ""
    timeout: float | None = None
    cell_timeout: float | None = None
    allow_errors: bool = False

    def __post_init__(self) -> None:
        """Check the limits of time."""
        check_timeout(self.timeout)
        check_timeout(self.cell_timeout, "cell_timeout")


def read_source(source: NotebookSource) -> Notebook:
    """Return a notebook; its file is read from this machine."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from None
        try:
            return notebook_file.parse(content)
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error}", hint=error.hint) from None
    return notebook_file.parse(source) if isinstance(source, bytes) else notebook_file.check(source)


def run_notebook(handle: Handle, notebook: Notebook, options: RunOptions) -> Flow[RunResult]:
    """Run a notebook in a kernel of its own. Emit events, and return the result."""
    if options.parameters is not None:
        notebook = notebook_file.with_parameters(notebook, options.parameters)
    for name, value in (options.env or {}).items():
        if not name or "=" in name or "\0" in name + value:
            raise InvalidInput(f"invalid name or value of the environment variable {name!r}")
    spec = options.kernel or notebook_file.kernel_name(notebook)
    run = _Run(notebook, options)
    return with_kernel(handle, run.cells, spec=spec, folder=options.cwd, fresh=True)


class _Run:
    """A run of a notebook."""

    def __init__(self, notebook: Notebook, options: RunOptions) -> None:
        self._notebook = notebook
        self._options = options
        self._cells = list(notebook_file.code_cells(notebook))
        self._done: list[RunCell] = []

    def cells(self, kernel: KernelConnection) -> Flow[RunResult]:
        if self._options.parameters or self._options.env:
            yield from self._check_language(kernel)
        yield from self._set_variables(kernel)
        for cell in self._cells:
            cell["outputs"], cell["execution_count"] = [], None
        began = yield from Now()
        result = self._result(0.0)
        for number in range(1, len(self._cells) + 1):
            seconds = (yield from Now()) - began
            last = yield from self._cell(kernel, number, seconds)
            result = self._result((yield from Now()) - began, last)
            event = partial(NotebookEvent, cell=number, count=len(self._cells), status=last.status)
            yield Emit(event(kind="cell", seconds=last.seconds, truncated=last.truncated, result=result))
            if not result.ok:
                break
        yield Emit(
            NotebookEvent(
                kind="finished", count=len(self._cells), status=result.status, seconds=result.seconds, result=result
            )
        )
        return result

    def _cell(self, kernel: KernelConnection, number: int, seconds: float) -> Flow[CellResult]:
        cell, options = self._cells[number - 1], self._options
        event = partial(NotebookEvent, cell=number, count=len(self._cells))
        yield Emit(event(kind="started"))

        times: dict[str, str] = {}

        def emit_output(message: KernelMessage) -> Flow[None]:
            _add_time(times, message)
            if text := text_of(message.type, message.content):
                yield Emit(event(kind="output", stream=_stream_of(message), text=text))

        left = math.inf if options.timeout is None else max(options.timeout - seconds, 0.001)
        timeout = min(left, math.inf if options.cell_timeout is None else options.cell_timeout)
        stop = not self._may_fail(number)
        result = yield from kernel.execute(cell["source"], timeout=timeout, stop_on_error=stop, handle=emit_output)
        cell["outputs"], cell["execution_count"] = list(result.outputs), result.execution_count
        cell["metadata"]["jhub"] = {"status": result.status, "seconds": round(result.seconds, 3)}
        if result.truncated:
            cell["metadata"]["jhub"]["truncated"] = True
        cell["metadata"]["execution"] = times
        if widgets := kernel.displays.widgets.metadata():
            self._notebook["metadata"]["widgets"] = widgets
        index = next(i for i, each in enumerate(self._notebook["cells"]) if each is cell)
        self._done.append(
            RunCell(index=index, status=result.status, seconds=result.seconds, truncated=result.truncated)
        )
        return result

    def _may_fail(self, number: int) -> bool:
        return self._options.allow_errors or RAISES_TAG in notebook_file.tags(self._cells[number - 1])

    def _result(self, seconds: float, last: CellResult | None = None) -> RunResult:
        failed = last is not None and not last.ok and not (last.status == "error" and self._may_fail(len(self._done)))
        return RunResult(
            notebook=self._notebook,
            cells=tuple(self._done),
            status=last.status if last is not None and failed else "ok",
            error=last.error if last is not None and failed else None,
            seconds=seconds,
        )

    def _check_language(self, kernel: KernelConnection) -> Flow[None]:
        """Refuse parameters for a language that they cannot be written in."""
        language = notebook_file.language(self._notebook)
        if not language or self._options.kernel:
            language = (yield from kernel_api.read_language(kernel.access, kernel.name)) or language
        if language and language != "python":
            what = "parameters" if self._options.parameters else "environment variables"
            raise InvalidInput(f"{what} need a Python notebook, and this one is in {language}")

    def _set_variables(self, kernel: KernelConnection) -> Flow[None]:
        """Set environment variables. They may be secrets, and so are not in the notebook."""
        if self._options.env:
            code = f"__import__('os').environ.update({dict(self._options.env)!r})"
            result = yield from kernel.execute(code, silent=True, store_history=False)
            if not result.ok:
                raise HubBroken(f"the kernel did not take the environment variables: {result.status}")


def _stream_of(message: KernelMessage) -> Literal["", "stdout", "stderr"]:
    if message.type != "stream":
        return ""
    return "stderr" if message.content.get("name") == "stderr" else "stdout"


def _add_time(times: dict[str, str], message: KernelMessage) -> None:
    """Add the time of a message, under the name that nbclient has for it."""
    state, sent = message.content.get("execution_state"), message.header.get("date")
    name = f"iopub.status.{state}" if message.type == "status" else f"iopub.{message.type}"
    if name in TIMES and isinstance(sent, str) and len(sent) <= MAX_TIME_CHARACTERS:
        times.setdefault(name, sent)
