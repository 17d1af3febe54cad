"""Outputs of a cell, assembled from the messages of its kernel as nbclient does it."""

from __future__ import annotations

from typing import Any

from jhub.singleuser.kernel_messages import KernelMessage
from jhub.singleuser.output_messages import LIMIT_NOTICES, Budget, Output, read_output
from jhub.singleuser.stream_text import StreamText
from jhub.singleuser.widgets import Widgets


class DisplayMap:
    """The outputs that have a display id, and the widgets, of all cells that one kernel runs."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[CellOutputs, list[Output]]] = {}
        self.widgets = Widgets()

    def add(self, cell: CellOutputs, output: Output) -> None:
        """Add an output of a cell."""
        self._shown.setdefault(output.display_id, {}).setdefault(cell, []).append(output)

    def update(self, output: Output) -> None:
        """Change what all outputs with the display id of an output show."""
        for cell, shown in self._shown.get(output.display_id, {}).items():
            for each in shown:
                cell.replace(each, output)

    def remove(self, cell: CellOutputs, display_id: str) -> None:
        """Remove the outputs of a cell."""
        shown = self._shown.get(display_id, {})
        shown.pop(cell, None)
        if not shown:
            self._shown.pop(display_id, None)


class CellOutputs:
    """The outputs of one cell, within `MAX_OUTPUT_BYTES`.

    All text of stdout is one output, at the place where the first of it came, and so is that of stderr. The two are
    independent in a kernel, and which is first is chance: side by side, stdout is first.

    Parameters
    ----------
    displays
        The outputs of all cells of the kernel. A cell can change the outputs of earlier ones.
    """

    def __init__(self, displays: DisplayMap) -> None:
        self._displays = displays
        self._outputs: list[Output] = []
        self._streams: dict[str, tuple[Output, StreamText]] = {}
        self._display_ids: set[str] = set()
        self._budget = Budget()
        self._clear_next = False
        self.truncated = False
        """True if outputs are missing: the server left some out, or there were too many."""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The outputs in notebook format 4.

        These are the very dicts that later messages change, in later cells too: do not copy them before the end.
        """
        for output, text in self._streams.values():
            output.item["text"] = text.read()
        items = [output.item for output in self._outputs]
        names = [item.get("name") for item in items]
        for index in range(len(items) - 1):
            if names[index : index + 2] == ["stderr", "stdout"]:
                items[index : index + 2] = items[index + 1], items[index]
        return items

    def add(self, message: KernelMessage) -> None:
        """Take a message of the cell. What is no output, or malformed, is ignored."""
        kind = message.type
        if kind in ("comm_open", "comm_msg"):
            self._keep(self._displays.widgets.add(message))
        elif kind == "clear_output":
            self._clear(message)
        elif (output := read_output(message)) is not None:
            self._add(output, message)

    def replace(self, output: Output, new: Output) -> None:
        """Change what an output shows."""
        if self._keep(self._budget.take(new.size - output.size)):
            output.item |= {"data": dict(new.item["data"]), "metadata": dict(new.item["metadata"])}
            output.size = new.size

    def _add(self, output: Output, message: KernelMessage) -> None:
        if output.display_id:
            self._displays.update(output)
        if output.is_update:
            return
        if output.item.get("name") == "stderr" and output.text.startswith(LIMIT_NOTICES):
            self.truncated = True
        widget = self._displays.widgets.capturing(message.parent_id)
        if widget is not None:
            self._keep(widget.add(output))
            return
        if self._clear_next:
            self._remove_all()
        if output.item["output_type"] == "stream":
            self._add_text(output)
        elif self._keep(self._budget.take(output.size)):
            self._outputs.append(output)
            if output.display_id:
                self._display_ids.add(output.display_id)
                self._displays.add(self, output)

    def _add_text(self, output: Output) -> None:
        name = output.item["name"]
        first, text = self._streams.get(name, (output, StreamText()))
        before = len(text)
        if not self._budget.take(len(output.text)):
            self.truncated = True
            return
        if name not in self._streams:
            self._streams[name] = first, text
            self._outputs.append(first)
        text.add(output.text)
        self._budget.take(len(text) - before - len(output.text))  # gives back what was overwritten

    def _clear(self, message: KernelMessage) -> None:
        wait = bool(message.content.get("wait"))
        widget = self._displays.widgets.capturing(message.parent_id)
        if widget is not None:
            widget.clear(wait=wait)
        elif wait:
            self._clear_next = True
        else:
            self._remove_all()

    def _remove_all(self) -> None:
        self._outputs.clear()
        self._streams.clear()
        for display_id in self._display_ids:
            self._displays.remove(self, display_id)
        self._display_ids.clear()
        self._budget = Budget()
        self._clear_next = False

    def _keep(self, kept: bool) -> bool:
        """Note that an output is missing, unless it was kept."""
        self.truncated |= not kept
        return kept
