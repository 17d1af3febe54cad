"""The hub under test: a JupyterHub of some version, in an environment of its own, as a child process."""

from __future__ import annotations

import os
import secrets
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from hub_api import BASE_URL

from jhub.local import quick
from jhub.local.logs import port_was_taken
from jhub.local.logs import read as read_log
from jhub.local.ports import LOOPBACK, free_ports
from jhub.local.probe import hub_version
from jhub.local.processes import MARK, sweep

HERE = Path(__file__).parent
CONFIG = HERE / "inside" / "hub_config.py"
STUB = HERE.parent / "support" / "stub_server.py"
# Saves two seconds of each start, on any version.
QUICK = Path(quick.__file__)
OAUTH_CLIENT = "service-oauth"
OAUTH_REDIRECT = "http://127.0.0.1:9/back"
START_SECONDS = 45.0
STOP_SECONDS = 15.0
ATTEMPTS = 3


class Settings(msgspec.Struct, frozen=True):
    """What the hub's configuration is told. All that is secret is made for the one run."""

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

    def __repr__(self) -> str:
        return f"Settings(port={self.port})"


@dataclass(frozen=True, repr=False)
class HubUnderTest:
    """A hub that answers. All users' password is `password`, `admin`'s too."""

    url: str
    version: tuple[int, ...]
    password: str
    services: Mapping[str, str]
    """API tokens of `robot`, which has few scopes, of `operator`, which has an administrator's, and of `oauth`, where
    users sign in with the hub.
    """
    log: Path

    @property
    def api_url(self) -> str:
        """The root of the REST API."""
        return f"{self.url}hub/api"


@contextmanager
def running(environment: Path, folder: Path, *, strict: bool = False) -> Iterator[HubUnderTest]:
    """A hub that is up as long as the block runs. Its state is in `folder`. A `strict` one has tight limits."""
    for attempt in range(ATTEMPTS):
        place = folder / f"hub{attempt}"
        place.mkdir()
        settings = _settings(strict)
        process = _start(environment, place, settings)
        try:
            hub = _wait_up(process, place, settings)
            if hub is not None:
                yield hub
                return
        finally:
            _end(process, settings)
    raise AssertionError("found no free ports for the hub")


def _settings(strict: bool) -> Settings:
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
        mark={MARK: secrets.token_hex(16)},
        stub=str(STUB),
        quick=str(QUICK),
        strict=strict,
    )


def _start(environment: Path, place: Path, settings: Settings) -> subprocess.Popen[bytes]:
    told = place / "settings.json"
    with open(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(settings))
    strange = ("JUPYTER", "JPY_", "CONFIGPROXY_", "PYTHON")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(strange)}
    # The program traefik is ours.
    path = os.pathsep.join(
        [str(environment / "bin"), sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    )
    with open(place / "hub.log", "wb") as log:
        return subprocess.Popen(
            [environment / "bin" / "python", "-P", QUICK, "jupyterhub", "--config", CONFIG],
            cwd=place,
            env={**inherited, **settings.mark, "PATH": path, "JHUB_MATRIX_SETTINGS": str(told)},
            stdin=subprocess.PIPE,  # the hub ends when it closes: see its configuration
            stdout=log,
            stderr=subprocess.STDOUT,
            umask=0o077,
            start_new_session=True,  # Ctrl-C is for us alone; we then end the hub in order
        )


def _wait_up(process: subprocess.Popen[bytes], place: Path, settings: Settings) -> HubUnderTest | None:
    """The hub as soon as it answers; None if it lost the race for a port."""
    url = f"http://{LOOPBACK}:{settings.port}{settings.base_url}"
    log = place / "hub.log"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if version := hub_version(f"{url}hub/api"):
            numbers = tuple(int(number) for number in version.split(".")[:3] if number.isdecimal())
            return HubUnderTest(url, numbers, settings.password, settings.services, log)
        time.sleep(0.05)
    said = read_log(log)
    if port_was_taken(said):
        return None
    last = "\n".join(said.splitlines()[-20:])
    raise AssertionError(f"the hub is not up after {START_SECONDS:.0f} s; the last lines of its log:\n{last}")


def _end(process: subprocess.Popen[bytes], settings: Settings) -> None:
    try:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        # Servers are in sessions of their own; all that the hub started carries its mark.
        sweep(settings.mark[MARK])
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()
