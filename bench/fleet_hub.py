"""A real JupyterHub for fleets, limited by the hub itself: no server processes, a fixed spawn time and no proxy."""

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
TIMEOUT_SECONDS = 60


def user_name(number: int) -> str:
    """Return the name of a user, numbered from 0."""
    return f"user{number:04}"


def group_name(number: int) -> str:
    """Return the name of a group, numbered from 0."""
    return f"course{number:02}"


class Settings(Struct, frozen=True, kw_only=True):
    """Settings of a fleet hub. JupyterHub's own settings keep its names and defaults."""

    users: int = 200
    groups: int = 0
    """Number of groups at the beginning. The users are divided evenly among them."""
    properties: dict[str, Any] = {}
    """Properties of these groups."""
    running: int = 0
    """Number of running named servers of each user at the beginning."""
    idle: int = 0
    """Number of these that have been idle for more than IDLE_HOURS; the others were used in the last hour."""
    delay: float = 0.0
    """Seconds that a start takes."""
    failure_rate: float = 0.0
    """Share of the starts that fail."""
    concurrent_spawn_limit: int = 100
    active_server_limit: int = 0
    slow_spawn_timeout: float = 10.0
    consecutive_failure_limit: int = 0


class FleetHub:
    """A running hub and an administrator's token, which the hub has issued.

    A token from its configuration takes longer to verify, because it is hashed in thousands of rounds.
    """

    def __init__(self, url: str, operator: str) -> None:
        self.url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"token {operator}"
        self._http.headers["Accept"] = "application/jupyterhub-pagination+json"
        self.version: str = self._request("GET", "/").json()["version"]
        made = self._request("POST", f"/users/{ADMINISTRATOR}/tokens", {"note": "benchmark"}).json()
        self.token: str = made["token"]
        self._http.headers["Authorization"] = f"token {self.token}"

    @property
    def request_count(self) -> int:
        """The number of requests so far."""
        return sum(self._state()["requests"].values())

    @property
    def busy(self) -> float:
        """The CPU seconds that the hub has used so far."""
        return float(self._state()["busy"])

    @property
    def ready(self) -> int:
        """The number of servers that are ready now."""
        count = offset = 0
        while True:
            page = self._request("GET", f"/users?state=ready&limit=200&offset={offset}").json()
            servers = [server for user in page["items"] for server in user["servers"].values()]
            count += len([server for server in servers if server["ready"]])
            if page["_pagination"]["next"] is None:
                return count
            offset = page["_pagination"]["next"]["offset"]

    def create_groups(self, groups: int, members: int) -> None:
        """Create groups, each with the first users as members."""
        names = [user_name(number) for number in range(members)]
        for number in range(groups):
            self._request("POST", f"/groups/{group_name(number)}", {"users": names})

    def stop_all(self) -> None:
        """Stop all servers."""
        self._request("DELETE", CONTROL)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._request("GET", CONTROL).json()
        return state

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        answer = self._http.request(method, self.url + path, json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer


@contextmanager
def fleet_hub(settings: Settings) -> Iterator[FleetHub]:
    """Run a hub with these settings."""
    with tempfile.TemporaryDirectory() as folder, serving("bench.stub_server") as server:
        encoded = msgspec.json.encode(settings).decode()
        with serving("bench.fleet_hub_process", folder, server, encoded) as output:
            hub = FleetHub(*output.split())
            try:
                yield hub
            finally:
                hub.close()
