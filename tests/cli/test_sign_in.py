"""Sign-in, sign-out and contexts, and the places of secrets."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hub_api import Api, Tokens
from loopback import Visit, serving
from terminal import Jhub

from jhub import Hub
from jhub.local import LocalHub


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    return Jhub(tmp_path)


@pytest.fixture(scope="module")
def web_site() -> Iterator[str]:
    """A web server that is not a JupyterHub."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>")

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def secret_of(jhub: Jhub, context: str) -> str:
    tokens: dict[str, str] = json.loads((jhub.home / "config/jhub/tokens.json").read_text())
    return tokens[context]


def test_sign_in_whoami_and_sign_out(jhub: Jhub, hub: LocalHub) -> None:
    result = jhub("login", hub.url + "hub/home", "-u", "ana", "--password-stdin", stdin=hub.user_password + "\n")
    assert result.code == 0
    assert "as ana" in result.err
    assert jhub.ok("whoami").splitlines()[0].split() == ["name", "ana"]
    [context] = json.loads(jhub.ok("context", "list", "-o", "json"))
    assert (context["current"], context["user"], context["api_url"]) == (True, "ana", hub.api_url)

    token = secret_of(jhub, context["name"])
    folder = jhub.home / "config/jhub"
    assert stat.S_IMODE((folder / "tokens.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert token not in (folder / "contexts.json").read_text()

    environment = {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": token}
    elsewhere = Jhub(jhub.home / "elsewhere", environment)
    assert elsewhere("whoami").code == 0
    jhub.ok("--debug", "whoami")
    jhub.ok("logout")
    assert elsewhere("whoami").code == 4, "logout revokes"
    assert jhub("whoami").code == 2
    assert not json.loads((folder / "tokens.json").read_text())

    everything = "".join(jhub.outputs + elsewhere.outputs)
    assert token not in everything
    assert hub.user_password not in everything


def test_a_user_of_a_domain_signs_in(jhub: Jhub, as_admin: Jhub, hub: LocalHub, fresh: Callable[[str], str]) -> None:
    user = fresh("user")
    as_admin.ok("user", "create", f"corp\\{user}")
    result = jhub("login", hub.url, "-u", f"CORP\\{user}", "--password-stdin", stdin=hub.user_password + "\n")
    assert result.code == 0, result.err
    assert json.loads(jhub.ok("whoami", "-o", "json"))["name"] == f"corp\\{user}"
    jhub.ok("logout")


def test_the_password_prompt_does_not_echo(jhub: Jhub, hub: LocalHub) -> None:
    result = jhub.at_terminal("login", hub.url, answers={"Username": "ana", "Password": hub.user_password})
    assert result.code == 0, result.out
    assert "signed in" in result.out
    assert hub.user_password not in result.out


def test_a_wrong_password_is_refused_and_nothing_is_saved(jhub: Jhub, hub: LocalHub) -> None:
    result = jhub("login", hub.url, "-u", "ana", "--password-stdin", stdin="wrong\n")
    assert result.code == 4
    assert "error: sign in as ana: Invalid username or password\nhint: jhub tried only once" in result.err
    assert jhub.ok("context", "list", "-o", "name") == ""
    assert not (jhub.home / "config/jhub/tokens.json").exists()


def test_a_token_is_read_from_stdin(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    jhub.ok("login", hub.url, "--token", "-", "--name", "mine", stdin=hub_tokens.ana + "\n")
    assert json.loads(jhub.ok("whoami", "-c", "mine", "-o", "json"))["name"] == "ana"
    jhub.ok("logout")
    assert jhub("login", hub.url, "--token", hub_tokens.ana).code == 2, "never from an argument"


def test_contexts_are_switched(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    jhub.ok("login", hub.url, "--token", "-", "--name", "one", stdin=hub_tokens.ana)
    jhub.ok("login", hub.url, "--token", "-", "--name", "two", stdin=hub_tokens.admin)
    assert json.loads(jhub.ok("whoami", "-o", "json"))["name"] == "admin"
    assert json.loads(jhub.ok("-c", "one", "whoami", "-o", "json"))["name"] == "ana"
    assert json.loads(Jhub(jhub.home, {"JHUB_CONTEXT": "one"}).ok("whoami", "-o", "json"))["name"] == "ana"
    jhub.ok("context", "use", "one")
    assert json.loads(jhub.ok("whoami", "-o", "json"))["name"] == "ana"
    beaten = Jhub(jhub.home, {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": hub_tokens.service})
    assert json.loads(beaten.ok("whoami", "-o", "json"))["name"] == "robot"
    jhub.ok("context", "remove", "one")
    unknown = jhub("whoami", "-c", "one")
    assert (unknown.code, unknown.err.splitlines()[0]) == (2, "error: no context 'one'; available: two")


def test_an_incomplete_environment_is_an_error(jhub: Jhub, hub_tokens: Tokens) -> None:
    result = Jhub(jhub.home, {"JUPYTERHUB_API_TOKEN": hub_tokens.ana})("whoami")
    assert result.code == 2
    assert "JUPYTERHUB_API_URL is not" in result.err
    assert hub_tokens.ana not in result.err


def test_a_damaged_file_is_named_and_not_overwritten(jhub: Jhub) -> None:
    path = jhub.home / "config/jhub/contexts.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"current": ')
    result = jhub("whoami")
    assert result.code == 2
    assert str(path) in result.err
    assert path.read_text() == '{"current": '


def test_a_url_without_a_hub_is_an_error(jhub: Jhub, web_site: str) -> None:
    result = jhub("login", web_site, "-u", "ana", "--password-stdin", stdin="secret\n")
    assert result.code == 1
    assert f"no JupyterHub found at {web_site}" in result.err


def test_a_hub_that_is_down_is_an_error(jhub: Jhub) -> None:
    result = jhub("login", "http://127.0.0.1:9", "-u", "ana", "--password-stdin", stdin="secret\n")
    assert result.code == 1
    assert "cannot reach 127.0.0.1:9" in result.err
    assert "hint: " in result.err


def test_plain_http_triggers_a_warning_before_anything_is_sent(tmp_path: Path) -> None:
    def hub(visit: Visit) -> None:
        visit.json({"version": "6.1.1"}) if visit.path.endswith("/hub/api/") else visit.page(404)

    with serving(hub) as proxy:
        jhub = Jhub(tmp_path, {"http_proxy": proxy.url, "no_proxy": ""})
        result = jhub("login", "http://hub.invalid", "-u", "ana", "--password-stdin", stdin="secret\n")
        assert result.err.startswith("warning: http://hub.invalid/hub/api uses plain http: others on the network path")
        assert result.code == 2
        assert not any(b"secret" in request.body for request in proxy.requests)


def test_a_login_page_of_another_program_gets_no_password(jhub: Jhub) -> None:
    form = b'<form method="post" action="/sso"><input name="username"><input type="password" name="password"></form>'

    def gateway(visit: Visit) -> None:
        if visit.path.endswith("/hub/api/"):
            visit.json({"version": "6.1.1"})
        else:
            visit.send(200, "text/html", form, {})

    with serving(gateway) as site:
        result = jhub("login", site.url, "-u", "ana", "--password-stdin", stdin="secret\n")
        assert result.code == 1
        assert "is not JupyterHub's own; no password was sent" in result.err
        assert site.calls == ["GET /hub/api/", "GET /hub/login"]


def signed_in(jhub: Jhub, hub: LocalHub, user: str, *more: str) -> str:
    """Sign a user in and return the messages."""
    password = hub.password if user == "admin" else hub.user_password
    result = jhub("login", hub.url, "-u", user, "--password-stdin", *more, stdin=f"{password}\n")
    assert result.code == 0, result
    return result.err


def ids(api: Api, user: str) -> set[str]:
    """Return the IDs of a user's tokens."""
    return {token["id"] for token in api("GET", f"/users/{user}/tokens").json()["api_tokens"]}


def contexts_of(jhub: Jhub) -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, str]] = json.loads((jhub.home / "config/jhub/contexts.json").read_text())["contexts"]
    return known


def test_a_second_sign_in_revokes_the_previous_token(jhub: Jhub, hub: LocalHub, api: Api, user: str) -> None:
    signed_in(jhub, hub, user, "--name", "mine")
    signed_in(jhub, hub, user, "--name", "mine", "--scopes", "read:users!user")
    assert len(ids(api, user)) == 1
    # The new token may not revoke tokens, and the previous one may not list itself.
    err = signed_in(jhub, hub, user, "--name", "mine", "--scopes", "read:users!user")
    assert "the previous token of this context" in err
    assert len(ids(api, user)) == 2


def test_a_sign_in_with_the_saved_token_does_not_revoke_it(jhub: Jhub, hub: LocalHub, api: Api, user: str) -> None:
    signed_in(jhub, hub, user, "--name", "mine")
    token = secret_of(jhub, "mine")
    jhub.ok("login", hub.url, "--token", "-", "--name", "mine", stdin=token)
    assert jhub.ok("whoami", "-o", "name") == f"{user}\n"
    jhub.ok("logout")
    assert ids(api, user) == set(), "it is still the one that login made"


def test_another_identity_on_the_same_hub_has_its_own_context(jhub: Jhub, hub: LocalHub, user: str) -> None:
    signed_in(jhub, hub, "ana")
    signed_in(jhub, hub, user)
    signed_in(jhub, hub, user)
    [first, second] = sorted(contexts_of(jhub), key=len)
    assert second == f"{user}@{first}"
    assert jhub.ok("-c", first, "whoami", "-o", "name") == "ana\n"
    assert jhub.ok("whoami", "-o", "name") == f"{user}\n"
    jhub.ok("logout")
    jhub.ok("logout", "-c", first)


def test_a_reused_context_name_reports_the_token_that_stays_valid(jhub: Jhub, hub: LocalHub, user: str) -> None:
    signed_in(jhub, hub, "ana", "--name", "one")
    err = signed_in(jhub, hub, user, "--name", "one")
    assert f"of ana on {hub.api_url}, stays valid" in err


@pytest.mark.parametrize(
    "useless",
    [
        ("--token", "-", "--form"),
        ("--token", "-", "-u", "ana"),
        ("--token", "-", "--password-stdin"),
        ("--token", "-", "--expires", "8h"),
        ("--paste", "--scopes", "self"),
        ("--paste", "--password-stdin"),
        ("--browser", "--password-stdin"),
        ("-c", "local"),
        ("--name", "a\nb"),
        ("--name", " "),
        ("--expires", "0.2s"),
    ],
)
def test_conflicting_options_are_refused_before_anything_is_sent(jhub: Jhub, useless: tuple[str, ...]) -> None:
    with serving(lambda visit: visit.page()) as site:
        result = jhub("login", site.url, *useless, stdin="secret\n")
        assert (result.code, site.calls) == (2, []), result


def test_a_token_in_the_environment_is_used_for_its_hub_only(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    def login(*more: str, **env: str) -> str:
        return Jhub(jhub.home, {"JUPYTERHUB_API_TOKEN": hub_tokens.ana, **env})("login", hub.url, *more).err

    for url in ("", hub.api_url, hub.url):
        assert "signed in" in login(**({"JUPYTERHUB_API_URL": url} if url else {}))
    for env in ({"JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api"}, {"JUPYTERHUB_SERVER_NAME": ""}):
        assert "cannot ask for the username without a terminal" in login(**env)
    for wish in (("--expires", "8h"), ("--scopes", "self"), ("--form",)):
        assert "cannot ask for the username without a terminal" in login(*wish)


def test_an_unknown_token_is_an_error(jhub: Jhub, hub: LocalHub) -> None:
    result = jhub("login", hub.url, "--token", "-", stdin="0123456789abcdef0123456789abcdef\n")
    assert result.code == 4
    assert "error: the hub rejected the token: it has expired, was revoked, or belongs to another hub" in result.err


def test_context_use_warns_if_the_environment_overrides_it(jhub: Jhub, hub: LocalHub, user: str) -> None:
    err = signed_in(Jhub(jhub.home, {"JHUB_CONTEXT": "two"}), hub, user, "--name", "one")
    assert "JHUB_CONTEXT is set to two and overrides the current context; use -c one" in err


def test_a_logout_without_a_response_deletes_nothing(jhub: Jhub, hub: LocalHub, user: str) -> None:
    signed_in(jhub, hub, user, "--name", "one")
    file = jhub.home / "config/jhub/contexts.json"
    there = file.read_text()
    file.write_text(there.replace(hub.api_url, "http://127.0.0.1:9/hub/api"))
    result = jhub("logout")
    assert (result.code, "jhub context remove one" in result.err) == (1, True)
    file.write_text(there)
    jhub.ok("logout")


def test_an_expired_token_is_deleted_by_logout(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens, user: str) -> None:
    signed_in(jhub, hub, user, "--name", "one")
    with Hub(hub.url, hub_tokens.admin) as admin:
        for token in list(admin.tokens.list(user)):
            admin.tokens.revoke(user, token.id)
    result = jhub("logout")
    assert (result.code, result.err.strip()) == (0, "signed out of one")
    assert contexts_of(jhub) == {}


def test_a_token_that_cannot_revoke_itself_is_deleted_with_a_hint(jhub: Jhub, hub: LocalHub, user: str) -> None:
    signed_in(jhub, hub, user, "--name", "one", "--scopes", "read:users!user")
    result = jhub("logout")
    assert result.code == 4
    assert "valid until it expires; revoke a" in result.err
    assert contexts_of(jhub) == {}


def test_logout_does_not_revoke_a_token_that_you_brought(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    jhub.ok("login", hub.url, "--token", "-", stdin=hub_tokens.ana)
    assert "jhub did not create this token" in jhub("logout").err
    assert (
        Jhub(jhub.home, {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": hub_tokens.ana})("whoami").code == 0
    )


def test_a_warning_is_one_line_despite_pythonwarnings(tmp_path: Path) -> None:
    with serving(lambda visit: visit.json({"version": "6.1.1"})) as proxy:
        env = {"http_proxy": proxy.url, "no_proxy": "", "PYTHONWARNINGS": "error"}
        result = Jhub(tmp_path, env)("login", "http://hub.invalid", "--token", "-", stdin="x" * 32)
        assert "Traceback" not in result.err
        assert result.err.startswith("warning: http://hub.invalid/hub/api uses plain http")


def test_logout_applies_to_the_context_in_the_environment(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    for name in ("a", "b"):
        jhub.ok("login", hub.url, "--token", "-", "--name", name, stdin=hub_tokens.ana)
    jhub.ok("context", "use", "a")
    with_b = Jhub(jhub.home, {"JHUB_CONTEXT": "b"})
    assert with_b.ok("context", "show", "-o", "name") == "b\n"
    with_b.ok("logout")
    assert jhub.ok("context", "list", "-o", "name") == "a\n"


def test_a_new_sign_in_revokes_the_previous_token(jhub: Jhub, hub: LocalHub, as_admin: Jhub) -> None:
    def tokens() -> set[str]:
        listed = json.loads(as_admin.ok("token", "list", "-u", "ana", "-o", "json"))
        return {token["id"] for token in listed}

    sign_in = ("login", hub.url, "-u", "ana", "--password-stdin")
    jhub.ok(*sign_in, stdin=hub.user_password)
    before = tokens()
    jhub.ok(*sign_in, stdin=hub.user_password)
    assert len(tokens()) == len(before)
    jhub.ok("logout")
    assert len(tokens()) == len(before) - 1


def test_no_token_is_created_if_it_cannot_be_saved(jhub: Jhub, hub: LocalHub, as_admin: Jhub) -> None:
    before = as_admin.ok("token", "list", "-u", "ana", "-o", "name")
    (jhub.home / "config").write_text("in the way")
    result = jhub("login", hub.url, "-u", "ana", "--password-stdin", stdin=hub.user_password)
    assert result.code == 2
    assert "cannot write to" in result.err
    assert as_admin.ok("token", "list", "-u", "ana", "-o", "name") == before


def test_concurrent_sign_ins_are_all_saved(jhub: Jhub, hub: LocalHub, hub_tokens: Tokens) -> None:
    names = [f"c{number}" for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda n: jhub.ok("login", hub.url, "--token", "-", "--name", n, stdin=hub_tokens.ana), names))
    assert jhub.ok("context", "list", "-o", "name").split() == names
    for name in names:
        assert jhub("whoami", "-c", name).code == 0


def test_the_local_hub_does_not_overwrite_the_context_of_another_hub(jhub: Jhub) -> None:
    folder = jhub.home / "config/jhub"
    folder.mkdir(parents=True)
    there = {"current": "local", "contexts": {"local": {"api_url": "https://hub.example.org/hub/api", "user": "ana"}}}
    (folder / "contexts.json").write_text(json.dumps(there))
    (folder / "tokens.json").write_text(json.dumps({"local": "PRECIOUS"}))
    try:
        result = jhub("local", "up")
        assert result.code == 2
        assert "belongs to another hub" in result.err
        assert json.loads((folder / "tokens.json").read_text()) == {"local": "PRECIOUS"}
    finally:
        jhub("local", "down")


def test_login_warns_if_the_environment_overrides_the_context(
    as_admin: Jhub, hub: LocalHub, hub_tokens: Tokens
) -> None:
    result = as_admin("login", hub.url, "--token", "-", "--name", "mine", stdin=hub_tokens.ana)
    assert "JUPYTERHUB_API_URL is set and overrides the current context; use -c mine" in result.err
    assert json.loads(as_admin.ok("whoami", "-c", "mine", "-o", "json"))["name"] == "ana"
