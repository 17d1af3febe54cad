"""Both protocols of kernels' websockets: what is sent arrives, and what is broken is ignored."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jhub.singleuser.kernel_messages import V1, KernelMessage, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PART = st.dictionaries(TEXT, JSON, max_size=3)
MESSAGES = st.builds(KernelMessage, TEXT, PART, PART, PART, PART)
BUFFERS = st.lists(st.binary(max_size=20), max_size=3).map(tuple)


@given(MESSAGES, BUFFERS)
def test_messages_with_buffers(message: KernelMessage, buffers: tuple[bytes, ...]) -> None:
    whole = KernelMessage(
        message.channel, message.header, message.parent_header, message.metadata, message.content, buffers
    )
    assert decode(encode(whole, V1), V1) == whole


@given(MESSAGES)
def test_messages_of_the_older_protocol(message: KernelMessage) -> None:
    frame = encode(message, None)
    assert isinstance(frame, str)
    assert decode(frame, None) == message


@given(MESSAGES, BUFFERS)
def test_binary_frames_of_the_older_protocol(message: KernelMessage, buffers: tuple[bytes, ...]) -> None:
    """As Jupyter Server 1 and gateways send them: the number of parts and their offsets are big-endian."""
    parts = [str(encode(message, None)).encode(), *buffers]
    offsets = [4 * (len(parts) + 1)]
    for part in parts[:-1]:
        offsets.append(offsets[-1] + len(part))
    found = decode(struct.pack(f"!{len(parts) + 1}I", len(parts), *offsets) + b"".join(parts), None)
    assert found is not None
    assert (found.header, found.buffers) == (message.header, buffers)


@given(st.binary(max_size=200), st.sampled_from([V1, None]))
def test_any_bytes(frame: bytes, subprotocol: str | None) -> None:
    decode(frame, subprotocol)


@given(st.text(max_size=50) | JSON.map(str))
def test_any_text(frame: str) -> None:
    decode(frame, None)


@pytest.mark.parametrize("change", [lambda f: f[:-1], lambda f: f[:9], lambda f: b"\xff" * 8 + f[8:], lambda f: f[8:]])
def test_broken_frames(change: Any) -> None:
    frame = encode(KernelMessage("iopub", {"msg_type": "status"}), V1)
    assert decode(change(frame), V1) is None


def test_text_that_is_not_utf_8() -> None:
    """A kernel may print lone surrogates, and numbers that are not JSON."""
    frame = encode(KernelMessage("iopub", {"msg_type": "stream"}, content={"text": "a@b"}), V1)
    assert isinstance(frame, bytes)
    found = decode(frame.replace(b"@", b"\xed"), V1)
    assert found is not None
    assert found.content["text"].startswith("a")
    found = decode(frame.replace(b'"a@b"', b"  NaN"), V1)
    assert found is not None


def test_names() -> None:
    message = KernelMessage("shell", {"msg_type": "execute_reply"}, {"msg_id": "x_1"})
    assert (message.type, message.parent_id) == ("execute_reply", "x_1")
    assert (KernelMessage("shell", {}).type, KernelMessage("shell", {}).parent_id) == ("", "")
