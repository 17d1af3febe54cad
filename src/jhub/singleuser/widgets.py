"""State of the widgets of a kernel, as a notebook keeps it, so that a page shows them without a kernel."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.output_messages import OUTPUT_BYTES, Budget, Output, writable

STATE_TYPE = "application/vnd.jupyter.widget-state+json"
"""Key of the state of widgets in a notebook's metadata."""
OUTPUT_WIDGET = ("@jupyter-widgets/output", "OutputModel")
"""Module and name of the widget that shows outputs."""


class _Data(msgspec.Struct):
    state: dict[str, Any]
    buffer_paths: list[list[str | int]] = msgspec.field(default_factory=list[list[str | int]])


class _Comm(msgspec.Struct):
    comm_id: str
    data: _Data


class Widget:
    """The state of one widget."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.buffers: dict[tuple[str | int, ...], dict[str, Any]] = {}
        self.sizes: dict[object, int] = {}
        """The size in bytes of each value of the state, and of each buffer."""

    @property
    def outputs(self) -> list[Any]:
        """The outputs in the widget."""
        if not isinstance(self.state.get("outputs"), list):
            self.state["outputs"] = list[Any]()
        outputs: list[Any] = self.state["outputs"]
        return outputs

    def metadata(self) -> dict[str, Any]:
        """Return the widget as a notebook's metadata has it."""
        names = {name: self.state.get(f"_{name}") for name in ("model_name", "model_module", "model_module_version")}
        buffers = {"buffers": list(self.buffers.values())} if self.buffers else {}
        return {**names, "state": self.state, **buffers}


class OutputWidget:
    """A widget that captures the outputs of a request.

    The kernel's own list of them, `Output.outputs` of ipywidgets, stays as it is: they are not sent back.
    """

    def __init__(self, widget: Widget, budget: Budget) -> None:
        self._widget = widget
        self._budget = budget
        self._clear_next = False
        self.parent_id = ""
        """The id of the request; empty if the widget captures nothing."""

    def add(self, output: Output) -> bool:
        """Add an output. Return False if it is left out because the state is too large."""
        if self._clear_next:
            self.clear(wait=False)
        if not self._budget.take(output.size):
            return False
        self._widget.sizes["outputs"] = self._widget.sizes.get("outputs", 0) + output.size
        shown = self._widget.outputs
        last = cast("dict[str, Any]", shown[-1]) if shown and isinstance(shown[-1], dict) else {}
        if output.item["output_type"] == "stream" and last.get("name") == output.item["name"]:
            last["text"] = f"{last.get('text', '')}{output.item['text']}"
        else:
            shown.append(output.item)
        return True

    def clear(self, *, wait: bool) -> None:
        """Remove the outputs, now or before the next one."""
        self._clear_next = wait
        if not wait:
            self._budget.take(-self._widget.sizes.pop("outputs", 0))
            self._widget.outputs.clear()


class Widgets:
    """The widgets of a kernel."""

    def __init__(self) -> None:
        self._widgets: dict[str, Widget] = {}
        self._budget = Budget()
        self._outputs: dict[str, OutputWidget] = {}
        self._capturing: list[OutputWidget] = []

    def metadata(self) -> dict[str, Any]:
        """Return the value of `widgets` in a notebook's metadata; empty if the kernel has made no widgets."""
        named = {key: widget.metadata() for key, widget in self._widgets.items() if "_model_name" in widget.state}
        return {STATE_TYPE: {"state": named, "version_major": 2, "version_minor": 0}} if self._widgets else {}

    def add(self, message: KernelMessage) -> bool:
        """Take a message of a comm. Return False if it is left out because the state is too large."""
        try:
            comm = msgspec.convert(message.content, _Comm)
            state, _ = writable(comm.data.state)
        except (msgspec.ValidationError, ValueError):
            return True  # not about the state of a widget
        widget = self._widgets.get(comm.comm_id) or Widget()
        sizes: dict[object, int] = {key: writable(value)[1] + OUTPUT_BYTES for key, value in state.items()}
        buffers = _buffers(comm.data.buffer_paths, message.buffers)
        sizes |= {path: len(buffer["data"]) + OUTPUT_BYTES for path, buffer in buffers.items()}
        sizes[()] = OUTPUT_BYTES  # of the widget itself
        if not self._budget.take(sum(size - widget.sizes.get(key, 0) for key, size in sizes.items())):
            return False
        widget.sizes |= sizes
        widget.state |= state
        widget.buffers |= buffers
        self._widgets[comm.comm_id] = widget
        if message.type == "comm_open" and (state.get("_model_module"), state.get("_model_name")) == OUTPUT_WIDGET:
            self._outputs[comm.comm_id] = OutputWidget(widget, self._budget)
        elif message.type == "comm_msg" and comm.comm_id in self._outputs and "msg_id" in state:
            self._capture(self._outputs[comm.comm_id], state["msg_id"])
        return True

    def capturing(self, parent_id: str) -> OutputWidget | None:
        """Return the widget that captures the outputs of a request: of several, the one that began last."""
        return next((each for each in reversed(self._capturing) if each.parent_id == parent_id), None)

    def _capture(self, output_widget: OutputWidget, parent_id: object) -> None:
        if output_widget in self._capturing:
            self._capturing.remove(output_widget)
        output_widget.parent_id = parent_id if isinstance(parent_id, str) else ""
        if output_widget.parent_id:
            self._capturing.append(output_widget)


def _buffers(paths: Sequence[list[str | int]], buffers: Sequence[bytes]) -> dict[tuple[str | int, ...], dict[str, Any]]:
    return {
        tuple(path): {"data": b64encode(buffer).decode(), "encoding": "base64", "path": path}
        for path, buffer in zip(paths, buffers, strict=False)
    }
