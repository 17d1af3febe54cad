"""Outputs as nbclient assembles them: from recorded messages, or from a kernel on this machine.

nbclient merges streams at the end of a cell, and then updates the wrong outputs of that cell, because it counts them
(`_display_id_map`). So a notebook runs without that first, and another client merges the streams of the result.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbclient.output_widget import OutputWidget

from jhub.singleuser.kernel_messages import KernelMessage

SECONDS = 600
"""Seconds that nbclient waits for a kernel, on any machine."""


class RecordedKernel:
    """The part of a kernel's client that nbclient uses, with messages that are recorded."""

    def __init__(self, cells: Sequence[Sequence[KernelMessage]]) -> None:
        self._cells = iter(cells)
        self._names = (f"cell{number}" for number in itertools.count())
        self.parent_id = ""
        self._messages: Iterable[KernelMessage] = ()
        self.iopub_channel = self
        self.shell_channel = Replies(self)

    def execute(self, *_: object, **__: object) -> str:
        self._messages = iter(next(self._cells))
        self.parent_id = next(self._names)
        return self.parent_id

    def is_alive(self) -> bool:
        return True

    async def get_msg(self, *, timeout: float | None) -> dict[str, Any]:
        for message in self._messages:
            header = {"msg_type": message.type, "msg_id": "x"}
            return {
                **{"header": header, "msg_type": message.type, "parent_header": {"msg_id": self.parent_id}},
                **{"metadata": {}, "content": copy.deepcopy(message.content), "buffers": list(message.buffers)},
            }
        ended = {"header": {"msg_type": "status"}, "msg_type": "status", "parent_header": {"msg_id": self.parent_id}}
        return {**ended, "content": {"execution_state": "idle", "status": "ok"}}


class Replies:
    """The channel of replies: a cell has ended when it is asked for."""

    def __init__(self, kernel: RecordedKernel) -> None:
        self._kernel = kernel

    async def get_msg(self, *, timeout: float | None) -> dict[str, Any]:
        return {"parent_header": {"msg_id": self._kernel.parent_id}, "content": {"status": "ok"}}


class SilentOutputWidget(OutputWidget):
    """nbclient's own, without what it sends to the kernel: about one run in eight hangs after that.

    jhub sends nothing either.
    """

    def send(self, *_: object, **__: object) -> None: ...


def replay(cells: Sequence[Sequence[KernelMessage]], **settings: Any) -> Any:
    """Return the notebook that nbclient makes of the messages of each cell. The parent of cell N is `cellN`."""
    notebook: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x") for _ in cells])  # type: ignore[no-untyped-call]
    client = _client(notebook, **settings)
    kernel: Any = RecordedKernel(cells)
    client.kc = kernel
    for index, cell in enumerate(notebook.cells):
        client.execute_cell(cell, index)
    client.set_widgets_metadata()
    return notebook


def merged(notebook: Any) -> list[list[dict[str, Any]]]:
    """Return the outputs of each code cell, with the text of each stream in one output."""
    cells = [[_message(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]
    return [plain(cell.outputs) for cell in replay(cells, coalesce_streams=True).cells]


def execute(notebook: Any, folder: Path, **settings: Any) -> tuple[Any, bool]:
    """Run a notebook in a kernel on this machine. Return it with its outputs, and whether a cell has ended it."""
    notebook = copy.deepcopy(notebook)
    resources = {"metadata": {"path": str(folder)}}
    limits = {"timeout": SECONDS, "iopub_timeout": SECONDS, "startup_timeout": SECONDS}
    client = _client(notebook, resources=resources, kernel_name="python3", **limits, **settings)
    try:
        client.execute()
    except CellExecutionError:
        return notebook, True
    return notebook, False


def plain(value: Any) -> Any:
    """Return a value of nbformat as plain lists and dicts."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def _client(notebook: Any, **settings: Any) -> NotebookClient:
    client = NotebookClient(notebook, **settings)
    client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": SilentOutputWidget}}
    return client


def _message(output: Any) -> KernelMessage:
    content = plain(output)
    return KernelMessage("iopub", {"msg_type": content.pop("output_type")}, content=content)
