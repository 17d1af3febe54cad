"""Archives of servers that have no Python kernel, or whose program misbehaves."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from jhub.errors import HubBroken, InvalidInput
from jhub.singleuser import archive
from jhub.singleuser.access import Handle
from jhub.singleuser.kernel_messages import KernelMessage
from jhub.steps import Emit, Request
from jhub.testing import Reply, play, reply

URL = "https://hub.example.org/user/ana/lab/"


def answer(step: Any) -> Reply:
    """Answer as a hub, and as a server with an R kernel."""
    assert isinstance(step, Request)
    specs = {"default": "ir", "kernelspecs": {"ir": {"spec": {"language": "R", "display_name": "R"}}}}
    answers = {
        ("GET", "/user"): reply(json={"name": "ana", "kind": "user"}),
        ("GET", "/users/ana"): reply(json={"name": "ana", "servers": {"lab": {"ready": True, "url": URL}}}),
        ("POST", "/users/ana/tokens"): reply(201, {"id": "a1", "token": "SECRET"}),
        ("GET", f"{URL}api/kernelspecs"): reply(json=specs),
        ("DELETE", "/users/ana/tokens/a1"): reply(204),
    }
    return answers[step.method, step.path]


def test_a_server_without_a_python_kernel_is_refused() -> None:
    for flow in (
        archive.pack(Handle("ana", "lab"), "course", ""),
        archive.unpack(Handle("ana", "lab"), "course", [b"x"], False),
    ):
        error = play(flow, answer).error
        assert isinstance(error, InvalidInput)
        assert "has no Python kernel" in str(error)


@pytest.mark.parametrize(
    "data", [{archive.PART: "not base64!"}, {archive.PART: "YQ"}, {archive.END: "[]"}, {archive.END: "{"}]
)
def test_displays_that_are_not_those_of_the_program(data: dict[str, str]) -> None:
    program = archive._Program(Handle("ana", "lab"), "course")
    with pytest.raises(HubBroken, match="something else"):
        list(program.handle(KernelMessage("iopub", {"msg_type": "display_data"}, {}, {}, {"data": data})))


def test_other_displays_are_ignored() -> None:
    program = archive._Program(Handle("ana", "lab"), "course")
    for content in ({}, {"data": "x"}, {"data": {"text/plain": "x"}}, {"data": {archive.PART: 5}}):
        assert list(program.handle(KernelMessage("iopub", {"msg_type": "display_data"}, {}, {}, content))) == []
    part = {"data": {archive.PART: b64encode(b"abc").decode()}}
    assert list(program.handle(KernelMessage("iopub", {"msg_type": "display_data"}, {}, {}, part))) == [Emit(b"abc")]


def test_parts_are_neither_small_nor_too_large() -> None:
    parts = [b"a" * 10, b"", b"b" * (2 * archive.PART_BYTES), b"c"]
    batches = list(archive._in_batches(parts))
    assert [len(each) for each in batches] == [archive.PART_BYTES, archive.PART_BYTES, 11]
    assert b"".join(batches) == b"".join(parts)
    assert list(archive._in_batches([])) == []
