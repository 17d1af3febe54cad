"""`jhub login --browser` with a browser that is opened: what other users can see of it, and which user signs in."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser_port import port_lock
from hub_api import Api
from signalled import AtTerminal
from terminal import JHUB, Jhub, Result

from jhub.local import LocalHub

BROWSER = Path(__file__).parents[1] / "support" / "browser_program.py"

Login = Callable[..., Result]


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    return Jhub(tmp_path)


def with_browser_of(jhub: Jhub, hub: LocalHub, user: str) -> Path:
    """Return the log of a browser that signs this user in."""
    record = jhub.home / "opened"
    words = [sys.executable, str(BROWSER), str(record), user, hub.user_password]
    jhub.env["BROWSER"] = f"{shlex.join(words)} %s"
    return record


def login(jhub: Jhub, hub: LocalHub, user: str, *options: str) -> Result:
    """Sign in with the browser, without a terminal."""
    with_browser_of(jhub, hub, user)
    with port_lock():
        return jhub("login", hub.url, "--browser", *options, timeout=120)


def kept(jhub: Jhub) -> dict[str, str]:
    """Return the users of the contexts."""
    file = jhub.home / "config/jhub/contexts.json"
    contexts = json.loads(file.read_text()).get("contexts", {}) if file.exists() else {}
    return {name: context["user"] for name, context in contexts.items()}


def tokens_of(api: Api, user: str) -> list[str]:
    """Return the notes of a user's tokens, with those of the hub's own sign-in pages."""
    return [token["note"] for token in api("GET", f"/users/{user}/tokens").json()["api_tokens"] if token["note"]]


def test_browser_arguments_hold_no_state_and_the_user_is_printed(jhub: Jhub, hub: LocalHub, user: str) -> None:
    record = with_browser_of(jhub, hub, user)
    result = login(jhub, hub, user)
    assert result.code == 0, result
    assert f" as {user} with the browser" in result.err
    address = urlsplit(record.read_text())
    assert (address.netloc, address.query) == ("127.0.0.1:18462", "")
    assert address.path.startswith("/start/")
    assert "state=" in result.err, "the address that leads to the hub is for the person's eyes"
    assert jhub.ok("whoami", "-o", "name") == f"{user}\n"


def test_the_expected_user_signs_in_without_a_question(jhub: Jhub, hub: LocalHub, user: str) -> None:
    assert login(jhub, hub, user, "-u", user.upper()).code == 0
    assert list(kept(jhub).values()) == [user]


@pytest.mark.parametrize("given", ["-u", "--name", "context"])
def test_another_user_is_refused_without_a_terminal(
    given: str, jhub: Jhub, hub: LocalHub, api: Api, user: str, fresh: Callable[[str], str]
) -> None:
    other = fresh("mallory")
    options = ["-u", user]
    if given != "-u":
        options = ["--name", "mine"] if given == "--name" else []
        jhub.ok("login", hub.url, "-u", user, "--password-stdin", *options, stdin=f"{hub.user_password}\n")
    before, tokens = kept(jhub), tokens_of(api, user)
    result = login(jhub, hub, other, *options)
    assert result.code == 4, result
    assert f"the browser signed in as {other}, not as {user}; no token was kept" in result.err
    assert f"-u {other}" in result.err
    assert kept(jhub) == before
    assert tokens_of(api, user) == tokens
    assert not [note for note in tokens_of(api, other) if note.startswith("jhub on")]
    assert "Service jhub-login" not in json.dumps(api("GET", f"/users/{other}/tokens").json())


@pytest.mark.parametrize("answer", ["y", "n"])
def test_another_user_is_confirmed_at_a_terminal(
    answer: str, jhub: Jhub, hub: LocalHub, api: Api, user: str, fresh: Callable[[str], str]
) -> None:
    other = fresh("mallory")
    with_browser_of(jhub, hub, other)
    with port_lock(), AtTerminal(jhub, [*JHUB, "login", hub.url, "--browser", "-u", user]) as command:
        command.read_until(f"The browser signed in as {other}, not as {user}. Continue as {other}? [y/N]")
        command.type(answer)
        assert command.end() == (0 if answer == "y" else 4), command.text
    assert list(kept(jhub).values()) == ([other] if answer == "y" else [])
    made = [note for note in tokens_of(api, other) if note.startswith("jhub on")]
    assert len(made) == (1 if answer == "y" else 0)


def test_a_second_identity_is_signed_in_with_its_username(
    jhub: Jhub, hub: LocalHub, user: str, fresh: Callable[[str], str]
) -> None:
    other = fresh("bo")
    assert login(jhub, hub, user).code == 0
    assert login(jhub, hub, other, "-u", other).code == 0
    assert sorted(kept(jhub).values()) == sorted([user, other])


def test_password_stdin_is_refused_for_the_browser(jhub: Jhub, hub: LocalHub) -> None:
    result = jhub("login", hub.url, "--browser", "--password-stdin", stdin="x\n")
    assert result.code == 2
    assert "--browser and --password-stdin cannot be used together" in result.err
