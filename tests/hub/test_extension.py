"""Profiles in real hubs: they take effect, and unknown ones are refused before the hub does anything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from hub_api import Api, Tokens
from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado.web import HTTPError
from traitlets import Dict, List, Unicode

from jhub.errors import LocalHubError
from jhub.extension import spawner_hook
from jhub.extension.spawn_call import PROFILE_PARAMETER
from jhub.extension.verdict import Decision
from jhub.local import LocalHub
from jhub.profiles.model import Profile

MEMBERS = "the-members"

OPTION_PREFIX = PROFILE_PARAMETER.removesuffix("profile")
"""Prefix of options in the address of the spawn page."""

REFUSED = "unknown profile 'gpu'; available: lab, lean, stub,"

Call = Callable[..., requests.Response]

# All calls of JupyterHub 6's REST API with a server's options.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "start": ("POST", {"user_options": {"profile": "gpu"}}),
    "start, with a display name": ("POST", {"display_name": "Work", "user_options": {"profile": "gpu"}}),
    "start, as before JupyterHub 6": ("POST", {"profile": "gpu"}),
    "create": ("PUT", {"user_options": {"profile": "gpu"}}),
    "create, as before JupyterHub 6": ("PUT", {"profile": "gpu"}),
}


def test_a_profile_takes_effect(api: Api, user: str) -> None:
    api.start(user, "work", profile="slow_spawn", size="large")
    answer = api.at(api.ready(user, "work")["url"]).json()
    assert answer["arguments"] == ["--after", "3"]
    # The administrator's environment is present, too, and the administrator's hook ran after the profile was applied.
    assert answer["environment"] == {
        "JHUB_PROFILE": "slow_spawn",
        "JHUB_OWN": "the administrator's",
        "JHUB_HOOK": "saw slow_spawn",
    }


@pytest.mark.parametrize("options", [{}, {"profile": None}, {"profile": ""}, {"size": "x"}])
def test_a_start_without_a_profile_gets_the_default_one(api: Api, user: str, options: dict[str, Any]) -> None:
    api.start(user, "work", **options)
    assert api.at(api.ready(user, "work")["url"]).json()["profile"] == "stub"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("server", ["work", ""])
def test_an_unknown_profile_is_refused(api: Api, user: str, call: str, server: str) -> None:
    _check_refused(api, user, server, *CALLS[call])


def test_an_unknown_profile_is_refused_by_a_hub_that_never_waits(zero_api: Api, zero_user: str) -> None:
    _check_refused(zero_api, zero_user, "work", *CALLS["start"])
    assert zero_api.start(zero_user, "work", profile="stub").status_code == 202
    zero_api.ready(zero_user, "work")


def _check_refused(api: Api, user: str, server: str, method: str, body: dict[str, Any]) -> None:
    path = f"/users/{user}/servers/{server}" if server else f"/users/{user}/server"
    answer = api(method, path, json=body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(REFUSED)
    # The refusal leaves nothing behind: no row, no options, no failed start.
    known = api("GET", f"/users/{user}", params={"include_stopped_servers": "1"}).json()["servers"]
    assert set(known) <= {""}
    assert not any(model["user_options"] for model in known.values())
    assert api("GET", f"{path}/progress").status_code in (400, 404)


def test_options_of_another_type_are_refused(api: Api, user: str) -> None:
    for profile in (["lab", "lean"], 3, {"slug": "lab"}):
        answer = api.start(user, "work", profile=profile)
        assert answer.status_code == 400
        assert "'profile' must be text" in answer.json()["message"]
    for body in ("[]", '"lab"', "{", '{"user_options": []}'):
        assert api("POST", f"/users/{user}/servers/work", data=body).status_code == 400 or body == "[]"


def test_an_edit_that_saves_an_unknown_profile_is_refused(api: Api, user: str) -> None:
    path = f"/users/{user}/servers/work"
    assert api("PUT", path, json={"user_options": {"profile": "slow_spawn"}}).status_code == 201
    answer = api("PATCH", path, json={"user_options": {"profile": "gpu"}})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(REFUSED)
    assert api("GET", path).json()["user_options"] == {"profile": "slow_spawn"}
    assert api("PATCH", path, json={"user_options": {"profile": "stub"}}).status_code == 200
    # A start without options gets the saved ones.
    api("POST", path)
    assert api.at(api.ready(user, "work")["url"]).json()["profile"] == "stub"
    # While it runs, JupyterHub's own responses are unchanged.
    assert "already running" in api("POST", path).json()["message"]


def test_a_caller_without_the_scope_sees_no_profiles(hub: LocalHub, hub_tokens: Tokens, user: str) -> None:
    for token, status in ((None, 403), (hub_tokens.ana, 404)):
        for method in ("POST", "PUT", "PATCH"):
            body = {"user_options": {"profile": "gpu"}}
            answer = Api(hub, token)(method, f"/users/{user}/servers/work", json=body)
            assert answer.status_code == status
            assert "lean" not in answer.text
    # A caller with the scope to start servers sees the profiles, here a service for any user.
    assert "lean" in Api(hub, hub_tokens.service).start(user, "work", profile="gpu").text


def test_an_unknown_user_is_not_found(api: Api) -> None:
    assert api.start("nobody-at-all", "work", profile="gpu").status_code == 404


def test_the_page_refuses_unknown_and_unavailable_profiles(
    hub: LocalHub, api: Api, fresh: Callable[[str], str]
) -> None:
    """The query string of the spawn page does not pass the REST API: stage 2 refuses it."""
    name = fresh("user")
    with requests.Session() as browser:
        browser.trust_env = False
        browser.get(f"{hub.url}hub/login")
        form = {"username": name, "password": hub.user_password, "_xsrf": browser.cookies["_xsrf"]}
        login = browser.post(f"{hub.url}hub/login", data=form, allow_redirects=False)
        assert login.status_code == 302
        for server, profile, status in (("/work", "nobodys", 403), ("", "gpu", 400), ("/work", "gpu", 400)):
            page = browser.get(f"{hub.url}hub/spawn/{name}{server}", params={"opt-profile": profile}, timeout=20)
            assert page.status_code == status
    known = api("GET", f"/users/{name}", params={"include_stopped_servers": "1"}).json()["servers"]
    assert not any(model["user_options"] or model["ready"] or model["pending"] for model in known.values())


def _browser(hub: LocalHub, name: str) -> requests.Session:
    """Return a session in which the user is logged in."""
    browser = requests.Session()
    browser.trust_env = False
    browser.get(f"{hub.url}hub/login")
    form = {"username": name, "password": hub.user_password, "_xsrf": browser.cookies["_xsrf"]}
    assert browser.post(f"{hub.url}hub/login", data=form, allow_redirects=False).status_code == 302
    return browser


LINK = {"utm_source": "canvas", "ref": ["a", "b"], "display_name": "X"}
"""Parameters that are no options."""


@pytest.mark.parametrize("server", ["", "/work"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_page_drops_names_that_are_no_options(
    hub: LocalHub, api: Api, fresh: Callable[[str], str], method: str, server: str
) -> None:
    name = fresh("user")
    with _browser(hub, name) as browser:
        page = f"{hub.url}hub/spawn/{name}{server}"

        def send(**more: str) -> int:
            fields: dict[str, Any] = {**LINK, **more}
            if method == "GET":
                return browser.get(page, params=fields, timeout=30, allow_redirects=False).status_code
            fields["_xsrf"] = browser.cookies["_xsrf"]
            return browser.post(page, params=LINK, data=fields, timeout=30, allow_redirects=False).status_code

        for mistyped in ("opt-profle", "profiles"):
            assert send(**{mistyped: "lean"}) == 400
        if method == "GET":
            assert send() == 200, "nothing of the link is an option, so the page shows the form of profiles"
            return
        assert send() == 302
    model = api.ready(name, server.strip("/"))
    assert model["user_options"] == {"profile": "stub"}
    # The REST API takes every name for an option.
    assert api.start(name, "other", utm_source="canvas").status_code == 400
    # JupyterHub saves nothing of the link either.
    path = f"/users/{name}/servers/{server.strip('/')}"
    assert api("DELETE", path).status_code in (202, 204)


def test_the_page_keeps_options_beside_other_names(hub: LocalHub, api: Api, fresh: Callable[[str], str]) -> None:
    name = fresh("user")
    with _browser(hub, name) as browser:
        fields = {PROFILE_PARAMETER: "stub", f"{OPTION_PREFIX}size": "large", **LINK}
        answer = browser.get(f"{hub.url}hub/spawn/{name}", params=fields, timeout=30, allow_redirects=False)
        assert answer.status_code == 302
    assert api.ready(name, "")["user_options"] == {"profile": "stub", "size": ["large"]}


@pytest.fixture
def members(api: Api) -> Callable[..., None]:
    """Add users to the group of the profile `members`, or with `gone` remove them."""

    def change(*users: str, gone: bool = False) -> None:
        assert api("POST", f"/groups/{MEMBERS}").status_code in (201, 409)
        method = "DELETE" if gone else "POST"
        assert api(method, f"/groups/{MEMBERS}/users", json={"users": users}).status_code == 200

    return change


def _check_closed(answer: requests.Response, profile: str = "members") -> None:
    assert answer.status_code == 403
    message = answer.json()["message"]
    assert re.match(rf"[\w-]+ may not use profile '{profile}'; available: lab, lean,", message), message
    assert profile not in message.partition("available: ")[2]


def test_members_start_their_profile_with_their_choices(api: Api, user: str, members: Callable[..., None]) -> None:
    members(user)
    assert api.start(user, "work", profile="members", flavour="hot").status_code in (201, 202)
    environment = api.at(api.ready(user, "work")["url"]).json()["environment"]
    assert (environment["JHUB_PROFILE"], environment["JHUB_FLAVOUR"]) == ("members", "hot")
    api.start(user, "other", profile="members")
    assert api.at(api.ready(user, "other")["url"]).json()["environment"]["JHUB_FLAVOUR"] == "plain"


def test_only_the_groups_of_the_owner_count(
    api: Api, hub: LocalHub, hub_tokens: Tokens, user: str, members: Callable[..., None]
) -> None:
    """The caller is an administrator who is a member, a service, and the owner: only the owner's groups count."""
    members(hub.username)
    asking = [(api, user), (Api(hub, hub_tokens.service), user), (Api(hub, hub_tokens.ana), "ana")]
    for caller, owner in asking:
        _check_closed(caller.start(owner, "gated", profile="members"))
        _check_closed(caller("POST", f"/users/{owner}/servers/gated", json={"profile": "members"}))
    _check_closed(api("PUT", f"/users/{user}/servers/gated", json={"user_options": {"profile": "members"}}))
    known = api("GET", f"/users/{user}", params={"include_stopped_servers": "1"}).json()["servers"]
    assert "gated" not in known
    members(hub.username, gone=True)


def test_a_service_starts_the_profile_for_a_member(
    hub: LocalHub, hub_tokens: Tokens, api: Api, user: str, members: Callable[..., None]
) -> None:
    members(user)
    assert Api(hub, hub_tokens.service).start(user, "work", profile="members").status_code in (201, 202)
    assert api.at(api.ready(user, "work")["url"]).json()["profile"] == "members"


def test_a_former_member_keeps_a_running_server_and_cannot_restart_it(
    api: Api, user: str, members: Callable[..., None]
) -> None:
    path = f"/users/{user}/servers/work"
    members(user)
    api.start(user, "work", profile="members")
    url = api.ready(user, "work")["url"]
    members(user, gone=True)
    assert api.at(url).json()["profile"] == "members"
    assert api("DELETE", path).status_code == 204
    # The options that the hub has saved name the profile of the members.
    _check_closed(api("POST", path))
    _check_closed(api.start(user, "work", profile="members"))
    _check_closed(api("PATCH", path, json={"user_options": {"profile": "members"}}))
    assert api("PATCH", path, json={"user_options": {"profile": "stub"}}).status_code == 200
    api("POST", path)
    assert api.at(api.ready(user, "work")["url"]).json()["profile"] == "stub"


def test_a_profile_with_an_empty_list_is_refused_to_everybody(
    api: Api, hub: LocalHub, user: str, members: Callable[..., None]
) -> None:
    members(user)
    for owner in (user, hub.username):
        _check_closed(api.start(owner, "work", profile="nobodys"), "nobodys")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "stub", "sise": 3}, "unknown option 'sise' for profile stub; available: cpus, pw, size"),
        ({"sise": 3}, "unknown option 'sise' for profile stub; "),
        (
            {"profile": "members", "flavour": "odd"},
            "unknown choice 'odd' for option flavour of profile members; ",
        ),
    ],
)
def test_unknown_options_and_choices_are_refused(
    api: Api, user: str, members: Callable[..., None], options: dict[str, Any], message: str
) -> None:
    members(user)
    answer = api.start(user, "work", **options)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)


def _decision(slug: str = "odd", kube: dict[str, Any] | None = None, **override: Any) -> Decision:
    profile = Profile(slug=slug, display_name=slug)
    return Decision(profile=profile, user_options={}, spawner_override=override, kubespawner_override=kube or {})


def test_the_spawners_settings_are_restored() -> None:
    """JupyterHub may use a spawner object for several starts."""
    spawner = SimpleLocalProcessSpawner(environment={"A": "1"}, args=["--own"], mem_limit="1G")
    spawner_hook.apply_settings(spawner, _decision(environment={"B": "2"}, args=["--first"], default_url="/x"))
    assert spawner.environment == {"A": "1", "B": "2"}
    assert (spawner.args, spawner.default_url, spawner.mem_limit) == (["--first"], "/x", 2**30)
    spawner.environment["C"] = "a hook's"

    spawner_hook.apply_settings(spawner, _decision(mem_limit="2G"))
    assert spawner.environment == {"A": "1"}
    assert (spawner.args, spawner.default_url, spawner.mem_limit) == (["--own"], "", 2**31)

    spawner_hook.restore_settings(spawner)
    assert spawner.mem_limit == 2**30


def test_a_hook_does_not_change_the_profile() -> None:
    spawner = SimpleLocalProcessSpawner()
    decision = _decision(args=["--own"])
    spawner_hook.apply_settings(spawner, decision)
    spawner.args.append("a hook's")
    spawner_hook.apply_settings(spawner, decision)
    assert spawner.args == ["--own"]


def test_settings_of_kubespawner_apply_to_kubespawner_only() -> None:
    class KubeSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
        extra_labels = Dict()
        image = Unicode("stock")
        profile_list: Any = List()

    class Ours(KubeSpawner):
        pass

    kube = {"image": "scipy", "extra_labels": {"a": None, "b": {"c": "d"}}, "environment": {"A": None, "B": "2"}}
    decision = _decision(kube=kube, environment={"C": "3"}, image="any")
    spawner = Ours(environment={"A": "1"}, extra_labels={"a": "x", "z": "x"})
    spawner_hook.apply_settings(spawner, decision)
    assert (spawner.image, spawner.extra_labels) == ("scipy", {"z": "x", "b": {"c": "d"}})
    assert spawner.environment == {"B": "2", "C": "3"}
    spawner_hook.restore_settings(spawner)
    assert (spawner.image, spawner.extra_labels) == ("stock", {"a": "x", "z": "x"})
    assert spawner.environment == {"A": "1"}

    other = SimpleLocalProcessSpawner(environment={"A": "1"})
    spawner_hook.apply_settings(other, _decision(kube=kube))
    assert other.environment == {"A": "1"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"mem_limt": "1G"}, "profile odd: the setting 'mem_limt' of SimpleLocalProcessSpawner does not exist"),
        (
            {"default_url": 3},
            "profile odd: the setting 'default_url' of SimpleLocalProcessSpawner does not accept the profile's value",
        ),
    ],
)
def test_a_setting_that_the_spawner_does_not_accept_is_an_error(override: dict[str, Any], message: str) -> None:
    spawner = SimpleLocalProcessSpawner()
    with pytest.raises(HTTPError) as caught:
        spawner_hook.apply_settings(spawner, _decision(**override))
    assert caught.value.status_code == 500
    assert message in str(caught.value)


def test_a_bad_file_stops_the_hub(tmp_path: Path) -> None:
    bad = tmp_path / "profiles.yaml"
    bad.write_text("profiles: [{slug: lab, group: [geo]}]")
    with pytest.raises(LocalHubError, match=r"profiles.yaml:1: profile lab: unknown key 'group': it may restrict"):
        LocalHub(profiles=bad).start()


def test_enable_adds_routes_once_and_imports_no_client(profiles_file: Path) -> None:
    script = f"""
import json, sys
from traitlets.config import Config
import jhub.extension
from jupyterhub.apihandlers import default_handlers
before = len(default_handlers)
for _ in range(2):
    jhub.extension.enable(Config(), profiles={str(profiles_file)!r}, password_tokens=True)
print(json.dumps({{
    "added": [path for path, *_ in default_handlers[:len(default_handlers) - before]],
    "loaded": sorted({{"httpx2", "click", "rich"}} & set(sys.modules)),
}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "added": [
            "/api/authorizations/token",
            "/api/profiles",
            "/api/users/([^/]+)/profiles",
            "/api/users/([^/]+)/server",
            "/api/users/([^/]+)/servers/([^/]*)",
        ],
        "loaded": [],
    }
