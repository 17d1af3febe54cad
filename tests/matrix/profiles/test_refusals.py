"""A refusal is immediate, lists what is available, saves nothing, and does not count as a failed start."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from matrix.profiles.hubs import MEMBERS, ProfileHub

Fresh = Callable[[str], str]

REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"profile": "gated"}, 403, "{owner} may not use profile 'gated'; available: open"),
    ({"profile": "nobodys"}, 403, "{owner} may not use profile 'nobodys'; available: open"),
    ({"profile": "gpu"}, 400, "unknown profile 'gpu'; available: open"),
    ({"profile": "open", "sise": "1"}, 400, "unknown option 'sise' for profile open; it has no options"),
    ({"sise": "1"}, 400, "unknown option 'sise' for profile open; it has no options"),
]


def test_fifty_refusals_do_not_stop_a_hub_with_a_failure_limit_of_three(hub: ProfileHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS)
    slowest = 0.0
    for number in range(50):
        options, status, message = REFUSED[number % len(REFUSED)]
        began = time.monotonic()
        answer = hub.start(owner, f"work{number}", **options)
        slowest = max(slowest, time.monotonic() - began)
        assert (answer.status_code, answer.json()["message"]) == (status, message.format(owner=owner))
    assert slowest < 2
    assert hub.named(owner) == []
    # A hub at its failure limit shuts down two seconds later.
    time.sleep(2.5)
    assert hub.process.poll() is None
    assert "consecutive spawns failed" not in hub.log()
    assert hub.start(member, "work", profile="gated", flavour="hot").status_code in (201, 202)
    hub.ready(member, "work")
    assert hub.started(member)[-1][:4] == ["work", "gated", "hot", "gated+hot"]
    assert hub.start(member, "other", profile="gated", flavour="odd").json()["message"] == (
        "unknown choice 'odd' for option flavour of profile gated; available: plain, hot"
    )
    hub.stop(member, "work")


def test_refusals_of_pages_do_not_stop_the_hub(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    name = "opt-profile" if hub.edits else "profile"
    with hub.browser(owner) as browser:
        for number in range(5):
            page = browser.get(f"{hub.url}/spawn/{owner}/work{number}", params={name: "gated"}, timeout=20)
            assert page.status_code == 403
            assert f"{owner} may not use profile " in page.text
    time.sleep(2.5)
    assert hub.process.poll() is None
    assert hub.started(owner) == []
    assert not any(model["user_options"] for model in hub.servers(owner).values())


def test_the_spawners_hook_refuses_a_start_that_bypasses_the_routes(hub: ProfileHub, fresh: Fresh) -> None:
    owner, member = hub.user(fresh("user")), hub.user(fresh("user"), MEMBERS)
    answer = hub.api("GET", f"/direct/{owner}?profile=gated")
    assert answer.status_code == 403
    assert hub.started(owner) == []
    assert hub.api("GET", f"/direct/{member}?profile=gated").status_code == 200
    assert hub.started(member)[-1][:2] == ["direct", "gated"]
    own = "own" if hub.settings.own_spawner else ""
    assert hub.started(member)[-1][4] == own, "the method of an administrator's spawner still runs"
    hub.stop(member, "direct")


def test_a_caller_without_the_scope_sees_no_profiles(hub: ProfileHub, fresh: Fresh) -> None:
    owner, other = hub.user(fresh("user")), hub.user(fresh("user"))
    for options in ({"profile": "gated"}, {"profile": "gpu"}, {}):
        answer = hub.start(owner, "work", hub.token(other), **options)
        assert answer.status_code == 404
        assert "open" not in answer.text
    assert hub.named(owner) == []


def test_an_edit_that_saves_a_gated_profile_is_refused(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    path = f"/users/{owner}/servers/work"
    body = {"user_options": {"profile": "gated"}}
    if not hub.edits:
        assert hub.api("PUT", path, json=body).status_code == 405
        return
    assert hub.api("PUT", path, json=body).status_code == 403
    assert hub.named(owner) == []
    assert hub.api("PUT", path, json={}).status_code == 201
    assert hub.api("PATCH", path, json=body).status_code == 403
    # The server has no saved options, so it gets the default profile.
    hub.api("POST", path)
    hub.ready(owner, "work")
    assert hub.started(owner) == [["work", "open", "", "open", *hub.started(owner)[0][4:]]]
    hub.stop(owner, "work")


def test_a_body_in_the_format_of_another_version_starts_no_server(hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(fresh("user"))
    answer = hub.api("POST", f"/users/{owner}/servers/work", json={"user_options": {"profile": "gated"}})
    assert answer.status_code == (403 if hub.edits else 400)
    answer = hub.api("POST", f"/users/{owner}/servers/work", json={"profile": "gated"})
    assert answer.status_code == 403
    answer = hub.api("POST", f"/users/{owner}/servers/work", json={"display_name": "x", "profile": "gated"})
    assert answer.status_code == (400 if hub.edits else 403)
    assert hub.started(owner) == []
