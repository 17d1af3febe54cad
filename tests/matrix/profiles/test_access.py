"""Starts of a gated profile by each caller and interface: only the groups of the owner decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests

from matrix.profiles.hubs import LISTED, MEMBERS, ProfileHub

Fresh = Callable[[str], str]


@dataclass(frozen=True)
class Case:
    """A caller requests a server of an owner with the profile `gated`."""

    title: str
    starts: bool
    caller: str = "owner"
    """"owner", "admin" or "operator", which is a service."""
    groups: tuple[str, ...] = ()
    left: bool = False
    """True if the owner is a former member of its group."""
    listed: bool = False


CASES = [
    Case("a member", True, groups=(MEMBERS,)),
    Case("a member of other groups too", True, groups=("others", MEMBERS)),
    Case("not a member", False),
    Case("a member of others", False, groups=("others",)),
    Case("listed by name", True, listed=True),
    Case("left the group", False, groups=(MEMBERS,), left=True),
    Case("an administrator for a member", True, caller="admin", groups=(MEMBERS,)),
    Case("an administrator, who is one, for somebody who is not", False, caller="admin"),
    Case("a service for a member", True, caller="operator", groups=(MEMBERS,)),
    Case("a service for somebody who is not", False, caller="operator"),
    Case("a service for who has left", False, caller="operator", groups=(MEMBERS,), left=True),
]
INTERFACES = ("rest", "form", "query")
TABLE = [
    (case, interface)
    for case in CASES
    for interface in INTERFACES
    if not (case.caller == "operator" and interface != "rest")
]


@pytest.mark.parametrize(("case", "interface"), TABLE, ids=[f"{case.title}, {interface}" for case, interface in TABLE])
def test_only_the_groups_of_the_owner_count(case: Case, interface: str, hub: ProfileHub, fresh: Fresh) -> None:
    owner = hub.user(LISTED if case.listed else fresh("user"), *case.groups)
    if case.left:
        hub.leave(MEMBERS, owner)
    if case.caller == "admin":
        hub.user("admin", MEMBERS)
    server = fresh("work")
    caller = {"owner": owner, "admin": "admin", "operator": ""}[case.caller]
    answer = request_start(hub, interface, caller, owner, server)
    if case.starts:
        assert answer.status_code in ((201, 202) if interface == "rest" else (302,)), answer.text
        hub.ready(owner, server)
        names, profile, flavour, seen, _ = hub.started(owner)[-1]
        assert (names, profile, flavour, seen) == (server, "gated", "plain", "gated+plain")
        hub.stop(owner, server)
    else:
        assert answer.status_code == 403
        assert f"{owner} may not use profile " in answer.text
        assert "; available: open" in answer.text
        # Opening the page creates a row for a server of that name; REST does not.
        known = [hub.servers(owner)[name] for name in hub.named(owner)]
        assert len(known) == (0 if interface == "rest" else 1)
        assert not any(model["user_options"] or model["ready"] or model["pending"] for model in known)
        assert hub.started(owner) == []


def request_start(hub: ProfileHub, interface: str, caller: str, owner: str, server: str) -> requests.Response:
    """Request a start of `gated`; a caller without a name is the service."""
    if interface == "rest":
        return hub.start(owner, server, hub.token(caller) if caller else None, profile="gated")
    page = f"{hub.url}/spawn/{owner}/{server}"
    with hub.browser(caller) as browser:
        if interface == "query":
            name = "opt-profile" if hub.edits else "profile"
            return browser.get(page, params={name: "gated"}, allow_redirects=False, timeout=20)
        browser.get(f"{hub.url}/home", timeout=20)
        form = {"profile": "gated", "_xsrf": browser.cookies.get("_xsrf", path=f"{hub.settings.base_url}hub/")}
        return browser.post(page, data=form, allow_redirects=False, timeout=20)
