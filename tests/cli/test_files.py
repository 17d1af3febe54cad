"""`jhub ls`, `cat`, `cp` and `rm` with a real Jupyter Server on a real hub."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_api import Api
from terminal import Jhub

from jhub.local import LocalHub

BIG = os.urandom(2_000_000)


@pytest.fixture(scope="module")
def server(api: Api, fresh: Callable[[str], str]) -> Iterator[str]:
    """Run a server of a new user, and return it as on the command line."""
    user = fresh("user")
    api("POST", "/users", json={"usernames": [user]})
    api("POST", f"/users/{user}/servers/lab", json={"user_options": {"profile": "lean"}})
    api.ready(user, "lab")
    yield f"{user}/lab"
    api("DELETE", f"/users/{user}/servers/lab")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a folder with files, a link and odd names."""
    course = tmp_path / "course"
    (course / "data" / "ä b").mkdir(parents=True)
    (course / "a.txt").write_text("hello\n")
    (course / "data" / "big.bin").write_bytes(BIG)
    (course / "data" / "ä b" / "f?#%;.txt").write_text("x")
    (course / "link").symlink_to("/etc/passwd")
    return course


@pytest.fixture
def home(hub: LocalHub, server: str) -> Path:
    """Return the server's top folder on this machine."""
    assert hub.folder is not None
    return hub.folder / "users" / server.partition("/")[0]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()}


def test_a_folder_goes_there_and_back(as_admin: Jhub, server: str, folder: Path, tmp_path: Path) -> None:
    sent = as_admin("cp", "-r", str(folder), f"{server}:")
    assert sent.code == 0, sent
    assert "skipped" in sent.err
    assert "link: not a regular file" in sent.err
    back = tmp_path / "back"
    as_admin.ok("cp", "-r", f"{server}:course", str(back))
    (folder / "link").unlink()
    assert files(back) == files(folder)
    listed = json.loads(as_admin.ok("ls", f"{server}:course/data", "-o", "json"))
    assert [(each["path"], each["type"], each["size"]) for each in listed] == [
        (f"{server}:course/data/big.bin", "file", len(BIG)),
        (f"{server}:course/data/ä b", "directory", None),
    ]

    again = as_admin("cp", "-r", str(folder), f"{server}:")
    assert again.code == 6
    assert "--overwrite" in again.err
    (folder / "a.txt").write_text("hello, again\n")
    updated = as_admin("cp", "-r", "--update", str(folder), f"{server}:", "-o", "json")
    assert updated.code == 0, updated
    results = {Path(each["name"].partition(" -> ")[0]).name: each["result"] for each in json.loads(updated.out)}
    assert results == {"a.txt": "copied", "big.bin": "unchanged", "f?#%;.txt": "unchanged"}
    assert as_admin.ok("cat", f"{server}:course/a.txt") == "hello, again\n"

    as_admin.ok("cp", "-r", f"{server}:course", f"{server}:second")
    assert as_admin("rm", "-y", f"{server}:second").code == 6
    as_admin.ok("rm", "-r", "-y", f"{server}:second", f"{server}:course")
    assert as_admin.ok("ls", f"{server}:", "-o", "name") == ""
    missing = as_admin("rm", "-y", f"{server}:course")
    assert missing.code == 5
    as_admin.ok("rm", "-y", "--if-exists", f"{server}:course")


def test_what_is_copied_is_bounded(as_admin: Jhub, server: str, folder: Path) -> None:
    (folder / "link").unlink()
    few = as_admin("cp", "-r", str(folder), f"{server}:few", "--max-files", "1")
    assert few.code == 7
    assert "more than 1 files" in few.err
    small = as_admin("cp", str(folder / "data" / "big.bin"), f"{server}:small", "--max-size", "1M")
    assert (small.code, small.out) == (2, "")
    assert as_admin("ls", f"{server}:small").code == 5, "no half file is left"
    assert not [name for name in as_admin.ok("ls", f"{server}:", "-o", "name").split() if ".part" in name]
    as_admin.ok("rm", "-r", "-y", f"{server}:few")


def test_local_files_are_safe(as_admin: Jhub, server: str, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    as_admin.ok("cp", str(tmp_path / "own.txt"), f"{server}:dir/sub/file.txt")
    kept = as_admin("cp", f"{server}:dir/sub/file.txt", str(tmp_path / "own.txt"))
    assert kept.code == 6
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "dir").mkdir()
    (tmp_path / "target" / "dir" / "sub").symlink_to(tmp_path / "elsewhere")
    linked = as_admin("cp", "-r", f"{server}:dir", str(tmp_path / "target"))
    assert linked.code == 2
    assert "is a link" in linked.err
    assert list((tmp_path / "elsewhere").iterdir()) == []
    refused = as_admin("rm", "-y", str(tmp_path / "own.txt"))
    assert refused.code == 2
    assert "USER/NAME:PATH" in refused.err
    assert (tmp_path / "own.txt").read_text() == "mine"
    assert as_admin("cp", str(tmp_path / "own.txt"), str(tmp_path / "two.txt")).code == 2
    as_admin.ok("rm", "-r", "-y", f"{server}:dir")


def test_files_of_one_user_do_not_get_to_another_by_mistake(as_admin: Jhub, folder: Path) -> None:
    """Only the last argument is the target."""
    copied = as_admin("cp", "-r", str(folder / "a.txt"), "ana/lab:", "bo/lab:")
    assert (copied.code, copied.out) == (2, "")
    assert "ana/lab: is a whole server" in copied.err
    assert "a command for each of them" in copied.err


def test_no_token_is_left(as_admin: Jhub, server: str, api: Api) -> None:
    before = len(api("GET", "/users/admin/tokens").json()["api_tokens"])
    as_admin.ok("ls", f"{server}:")
    assert as_admin("cat", f"{server}:none").code == 5
    assert len(api("GET", "/users/admin/tokens").json()["api_tokens"]) == before


def test_a_server_that_does_not_run_is_named(as_admin: Jhub, user: str, as_ana: Jhub, server: str) -> None:
    stopped = as_admin("ls", f"{user}:")
    assert stopped.code == 1
    assert f"hint: start it with: jhub server start {user}" in stopped.err
    foreign = as_ana("ls", f"{server}:")
    assert foreign.code != 0
    assert foreign.out == ""


def test_folders_arrive_as_with_cp(as_admin: Jhub, server: str, home: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "empty").mkdir(parents=True)
    (tree / ".git").mkdir()
    (tree / ".git" / "config").write_text("x")
    (tree / "kept").mkdir()
    (tree / "kept" / ".gitkeep").write_text("")
    sent = as_admin("cp", "-r", str(tree), f"{server}:")
    assert (sent.code, sent.err.count("hidden")) == (0, 2)
    assert sorted(path.name for path in (home / "tree").iterdir()) == ["empty", "kept"]
    for _ in range(2):
        as_admin.ok("cp", "-r", f"{server}:tree/.", str(tmp_path / "back"), "--update")
    assert sorted(path.name for path in (tmp_path / "back").rglob("*")) == ["empty", "kept"]
    for target in ("tree", "tree/new", ""):
        inside = as_admin("cp", "-r", f"{server}:tree", f"{server}:{target}")
        assert inside.code == 2
        assert "cannot be copied into itself" in inside.err
    as_admin.ok("rm", "-r", "-y", f"{server}:tree")


def test_sources_of_one_name_do_not_replace_each_other(as_admin: Jhub, server: str, home: Path, tmp_path: Path) -> None:
    for name in ("ana", "bo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hw").write_text(name)
    sources = [str(tmp_path / name / "hw") for name in ("ana", "none", "bo")]
    copied = as_admin("cp", *sources, f"{server}:hw/", "--overwrite")
    assert copied.code == 7
    assert f"was copied from {sources[0]}, not from {sources[2]} too" in copied.err
    assert f"{sources[1]}: not found" in copied.err
    assert (home / "hw" / "hw").read_text() == "ana"
    as_admin.ok("rm", "-r", "-y", f"{server}:hw")
    for arguments in (["-", f"{server}:x"], [f"{server}:x", "-"]):
        assert "use jhub cat" in as_admin("cp", *arguments).err


def test_errors_of_this_machine_name_the_file(as_admin: Jhub, server: str, home: Path, tmp_path: Path) -> None:
    (home / "one").write_text("1")
    (home / ("n" * 255)).write_text("2")
    (tmp_path / "in the way").write_text("")
    blocked = as_admin("cp", f"{server}:one", str(tmp_path / "in the way" / "one"))
    assert blocked.code == 1
    assert "in the way" in blocked.err
    as_admin.ok("cp", f"{server}:{'n' * 255}", str(tmp_path))
    assert (tmp_path / ("n" * 255)).read_text() == "2"
    private = tmp_path / "10:30"
    private.write_text("")
    private.chmod(0o600)
    as_admin.ok("cp", f"{server}:one", str(private), "--overwrite")
    assert (private.read_text(), private.stat().st_mode & 0o777) == ("1", 0o600)
    as_admin.ok("rm", "-y", f"{server}:one", f"{server}:{'n' * 255}")


def test_links_in_a_server_keep_what_they_lead_to(as_admin: Jhub, server: str, home: Path, tmp_path: Path) -> None:
    (home / "shared").mkdir()
    (home / "shared" / "precious").write_text("1")
    (home / "course").mkdir()
    (home / "course" / "link").symlink_to("../shared")
    (home / "file").symlink_to("shared/precious")
    refused = as_admin("rm", "-r", "-y", f"{server}:course")
    assert refused.code == 6
    assert "a link" in refused.err
    big = tmp_path / "big"
    big.write_bytes(BIG)
    (tmp_path / "one").write_text("1")
    assert "unchanged" in as_admin("cp", str(tmp_path / "one"), f"{server}:file", "--update").err
    as_admin.ok("cp", str(big), f"{server}:file", "--overwrite")
    assert (home / "file").read_bytes() == BIG
    assert (home / "shared" / "precious").read_text() == "1"
    assert not [path for path in home.rglob("*") if ".part" in path.name or path.name.startswith("jhub-")]
    (home / "course" / "link").unlink()
    as_admin.ok("rm", "-r", "-y", f"{server}:course", f"{server}:shared", f"{server}:file")


def test_a_name_that_is_not_utf8_hides_no_other_file(as_admin: Jhub, server: str, home: Path, tmp_path: Path) -> None:
    folder = home / "odd"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    Path(os.fsdecode(os.fsencode(folder) + b"/b\xff.txt")).write_text("b")
    assert "b\\xdcff.txt" in as_admin.ok("ls", f"{server}:odd")
    listed = json.loads(as_admin.ok("ls", f"{server}:odd", "-o", "json"))
    assert [each["name"] for each in listed] == ["a.txt", "b\udcff.txt"]
    copied = as_admin("cp", "-r", f"{server}:odd", str(tmp_path / "odd"))
    assert copied.code == 7
    assert "not safe on this machine" in copied.err
    assert files(tmp_path / "odd") == {"a.txt": b"a"}


def test_sources_are_not_copied_to_a_temporary_folder(as_admin: Jhub, server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    as_admin.env["TMPDIR"] = "/dev/null"
    as_admin.ok("cp", str(tmp_path / "file"), f"{server}:direct")
    as_admin.ok("rm", "-y", f"{server}:direct")


def test_many_small_files_take_few_requests(as_admin: Jhub, server: str, home: Path, tmp_path: Path) -> None:
    """Four at a time: one request looks whether a file exists, one writes it, and one checks it.

    The first file of a folder creates it.
    """
    for number in range(60):
        folder = tmp_path / "many" / f"{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_text(str(number))
    sent = as_admin("cp", "-r", str(tmp_path / "many"), f"{server}:", "--debug")
    assert sent.code == 0, sent
    assert files(home / "many") == files(tmp_path / "many")
    assert sum("/api/contents/" in line for line in sent.err.splitlines()) <= 3 * 60 + 3 * 6
    copied = [line.split("many/")[1].split()[0] for line in sent.err.splitlines() if line.startswith("copied")]
    assert copied == sorted(copied), "in order"
    as_admin.ok("cp", "-r", f"{server}:many", str(tmp_path / "back"))
    assert files(tmp_path / "back") == files(tmp_path / "many")
    (home / "many" / "1" / "f1").write_text("changed")
    again = as_admin("cp", "-r", str(tmp_path / "many"), f"{server}:")
    assert again.code == 6
    assert again.err.count("the file exists") == 60
    updated = as_admin("cp", "-r", "--update", str(tmp_path / "many"), f"{server}:", "-o", "json")
    results = [each["result"] for each in json.loads(updated.out)]
    assert (results.count("copied"), results.count("unchanged")) == (1, 59)
    as_admin.ok("rm", "-r", "-y", f"{server}:many")


def test_the_progress_is_shown_on_a_terminal(as_admin: Jhub, server: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(BIG)
    up = as_admin.at_terminal("cp", str(tmp_path / "big"), f"{server}:big", answers={})
    assert "1 of 1 MiB" in up.out
    down = as_admin.at_terminal("cp", f"{server}:big", str(tmp_path / "back"), answers={})
    assert "1 MiB" in down.out
    assert (tmp_path / "back").read_bytes() == BIG
    as_admin.ok("rm", "-y", f"{server}:big")
