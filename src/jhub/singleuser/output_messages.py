"""Messages of kernels that are outputs, checked, as dicts of notebook format 4.

A kernel is its owner's, and may send anything. What is not an output is ignored, and so are the parts that would make
the notebook invalid or impossible to write. `nbformat` does this by a JSON schema, and takes seconds to import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import msgspec

from jhub.singleuser.kernel_messages import KernelMessage

MAX_OUTPUT_BYTES = 256 * 2**20
"""Maximum size of the outputs of one cell, and of the state of all widgets, in bytes. What is beyond it is left out.

A character that is printed counts as one byte.
"""
OUTPUT_BYTES = 256
"""Size of an output beside its content, in bytes."""
VALUE_BYTES = 16
"""Size of a number and of the name of a value, in bytes."""
MAX_DEPTH = 100
"""Maximum depth of lists and objects in each other. Python's JSON encoder fails at several hundred."""
LIMIT_NOTICES = ("IOPub data rate exceeded.", "IOPub message rate exceeded.")
"""First words of what Jupyter Server prints instead of the outputs that it leaves out."""
JSON_TYPE = re.compile(r"application/(.*\+)?json", re.DOTALL)
"""MIME types whose data may be any JSON. All others are text."""


class _Stream(msgspec.Struct):
    name: Literal["stdout", "stderr"]
    text: str


class _Bundle(msgspec.Struct):
    data: dict[str, Any]
    metadata: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    transient: Any = None


class _Result(_Bundle):
    execution_count: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Error(msgspec.Struct):
    ename: str
    evalue: str
    traceback: list[str]


@dataclass(slots=True)
class Output:
    """An output of a cell."""

    item: dict[str, Any]
    """The output in notebook format 4."""
    size: int
    """The size in bytes."""
    display_id: str = ""
    """The name by which later messages change the output; empty if they cannot."""
    is_update: bool = False
    """True if the message only changes outputs that there are."""

    @property
    def text(self) -> str:
        """The output as plain text; empty if it has none."""
        kind = self.item["output_type"]
        if kind == "stream":
            return str(self.item["text"])
        if kind == "error":
            return f"{self.item['ename']}: {self.item['evalue']}"
        text: str | list[str] = self.item["data"].get("text/plain", "")
        return "".join(text)


class Budget:
    """Bytes that outputs may take."""

    def __init__(self, limit: int | None = None) -> None:
        self._left = MAX_OUTPUT_BYTES if limit is None else limit

    def take(self, size: int) -> bool:
        """Take bytes, or give back a negative number of them. Return False, and take none, if too few are left."""
        if size > self._left:
            return False
        self._left -= size
        return True


def read_output(message: KernelMessage) -> Output | None:
    """Return the output in a message; None if it has none, or is malformed."""
    try:
        match message.type:
            case "stream":
                stream = msgspec.convert(message.content, _Stream)
                return _output("stream", name=stream.name, text=stream.text)
            case "error":
                error = msgspec.convert(message.content, _Error)
                return _output("error", ename=error.ename, evalue=error.evalue, traceback=error.traceback)
            case "execute_result":
                result = msgspec.convert(message.content, _Result)
                return _bundle("execute_result", result, execution_count=result.execution_count)
            case "display_data" | "update_display_data" as kind:
                output = _bundle("display_data", msgspec.convert(message.content, _Bundle))
                output.is_update = kind != "display_data"
                return output
            case _:
                return None
    except (msgspec.ValidationError, ValueError):
        return None


def writable(value: object, depth: int = 0) -> tuple[Any, int]:
    """Return a copy of a JSON value that a UTF-8 file can hold, and its size in bytes.

    Lone surrogates become question marks. Raises `ValueError` for a value that is nested too deeply.
    """
    if isinstance(value, str):
        return _writable_text(value)
    if isinstance(value, dict):
        _check_depth(depth)
        items, size = dict[str, Any](), 0
        for key, each in cast("dict[str, object]", value).items():
            name, name_size = _writable_text(str(key))
            items[name], value_size = writable(each, depth + 1)
            size += name_size + value_size + VALUE_BYTES
        return items, size
    if isinstance(value, list | tuple):
        _check_depth(depth)
        copies = [writable(each, depth + 1) for each in cast("list[object]", value)]
        return [copy for copy, _ in copies], sum(size for _, size in copies)
    return value, VALUE_BYTES


def _writable_text(text: str) -> tuple[str, int]:
    if text.isascii():
        return text, len(text)
    try:
        return text, len(text.encode())
    except UnicodeEncodeError:
        raw = text.encode(errors="replace")
        return raw.decode(), len(raw)


def _check_depth(depth: int) -> None:
    if depth == MAX_DEPTH:
        raise ValueError("lists and objects are nested too deeply")


def _output(kind: str, **fields: object) -> Output:
    item, size = writable(fields)
    return Output({"output_type": kind, **item}, size + OUTPUT_BYTES)


def _bundle(kind: str, bundle: _Bundle, **fields: object) -> Output:
    data = {name: value for name, value in bundle.data.items() if JSON_TYPE.fullmatch(name) or _is_text(value)}
    output = _output(kind, data=data, metadata=bundle.metadata, **fields)
    transient: object = bundle.transient
    display_id = cast("dict[str, object]", transient).get("display_id") if isinstance(transient, dict) else None
    output.display_id = display_id if isinstance(display_id, str) else ""
    return output


def _is_text(value: object) -> bool:
    lines = cast("list[object]", value) if isinstance(value, list) else [value]
    return all(isinstance(line, str) for line in lines)
