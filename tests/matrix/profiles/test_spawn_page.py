"""The spawn page drops parameters of its address and fields that are no options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix.profiles.hubs import FIRST, Hubs

Fresh = Callable[[str], str]

LINK = {"utm_source": "canvas", "display_name": "Work"}
"""Parameters that are no options."""


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("server", ["", "work"])
def test_names_that_are_no_options_are_dropped(hubs: Hubs, fresh: Fresh, method: str, server: str) -> None:
    hub = hubs[FIRST]
    owner = hub.user(fresh("user"))
    page = f"{hub.url}/spawn/{owner}/{server}".rstrip("/")
    with hub.browser(owner) as browser:
        browser.get(f"{hub.url}/home", timeout=20)  # the cookie of the session, after the login

        def send(**more: str) -> int:
            fields: dict[str, Any] = {**LINK, **more}
            if method == "GET":
                return browser.get(page, params=fields, timeout=20, allow_redirects=False).status_code
            fields["_xsrf"] = browser.cookies.get("_xsrf", path=f"{hub.settings.base_url}hub/")
            return browser.post(page, params=LINK, data=fields, timeout=20, allow_redirects=False).status_code

        assert send(**{"opt-profle": "open"}) == 400
        assert send() == 302
    assert hub.ready(owner, server)["user_options"] == {"profile": "open"}
    assert hub.start(owner, "other", utm_source="canvas").status_code == 400
    hub.stop(owner, server)
