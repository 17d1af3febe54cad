"""Strategies to start the default servers of many users: with jhub, and as people write them with an HTTP library.

Each opens a first connection, starts the clock, and reports every ready server to it; the others are lost. URL and
token are in the environment.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import httpx2
import requests

from jhub import Fleet, Hub, ServerEvent, Summary

TIMEOUT_SECONDS = 120
CREATED, ACCEPTED, THROTTLED = 201, 202, 429
READY = '"ready": true'
"""Text in the last event of the progress stream of a server that is ready."""
NO_OPTIONS: dict[str, dict[str, str]] = {"user_options": {}}
"""Body that jhub sends without options.

For an empty body, JupyterHub 6 reuses the last options and saves none, which takes eight commits instead of nine.
"""


class Clock:
    """A clock with the times of the first and the last ready server, and their number."""

    def __init__(self) -> None:
        self.ready = 0
        self.began = self.first = self.last = 0.0

    def start(self) -> None:
        """Start the clock."""
        self.began = time.monotonic()

    def on_ready(self) -> None:
        """Count a ready server."""
        self.last = time.monotonic() - self.began
        self.first = self.first or self.last
        self.ready += 1


Strategy: TypeAlias = Callable[[Clock, Sequence[str], float], None]
"""A strategy. Its number is that of the servers at a time, or the load."""


def one_by_one(clock: Clock, users: Sequence[str], _: float) -> None:
    """Send one call after the other, in a loop with `requests`."""
    settings = _settings()
    root = settings["base_url"]
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(settings["headers"])
        session.get(f"{root}/", timeout=TIMEOUT_SECONDS).raise_for_status()
        clock.start()
        for user in users:
            path = f"{root}/users/{user}/server"
            answer = session.post(path, json=NO_OPTIONS, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            if answer.status_code == ACCEPTED:
                with session.get(f"{path}/progress", stream=True, timeout=TIMEOUT_SECONDS) as events:
                    came_up = any(READY.encode() in line for line in events.iter_lines())
                if not came_up:
                    continue
            clock.on_ready()


def all_at_once(clock: Clock, users: Sequence[str], _: float) -> None:
    """Send all requests at once; a rejected one is lost."""

    async def main() -> None:
        async with httpx2.AsyncClient(**_settings()) as http:
            await _open(http)
            clock.start()
            await asyncio.gather(*(start(http, user) for user in users))

    async def start(http: httpx2.AsyncClient, user: str) -> None:
        answer = await http.post(f"/users/{user}/server", json=NO_OPTIONS)
        if await _came_up(http, user, answer):
            clock.on_ready()

    asyncio.run(main())


def fixed_number(clock: Clock, users: Sequence[str], at_once: float) -> None:
    """Send a fixed number at a time. A throttled one waits for Retry-After, and is sent again."""
    waiting = deque(users)

    async def main() -> None:
        async with httpx2.AsyncClient(**_settings()) as http:
            await _open(http)
            clock.start()
            await asyncio.gather(*(work(http) for _ in range(int(at_once))))

    async def work(http: httpx2.AsyncClient) -> None:
        while waiting:
            user = waiting.popleft()
            path = f"/users/{user}/server"
            while (answer := await http.post(path, json=NO_OPTIONS)).status_code == THROTTLED:
                await asyncio.sleep(float(answer.headers["Retry-After"]))
            if await _came_up(http, user, answer):
                clock.on_ready()

    asyncio.run(main())


def jhub(clock: Clock, users: Sequence[str], hub_load: float) -> None:
    """Start the servers with `hub.servers.start_many`."""
    with Hub() as hub:
        hub.version()
        clock.start()
        with start_many(hub, users, hub_load) as fleet:
            for event in fleet:
                if event.kind == "ready":
                    clock.on_ready()


def start_many(hub: Hub, users: Sequence[str], hub_load: float) -> Fleet[ServerEvent, Summary]:
    """Return the fleet with this load."""
    return hub.servers.start_many(users, hub_load=hub_load)


STRATEGIES: dict[str, Strategy] = {each.__name__: each for each in (one_by_one, all_at_once, fixed_number, jhub)}


async def _came_up(http: httpx2.AsyncClient, user: str, answer: httpx2.Response) -> bool:
    """Return whether the hub accepted the start and the server is ready."""
    if answer.status_code != ACCEPTED:
        return answer.status_code == CREATED
    async with http.stream("GET", f"/users/{user}/server/progress") as events:
        return any([READY in line async for line in events.aiter_lines()])


async def _open(http: httpx2.AsyncClient) -> None:
    (await http.get("/")).raise_for_status()


def _settings() -> dict[str, Any]:
    """Return the settings of an HTTP client."""
    return {
        "base_url": os.environ["JUPYTERHUB_API_URL"].removesuffix("/"),
        "headers": {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"},
        "timeout": TIMEOUT_SECONDS,
        "trust_env": False,
    }
