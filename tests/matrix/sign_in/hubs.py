"""Hubs that people sign in to, one for each authenticator. Each starts when a test first uses it, and runs to the end.

Each is at its own awkward base URL, because browsers keep cookies by host and path, and not by port.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import requests
from hub_api import BASE_URL

from jhub import oauth_client
from jhub.local.ports import LOOPBACK
from matrix import launch
from matrix.installed import version_in
from matrix.sign_in.methods import DUMMY, NATIVE, SHARED, SINGLE_SIGN_ON

NOT_REPAIRED = "native, not repaired"
"""NativeAuthenticator without a repair; version 1.3.0 fails on JupyterHub 6."""


class Provider(msgspec.Struct, frozen=True):
    """The identity provider of a hub with single sign-on, and the hub's OAuth client there."""

    url: str
    client: dict[str, Any]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a hub's configuration. All secrets are random, for this run only."""

    authenticator: str
    host: str = LOOPBACK
    port: int
    base_url: str
    subdomains: bool = False
    services: list[dict[str, Any]]
    user_scopes: list[str]
    """Additional scopes of users."""
    provider: Provider | None = None
    auto_login: bool = False
    repaired: bool = True
    """True if NativeAuthenticator is repaired to work on JupyterHub 6."""
    operator: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(16))
    admin_password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def url(self) -> str:
        """The hub's address."""
        return f"http://{self.host}:{self.port}{self.base_url}"

    def __repr__(self) -> str:
        return f"Settings({self.url})"


@dataclass(frozen=True)
class SignInHub:
    """A running hub."""

    settings: Settings
    version: tuple[int, ...]
    place: Path

    @property
    def url(self) -> str:
        """The hub's address."""
        return self.settings.url

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"token {self.settings.operator}"
        return session

    def api(self, method: str, path: str, **options: Any) -> Any:
        """Return the answer of the REST API to an administrator."""
        answer = self._session.request(method, f"{self.url}hub/api{path}", timeout=30, **options)
        assert answer.ok, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def started(self) -> list[str]:
        """Return the users for whom the hub has tried to start a server."""
        return sorted(path.name.removeprefix("started-") for path in self.place.glob("started-*"))


class Hubs:
    """The hubs of one JupyterHub version."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._stack = ExitStack()
        self._up: dict[str, SignInHub] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._settings = self._all_settings()

    def __getitem__(self, authenticator: str) -> SignInHub:
        """Return the hub with an authenticator; start it if it does not run yet."""
        if authenticator == SINGLE_SIGN_ON:
            self[DUMMY]
        if authenticator not in self._up:
            self._up[authenticator] = self._start(authenticator, self._settings[authenticator])
        return self._up[authenticator]

    def running(self) -> list[SignInHub]:
        """Return the started hubs."""
        return list(self._up.values())

    def close(self) -> None:
        """Stop all hubs."""
        for process in self._processes:
            process.terminate()  # all at once; each is waited for below
        self._stack.close()

    def _start(self, name: str, settings: Settings) -> SignInHub:
        place = launch.new_place(self._folder, name)
        mark = secrets.token_hex(16)
        process = launch.start(self._environment, place, "sign_in_config.py", settings, mark)
        self._processes.append(process)
        self._stack.callback(launch.end, process, mark)
        version = launch.wait_up(process, place, f"http://{LOOPBACK}:{settings.port}{settings.base_url}hub/api")
        assert version is not None, "somebody took a port that was ours"
        hub = SignInHub(settings, version, place)
        self._stack.callback(hub.close)
        return hub

    def _all_settings(self) -> dict[str, Settings]:
        dummy, shared, native, single, broken = (self._port() for _ in range(5))
        version = version_in(self._environment)
        client = oauth_client.service_entry(version)
        known = [oauth_client.ACCESS_SCOPE]
        back = f"http://{LOOPBACK}:{single}/single{BASE_URL}hub/oauth_callback"
        sso = {"name": "sso", "api_token": secrets.token_hex(16), "oauth_redirect_uri": back, "oauth_no_confirm": True}
        provider = Settings(
            authenticator=DUMMY,
            port=dummy,
            base_url=BASE_URL,
            services=[client, sso],
            user_scopes=[*known, "access:services!service=sso"],
        )
        hubs = [
            provider,
            # The login client is registered while it runs.
            Settings(authenticator=SHARED, port=shared, base_url=f"/shared{BASE_URL}", services=[], user_scopes=known),
            # Only administrators may sign in with the browser. Users have subdomains, and some cookies are for all.
            Settings(
                authenticator=NATIVE,
                host="localhost",
                port=native,
                base_url=f"/native{BASE_URL}",
                subdomains=True,
                services=[client],
                user_scopes=[],
            ),
            Settings(
                authenticator=SINGLE_SIGN_ON,
                port=single,
                base_url=f"/single{BASE_URL}",
                services=[client],
                user_scopes=known,
                provider=Provider(provider.url, sso),
                # Both are common: an immediate redirect to the provider, and a button to press first.
                auto_login=version[0] % 2 == 0,
            ),
        ]
        not_repaired = Settings(
            authenticator=NATIVE,
            port=broken,
            base_url=f"/broken{BASE_URL}",
            services=[],
            user_scopes=[],
            repaired=False,
        )
        return {**{settings.authenticator: settings for settings in hubs}, NOT_REPAIRED: not_repaired}

    def _port(self) -> int:
        """Return a port that stays reserved: bound, but without listening, so that the hub can listen on it."""
        reserved = self._stack.enter_context(socket.socket())
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind((LOOPBACK, 0))
        port: int = reserved.getsockname()[1]
        return port
