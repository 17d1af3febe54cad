"""Fixtures: the hubs, their users, the command, and the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import chromium
import pytest
from anyio.from_thread import BlockingPortal
from playwright.async_api import Page
from terminal import Jhub, Result

from jhub.oauth_client import NAME
from matrix.sign_in.hubs import Hubs, SignInHub
from matrix.sign_in.methods import SHARED
from matrix.sign_in.people import People, Person
from matrix.sign_in.waiting import waiting

ByBrowser = Callable[..., Result]


@dataclass(frozen=True)
class Window:
    """A real browser, in which nobody is signed in at first."""

    portal: BlockingPortal
    page: Page

    def sign_in(self, url: str, person: Person) -> chromium.FinalPage:
        """Open an address and sign in on the way; return the page after that."""
        return self.portal.call(chromium.sign_in, self.page, url, person.name, person.password, person.code)

    def make_token(self, url: str, person: Person) -> str:
        """Create a token on the hub's token page, and return it."""
        return self.portal.call(chromium.make_token, self.page, url, person.name, person.password, person.code)


@pytest.fixture(scope="session")
def hubs(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    """Start hubs with each authenticator."""
    up = Hubs(environment, tmp_path_factory.mktemp("sign-in"))
    try:
        yield up
    finally:
        up.close()


@pytest.fixture(autouse=True)
def no_servers(hubs: Hubs) -> Iterator[None]:
    """Check that no sign-in starts a server."""
    yield
    for hub in hubs.running():
        assert hub.started() == []


@pytest.fixture(scope="session")
def people(hubs: Hubs) -> People:
    """Return the users who sign in."""
    return People(hubs)


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    """Return the command, with a home folder of its own."""
    return Jhub(tmp_path)


@pytest.fixture(scope="session")
def window(portal: BlockingPortal) -> Iterator[Window]:
    """Start the browser."""
    if chromium.PROGRAM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with portal.wrap_async_context_manager(chromium.chromium()) as page:
        yield Window(portal, page)


@pytest.fixture
def by_browser(jhub: Jhub, window: Window) -> ByBrowser:
    """Return a function that signs a user in with `jhub login` and the browser."""

    def sign_in(url: str, person: Person, *options: str) -> Result:
        with waiting(jhub, url, "--no-open", *options) as command:
            shown = window.sign_in(command.url, person)
            assert "Back from the hub" in shown.text, shown
            return command.end()

    return sign_in


@pytest.fixture(scope="session")
def with_client(hubs: Hubs, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SignInHub]:
    """Return a hub with the login client; the one with shared passwords gets it while it runs."""

    def hub_of(authenticator: str) -> SignInHub:
        hub = hubs[authenticator]
        if authenticator == SHARED and NAME not in hub.api("GET", "/services"):
            operator = {"JUPYTERHUB_API_URL": f"{hub.url}hub/api", "JUPYTERHUB_API_TOKEN": hub.settings.operator}
            Jhub(tmp_path_factory.mktemp("operator"), operator).ok("service", "create", "--login-client")
        return hub

    return hub_of
