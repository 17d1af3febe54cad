"""REST API of the tests' hubs by plain requests, without jhub."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

import requests

from jhub.local import LocalHub

MAX_SECONDS = 120.0
"""Seconds in which a hub must answer, on any machine."""
BASE_URL = "/@/space%20word/"


@dataclass(frozen=True, repr=False)
class Tokens:
    """API tokens of one hub."""

    admin: str
    ana: str
    """Token of an ordinary user."""
    service: str
    """Token of the service `robot`, which has SERVICE_SCOPES only."""


class Api:
    """The REST API of a hub, or of a server, with the token of some user."""

    def __init__(self, hub: LocalHub, token: str | None = None) -> None:
        self.hub = hub
        self.session = requests.Session()
        self.session.trust_env = False
        if token is not None:
            self.session.headers["Authorization"] = f"token {token}"

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.hub.api_url}{path}", timeout=MAX_SECONDS, **options)

    def at(self, path: str) -> requests.Response:
        """Get a path of the hub's site, such as the URL of a server that is ready.

        If the proxy redirects to the hub, it is tried again: after a restart of a server, the proxy may be about to
        delete the old route.
        """
        deadline = time.monotonic() + MAX_SECONDS
        while True:
            answer = self.session.get(urljoin(self.hub.url, path), timeout=MAX_SECONDS)
            if "/user/" not in path or "/hub/" not in answer.url or time.monotonic() > deadline:
                return answer
            time.sleep(0.1)

    def start(self, user: str, server: str, **options: Any) -> requests.Response:
        """Request a start with these user options."""
        return self("POST", f"/users/{quote(user)}/servers/{server}", json={"user_options": options})

    def server(self, user: str, server: str) -> dict[str, Any] | None:
        """Return the server's model, or None if it is not active."""
        model: dict[str, Any] | None = self("GET", f"/users/{quote(user)}").json()["servers"].get(server)
        return model

    def ready(self, user: str, server: str, *, seconds: float = MAX_SECONDS) -> dict[str, Any]:
        """Wait until the server is ready and return its model."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            model = self.server(user, server)
            if model is not None and model["ready"]:
                return model
            time.sleep(0.1)
        raise AssertionError(f"{user}/{server} is not ready after {seconds} s: {self.server(user, server)}")
