"""`jhub cp --archive` with a real Jupyter Server and its Python kernel on a real hub."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_api import Api, Tokens
from terminal import Jhub

from jhub import AsyncHub, Conflict, Hub, HubError, InvalidInput, NotFound
from jhub.local import LocalHub

BIG = os.urandom(9_000_000)
"""More than two parts of a stream."""


@pytest.fixture(scope="module")
def users(api: Api, fresh: Callable[[str], str]) -> Iterator[list[str]]:
    """Run servers of two new users."""
    names = [fresh("user"), fresh("user")]
    api("POST", "/users", json={"usernames": names})
    for name in names:
        api("POST", f"/users/{name}/servers/lab", json={"user_options": {"profile": "lean"}})
    for name in names:
        api.ready(name, "lab")
    yield names
    for name in names:
        api("DELETE", f"/users/{name}/servers/lab")


@pytest.fixture
def homes(hub: LocalHub, users: list[str]) -> list[Path]:
    """Return the top folders of the servers on this machine."""
    assert hub.folder is not None
    return [hub.folder / "users" / name for name in users]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Write a folder with hidden files, links, modes, times and odd names."""
    folder = tmp_path / "project"
    (folder / ".git" / "ä b").mkdir(parents=True)
    (folder / "empty").mkdir(mode=0o750)
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / ".git" / "object").write_bytes(b"x")
    (folder / ".git" / "object").chmod(0o444)
    for name in ("f?#%;.txt", "-rf", "日本語", "e\u0301", "\u00e9", "n" * 255, "a'b\"c"):
        (folder / ".git" / "ä b" / name).write_text(name)
    (folder / "link").symlink_to(".git/object")
    (folder / "big").write_bytes(BIG)
    os.utime(folder / "run.sh", (1e9, 1e9))
    os.utime(folder / "empty", (1e9, 1e9))
    return folder


def facts(folder: Path) -> dict[str, object]:
    """Return the mode, the time and the content of everything below a folder."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        else:
            content = path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(folder))] = (stat.S_IMODE(status.st_mode), status.st_mtime, content)
    return found


def test_a_tree_goes_there_on_and_back(
    as_admin: Jhub, users: list[str], homes: list[Path], project: Path, tmp_path: Path, api: Api
) -> None:
    tokens = len(api("GET", "/users/admin/tokens").json()["api_tokens"])
    first, second = (f"{user}/lab:" for user in users)
    sent = as_admin("cp", "--archive", str(project), first)
    assert sent.code == 0, sent
    assert "11 files" in sent.err
    assert facts(homes[0] / "project") == facts(project)
    as_admin.ok("cp", "-a", f"{first}project", second)
    assert facts(homes[1] / "project") == facts(project)
    as_admin.ok("cp", "-a", f"{second}project/.", str(tmp_path / "back"))
    assert facts(tmp_path / "back") == facts(project)
    as_admin.ok("cp", "-a", f"{second}project/.git/object", str(tmp_path / "object"))
    assert stat.S_IMODE((tmp_path / "object").stat().st_mode) == 0o444

    (homes[1] / "project" / "run.sh").write_text("mine")
    (homes[1] / "project" / "link").unlink()
    kept = as_admin("cp", "-a", str(project), second)
    assert kept.code == 6
    assert "these exist" in kept.err
    assert "and 5 more" in kept.err
    assert "--overwrite" in kept.err
    assert (homes[1] / "project" / "run.sh").read_text() == "mine"
    assert (homes[1] / "project" / "link").is_symlink(), "the others are copied"
    as_admin.ok("cp", "-a", "--overwrite", str(project), second)
    assert facts(homes[1] / "project") == facts(project)
    kept = as_admin("cp", "-a", f"{second}project/.", str(tmp_path / "back"))
    assert kept.code == 6
    as_admin.ok("cp", "-a", "--update", f"{second}project/.", str(tmp_path / "back"))

    assert len(api("GET", "/users/admin/tokens").json()["api_tokens"]) == tokens
    assert api("GET", f"/users/{users[0]}/servers/lab").status_code == 200
    assert not [path for home in homes for path in home.rglob("*.part")]


def test_what_is_left_out_is_named(as_admin: Jhub, users: list[str], homes: list[Path], tmp_path: Path) -> None:
    """Links that lead outside, and what is not a file."""
    target = f"{users[0]}/lab:"
    for folder in (tmp_path / "odd", homes[0] / "there"):
        folder.mkdir()
        (folder / "passwd").symlink_to("/etc/passwd")
        (folder / "up").symlink_to("../up")
        os.mkfifo(folder / "pipe")
        (folder / "set").write_text("")
        (folder / "set").chmod(0o6777)
    sent = as_admin("cp", "-a", str(tmp_path / "odd"), target)
    got = as_admin("cp", "-a", f"{target}there", str(tmp_path))
    for result in (sent, got):
        assert result.code == 0, result
        assert result.err.count("a link that leads outside") == 2
        assert result.err.count("not a regular file") == 1
    for folder in (homes[0] / "odd", tmp_path / "there"):
        assert [path.name for path in folder.iterdir()] == ["set"]
        assert stat.S_IMODE((folder / "set").stat().st_mode) == 0o755


def test_nothing_is_written_through_a_link(
    as_admin: Jhub, users: list[str], homes: list[Path], project: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    for folder in (homes[0] / "linked", tmp_path / "linked"):
        folder.mkdir()
        (folder / ".git").symlink_to(tmp_path / "elsewhere")
    for source, target in (
        (f"{project}/.", f"{users[0]}/lab:linked"),
        (f"{users[0]}/lab:linked/.", str(tmp_path / "linked")),
    ):
        assert as_admin("cp", "-a", "--overwrite", source, target).code in (0, 6)
        assert list((tmp_path / "elsewhere").iterdir()) == []


def test_archives_are_bounded(
    as_admin: Jhub, users: list[str], homes: list[Path], project: Path, tmp_path: Path
) -> None:
    for limit, message in (("--max-files=3", "more than 3 files"), ("--max-size=1M", "more than 1048576 bytes")):
        sent = as_admin("cp", "-a", str(project), f"{users[0]}/lab:bounded", limit)
        assert sent.code == 2
        assert message in sent.err
    (homes[0] / "much").mkdir()
    (homes[0] / "much" / "big").write_bytes(BIG)
    got = as_admin("cp", "-a", f"{users[0]}/lab:much", str(tmp_path / "got"), "--max-size=1M")
    assert got.code == 2
    for folder in (homes[0] / "bounded", tmp_path / "got"):
        assert not (folder / "big").exists()
        assert not list(folder.rglob("*.part"))


def test_errors_name_what_is_wrong(as_admin: Jhub, users: list[str], project: Path, tmp_path: Path) -> None:
    server = f"{users[0]}/lab:"
    assert as_admin("cp", "-a", f"{server}none", str(tmp_path / "x")).code == 5
    assert as_admin("cp", "-a", str(tmp_path / "none"), server).code == 5
    assert as_admin("cp", "-a", f"{server}", f"{server}inner").code == 2
    (tmp_path / "file").write_text("")
    assert as_admin("cp", "-a", str(project), f"{server}p").code == 0
    onto_file = as_admin("cp", "-a", f"{server}p", str(tmp_path / "file"))
    assert onto_file.code == 2
    assert "is not a folder" in onto_file.err
    both = as_admin("cp", "-a", f"{server}p/.", f"{server}p/big", str(tmp_path / "both/"))
    assert both.code == 7
    assert "these exist" in both.err
    one = as_admin("cp", "-a", f"{server}p/big", f"{server}p/./big", str(tmp_path / "one/"), "--overwrite")
    assert one.code == 7
    assert "not from" in one.err


def test_a_program_packs_and_unpacks(hub: LocalHub, hub_tokens: Tokens, users: list[str], homes: list[Path]) -> None:
    """Both clients."""
    (homes[0] / "data" / ".hidden").mkdir(parents=True)
    (homes[0] / "data" / ".hidden" / "big").write_bytes(BIG)

    async def both() -> tuple[bytes, int]:
        async with AsyncHub(hub.api_url, hub_tokens.admin) as client, client.singleuser(users[0], "lab") as server:
            data = b"".join([part async for part in server.files.pack("data")])
            return data, await server.files.unpack("copies/by-async", [data])

    with Hub(hub.api_url, hub_tokens.admin) as client, client.singleuser(users[0], "lab") as server:
        parts = list(server.files.pack("data"))
        assert max(map(len, parts)) <= 4 * 2**20
        assert server.files.unpack("copies/by-hub", parts) == 1
        assert server.files.unpack("copies/by-file", io.BytesIO(b"".join(parts))) == 1
        with pytest.raises(Conflict, match="big"):
            server.files.unpack("copies/by-hub", parts)
        assert server.files.unpack("copies/by-hub", parts, overwrite=True) == 1
        with pytest.raises(HubError, match="unsafe name"):
            server.files.unpack("copies/bad", [tarfile.TarInfo("../up").tobuf(), bytes(1024)])
        with pytest.raises(HubError, match="damaged"):
            server.files.unpack("copies/bad", [b"x" * 5000])
        with pytest.raises(ZeroDivisionError):
            server.files.unpack("copies/bad", (bytes(1 // (3 - number)) for number in range(5)))
        with pytest.raises(NotFound):
            list(server.files.pack("none"))
        with pytest.raises(InvalidInput):
            list(server.files.pack("../other"))
    data, count = asyncio.run(both())
    assert (data, count) == (b"".join(parts), 1)
    for name in ("by-async", "by-hub", "by-file"):
        assert facts(homes[0] / "copies" / name) == facts(homes[0] / "data")
    assert not list(homes[0].rglob("*.part"))


def test_a_stream_that_is_left_ends_its_kernel(hub: LocalHub, hub_tokens: Tokens, users: list[str]) -> None:
    with Hub(hub.api_url, hub_tokens.admin) as client:
        server = client.singleuser(users[0], "lab")
        server.files.put("large", BIG * 2, overwrite=True)
        parts = iter(server.files.pack("large"))
        next(parts)
        parts.close()
        while server.status().kernels:
            time.sleep(0.1)
        notes = [token.note or "" for token in client.tokens.list("admin")]
        assert not [note for note in notes if note.startswith("jhub: ")]


def test_names_that_are_not_text(as_admin: Jhub, users: list[str], homes: list[Path], tmp_path: Path) -> None:
    """They are kept between servers, and refused here."""
    (homes[0] / "bytes").mkdir()
    odd = os.fsencode(homes[0] / "bytes") + b"/\xff\xfe"
    with open(odd, "w") as file:
        file.write("1")
    first, second = (f"{user}/lab:" for user in users)
    as_admin.ok("cp", "-a", f"{first}bytes", f"{second}")
    assert os.listdir(os.fsencode(homes[1] / "bytes")) == [b"\xff\xfe"]
    again = as_admin("cp", "-a", f"{first}bytes", f"{second}")
    assert again.code == 6
    here = as_admin("cp", "-a", f"{first}bytes", str(tmp_path / "here"))
    assert here.code == 2
    assert "is not safe on this machine" in here.err
    os.unlink(odd)  # the search for tokens at the end of the tests reads all names
    os.unlink(os.fsencode(homes[1] / "bytes") + b"/\xff\xfe")
