"""The form of profiles on the spawn page, by HTTP alone. tests/hub uses it in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urljoin

import requests

from matrix.profiles.hubs import FIRST, LAST, MEMBERS, Hubs, ProfileHub

Fresh = Callable[[str], str]

FIELD = re.compile(r'<(?:input|option|select)\b[^>]*\bname="(profile[^"]*)"[^>]*\bvalue="([^"]*)"([^>]*)>')
"""A radio button: its name, its value, and the rest."""


def fields(page: requests.Response) -> dict[tuple[str, str], bool]:
    """Return the radio buttons of the form, by name and value, with whether each is selected."""
    return {(name, value): "checked" in rest for name, value, rest in FIELD.findall(page.text)}


def send(browser: requests.Session, page: requests.Response, **values: str) -> requests.Response:
    """Send the form of a page with these values, as a browser does."""
    (action,) = re.findall(r'id="spawn_form"\s+action="([^"]*)"', page.text)
    # A form has the content type multipart/form-data.
    files = {name: (None, value) for name, value in values.items()}
    return browser.post(urljoin(page.url, unescape(action)), files=files, allow_redirects=False, timeout=20)


def test_the_form_shows_the_owners_profiles_and_starts_one(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[FIRST]
    owner = hub.user(fresh("user"), MEMBERS)
    flavour = "profile-option-gated--flavour"
    with hub.browser(owner) as browser:
        page = browser.get(f"{hub.url}/spawn/{owner}/work", timeout=20)
        assert fields(page) == {
            ("profile", "open"): True,
            ("profile", "gated"): False,
            (flavour, "plain"): True,
            (flavour, "hot"): False,
        }
        assert hub.started(owner) == []
        # Without scripts, the fields of a profile that is not selected are sent, too.
        assert send(browser, page, profile="open", **{flavour: "hot"}).status_code == 302
        hub.ready(owner, "work")
        hub.stop(owner, "work")
        assert send(browser, page, profile="gated", **{flavour: "hot"}).status_code == 302
        assert hub.ready(owner, "work")["user_options"] == {"profile": "gated", "flavour": "hot"}
        assert [line[:3] for line in hub.started(owner)] == [["work", "open", ""], ["work", "gated", "hot"]]
        hub.stop(owner, "work")
        page = browser.get(f"{hub.url}/spawn/{owner}/work", timeout=20)
        assert [field for field, selected in fields(page).items() if selected] == [
            ("profile", "gated"),
            (flavour, "hot"),
        ]


def test_a_refused_form_is_shown_again_with_its_values(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[FIRST]
    owner = hub.user(fresh("user"), MEMBERS)
    flavour = "profile-option-gated--flavour"
    with hub.browser(owner) as browser:
        page = browser.get(f"{hub.url}/spawn/{owner}", timeout=20)
        refused = send(browser, page, profile="gated", **{flavour: "odd"})
        assert refused.status_code == 400
        assert "unknown choice" in refused.text
        assert fields(refused)[("profile", "gated")]
        # The owner has left the group since the page was shown.
        hub.leave(MEMBERS, owner)
        refused = send(browser, page, profile="gated", **{flavour: "hot"})
        assert refused.status_code == 403
        assert f"{owner} may not use profile " in refused.text
        assert 'value="gated"' not in refused.text
        assert browser.post(f"{hub.url}/spawn/{owner}", data={"profile": "open"}, timeout=20).status_code == 403
    assert hub.started(owner) == []


def test_only_the_groups_of_the_owner_count(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[FIRST]
    owner, other = hub.user(fresh("user"), MEMBERS), hub.user(fresh("user"))
    with hub.browser("admin") as browser:
        page = browser.get(f"{hub.url}/spawn/{owner}", timeout=20)
        assert ("profile", "gated") in fields(page)
        # The other user has one profile without options: the server starts at once.
        answer = browser.get(f"{hub.url}/spawn/{other}", allow_redirects=False, timeout=20)
        assert answer.status_code == 302
    hub.ready(other, "")
    assert [line[1] for line in hub.started(other)] == ["open"]
    hub.stop(other, "")


def test_options_in_the_address_start_a_server_at_once(hubs: Hubs, fresh: Fresh) -> None:
    hub = hubs[FIRST]
    owner = hub.user(fresh("user"), MEMBERS)
    prefix = "opt-" if hub.edits else ""
    with hub.browser(owner) as browser:
        query = {f"{prefix}profile": "gated", f"{prefix}flavour": "hot"}
        answer = browser.get(f"{hub.url}/spawn/{owner}", params=query, allow_redirects=False, timeout=20)
        assert answer.status_code == 302
    hub.ready(owner, "")
    assert [line[1:3] for line in hub.started(owner)] == [["gated", "hot"]]
    hub.stop(owner, "")


def test_an_administrators_form_stays(hubs: Hubs, fresh: Fresh) -> None:
    hub: ProfileHub = hubs[LAST]
    owner = hub.user(fresh("user"), MEMBERS)
    with hub.browser(owner) as browser:
        page = browser.get(f"{hub.url}/spawn/{owner}", timeout=20)
        assert "<input name=profile>" in page.text
        assert "jhub-profiles" not in page.text
