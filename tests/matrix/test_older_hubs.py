"""Calls that are unsupported on older hubs, and only there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jhub import HubError, Unsupported
from matrix.rows import SERVICES_AT_RUN_TIME, SETTINGS, SHARES

Act = Callable[[Any], object]

CALLS: list[tuple[pytest.MarkDecorator, str, Act]] = [
    (SHARES, "shares.list", lambda hub: list(hub.shares.list("nobody"))),
    (SHARES, "shares.list of one server", lambda hub: list(hub.shares.list("nobody", "work"))),
    (SHARES, "shares.list_shared_with user", lambda hub: list(hub.shares.list_shared_with(user="nobody"))),
    (SHARES, "shares.list_shared_with group", lambda hub: list(hub.shares.list_shared_with(group="nowhere"))),
    (SHARES, "shares.get", lambda hub: hub.shares.get("nobody", "work", user="admin")),
    (SHARES, "shares.grant", lambda hub: hub.shares.grant("nobody", user="admin")),
    (SHARES, "shares.revoke", lambda hub: hub.shares.revoke("nobody", user="admin")),
    (SHARES, "shares.revoke_all", lambda hub: hub.shares.revoke_all("nobody", "work")),
    (SHARES, "shares.leave", lambda hub: hub.shares.leave("nobody", group="nowhere")),
    (SHARES, "share_codes.list", lambda hub: list(hub.share_codes.list("nobody"))),
    (SHARES, "share_codes.create", lambda hub: hub.share_codes.create("nobody", "work")),
    (SHARES, "share_codes.revoke", lambda hub: hub.share_codes.revoke("nobody", "", "sc_1")),
    (SHARES, "share_codes.revoke_all", lambda hub: hub.share_codes.revoke_all("nobody")),
    (SERVICES_AT_RUN_TIME, "services.create", lambda hub: hub.services.create("robot")),
    (SERVICES_AT_RUN_TIME, "services.delete", lambda hub: hub.services.delete("nowhere")),
    (SETTINGS, "servers.create", lambda hub: hub.servers.create("nobody", "work")),
    (SETTINGS, "servers.edit", lambda hub: hub.servers.edit("nobody", "work", display_name="x")),
    (SETTINGS, "servers.edit the default one", lambda hub: hub.servers.edit("nobody", profile="small")),
    (SETTINGS, "servers.rename", lambda hub: hub.servers.rename("nobody", "work", "study")),
    (SETTINGS, "servers.start display_name", lambda hub: hub.servers.start("nobody", "work", display_name="x")),
]


@pytest.mark.parametrize("act", [pytest.param(act, marks=row, id=name) for row, name, act in CALLS])
def test_a_call_is_unsupported_only_on_older_hubs(act: Act, admin: Any) -> None:
    try:
        act(admin)
    except Unsupported:
        raise
    except HubError:
        pass  # the user does not exist, but the hub has the route
