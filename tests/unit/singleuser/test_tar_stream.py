"""Trees as tar streams: what is kept, and what a hostile stream cannot do."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jhub.singleuser.tar_stream import Member, decode, encode, leads_outside, tree, write


def facts(folder: Path) -> dict[str, object]:
    """Return the kind, mode, time and content of everything below a folder."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        time = None if path.is_symlink() else status.st_mtime
        found[str(path.relative_to(folder))] = (stat.S_IMODE(status.st_mode), time, content)
    return found


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    (folder / ".git" / "deep").mkdir(parents=True)
    (folder / ".git" / "object").write_bytes(b"x" * 1000)
    (folder / ".git" / "object").chmod(0o444)
    (folder / "empty").mkdir(mode=0o750)
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "nothing").write_bytes(b"")
    (folder / "block").write_bytes(os.urandom(512))
    (folder / "big").write_bytes(os.urandom(2_500_001))
    for name in ["ä b", "f?#%;.txt", "-rf", "日本語", "e\u0301", "\u00e9", "n" * 255, 'a"b']:
        (folder / ".git" / "deep" / name).write_text(name)
    (folder / "link").symlink_to(".git/object")
    (folder / ".git" / "up").symlink_to("../run.sh")
    os.utime(folder / "run.sh", (1e9 + 0.5, 1e9 + 0.5))
    os.utime(folder / "empty", (1e9, 1e9))
    return folder


def test_a_tree_arrives_as_it_was(course: Path, tmp_path: Path) -> None:
    written = write(decode(encode(tree(str(course)))), str(tmp_path / "back"), overwrite=False)
    assert written.conflicts == []
    assert facts(tmp_path / "back") == facts(course)
    assert stat.S_IMODE((tmp_path / "back").stat().st_mode) == stat.S_IMODE(course.stat().st_mode)


def test_the_stream_is_a_tar_archive(course: Path, tmp_path: Path) -> None:
    data = b"".join(encode(tree(str(course))))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "back", filter="tar")
        assert {(info.uid, info.gid, info.uname) for info in archive.getmembers()} == {(0, 0, "")}
    assert facts(tmp_path / "back") == facts(course)


def test_a_single_file_gets_a_name(course: Path, tmp_path: Path) -> None:
    write(decode(encode(tree(str(course / "run.sh"), "go"))), str(tmp_path / "back"), overwrite=False)
    assert facts(tmp_path / "back") == {"go": facts(course)["run.sh"]}


def test_what_exists_is_kept_and_named(course: Path, tmp_path: Path) -> None:
    back = tmp_path / "back"
    (back / "run.sh").mkdir(parents=True)
    (back / "nothing").write_text("mine")
    (back / "link").symlink_to("nowhere")
    (back / ".git").write_text("a file")
    kept = write(decode(encode(tree(str(course)))), str(back), overwrite=False)
    assert (back / "nothing").read_text() == "mine"
    assert os.readlink(back / "link") == "nowhere"
    assert (back / ".git").read_text() == "a file"
    assert {"run.sh", "nothing", "link", ".git"} <= set(kept.conflicts)
    over = write(decode(encode(tree(str(course)))), str(back), overwrite=True)
    assert (back / "nothing").read_text() == ""
    assert os.readlink(back / "link") == ".git/object"
    assert "run.sh" in over.conflicts, "a folder is not replaced by a file"


def test_a_file_that_grows_or_shrinks(course: Path, tmp_path: Path) -> None:
    def grown(members: Iterator[Member], change: Callable[[Path], object]) -> Iterator[Member]:
        for member in members:
            if member.names == ("big",):
                change(course / "big")
            yield member

    def longer(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    write(decode(encode(grown(tree(str(course)), longer))), str(tmp_path / "back"), overwrite=False)
    assert (tmp_path / "back" / "big").stat().st_size == 2_500_001
    with pytest.raises(ValueError, match="became shorter"):
        write(
            decode(encode(grown(tree(str(course)), lambda path: os.truncate(path, 5)))),
            str(tmp_path / "again"),
            overwrite=False,
        )
    assert not [path for path in (tmp_path / "again").rglob("*") if path.name in ("big", ".jhub")]
    assert not list((tmp_path / "again").rglob("*.part"))


def archive(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return a tar archive with any members at all."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as file:
        for member in members:
            info, content = member if isinstance(member, tuple) else (member, b"")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return data.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, mode
    return member


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a/..", "..", "//x"])
def test_names_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    for kind in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE):
        with pytest.raises(ValueError, match="unsafe name"):
            write(decode([archive(info(name, kind, "y"))]), str(tmp_path / "in"), overwrite=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


@pytest.mark.parametrize(
    ("name", "target", "outside"),
    [
        ("a", "b", False),
        ("a", "./b//c/", False),
        ("d/a", "../b", False),
        ("d/e/a", "../../b", False),
        ("a", "../b", True),
        ("d/a", "../../b", True),
        ("a", "/etc/passwd", True),
        ("a", "b/..", True),
        ("a", "b/../../c", True),
        ("a", "", True),
        ("a", "..", True),
        ("d/a", "..\\..\\b", True),
        ("a", "\\\\host\\share", True),
    ],
)
def test_links_that_lead_outside(name: str, target: str, outside: bool, tmp_path: Path) -> None:
    link = Member(tuple(name.split("/")), "link", 0o777, 0.0, 0, target, iter(()))
    assert leads_outside(link) is outside
    write([link], str(tmp_path), overwrite=True)
    assert os.path.lexists(tmp_path / name) is not outside


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mine").symlink_to(tmp_path / "elsewhere")
    data = archive(
        info("here", tarfile.SYMTYPE, "."),
        (info("here/x"), b"1"),
        info("here/here", tarfile.SYMTYPE, "../.."),
        (info("mine/x"), b"1"),
        info("mine", tarfile.DIRTYPE, mode=0o777),
        (info("mine/sub/x"), b"1"),
        (info("fine"), b"1"),
    )
    written = write(decode([data]), str(tmp_path / "in"), overwrite=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["fine", "here", "mine"]
    assert len(written.conflicts) == 5
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) != 0o777


def test_devices_hard_links_and_special_bits(tmp_path: Path) -> None:
    kinds = [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE, tarfile.CONTTYPE]
    members = [info(f"special{number}", kind, "/etc/passwd") for number, kind in enumerate(kinds)]
    write(decode([archive(*members, (info("setuid", mode=0o6777), b"1"))]), str(tmp_path), overwrite=True)
    assert [path.name for path in tmp_path.iterdir() if path.name != "special4"] == ["setuid"]
    assert stat.S_IMODE((tmp_path / "setuid").stat().st_mode) == 0o755


@pytest.mark.parametrize("time", ["nan", "inf", "-1e300", "1e300"])
def test_impossible_times(time: str, tmp_path: Path) -> None:
    member = info("x")
    member.pax_headers = {"mtime": time}
    write(decode([archive((member, b"1"))]), str(tmp_path), overwrite=True)
    assert (tmp_path / "x").read_bytes() == b"1"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE])
def test_large_headers_do_not_fill_the_memory(kind: bytes, tmp_path: Path) -> None:
    header = info("x", kind)
    header.size = 2**33
    parts = [header.tobuf(tarfile.GNU_FORMAT), *[b"1" * 2**16] * 100]
    tracemalloc.start()
    with pytest.raises(ValueError, match="damaged"):
        write(decode(parts), str(tmp_path), overwrite=True)
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"x" * 10, b"x" * 5000, bytes(100)])
def test_garbage(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="damaged"):
        write(decode([data]), str(tmp_path), overwrite=True)


@pytest.mark.parametrize("kind", [b"?", tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_what_is_no_file_has_no_endless_content(kind: bytes, tmp_path: Path) -> None:
    header = info("x", kind)
    header.size = 2**33
    read = 0

    def endless(begin: bytes) -> Iterator[bytes]:
        nonlocal read
        yield begin
        while True:
            read += 2**16
            yield b"1" * 2**16

    for begin in (header.tobuf(tarfile.GNU_FORMAT), archive()):
        with pytest.raises(ValueError, match="damaged"):
            write(decode(endless(begin)), str(tmp_path), overwrite=True)
    assert read < 2**23


def test_a_stream_that_ends_early(course: Path, tmp_path: Path) -> None:
    data = b"".join(encode(tree(str(course / "big"), "big")))
    with pytest.raises(ValueError, match="damaged"):
        write(decode([data[:10_000]]), str(tmp_path / "back"), overwrite=True)
    assert list((tmp_path / "back").iterdir()) == []
