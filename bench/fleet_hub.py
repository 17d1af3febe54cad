"""A real JupyterHub for fleets: its servers are no processes and take a set time to start, and nothing goes through a
proxy, so that the hub itself is the limit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import requests
from msgspec import Struct

from bench.child import serving

CONTROL = "/benchmark"
ADMINISTRATOR = "admin"
IDLE_HOURS = 2
SECONDS_AT_MOST = 60


def user_name(number: int) -> str:
    """One of its users', from 0 on."""
    return f"user{number:04}"


class Settings(Struct, frozen=True, kw_only=True):
    """Such a hub's. Those that JupyterHub has are called as there, and have its defaults."""

    users: int = 200
    running: int = 0
    """Named servers of each user that are there already."""
    idle: int = 0
    """Of all of these, those that nobody has used for more than IDLE_HOURS; the others were used in the last one."""
    delay: float = 0.0
    """Seconds that a start takes."""
    failure_rate: float = 0.0
    concurrent_spawn_limit: int = 100
    active_server_limit: int = 0
    slow_spawn_timeout: float = 10.0
    consecutive_failure_limit: int = 0


class FleetHub:
    """One that runs, asked by an administrator with a token that it has made. It takes longer to know one from its
    configuration, which is hashed in thousands of rounds.
    """

    def __init__(self, url: str, operator: str) -> None:
        self.url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"token {operator}"
        self._http.headers["Accept"] = "application/jupyterhub-pagination+json"
        self.version: str = self._ask("GET", "/").json()["version"]
        made = self._ask("POST", f"/users/{ADMINISTRATOR}/tokens", {"note": "benchmark"}).json()
        self.token: str = made["token"]
        self._http.headers["Authorization"] = f"token {self.token}"

    @property
    def asked(self) -> int:
        """How many it was asked so far."""
        return sum(self._state()["requests"].values())

    @property
    def busy(self) -> float:
        """Seconds of a processor that it has used so far."""
        return float(self._state()["busy"])

    @property
    def ready(self) -> int:
        """Servers that are ready now."""
        count = offset = 0
        while True:
            page = self._ask("GET", f"/users?state=ready&limit=200&offset={offset}").json()
            servers = [server for user in page["items"] for server in user["servers"].values()]
            count += len([server for server in servers if server["ready"]])
            if page["_pagination"]["next"] is None:
                return count
            offset = page["_pagination"]["next"]["offset"]

    def create_groups(self, groups: int, members: int) -> None:
        """Each with its first users in it."""
        names = [user_name(number) for number in range(members)]
        for number in range(groups):
            self._ask("POST", f"/groups/course{number:02}", {"users": names})

    def stop_all(self) -> None:
        """As if nothing had been started."""
        self._ask("DELETE", CONTROL)

    def close(self) -> None:
        """Ask no more."""
        self._http.close()

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._ask("GET", CONTROL).json()
        return state

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        answer = self._http.request(method, self.url + path, json=body, timeout=SECONDS_AT_MOST)
        answer.raise_for_status()
        return answer


@contextmanager
def fleet_hub(settings: Settings) -> Iterator[FleetHub]:
    """One with these settings."""
    with tempfile.TemporaryDirectory() as folder, serving("bench.stub_server") as server:
        given = msgspec.json.encode(settings).decode()
        with serving("bench.fleet_hub_process", folder, server, given) as told:
            hub = FleetHub(*told.split())
            try:
                yield hub
            finally:
                hub.close()
