"""Messages of kernels, and both protocols in which Jupyter Server sends them through a websocket."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, cast

import msgspec

V1 = "v1.kernel.websocket.jupyter.org"
"""Subprotocol of Jupyter Server 1.16 and later. Servers that do not offer it use the older protocol, without a name."""
PARTS = ("header", "parent_header", "metadata", "content")
"""The parts of a message that are JSON, in the order in which they are sent."""


@dataclass(frozen=True, slots=True)
class KernelMessage:
    """A message from or to a kernel. Buffers are binary data, as widgets use them."""

    channel: str
    header: Mapping[str, Any]
    parent_header: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    buffers: tuple[bytes, ...] = ()

    @property
    def type(self) -> str:
        """The type of the message, "execute_reply"; empty if it has none."""
        return str(self.header.get("msg_type", ""))

    @property
    def parent_id(self) -> str:
        """The id of the message that this one belongs to; empty if it belongs to none."""
        return str(self.parent_header.get("msg_id", ""))


def encode(message: KernelMessage, subprotocol: str | None) -> str | bytes:
    """Return a message as it is sent through a websocket."""
    parts = [getattr(message, name) for name in PARTS]
    if subprotocol != V1:  # without buffers: only widgets in a browser send them
        whole: dict[str, Any] = {**dict(zip(PARTS, parts, strict=True)), "channel": message.channel, "buffers": []}
        return msgspec.json.encode(whole).decode()
    sections = [message.channel.encode(), *map(msgspec.json.encode, parts), *message.buffers]
    offsets = list(accumulate(map(len, sections), initial=8 * (len(sections) + 2)))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(sections)


def decode(frame: str | bytes, subprotocol: str | None) -> KernelMessage | None:
    """Return the message in what a websocket has received; None if it is not one."""
    try:
        if subprotocol == V1 and isinstance(frame, bytes):
            return _decode_v1(frame)
        return _decode_older(frame)
    except (msgspec.MsgspecError, struct.error, KeyError, TypeError, ValueError, RecursionError):
        return None


def _decode_v1(frame: bytes) -> KernelMessage:
    (count,) = struct.unpack_from("<Q", frame)
    if count > len(frame) // 8:
        raise ValueError("more offsets than the frame has")
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    channel, *sections = (frame[start:end] for start, end in pairwise(offsets))
    return _message(channel.decode(), [_json(each) for each in sections[:4]], tuple(sections[4:]))


def _decode_older(frame: str | bytes) -> KernelMessage:
    buffers: list[bytes] = []
    text = frame
    if isinstance(frame, bytes):
        (count,) = struct.unpack_from("!I", frame)
        if count > len(frame) // 4:
            raise ValueError("more offsets than the frame has")
        offsets = struct.unpack_from(f"!{count}I", frame, 4)
        text, *buffers = (frame[start:end] for start, end in pairwise((*offsets, len(frame))))
    whole: Any = _json(text)
    return _message(whole["channel"], [whole[name] for name in PARTS], tuple(buffers))


def _json(text: str | bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Lone surrogates, as bytes that are not UTF-8, and numbers that only Python has.
        return json.loads(text if isinstance(text, str) else text.decode(errors="replace"))


def _message(channel: object, parts: list[object], buffers: tuple[bytes, ...]) -> KernelMessage:
    if not isinstance(channel, str) or len(parts) != len(PARTS) or not all(isinstance(part, dict) for part in parts):
        raise ValueError("not a message of a kernel")
    header, parent_header, metadata, content = (cast("dict[str, Any]", part) for part in parts)
    return KernelMessage(channel, header, parent_header, metadata, content, buffers)
