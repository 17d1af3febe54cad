"""Ways to start the default servers of many users: by jhub, and as it is written by hand.

Each opens a first connection, starts the clock, and tells it of every server that is ready; the others are lost. URL
and token are in the environment.
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

PATIENCE = 120
CREATED, ACCEPTED, THROTTLED = 201, 202, 429
READY = '"ready": true'
"""In the last event of the progress stream of a server that came up."""
NO_OPTIONS = {"user_options": {}}
"""What jhub sends when no options are given. To an empty body JupyterHub 6 gives the options of last time and saves
none, which takes it eight commits instead of nine.
"""


class Clock:
    """When the first server was ready, and the last; how many there were."""

    def __init__(self) -> None:
        self.ready = 0
        self.began = self.first = self.last = 0.0

    def start(self) -> None:
        """The fleet begins."""
        self.began = time.monotonic()

    def one(self) -> None:
        """A server is ready."""
        self.last = time.monotonic() - self.began
        self.first = self.first or self.last
        self.ready += 1


Way: TypeAlias = Callable[[Clock, Sequence[str], float], None]
"""The number is the way's own: how many at a time, or how much of the hub."""


def one_by_one(clock: Clock, users: Sequence[str], _: float) -> None:
    """A loop of `requests`: one call after the other."""
    settings = _settings()
    root = settings["base_url"]
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(settings["headers"])
        session.get(f"{root}/", timeout=PATIENCE).raise_for_status()
        clock.start()
        for user in users:
            path = f"{root}/users/{user}/server"
            answer = session.post(path, json=NO_OPTIONS, timeout=PATIENCE)
            answer.raise_for_status()
            if answer.status_code == ACCEPTED:
                with session.get(f"{path}/progress", stream=True, timeout=PATIENCE) as events:
                    came_up = any(READY.encode() in line for line in events.iter_lines())
                if not came_up:
                    continue
            clock.one()


def all_at_once(clock: Clock, users: Sequence[str], _: float) -> None:
    """Every request in the same moment; what is refused is lost."""

    async def main() -> None:
        async with httpx2.AsyncClient(**_settings()) as http:
            await _open(http)
            clock.start()
            await asyncio.gather(*(start(http, user) for user in users))

    async def start(http: httpx2.AsyncClient, user: str) -> None:
        answer = await http.post(f"/users/{user}/server", json=NO_OPTIONS)
        if await _came_up(http, user, answer):
            clock.one()

    asyncio.run(main())


def so_many(clock: Clock, users: Sequence[str], at_once: float) -> None:
    """A fixed number at a time. Who is throttled waits as the hub says, and tries again."""
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
                clock.one()

    asyncio.run(main())


def jhub(clock: Clock, users: Sequence[str], hub_load: float) -> None:
    """`hub.servers.start_many`."""
    with Hub() as hub:
        hub.version()
        clock.start()
        with start_many(hub, users, hub_load) as fleet:
            for event in fleet:
                if event.kind == "ready":
                    clock.one()


def start_many(hub: Hub, users: Sequence[str], hub_load: float) -> Fleet[ServerEvent, Summary]:
    """With all or some of what the hub can do."""
    return hub.servers.start_many(users, hub_load=hub_load)


WAYS: dict[str, Way] = {each.__name__: each for each in (one_by_one, all_at_once, so_many, jhub)}


async def _came_up(http: httpx2.AsyncClient, user: str, answer: httpx2.Response) -> bool:
    """Whether the hub took a start, and the server came up."""
    if answer.status_code != ACCEPTED:
        return answer.status_code == CREATED
    async with http.stream("GET", f"/users/{user}/server/progress") as events:
        return any([READY in line async for line in events.aiter_lines()])


async def _open(http: httpx2.AsyncClient) -> None:
    (await http.get("/")).raise_for_status()


def _settings() -> dict[str, Any]:
    """Of an HTTP client."""
    return {
        "base_url": os.environ["JUPYTERHUB_API_URL"].removesuffix("/"),
        "headers": {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"},
        "timeout": PATIENCE,
        "trust_env": False,
    }
