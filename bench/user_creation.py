"""Time to create many users: with jhub, and in one large request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

import requests

from bench.fleet_hub import FleetHub
from jhub import Hub

USERS = 2_000
TIMEOUT_SECONDS = 120

Create: TypeAlias = Callable[[FleetHub], tuple[float, float]]
"""Function that creates the users and returns its start and end, on the system's monotonic clock."""


def names() -> list[str]:
    """Return the names of the new users."""
    return [f"new{number:05}" for number in range(USERS)]


def in_chunks(hub: FleetHub) -> tuple[float, float]:
    """Create the users with `hub.users.create_many`."""
    with Hub(hub.url, hub.token) as client:
        client.version()
        began = time.monotonic()
        with client.users.create_many(names()) as creation:
            for _ in creation:
                pass
        ended = time.monotonic()
    if len(creation.summary.done) != USERS:
        raise RuntimeError(f"{len(creation.summary.done)} of {USERS} users were created")
    return began, ended


def in_one_call(hub: FleetHub) -> tuple[float, float]:
    """Create the users with one `POST /users`."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"token {hub.token}"
        session.get(f"{hub.url}/", timeout=TIMEOUT_SECONDS).raise_for_status()
        began = time.monotonic()
        session.post(f"{hub.url}/users", json={"usernames": names()}, timeout=TIMEOUT_SECONDS).raise_for_status()
        return began, time.monotonic()
