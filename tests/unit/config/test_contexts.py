"""The files of contexts and tokens: complete, private, never overwritten if they cannot be read."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jhub.config import contexts
from jhub.config.contexts import Context
from jhub.errors import InvalidInput
from jhub.files import write_atomically

HUB = "https://hub.example.org/hub/api"
NOW = datetime.now(UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "JHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("JHUB_KEYRING", "off")
    return tmp_path / "jhub"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def everything(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != ".lock"}


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> object:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_the_files_are_private(folder: Path) -> None:
    assert contexts.save("hub", Context(api_url=HUB), "SECRET").note is None
    assert mode(folder) == 0o700
    assert {mode(file) for file in folder.iterdir()} == {0o600}


def test_old_files_are_read_and_unknown_fields_stay(folder: Path) -> None:
    folder.mkdir()
    ours = {"api_url": HUB, "user": "ana", "colour": {"of": ["the", 1.5, None]}}
    theirs = {"api_url": "https://vault.example.org/hub/api", "kept": "vault"}
    before = {"current": "hub", "contexts": {"hub": ours, "other": theirs}, "version": 7}
    (folder / "contexts.json").write_text(json.dumps(before))
    (folder / "tokens.json").write_text('{"hub": "SECRET"}')
    (folder / "tokens.json").chmod(0o600)
    assert contexts.connection().token == "SECRET"
    with pytest.raises(InvalidInput, match="'vault', which this version of jhub does not support") as caught:
        contexts.connection("other")
    again = "sign in again with: jhub login https://vault.example.org/hub/api --name other"
    assert caught.value.hint == f"update jhub, or {again}"
    contexts.prepare()
    assert json.loads((folder / "contexts.json").read_text()) == before
    contexts.use("other")
    contexts.save("third", Context(api_url=HUB), "THIRD")
    contexts.remove("third")
    assert json.loads((folder / "contexts.json").read_text()) == {**before, "current": ""}
    assert "the token of other stays in 'vault'" in (contexts.remove("other") or "")


DAMAGE = [b'{"current": ', b"", b"\xff\xfe", b"[]", b'{"contexts": {"hub": 5}}', b"{'hub': 'SECRET'}"]


@pytest.mark.parametrize("name", ["contexts.json", "tokens.json"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_an_error_and_is_never_overwritten(folder: Path, name: str, damage: bytes) -> None:
    contexts.save("hub", Context(api_url=HUB), "TOKEN")
    (folder / name).write_bytes(damage)
    before = everything(folder)
    for change in (
        contexts.connection,
        contexts.prepare,
        lambda: contexts.save("hub", Context(api_url=HUB), "NEW"),
        lambda: contexts.save("new", Context(api_url=HUB), "NEW"),
        lambda: contexts.remove("hub"),
    ):
        with pytest.raises(InvalidInput) as caught:
            change()
        assert f"{folder / name} is damaged: " in str(caught.value)
        assert "SECRET" not in str(caught.value)
    assert everything(folder) == before


def test_the_error_locates_the_damage(folder: Path) -> None:
    folder.mkdir()
    (folder / "contexts.json").write_text('{"current": "a",}')
    with pytest.raises(InvalidInput, match=r"byte 16"):
        contexts.load()
    (folder / "contexts.json").write_text('{"contexts": {"a": {"api_url": 5}}}')
    with pytest.raises(InvalidInput, match=r"\$\.contexts\[\.\.\.\]\.api_url"):
        contexts.load()


def test_a_file_that_others_can_read_is_made_private_with_a_warning(folder: Path) -> None:
    contexts.save("hub", Context(api_url=HUB), "SECRET")
    (folder / "tokens.json").chmod(0o644)
    with pytest.warns(UserWarning, match=f"^other users could read {folder / 'tokens.json'} until now") as said:
        contexts.connection()
    contexts.connection()  # and once only: a warning is an error here
    assert mode(folder / "tokens.json") == 0o600
    assert "SECRET" not in str(said[0].message)


def test_temporary_files_of_killed_processes_are_removed(folder: Path) -> None:
    contexts.save("hub", Context(api_url=HUB), "SECRET")
    old, new = folder / ".tokens.json.0123abcd.draft", folder / ".tokens.json.4567abcd.draft"
    for draft in (old, new):
        draft.write_text('{"hub": "HALF')
    os.utime(old, (0, time.time() - 2 * 3600))
    swap = folder / ".tokens.json.swp"
    swap.write_text("an editor's")
    os.utime(swap, (0, 0))
    contexts.save("hub", Context(api_url=HUB), "AGAIN")
    assert [draft.exists() for draft in (old, new, swap)] == [False, True, True]
    assert contexts.connection().token == "AGAIN"


KILLED = """
import os, sys
from jhub.config import contexts
left = int(sys.argv[1])
replace = os.replace
def counted(*args, **more):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    return replace(*args, **more)
os.replace = counted
contexts.save("hub", contexts.Context(api_url=sys.argv[2], user="bo"), "NEW")
"""


@pytest.mark.parametrize("writes", range(4))
def test_a_kill_at_any_write_leaves_no_token_beside_another_hub(folder: Path, writes: int) -> None:
    url = "https://other.example.org/hub/api"
    contexts.save("hub", Context(api_url=HUB, user="ana"), "OLD")
    done = subprocess.run([sys.executable, "-c", KILLED, str(writes), url])
    assert done.returncode == (9 if writes < 3 else 0)
    try:
        where = contexts.connection("hub")
    except InvalidInput as error:
        assert str(error) in ("no context 'hub'; available: none", "no token for context hub")  # noqa: PT017
    else:
        assert (where.url, contexts.get("hub").user, where.token) in {(HUB, "ana", "OLD"), (url, "bo", "NEW")}
    contexts.save("hub", Context(api_url=HUB), "AGAIN")
    assert contexts.connection("hub").token == "AGAIN"


def test_files_that_disagree_are_an_error_with_a_hint(folder: Path) -> None:
    contexts.save("hub", Context(api_url=HUB), "SECRET")
    (folder / "tokens.json").unlink()
    with pytest.raises(InvalidInput, match="no token for context hub") as caught:
        contexts.connection()
    assert caught.value.hint == f"sign in again with: jhub login {HUB} --name hub"
    contexts.save("hub", Context(api_url=HUB), "SECRET")
    (folder / "contexts.json").unlink()
    with pytest.raises(InvalidInput, match="not signed in"):
        contexts.connection()


def _keep(number: int) -> None:
    contexts.save(f"hub{number}", Context(api_url=HUB), f"TOKEN{number}")
    if number % 3 == 0:
        contexts.remove(f"hub{number}")


def test_concurrent_changes_are_all_kept(folder: Path) -> None:
    with multiprocessing.get_context("fork").Pool(12) as pool:
        pool.map(_keep, range(60), chunksize=1)
    left = {f"hub{number}" for number in range(60) if number % 3}
    assert set(contexts.load().contexts) == left
    assert {contexts.connection(name).token for name in left} == {name.replace("hub", "TOKEN") for name in left}
    assert set(everything(folder)) == {"contexts.json", "tokens.json"}


def _rewrite(path: Path, contents: list[bytes]) -> None:
    for each in contents:
        write_atomically(path, each)


def test_readers_see_complete_files_during_a_write(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = {b"a" * 100_000, b"b" * 200_000}
    write_atomically(path, min(contents))
    writer = multiprocessing.get_context("fork").Process(target=_rewrite, args=(path, [*contents] * 40))
    writer.start()
    while writer.is_alive():
        assert path.read_bytes() in contents
    writer.join()
    assert writer.exitcode == 0


def test_an_expiry_warning_has_a_hint(folder: Path) -> None:
    ending = Context(api_url=HUB, created_at=NOW - timedelta(days=28), expires_at=NOW + timedelta(days=2, hours=1))
    contexts.save("hub.example.org", ending, "SECRET")
    again = f"sign in again with: jhub login {HUB}"
    assert (
        contexts.warning("hub.example.org", NOW) == f"the token of context hub.example.org expires in 2 days; {again}"
    )
    assert contexts.warning("hub.example.org", NOW - timedelta(days=9)) is None
    contexts.save("my hub", ending, "SECRET")
    assert (contexts.warning("my hub", NOW + timedelta(days=3)) or "").endswith(f"has expired; {again} --name 'my hub'")


def test_save_sets_the_creation_time(folder: Path) -> None:
    before = datetime.now(UTC)
    contexts.save("hub", Context(api_url=HUB), "SECRET")
    created = contexts.get("hub").created_at
    assert created is not None
    assert before <= created <= datetime.now(UTC)


def test_no_repr_shows_a_token(folder: Path) -> None:
    contexts.save("hub", Context(api_url=HUB), "SECRET")
    assert "SECRET" not in repr((contexts.load(), contexts.get("hub"), contexts.connection()))
