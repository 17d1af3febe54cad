"""Outputs of a cell, assembled from the messages of its kernel."""

from __future__ import annotations

from typing import Any, TypeAlias

from jhub.singleuser.kernel_messages import KernelMessage

DisplayMap: TypeAlias = dict[str, list[dict[str, Any]]]
NOTICES = ("IOPub data rate exceeded.", "IOPub message rate exceeded.")


class CellOutputs:
    """The outputs of one cell."""

    def __init__(self, displays: DisplayMap) -> None:
        self._displays = displays
        self.items: list[dict[str, Any]] = []
        self.truncated = False

    def add(self, message: KernelMessage) -> None:
        """Add a message."""
        content = dict(message.content)
        content.pop("transient", None)
        kind = message.type
        if kind in ("display_data", "execute_result", "error"):
            self.items.append({"output_type": kind, **content})
        elif kind == "stream":
            self.truncated |= str(content["text"]).startswith(NOTICES)
            if self.items and self.items[-1].get("name") == content["name"]:
                self.items[-1]["text"] += content["text"]
            else:
                self.items.append({"output_type": "stream", **content})
