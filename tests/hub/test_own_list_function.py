"""KubeSpawner's own list as a function: when it is called, and what is refused if it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kube_cluster import KubeHub, kube_hub
from own_lists import AS_FUNCTION, GPU_USERS, assert_alive, calls, say

from matrix.profiles.interfaces import SERVER, Caller, direct, everywhere, form_query, is_accepted, page, path, post

Fresh = Callable[[str], str]

INVALID = ["number", "text", "gate", "misspelt gate", "gate as text", "gate of an option", "object"]
NOTHING = ["None", "empty", "tuple", "mapping without entries", "nothing left to choose"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeHub]:
    with kube_hub(tmp_path_factory.mktemp("function"), AS_FUNCTION) as hub:
        yield hub


@pytest.fixture
def hub(running: KubeHub) -> Iterator[KubeHub]:
    yield running
    say(running, "list")
    assert_alive(running)


def refusals(hub: KubeHub, owner: str) -> Iterator[tuple[int, str]]:
    """Yield the status and the text of each response to a start, a list and the form."""
    token = hub.token(owner)
    with hub.browser(owner) as browser:
        for options in ({}, {"profile": "standard"}, {"profile": "standard", "size": "small"}):
            for answer in everywhere(hub, owner, options, browser):
                # An empty PUT or PATCH saves nothing that could be refused.
                if not (options == {} and answer.request.method in ("PUT", "PATCH")):
                    yield answer.status_code, answer.text
        yield from ((answer.status_code, answer.text) for answer in [browser.get(page(hub, owner), timeout=20)])
    for answer in (
        hub.api("POST", f"/users/{owner}/server", token),
        direct(hub, owner, Caller(), {"profile": "standard"}),
    ):
        yield answer.status_code, answer.text


@pytest.mark.parametrize("said", ["403", "raise", *INVALID, *NOTHING])
def test_a_function_that_fails_refuses_everything(said: str, hub: KubeHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"), GPU_USERS)
    say(hub, said)
    found = list(refusals(hub, owner))
    status = 403 if said == "403" or said in NOTHING else 500
    assert {code for code, _ in found} == {status}, found
    assert not any("SECRET" in text or "Traceback" in text for _, text in found)
    listed = hub.api("GET", f"/users/{owner}/profiles")
    if said in NOTHING:
        assert (listed.status_code, listed.json()["profiles"]) == (200, [])
    else:
        assert listed.status_code == status
        assert "SECRET" not in listed.text
        message = "your project has no hours left" if said == "403" else "KubeSpawner.profile_list failed ("
        assert listed.json()["message"].startswith(message)
    assert hub.pods(owner) == []
    # Only the last of the three stages decides about `direct`, and JupyterHub has saved the options by then.
    assert not any(model["user_options"] for name, model in hub.servers(owner).items() if name != "direct")


def test_a_setting_that_kubespawner_does_not_have_fails_alone(hub: KubeHub, fresh: Fresh) -> None:
    owner, other = hub.user(fresh("user")), hub.user(fresh("user"))
    say(hub, "setting")
    answer = post(hub, owner, Caller(), {})
    assert answer.status_code == 500
    assert "the setting 'no_such_setting' of KubeSpawner does not exist" in hub.log()
    assert hub.pods(owner) == []
    say(hub, "list")
    assert post(hub, other, Caller(), {}).status_code == 201
    hub.stop(other, SERVER)


@pytest.mark.parametrize("said", ["list", "mapping", "sync", "coroutine", "generator of choices"])
def test_what_a_function_may_return(said: str, hub: KubeHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    say(hub, said)
    assert hub.listed(owner) == ["standard"]
    assert post(hub, owner, Caller(), {"profile": "standard", "size": "large"}).status_code == 403
    assert post(hub, owner, Caller(), {"profile": "standard", "size": "small"}).status_code == 201
    hub.stop(owner, SERVER)


def test_the_function_is_called_once_for_each_decision_with_the_owners_spawner(hub: KubeHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    token = hub.token(owner)
    with hub.browser(owner) as browser:
        caller = Caller(token, browser)
        calls(hub)

        def called(count: int, server: str = SERVER) -> None:
            assert calls(hub) == [f"{owner}/{server} KubeSpawner"] * count

        hub.api("GET", "/profiles", token)
        called(1, "")
        refused = {"profile": "standard", "size": "large"}
        assert post(hub, owner, caller, refused).status_code == 403
        called(1, "")
        assert post(hub, owner, caller, {}).status_code == 201
        # The API handler decides before the server has a spawner; the other two stages are later.
        assert calls(hub) == [f"{owner}/{server} KubeSpawner" for server in ("", SERVER, SERVER)]
        hub.stop(owner, SERVER)
        assert hub.api("POST", path(owner)).status_code == 201
        called(3)
        hub.stop(owner, SERVER)
        assert post(hub, owner, caller, refused).status_code == 403
        called(1)
        assert browser.get(page(hub, owner), timeout=20).status_code == 200
        called(2)  # the names of the page's options, and the form
        assert is_accepted(form_query(hub, owner, caller, {"profile": "standard"}))
        assert len(calls(hub)) <= 4
        hub.stop(owner, SERVER)


def test_a_stopped_server_has_its_own_spawner_after_a_restart_of_the_hub(tmp_path: Path) -> None:
    with kube_hub(tmp_path, AS_FUNCTION) as hub:
        owner = hub.user("ana")
        assert hub.api("PUT", path(owner), json={}).status_code == 201
    with kube_hub(tmp_path, AS_FUNCTION) as hub:
        calls(hub)
        assert post(hub, owner, Caller(), {"profile": "none"}).status_code == 400
        assert calls(hub) == [f"{owner}/{SERVER} KubeSpawner"]


def test_lists_of_a_user_without_any_server(hub: KubeHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    assert hub.listed(owner) == ["standard"]
    assert json.loads(hub.api("GET", f"/users/{owner}").text)["servers"] == {}
    assert [name for name in hub.servers(owner) if name] == []
