"""A token of a sign-in becomes a context, and replaces an older token."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import Site, Visit, serving

from jhub import AsyncHub, Hub, Identity
from jhub.config import contexts
from jhub.errors import InvalidInput
from jhub.login import SavedContext, SignInResult, environment_token, save_context
from jhub.steps import Listen, Request
from jhub.testing import Played, Reply, play, refusal, reply

API = "https://hub.example.org/hub/api"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the contexts."""
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "JHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("JHUB_KEYRING", "off")
    return tmp_path / "jhub"


def signed(number: int = 1, user: str = "ana", *, brought: str | None = None) -> SignInResult:
    """Return a sign-in with a new token, or with an existing one whose id is `brought`."""
    who = Identity(name=user, kind="user", token_id=brought)
    made = "" if brought else f"a{number}"
    return SignInResult(
        method="token" if brought else "form", who=who, token=f"SECRET{number}", token_id=made, life=3600
    )


class Revoked:
    """A hub that revokes tokens or refuses; it records each request with the token that sent it."""

    def __init__(self, **refusals: int) -> None:
        self.refusals = refusals
        self.seen: list[tuple[str, str]] = []

    def __call__(self, step: Request[object] | Listen[object]) -> Reply:
        assert isinstance(step, Request)
        assert step.method == "DELETE"
        secret = dict(step.headers)["Authorization"].removeprefix("token ")
        self.seen.append((secret, step.path))
        return refusal(self.refusals[secret]) if secret in self.refusals else reply(204)


def kept(
    signed_in: SignInResult, hub: Revoked | None = None, name: str | None = "mine", *, narrowed: bool = False
) -> SavedContext:
    return played(signed_in, hub or Revoked(), name, narrowed=narrowed).result


def played(signed_in: SignInResult, hub: Revoked, name: str | None, *, narrowed: bool = False) -> Played[SavedContext]:
    return play(save_context(signed_in, API, name, narrowed=narrowed), hub)


def test_a_token_becomes_the_current_context() -> None:
    done = kept(signed(), name=None)
    assert (done.name, done.notes) == ("hub.example.org", ())
    assert (done.context.user, done.context.token_id) == ("ana", "a1")
    assert contexts.connection().token == "SECRET1"
    assert contexts.user_of("hub.example.org", API) == "ana"
    assert contexts.user_of("hub.example.org", "https://else.example.org/hub/api") is None
    assert kept(signed(2, "bo"), name=None).name == "bo@hub.example.org"


def test_the_replaced_token_is_revoked_with_the_new_one() -> None:
    kept(signed(1))
    hub = Revoked()
    assert kept(signed(2), hub).notes == ()
    assert hub.seen == [("SECRET2", "/users/ana/tokens/a1")]
    assert contexts.connection().token == "SECRET2"


def test_the_replaced_token_revokes_itself_if_the_new_one_is_narrowed() -> None:
    kept(signed(1))
    hub = Revoked(SECRET2=403)
    assert kept(signed(2), hub, narrowed=True).notes == ()
    assert [secret for secret, _ in hub.seen] == ["SECRET2", "SECRET1"]


def test_a_replaced_token_that_stays_valid_is_reported() -> None:
    kept(signed(1))
    (said,) = kept(signed(2), Revoked(SECRET2=403)).notes
    assert said == f"the previous token of this context, a1 of ana on {API}, stays valid"
    hub = Revoked()
    (said,) = kept(signed(3, "bo"), hub).notes
    assert said.startswith("the previous token of this context, a2 of ana")
    assert hub.seen == [], "bo has no right to it"


def test_a_replaced_token_that_does_not_exist_is_not_reported() -> None:
    kept(signed(1))
    assert kept(signed(2), Revoked(SECRET2=404)).notes == ()


def test_a_token_does_not_revoke_itself() -> None:
    kept(signed(1))
    hub = Revoked()
    done = kept(signed(1, brought="a1"), hub)
    assert (done.context.token_id, done.notes, hub.seen) == ("a1", (), [])


def test_a_token_that_cannot_be_saved_is_revoked(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "contexts.json").write_text("not JSON")
    for refusals in ({}, {"SECRET1": 403}):
        hub = Revoked(**refusals)
        assert isinstance(played(signed(1), hub, "mine").error, InvalidInput)
        assert hub.seen == [("SECRET1", "/users/ana/tokens/a1")]
    hub = Revoked()
    assert isinstance(played(signed(1, brought="a9"), hub, "mine").error, InvalidInput)
    assert hub.seen == [], "that one is its owner's"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, (None, "")),
        ({"JUPYTERHUB_API_URL": API}, (None, "")),
        ({"JUPYTERHUB_API_TOKEN": "T"}, ("T", "")),
        ({"JUPYTERHUB_API_TOKEN": "T", "JUPYTERHUB_API_URL": API}, ("T", "")),
        ({"JUPYTERHUB_API_TOKEN": "T", "JUPYTERHUB_API_URL": "https://hub.example.org"}, ("T", "")),
        ({"JUPYTERHUB_API_TOKEN": "T", "JUPYTERHUB_API_URL": "https://b.example.org"}, (None, "https://b.example.org")),
        ({"JUPYTERHUB_API_TOKEN": "T", "JUPYTERHUB_SERVER_NAME": ""}, (None, "")),
    ],
)
def test_a_token_in_the_environment_belongs_to_one_hub(environ: dict[str, str], found: tuple[str | None, str]) -> None:
    assert environment_token(API, environ) == found


def a_hub(visit: Visit) -> None:
    """Answer as a hub where ana has a password; it numbers the tokens that it creates."""
    made = sum(request.method == "POST" for request in visit.server.requests)
    if visit.command == "DELETE":
        visit.send(204, "text/plain", b"", {})
    else:
        visit.json({"id": f"a{made}", "user": "ana", "token": f"NEW{made}", "name": "ana", "version": "6.1.1"})


def login(site: Site, context: str | None) -> str:
    with Hub.login(site.url, username="ana", password="PASSWORD", method="password", context=context) as hub:
        return hub.whoami().name


def login_asynchronously(site: Site, context: str | None) -> str:
    async def go() -> str:
        plan = AsyncHub.login(site.url, username="ana", password="PASSWORD", method="password", context=context)
        async with await plan as hub:
            return (await hub.whoami()).name

    return asyncio.run(go())


SignInAs = Callable[[Site, str | None], str]
LOGINS = pytest.mark.parametrize("sign_in", [login, login_asynchronously], ids=["Hub", "AsyncHub"])


@LOGINS
def test_login_saves_a_context(sign_in: SignInAs) -> None:
    with serving(a_hub) as site:
        assert sign_in(site, None) == "ana"
        assert not contexts.load().contexts
        sign_in(site, "course")
        older = contexts.get("course")
        sign_in(site, "course")
        newer = contexts.get("course")
        assert (contexts.load().current, newer.user) == ("course", "ana")
        assert newer.token_id != older.token_id
        assert site.calls[-2:] == [f"DELETE /hub/api/users/ana/tokens/{older.token_id}", "GET /hub/api/user"]


@LOGINS
def test_login_warns_of_a_replaced_token_that_stays_valid(sign_in: SignInAs) -> None:
    contexts.save("course", contexts.Context(api_url=API, user="ana", token_id="a9"), "OLD")
    with (
        serving(a_hub) as site,
        pytest.warns(UserWarning, match="the previous token of this context, a9 of ana on .* stays valid"),
    ):
        sign_in(site, "course")


@LOGINS
@pytest.mark.parametrize("name", ["", " ", "a\nb"])
def test_an_invalid_context_name_is_refused_before_any_request(sign_in: SignInAs, name: str) -> None:
    with serving(a_hub) as site:
        with pytest.raises(InvalidInput):
            sign_in(site, name)
        assert site.requests == []
