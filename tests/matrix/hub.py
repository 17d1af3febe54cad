"""The hub under test, which most tests of the matrix share."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from hub_api import BASE_URL

from jhub.local.ports import LOOPBACK, free_ports
from jhub.local.processes import INSTANCE_VARIABLE
from matrix import launch

STUB = Path(__file__).parents[1] / "support" / "stub_server.py"
OAUTH_CLIENT = "service-oauth"
OAUTH_REDIRECT = "http://127.0.0.1:9/back"
ATTEMPTS = 3


class Settings(msgspec.Struct, frozen=True):
    """The settings of the hub's configuration; all secrets are new for each run."""

    base_url: str
    port: int
    hub_port: int
    proxy_port: int
    password: str
    proxy_password: str
    services: dict[str, str]
    crypt_key: str
    oauth_redirect: str
    mark: dict[str, str]
    stub: str
    quick: str
    strict: bool
    manages_groups: bool
    http_proxy: str

    def __repr__(self) -> str:
        return f"Settings(port={self.port})"


@dataclass(frozen=True, repr=False)
class HubUnderTest:
    """A running hub; `password` is the password of all users, including `admin`."""

    url: str
    version: tuple[int, ...]
    password: str
    services: Mapping[str, str]
    """API tokens of the services `robot` (few scopes), `operator` (an administrator's), and `oauth` (OAuth client)."""
    log: Path

    @property
    def api_url(self) -> str:
        """The root of the REST API."""
        return f"{self.url}hub/api"


@contextmanager
def running(
    environment: Path,
    folder: Path,
    *,
    strict: bool = False,
    manages_groups: bool = False,
    http_proxy: Path | None = None,
) -> Iterator[HubUnderTest]:
    """Run a hub for the time of the block, with its state in `folder`; with `strict`, it has tight limits.

    With `manages_groups`, its authenticator puts everybody who signs in into the group `staff`. Its proxy is traefik,
    or the program `http_proxy`, configurable-http-proxy.
    """
    for attempt in range(ATTEMPTS):
        place = folder / f"hub{attempt}"
        place.mkdir()
        settings = _settings(strict, manages_groups, http_proxy)
        mark = settings.mark[INSTANCE_VARIABLE]
        process = launch.start(environment, place, "hub_config.py", settings, mark)
        url = f"http://{LOOPBACK}:{settings.port}{settings.base_url}"
        try:
            version = launch.wait_up(process, place, f"{url}hub/api")
            if version is not None:
                yield HubUnderTest(url, version, settings.password, settings.services, launch.log_of(place))
                return
        finally:
            launch.end(process, mark)
    raise AssertionError("found no free ports for the hub")


def _settings(strict: bool, manages_groups: bool, http_proxy: Path | None) -> Settings:
    port, hub_port, proxy_port = free_ports(3)
    return Settings(
        base_url=BASE_URL,
        port=port,
        hub_port=hub_port,
        proxy_port=proxy_port,
        password=secrets.token_urlsafe(16),
        proxy_password=secrets.token_urlsafe(32),
        services={name: secrets.token_hex(16) for name in ("robot", "operator", "oauth")},
        crypt_key=secrets.token_hex(32),
        oauth_redirect=OAUTH_REDIRECT,
        mark={INSTANCE_VARIABLE: secrets.token_hex(16)},
        stub=str(STUB),
        quick=str(launch.QUICK),
        strict=strict,
        manages_groups=manages_groups,
        http_proxy=str(http_proxy or ""),
    )
