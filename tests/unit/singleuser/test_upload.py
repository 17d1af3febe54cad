"""Writing a file of a server where answers are lost, parts are refused, and other programs and links interfere."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from jhub.errors import Conflict, HubBroken, NotFound, Unavailable
from jhub.singleuser.access import ServerAccess
from jhub.singleuser.folders import delete_tree
from jhub.singleuser.upload import PART_BYTES, write_file
from jhub.steps import Answer, Request
from jhub.testing import After, Played, Reply, play, refusal, reply

URL = "https://hub.example.org/user/ana/lab/"
NEW = b"n" * (2 * PART_BYTES + 5)
LOST = reply(502)


class JupyterServer:
    """A hub, and the files of one Jupyter Server. `fault` may answer a request in its place."""

    def __init__(self, **files: bytes) -> None:
        self.files = dict(files)
        self.folders: set[str] = set()
        self.links: set[str] = set()
        """Folders that are links: their own time does not change."""
        self.changes = 0
        self.hashes = True
        self.fault: Callable[[JupyterServer, str, str, Any], Reply | None] = lambda *_: None
        self.sent: list[tuple[str, str]] = []

    def __call__(self, step: Any) -> Reply:
        assert isinstance(step, Request)
        if step.root == "api":
            answers = {
                ("GET", "/user"): reply(json={"name": "ana", "kind": "user"}),
                ("GET", "/users/ana"): reply(json={"name": "ana", "servers": {"lab": {"ready": True, "url": URL}}}),
                ("POST", "/users/ana/tokens"): reply(201, {"id": "a1", "token": "SECRET"}),
            }
            return answers[step.method, step.path]
        path = unquote(step.path.removeprefix(URL))
        name = path.partition("contents/")[2] or path.partition("files/")[2]
        self.sent.append((step.method, name))
        return self.fault(self, step.method, name, step.body) or self.answer(step, name)

    def answer(self, step: Request[Any], name: str) -> Reply:
        if step.path.startswith(f"{URL}files/"):
            start, end = map(int, re.findall(r"\d+", dict(step.headers)["Range"]))
            data = self.files[name]
            headers = {"content-range": f"bytes {start}-{end}/{len(data)}"}
            return Answer(206, headers, data[start : end + 1])
        return self.carry_out(step.method, name, step.body, dict(step.query))

    def carry_out(self, method: str, name: str, body: Any, query: dict[str, str] | None = None) -> Reply:
        """Do what Jupyter Server does."""
        if method == "PUT":
            old = self.files.get(name, b"") if body.get("chunk", 1) != 1 else b""
            self.files[name] = old + b64decode(body["content"])
            self.changes += 1
        elif method == "PATCH":
            if name not in self.files:
                return refusal(404)
            if body["path"] in self.files:
                return refusal(409)
            self.files[body["path"]] = self.files.pop(name)
        elif method == "DELETE":
            return reply(204) if self.files.pop(name, None) is not None or name in self.folders else refusal(404)
        else:
            return self.read(name, query or {})
        return reply(json={"name": "x", "path": name})

    def read(self, name: str, query: dict[str, str]) -> Reply:
        below = [path for path in self.files if path.startswith(f"{name}/")]
        if name not in self.files and not below:
            return refusal(404)
        model: dict[str, Any] = {"name": name, "path": name}
        if below:
            content = [{"name": path.rpartition("/")[2], "path": path} for path in below]
            changes = 0 if name in self.links else self.changes
            time = f"2026-01-01T00:{changes:02}:00Z"
            return reply(json={**model, "type": "directory", "content": content, "last_modified": time})
        model["size"] = len(self.files[name])
        if "hash" in query and self.hashes:
            model |= {"hash": hashlib.sha256(self.files[name]).hexdigest(), "hash_algorithm": "sha256"}
        return reply(json=model)


def put(server: JupyterServer, data: bytes = NEW, path: str = "f", *, parents: bool = False) -> Played[Any]:
    flow = write_file(ServerAccess("ana", "lab"), path, data, overwrite=True, parents=parents)
    return play(flow, server)


@pytest.mark.parametrize("old", [{}, {"f": b"old"}], ids=["new", "replace"])
@pytest.mark.parametrize("lost", range(1, 4))
@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_lost_answer_changes_nothing(method: str, arrived: bool, lost: int, old: dict[str, bytes]) -> None:
    count = 0

    def fault(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
        nonlocal count
        count += verb == method
        if verb != method or count != lost:
            return None
        if arrived:
            server.carry_out(verb, name, body)
        return LOST

    server = JupyterServer(**old)
    server.fault = fault
    assert put(server).error is None
    assert server.files == {"f": NEW}


@pytest.mark.parametrize("hashes", [True, False])
def test_a_part_that_arrives_twice_does_not_replace_the_old_file(hashes: bool) -> None:
    """A proxy may send a part again, or late."""

    def fault(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
        if verb == "PUT" and body.get("chunk") == 2:
            server.carry_out(verb, name, body)
        return None

    server = JupyterServer(f=b"old")
    server.hashes = hashes
    server.fault = fault
    assert isinstance(put(server).error, HubBroken)
    assert server.files == {"f": b"old"}


@pytest.mark.parametrize("at", range(1, 12))
def test_after_an_interruption_there_is_one_whole_file(at: int) -> None:
    """The interruption comes at each request in turn, which the server carries out all the same."""
    server = JupyterServer(f=b"old")

    def answer(step: Any) -> Reply:
        reply_now = server(step)
        return After(1000, reply_now) if len(server.sent) == at and step.root == "site" else reply_now

    flow = write_file(ServerAccess("ana", "lab"), "f", NEW, overwrite=True, parents=False)
    played = play(flow, answer, interrupt_at=500)
    assert (str(played.error) == "interrupted") is (len(server.sent) >= at)
    assert list(server.files) == ["f"]
    assert server.files["f"] in (b"old", NEW)


def test_a_gateway_that_takes_little_gets_small_parts_of_a_small_file_too() -> None:
    def fault(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
        return reply(413) if verb == "PUT" and len(body["content"]) > 128 * 1024 else None

    server = JupyterServer()
    server.fault = fault
    data = b"d" * (300 * 1024)
    assert put(server, data).error is None
    assert server.files == {"f": data}


def test_where_the_old_file_is_stands_in_the_error() -> None:
    """The server stops between the two renames."""
    down = False

    def fault(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
        nonlocal down
        if verb == "PATCH" and name.endswith(".part"):
            down = True
        return reply(503) if down else None

    server = JupyterServer(f=b"old")
    server.fault = fault
    error = put(server).error
    assert isinstance(error, Unavailable)
    [old] = [path for path in server.files if path.endswith(".old")]
    assert old in error.hint


def test_a_link_is_checked_by_what_it_leads_to() -> None:
    """The size that Jupyter Server gives for a link is the link's own."""

    def fault(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
        if verb != "GET" or "f" not in server.files:
            return None
        digest = hashlib.sha256(server.files["f"]).hexdigest()
        return reply(json={"name": "f", "path": "f", "size": 1, "hash": digest, "hash_algorithm": "sha256"})

    server = JupyterServer(f=b"old")
    server.fault = fault
    assert put(server, b"new").error is None


def test_the_files_that_a_link_leads_to_are_not_deleted() -> None:
    server = JupyterServer(**{"link/precious": b"1"})
    server.folders = server.links = {"link"}
    error = play(delete_tree(ServerAccess("ana", "lab"), "link", True, False), server).error
    assert isinstance(error, Conflict)
    assert "a link" in error.hint
    assert server.files == {"link/precious": b"1"}
    server.links = set()
    assert play(delete_tree(ServerAccess("ana", "lab"), "link", True, False), server).error is None
    assert server.files == {}


def with_folders(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
    """Answer for folders as Jupyter Server does: 500 for a file in a folder that does not exist."""
    if verb == "PUT" and body["type"] == "directory":
        server.folders.add(name)
        return reply(201, json={"name": name, "path": name, "type": "directory"})
    folder = name.rpartition("/")[0]
    if verb == "PUT" and folder and folder not in server.folders:
        return refusal(500)
    if verb == "GET" and name in server.folders:
        return reply(json={"name": name, "path": name, "type": "directory"})
    return None


@pytest.mark.parametrize("data", [b"small", NEW])
def test_folders_are_created_where_they_are_missing(data: bytes) -> None:
    server = JupyterServer()
    server.fault = with_folders
    assert put(server, data, "a/b/f", parents=True).error is None
    assert (server.files, server.folders) == ({"a/b/f": data}, {"a", "a/b"})
    server.sent.clear()
    assert put(server, data, "a/b/g", parents=True).error is None
    assert ("GET", "a/b") not in server.sent, "where they exist, they cost no request"
    assert isinstance(put(server, data, "none/f").error, NotFound)


def test_a_folder_that_another_request_creates_at_the_same_time() -> None:
    """Jupyter Server 2.21 answers 500 to one of them."""

    def fault(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
        answer = with_folders(server, verb, name, body)
        return refusal(500, "File exists") if verb == "PUT" and body["type"] == "directory" else answer

    server = JupyterServer()
    server.fault = fault
    assert put(server, b"small", "a/f", parents=True).error is None
    assert server.files == {"a/f": b"small"}


@pytest.mark.parametrize("data", [b"small", NEW])
@pytest.mark.parametrize("old", [{}, {"f": b"old"}], ids=["new", "replace"])
def test_a_full_disk_leaves_nothing_new(data: bytes, old: dict[str, bytes]) -> None:
    """Jupyter Server leaves an empty file in the place of a new one."""

    def fault(server: JupyterServer, verb: str, name: str, body: Any) -> Reply | None:
        if verb != "PUT":
            return None
        server.files.setdefault(name, b"")
        return refusal(500, "No space left on device")

    server = JupyterServer(**old)
    server.fault = fault
    error = put(server, data).error
    assert "No space left" in str(error)
    assert server.files == old
