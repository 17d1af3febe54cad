"""Functions that list the users of a hub: with jhub's clients, and with typical loops of `requests`.

Each opens a first connection, starts the meter, and counts every user. URL and token are in the environment.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import requests

from bench.meter import Meter
from jhub import AsyncHub, Hub

Lister: TypeAlias = Callable[[Meter], None]

PAGE = 200


def hub(meter: Meter) -> None:
    """List with `Hub`, keeping nothing."""
    with Hub() as hub:
        hub.version()
        meter.start()
        for _ in hub.users.list():
            meter.count_user()


def async_hub(meter: Meter) -> None:
    """List with `AsyncHub`, keeping nothing."""

    async def main() -> None:
        async with AsyncHub() as hub:
            await hub.version()
            meter.start()
            async for _ in hub.users.list():
                meter.count_user()

    asyncio.run(main())


def requests_pages(meter: Meter) -> None:
    """List with `requests`, one page after the other, keeping nothing."""
    for page in _pages(meter):
        for _ in page:
            meter.count_user()


def requests_list(meter: Meter) -> None:
    """List with `requests`, one page after the other, into a list of all users."""
    users: list[dict[str, Any]] = []
    for page in _pages(meter):
        for user in page:
            users.append(user)  # one by one, for the meter
            meter.count_user()


def _pages(meter: Meter) -> Iterator[list[dict[str, Any]]]:
    with requests.Session() as session:
        session.trust_env = False  # as jhub does on loopback; the session then reads no ~/.netrc for each request
        session.headers["Authorization"] = f"token {os.environ['JUPYTERHUB_API_TOKEN']}"
        session.headers["Accept"] = "application/jupyterhub-pagination+json"
        root = os.environ["JUPYTERHUB_API_URL"]
        session.get(f"{root}/", timeout=60).raise_for_status()
        meter.start()
        offset = 0
        while True:
            answer = session.get(f"{root}/users", params={"offset": offset, "limit": PAGE}, timeout=60)
            answer.raise_for_status()
            page = answer.json()
            yield page["items"]
            next_page = page["_pagination"]["next"]
            if next_page is None:
                return
            offset = next_page["offset"]


LISTERS: dict[str, Lister] = {lister.__name__: lister for lister in (hub, async_hub, requests_pages, requests_list)}
