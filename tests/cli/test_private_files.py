"""Links, pipes, devices and other users' files in place of a state file: refused with a hint, and left unchanged.

The tests create real ones. Those that only root can create (a device, another user's file) need root to run.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Jhub

from jhub.config import contexts
from jhub.config.contexts import Context
from jhub.errors import InvalidInput
from jhub.files import acquire_lock, make_folder, write_atomically

HUB = "https://hub.example.org/hub/api"
NAMES = ["contexts.json", "tokens.json", ".lock"]
NOBODY = 65534
LOGIN = ["login", "http://127.0.0.1:9/hub/api", "--token", "-"]
COMMANDS = [["whoami"], LOGIN]

by_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make this")


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    """Return the command with an empty home folder."""
    home = tmp_path / "home"
    home.mkdir()
    return Jhub(home)


@pytest.fixture
def folder(jhub: Jhub, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "JHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(jhub.home / "config"))
    monkeypatch.setenv("JHUB_KEYRING", "off")
    contexts.save("hub", Context(api_url="http://127.0.0.1:9/hub/api"), "SECRET")
    return jhub.home / "config/jhub"


def link(path: Path) -> None:
    """Create a link to a file with content that others may read."""
    target = path.parent.parent / "target"
    target.write_text('{"hub": "KEEP"}')
    target.chmod(0o644)
    path.symlink_to(target)


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


def link_to_device(path: Path) -> None:
    device(path.parent.parent / "zero")
    path.symlink_to(path.parent.parent / "zero")


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o644)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(".", os.O_RDONLY)
        os.chdir(path.parent)  # a socket's path has a maximum length
        try:
            listener.bind(path.name)
        finally:
            os.fchdir(here)
            os.close(here)


def directory(path: Path) -> None:
    path.mkdir(mode=0o755)


def device(path: Path) -> None:
    """Create a node like /dev/zero, so that a fault cannot damage the real one."""
    os.mknod(path, 0o644 | stat.S_IFCHR, os.makedev(1, 5))


KINDS: list[tuple[Callable[[Path], None], str]] = [
    (link, "is a link"),
    (link_to_nothing, "is a link"),
    (link_to_device, "is a link"),
    (pipe, "is a pipe"),
    (unix_socket, "is a socket"),
    (directory, "is a folder"),
    (device, "is a device"),
]
each_kind = pytest.mark.parametrize(
    ("make", "message"),
    [pytest.param(*kind, marks=[by_root] if kind[0] in (device, link_to_device) else []) for kind in KINDS],
    ids=[make.__name__ for make, _ in KINDS],
)


def state(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return the mode, the owner and the inode of each file."""
    statuses = {path: path.lstat() for path in [root, *root.rglob("*")]}
    return {str(path): (status.st_mode, status.st_uid, status.st_ino) for path, status in statuses.items()}


@each_kind
@pytest.mark.parametrize("name", NAMES)
def test_every_command_refuses_an_irregular_file_and_leaves_it_unchanged(
    make: Callable[[Path], None], message: str, name: str, jhub: Jhub, folder: Path
) -> None:
    (folder / name).unlink()
    make(folder / name)
    before = state(jhub.home)
    for command in COMMANDS:
        if name == ".lock" and command != LOGIN:
            continue  # whoami takes no lock
        result = jhub(*command, stdin="x" * 32)
        assert result.code == 2, result
        assert f"{folder / name} {message}" in result.err
        assert "hint: " in result.err
        assert "Traceback" not in result.err
    assert state(jhub.home) == before
    target = jhub.home / "config/target"
    assert not target.exists() or target.read_text() == '{"hub": "KEEP"}'


@each_kind
def test_an_irregular_file_is_not_replaced(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    make(tmp_path / "in/file")
    before = state(tmp_path)
    with pytest.raises(InvalidInput, match=message):
        write_atomically(tmp_path / "in/file", b"new")
    assert state(tmp_path) == before


@pytest.mark.parametrize("name", ["contexts.json", "tokens.json"])
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664])
def test_a_file_writable_by_others_is_refused_with_a_hint(folder: Path, name: str, mode: int) -> None:
    (folder / name).chmod(mode)
    with pytest.raises(InvalidInput, match=f"other users can write to {folder / name}") as caught:
        contexts.connection()
    assert stat.S_IMODE((folder / name).stat().st_mode) == mode
    cure = caught.value.hint.partition(": ")[2]
    assert cure.startswith("chmod ")
    subprocess.run(cure, shell=True, check=True)
    assert contexts.connection().token == "SECRET"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o775, 0o1777])
def test_a_folder_writable_by_others_is_refused_with_a_hint(jhub: Jhub, folder: Path, mode: int) -> None:
    folder.chmod(mode)
    for command in COMMANDS:
        result = jhub(*command, stdin="x" * 32)
        assert result.code == 2
        assert f"other users can write to {folder}" in result.err
    assert stat.S_IMODE(folder.stat().st_mode) == mode
    subprocess.run(result.err.splitlines()[-1].partition(" then run: ")[2], shell=True, check=True)
    assert contexts.connection().token == "SECRET"


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o500])
def test_a_folder_readable_by_others_is_accepted_and_its_secrets_are_private(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    assert contexts.connection().token == "SECRET"
    assert stat.S_IMODE((folder / "tokens.json").stat().st_mode) == 0o600
    folder.chmod(0o700)


@by_root
@pytest.mark.parametrize("name", ["", *NAMES])
def test_files_of_another_user_are_refused(jhub: Jhub, folder: Path, name: str) -> None:
    os.chown(folder / name, NOBODY, NOBODY)
    before = state(jhub.home)
    result = jhub(*LOGIN, stdin="x" * 32)
    assert result.code == 2
    assert "belongs to nobody, but jhub runs as root" in result.err
    assert "run jhub as nobody" in result.err
    assert state(jhub.home) == before


@by_root
def test_for_a_file_of_root_the_hint_is_sudo_chown(jhub: Jhub, folder: Path) -> None:
    """As after a sudo that kept HOME."""
    for path in [jhub.home, folder.parent, folder, *folder.iterdir()]:
        os.chown(path, NOBODY, NOBODY)
    os.chown(folder / "contexts.json", 0, 0)
    (folder / "contexts.json").chmod(0o644)
    code = (
        "import os, sys; from jhub.config import contexts; from jhub.errors import InvalidInput\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "try: contexts.load()\nexcept InvalidInput as error: print(error, '|', error.hint)"
    )
    for above in jhub.home.parents:
        if above.stat().st_mode & 0o005 != 0o005 and above.is_relative_to("/tmp"):
            above.chmod(above.stat().st_mode | 0o011)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert "belongs to root, but jhub runs as nobody" in done.stdout, done
    assert f"sudo chown -R nobody {folder / 'contexts.json'}" in done.stdout


def test_a_folder_may_be_a_link_that_the_user_made(jhub: Jhub, folder: Path) -> None:
    """As for dotfiles that are kept in one place."""
    kept = jhub.home / "dotfiles"
    folder.rename(kept)
    folder.symlink_to(kept)
    assert contexts.connection().token == "SECRET"
    contexts.save("other", Context(api_url=HUB), "OTHER")
    assert folder.is_symlink()
    assert "OTHER" in (kept / "tokens.json").read_text()
    kept.chmod(0o777)
    with pytest.raises(InvalidInput, match="other users can write to"):
        contexts.connection()


@by_root
def test_a_link_made_by_another_user_is_not_followed(jhub: Jhub, folder: Path) -> None:
    kept = jhub.home / "kept"
    folder.rename(kept)
    folder.symlink_to(kept)
    os.chown(folder, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(InvalidInput, match="belongs to nobody"):
        contexts.connection()


def test_a_folder_path_that_is_not_a_folder_is_refused(jhub: Jhub, folder: Path) -> None:
    shutil.rmtree(folder)
    for make in (link_to_nothing, lambda path: path.write_text(""), pipe):
        make(folder)
        result = jhub(*LOGIN, stdin="x" * 32)
        assert result.code == 2, result
        assert str(folder) in result.err
        folder.unlink()


def test_the_mode_of_a_hard_link_is_not_changed(jhub: Jhub, folder: Path) -> None:
    other = jhub.home / "other"
    (folder / "tokens.json").rename(other)
    other.chmod(0o644)
    os.link(other, folder / "tokens.json")
    with pytest.raises(InvalidInput, match="hard link"):
        contexts.connection()
    assert stat.S_IMODE(other.stat().st_mode) == 0o644
    other.chmod(0o600)
    assert contexts.connection().token == "SECRET"
    contexts.save("hub", Context(api_url=HUB), "NEW")
    assert "SECRET" in other.read_text(), "the other name keeps the old content"


def test_a_lock_file_that_is_a_hard_link_is_not_emptied(jhub: Jhub, folder: Path) -> None:
    thesis = jhub.home / "thesis"
    thesis.write_text("years")
    (folder / ".lock").unlink()
    os.link(thesis, folder / ".lock")
    contexts.save("hub", Context(api_url=HUB), "NEW")
    assert thesis.read_text() == "years"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_new_folders_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "a/b/c")
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / part).stat().st_mode) for part in ("a", "a/b", "a/b/c")} == {0o700}


def test_a_file_that_is_too_large_or_too_deeply_nested_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "contexts.json").write_text('{"more": ' + "[" * 5000 + "]" * 5000 + "}")
    with pytest.raises(InvalidInput, match="is damaged"):
        contexts.use("hub")
    with (folder / "contexts.json").open("wb") as file:
        file.truncate(2**40)  # a sparse file takes no space
    with pytest.raises(InvalidInput, match="is larger than 64 MiB"):
        contexts.load()


def test_a_link_swapped_in_after_the_check_is_never_opened(tmp_path: Path) -> None:
    """Another process swaps the file for a link again and again."""
    (tmp_path / "mine").mkdir(mode=0o700)
    secret = tmp_path / "secret"
    secret.write_text("elsewhere")
    code = (
        "import os, sys\nos.chdir(sys.argv[1])\n"
        "open('file', 'w').close()\nprint(flush=True)\n"
        "for number in range(3000):\n"
        "    os.symlink(sys.argv[2], 'x'); os.replace('x', 'file')\n"
        "    open('y', 'w').write('here'); os.replace('y', 'file')\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "mine"), str(secret)]
    from jhub.files import read_own_file

    seen = set[bytes | str | None]()
    with subprocess.Popen(run, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while process.poll() is None:
            try:
                seen.add(read_own_file(tmp_path / "mine/file"))
            except InvalidInput as error:
                seen.add(str(error))
    assert process.returncode == 0
    assert b"elsewhere" not in seen
    assert seen <= {
        b"",
        b"here",
        f"{tmp_path / 'mine/file'} is a link, not a regular file",
        f"cannot read {tmp_path / 'mine/file'}: Too many levels of symbolic links",
    }


def test_a_wait_for_a_lock_that_times_out_closes_its_file(tmp_path: Path) -> None:
    first = acquire_lock(tmp_path / "lock", 0)
    assert first is not None
    open_before = len(os.listdir("/dev/fd"))
    assert acquire_lock(tmp_path / "lock", 0.1) is None
    assert len(os.listdir("/dev/fd")) == open_before
    os.close(first)
    second = acquire_lock(tmp_path / "lock", 0)
    assert second is not None
    os.close(second)


@pytest.fixture
def at_no_hub(jhub: Jhub) -> Jhub:
    """Return a command with a hub URL and a token, which reads its input before it sends a request."""
    jhub.env.update({"JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api", "JUPYTERHUB_API_TOKEN": "x" * 32})
    return jhub


def test_an_endless_input_file_is_refused(at_no_hub: Jhub) -> None:
    result = at_no_hub("api", "POST", "/users", "-d", "@/dev/zero")
    assert result.code == 2
    assert "/dev/zero is larger than 64 MiB" in result.err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["api", "POST", "/users", "-d", "@-"], "stdin holds more than 64 MiB"),
        (["user", "create", "-"], "stdin holds more than 64 MiB"),
        (["service", "create", "x", "--api-token", "-"], "longer than 65536 characters"),
        (LOGIN, "longer than 65536 characters"),
        (["login", "http://127.0.0.1:9/hub/api", "-u", "ana", "--password-stdin"], "longer than 65536 characters"),
    ],
)
def test_an_endless_stdin_is_refused(at_no_hub: Jhub, command: list[str], message: str) -> None:
    env = {**at_no_hub.environment()}
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            [sys.executable, "-m", "jhub", *command], stdin=endless, env=env, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2, done
    assert message in done.stderr


def test_a_named_pipe_is_accepted_as_input(at_no_hub: Jhub) -> None:
    """As the shell's <(…) creates one."""
    command = [sys.executable, "-m", "jhub", "api", "POST", "/users", "-d"]
    run = ["bash", "-c", '"$@" @<(echo "[")', "bash", *command]
    done = subprocess.run(run, env=at_no_hub.environment(), capture_output=True, text=True, timeout=60)
    assert "the body is not valid JSON: Input data was truncated" in done.stderr
