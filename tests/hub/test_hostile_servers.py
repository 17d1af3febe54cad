"""Servers whose owners read what is sent to them, and answer to do harm."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hub_api import Api
from terminal import Jhub

from jhub import Hub, HubBroken, HubError, InvalidInput
from jhub.local import LocalHub

HOSTILE = [sys.executable, str(Path(__file__).parents[1] / "support" / "hostile_server.py")]
SECRETS = ("authorization", "cookie")


@dataclass
class Place:
    """A hub with a hostile server of `mallory`, and a client and a command of the administrator."""

    local: LocalHub
    token: str
    admin: Hub
    jhub: Jhub
    home: Path
    """The folder with the file `headers`."""

    def headers(self) -> list[dict[str, str]]:
        """Return the headers of each request that the server got."""
        lines = (self.home / "headers").read_text().splitlines()
        return [{name.lower(): value for name, value in json.loads(line).items()} for line in lines]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hostile")
    profile = {"slug": "hostile", "display_name": "x", "default": True, "spawner_override": {"cmd": HOSTILE}}
    (folder / "profiles.yaml").write_text(yaml.safe_dump({"profiles": [profile]}))
    with LocalHub(profiles=folder / "profiles.yaml", users=["mallory", "ana"]) as local:
        with Hub(local.url) as door:
            token = door.tokens.create_with_password(local.username, local.password).token
        assert token is not None
        jhub = Jhub(folder, {"JUPYTERHUB_API_URL": local.api_url, "JUPYTERHUB_API_TOKEN": token})
        with Hub(local.url, token) as admin:
            admin.servers.start("mallory")
            admin.servers.start("ana", "lab")
            [home] = {path.parent for path in local.folder.rglob("headers") if "mallory" in str(path)}
            yield Place(local, token, admin, jhub, home)


def test_what_a_server_gets_opens_nothing_but_itself(place: Place) -> None:
    (place.home / "headers").unlink()
    with place.admin.singleuser("mallory") as server:
        server.status()
        tokens = {headers["authorization"].removeprefix("token ") for headers in place.headers()}
        assert len(tokens) == 1
        (stolen,) = tokens
        assert stolen != place.token
        assert not any("cookie" in headers for headers in place.headers())
        opened = {
            path
            for path in ("/users", "/groups", "/info", "/users/admin/tokens", "/users/ana", "/proxy", "/services")
            if Api(place.local, stolen)("GET", path).status_code < 400
        }
        assert opened == set()
        assert Api(place.local, stolen)("POST", "/users/admin/tokens", json={}).status_code == 403
        assert Api(place.local, stolen)("POST", "/users/mallory/server").status_code == 403
        with Hub(place.local.url, stolen) as thief, pytest.raises(HubError):
            thief.singleuser("ana", "lab").status()
    assert Api(place.local, stolen)("GET", "/user").status_code == 403, "it is revoked"
    assert [token.note for token in place.admin.tokens.list("admin") if (token.note or "").startswith("jhub: ")] == []


def test_names_that_leave_the_folder_are_not_written(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "a" / "target"
    copied = place.jhub("cp", "-r", "mallory:tree", str(target), "--max-size", "9M")
    assert copied.code != 0
    assert "is not safe on this machine" in copied.err
    assert "\x1b" not in copied.err + copied.out
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "each file is endless, so none is written"
    assert not os.path.lexists("/etc/passwd.part")


def test_a_file_that_never_ends_is_bounded(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="larger than 64 MiB"):
        place.admin.singleuser("mallory").files.get("endless")
    copied = place.jhub("cp", "mallory:endless", str(tmp_path / "endless"), "--max-size", "20M")
    assert copied.code == 2
    assert "--max-size" in copied.err
    assert list(tmp_path.iterdir()) == []


def test_folders_that_never_end_are_bounded(place: Place, tmp_path: Path) -> None:
    copied = place.jhub("cp", "-r", "mallory:deep", str(tmp_path / "deep"))
    assert copied.code == 1
    assert "folders are inside each other" in copied.err
    with pytest.raises(HubError, match="inside each other"):
        place.admin.singleuser("mallory").files.delete("deep", recursive=True)


def test_an_archive_needs_a_kernel(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    for arguments in (["mallory:tree", str(tmp_path / "tree")], [str(tmp_path / "file"), "mallory:"]):
        copied = place.jhub("cp", "--archive", *arguments)
        assert copied.code == 2
        assert "no Python kernel" in copied.err
    assert not (tmp_path / "tree").exists()


def test_the_terminal_is_not_steered(place: Place) -> None:
    listed = place.jhub("ls", "mallory:")
    assert "\x1b" not in listed.out + listed.err
    assert "good.txt" in listed.out


def test_an_upload_that_is_not_kept_is_noticed(place: Place, tmp_path: Path) -> None:
    """The server answers 405 to every PUT."""
    with pytest.raises((HubBroken, HubError)):
        place.admin.singleuser("mallory").files.put("new/file", b"data", parents=True)


def test_what_a_kernel_gets_opens_nothing_but_its_server(place: Place) -> None:
    (place.home / "headers").unlink()
    assert place.admin.singleuser("mallory").execute("x").status == "ok"
    headers = place.headers()
    tokens = {each["authorization"].removeprefix("token ") for each in headers}
    assert any("upgrade" in each for each in headers), "the handshake is one of them"
    assert len(tokens) == 1
    assert place.token not in tokens
    assert not any("cookie" in each for each in headers)
    assert Api(place.local, *tokens)("GET", "/user").status_code == 403, "it is revoked"


def test_outputs_that_never_end_are_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jhub.singleuser.kernel_connection.INTERRUPT_SECONDS", 0.5)
    monkeypatch.setattr("jhub.singleuser.output_messages.MAX_OUTPUT_BYTES", 1_000_000)
    result = place.admin.singleuser("mallory").execute("flood", timeout=2)
    assert (result.status, result.truncated) == ("timeout", True)
    assert len(result.text) <= 1_000_000


@pytest.mark.parametrize("code", ["garbage", "huge", "fail"])
def test_messages_that_are_none(place: Place, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jhub.singleuser.kernel_connection.SILENCE_SECONDS", 0.2)
    monkeypatch.setattr("jhub.singleuser.kernel_connection.MAX_FAILED_READS", 3)
    result = place.admin.singleuser("mallory").execute(code, timeout=10)
    assert result.status == {"garbage": "ok", "huge": "timeout", "fail": "error"}[code]


def test_a_notebook_does_not_steer_the_terminal(place: Place, tmp_path: Path) -> None:
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "source": "fail", "metadata": {}, "outputs": [], "execution_count": None}
    ]
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    (tmp_path / "x.ipynb").write_text(json.dumps(notebook))
    ran = place.jhub("run", str(tmp_path / "x.ipynb"), "--server", "mallory", "--out", str(tmp_path / "y.ipynb"))
    assert ran.code == 1
    assert "shown" in ran.out
    for text in (ran.out, ran.err):
        assert "\x1b]" not in text
        assert "\x07" not in text
        assert "\x1b[2J" not in text
    assert place.jhub("exec", "mallory", "--", "true").code == 125
