"""An owner without profiles gets no server; on a hub whose classes are set on the command line."""

from __future__ import annotations

from collections.abc import Callable

from matrix.profiles.hubs import COMMAND_LINE, MEMBERS, Hubs

Fresh = Callable[[str], str]


def test_an_owner_without_profiles_cannot_start_a_server(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[COMMAND_LINE]
    owner = hub.user(fresh("user"))
    path = f"/users/{owner}/servers/work"
    for body in ({}, {"profile": ""}, {"profile": "gated"}, {"profile": "stock"}, {"image": "x"}):
        answer = hub.start(owner, "work", **body)
        assert (answer.status_code, answer.json()["message"]) == (403, "no profile is available")
    assert hub.api("POST", path).status_code == 403
    assert hub.api("POST", f"/users/{owner}/server").status_code == 403
    assert hub.named(owner) == []
    name = "opt-profile" if hub.edits else "profile"
    with hub.browser(owner) as browser:
        for page, query in (("/spawn", {}), (f"/spawn/{owner}", {name: "gated"}), (f"/spawn/{owner}/work", {"x": "y"})):
            assert browser.get(hub.url + page, params=query, timeout=20).status_code == 403
        form = {"_xsrf": browser.cookies.get("_xsrf", path=f"{hub.settings.base_url}hub/")}
        assert browser.post(f"{hub.url}/spawn/{owner}", data=form, timeout=20).status_code == 403
    assert hub.started(owner) == []
    assert hub.listed(owner) == []
    assert hub.process.poll() is None


def test_members_get_their_profile_by_default(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[COMMAND_LINE]
    owner = hub.user(fresh("user"), MEMBERS)
    assert hub.api("POST", f"/users/{owner}/servers/work").status_code in (201, 202)
    model = hub.ready(owner, "work")
    assert model["user_options"] == {"profile": "gated", "flavour": "plain"}, "the model has the complete options"
    # The hook of the other spawner class does not run.
    assert hub.started(owner) == [["work", "gated", "plain", "", ""]]
    hub.stop(owner, "work")
