"""KubeSpawner's own list as the hub's profiles, on live hubs whose pods run in a Kubernetes API without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kube_cluster import KubeHub, container, environment, environment_of, kube_hub
from own_lists import AS_FUNCTION, AS_LIST, GPU_USERS, assert_alive

from matrix.profiles.interfaces import (
    REST,
    SERVER,
    Caller,
    Interface,
    direct,
    form,
    form_query,
    is_accepted,
    path,
    post,
)

Fresh = Callable[[str], str]

KINDS = {"list": AS_LIST, "function": AS_FUNCTION}
# KubeSpawner ignores other names in forms and addresses.
PAGES: dict[str, Interface] = {"form": form, "query": form_query}
INTERFACES = {**REST, **PAGES}
CALLERS = {"the owner": INTERFACES, "an administrator": INTERFACES, "a service to start": REST}

LARGE = {"profile": "standard", "size": "large"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    (LARGE, "may not use choice 'large' for option size of profile standard; available: small"),
    ({"profile": "standard", "size": "closed"}, "may not use choice 'closed' for option size of profile standard; "),
    ({"profile": "standard", "size--unlisted-choice": "own"}, "may not use a text for option size of profile stand"),
    ({"profile": "graphics"}, "may not use profile 'graphics'; available: standard"),
]


@pytest.fixture(scope="module")
def hubs(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, KubeHub]]:
    folder = environment_of(pytestconfig)
    with (
        kube_hub(tmp_path_factory.mktemp("list"), AS_LIST, environment=folder) as first,
        kube_hub(tmp_path_factory.mktemp("function"), AS_FUNCTION, environment=folder) as second,
    ):
        yield {"list": first, "function": second}


@pytest.fixture(params=KINDS)
def hub(request: pytest.FixtureRequest, hubs: dict[str, KubeHub]) -> Iterator[KubeHub]:
    up = hubs[request.param]
    yield up
    assert_alive(up)


@contextmanager
def caller_of(hub: KubeHub, kind: str, owner: str) -> Iterator[Caller]:
    if kind == "a service to start":
        yield Caller(hub.settings.starter)
        return
    name = owner if kind == "the owner" else hub.user("admin", GPU_USERS)
    with hub.browser(name) as browser:
        yield Caller(hub.token(name), browser)


def run(hub: KubeHub, owner: str, interface: Interface, source: Caller, options: dict[str, Any]) -> dict[str, Any]:
    """Start and stop a server, and return its pod."""
    hub.api("DELETE", path(owner), json={"remove": True})
    before = len(hub.pods(owner))
    answer = interface(hub, owner, source, options)
    assert is_accepted(answer), answer.text
    hub.ready(owner, SERVER)
    hub.stop(owner, SERVER)
    (pod,) = hub.pods(owner)[before:]
    return pod


@pytest.mark.parametrize(
    ("caller", "name"), [(caller, name) for caller, interfaces in CALLERS.items() for name in interfaces]
)
def test_only_the_groups_of_the_owner_count(caller: str, name: str, hub: KubeHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), GPU_USERS)
    with caller_of(hub, caller, owner) as source:
        if name in ("PUT", "PATCH") and not hub.edits:
            answer = hub.api(name, path(owner), source.token, json={"user_options": LARGE})
            assert answer.status_code == 405
            return
        for options, message in REFUSED:
            answer = INTERFACES[name](hub, owner, source, options)
            assert answer.status_code == 403, (options, answer.text)
            assert name in PAGES or answer.json()["message"].startswith(f"{owner} {message}")
            assert GPU_USERS not in answer.text
            if name == "PATCH":
                assert hub.api("DELETE", path(owner), json={"remove": True}).status_code == 204
    assert hub.pods(owner) == []
    with caller_of(hub, caller, member) as source:
        pod = run(hub, member, INTERFACES[name], source, LARGE)
    assert container(pod)["image"] == f"example/{member}:1"
    assert (environment(pod)["SIZE"], "COURSE" in environment(pod)) == ("large", False)


def test_defaults_give_way_and_texts_are_filled(hub: KubeHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), GPU_USERS)
    text = {"profile": "standard", "size--unlisted-choice": "own"}
    for user, options, size in ((owner, {}, "small"), (member, {}, "large"), (member, text, "own")):
        pod = run(hub, user, post, Caller(), options)
        assert (container(pod)["image"], environment(pod)["SIZE"]) == (f"example/{user}:1", size)
    pod = run(hub, member, post, Caller(), {"profile": "graphics"})
    assert (container(pod)["image"], environment(pod)["COURSE"]) == ("example/gpu:1", "all")
    assert container(pod)["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    wrong = {"profile": "standard", "size--unlisted-choice": "{username}"}
    assert post(hub, member, Caller(), wrong).status_code == 400


def test_saved_options_of_a_former_member_are_refused(hub: KubeHub, fresh: Fresh) -> None:
    for options, message in (REFUSED[0], REFUSED[3]):
        owner = hub.user(fresh("user"), GPU_USERS)
        run(hub, owner, post, Caller(), options)
        hub.leave(GPU_USERS, owner)
        answer = hub.api("POST", path(owner))
        assert answer.status_code == 403
        assert answer.json()["message"].startswith(f"{owner} {message}")
        assert len(hub.pods(owner)) == 1


def test_code_that_starts_without_the_hubs_routes_is_refused(hub: KubeHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), GPU_USERS)
    assert direct(hub, owner, Caller(), LARGE).status_code == 403
    assert hub.pods(owner) == []
    assert direct(hub, member, Caller(), LARGE).status_code == 200
    assert environment(hub.pods(member)[0])["SIZE"] == "large"
    hub.stop(member, "direct")
    # A start that succeeds ends the hub's count of refusals by the hook, which JupyterHub 5 counts.


def test_the_list_and_the_form_have_the_choices_of_the_owner(hub: KubeHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), GPU_USERS)
    for user, slugs, sizes, has_text in (
        (owner, ["standard"], [("small", True)], False),
        (member, ["standard", "graphics"], [("large", True), ("small", False)], True),
    ):
        answer = hub.api("GET", f"/users/{user}/profiles")
        standard = answer.json()["profiles"][0]["profile_options"][0]
        assert [profile["slug"] for profile in answer.json()["profiles"]] == slugs
        assert [(choice["key"], choice["default"]) for choice in standard["choices"]] == sizes
        assert bool(standard["unlisted_choice"]) == has_text
        form_page = hub.form(user).text
        assert ('value="large"' in form_page, 'value="unlisted-choice"' in form_page) == (has_text, has_text)
        assert ("graphics" in form_page) == has_text
        for text in (answer.text, form_page):
            assert not any(word in text for word in (GPU_USERS, "example/", "closed", "allowed_groups"))
