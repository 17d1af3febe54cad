"""One sweep over the tokens of all users, in its own process: `python -m bench.token_sweep CONTENDER`.

CONTENDER is `hub`, `async_hub`, or a number of threads that send the same requests by `requests`. URL and token are in
the environment. It prints the seconds, and the number of users and tokens, as JSON.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any

import msgspec
import requests

from bench.listers import PAGE
from bench.real_hub import RealHub
from jhub import AsyncHub, Hub

MAX_SECONDS = 600


class Sweep(msgspec.Struct, frozen=True):
    """A sweep: its seconds, the processor time of the client, and what it found."""

    seconds: float
    cpu_seconds: float
    users: int
    tokens: int


def hub(began: Callable[[], object]) -> tuple[int, int]:
    """Sweep with `Hub`."""
    users = tokens = 0
    with Hub() as hub:
        hub.version()
        began()
        for event in hub.tokens.list_all():
            users += event.error is None
            tokens += len(event.tokens)
    return users, tokens


def async_hub(began: Callable[[], object]) -> tuple[int, int]:
    """Sweep with `AsyncHub`."""

    async def main() -> tuple[int, int]:
        users = tokens = 0
        async with AsyncHub() as hub:
            await hub.version()
            began()
            async for event in hub.tokens.list_all():
                users += event.error is None
                tokens += len(event.tokens)
        return users, tokens

    return asyncio.run(main())


def threads(number: int, began: Callable[[], object]) -> tuple[int, int]:
    """Sweep with `requests` in so many threads, each with a connection of its own."""
    root, own = os.environ["JUPYTERHUB_API_URL"], local()

    def get(path: str) -> Any:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.trust_env = False
            own.session.headers["Authorization"] = f"token {os.environ['JUPYTERHUB_API_TOKEN']}"
            own.session.headers["Accept"] = "application/jupyterhub-pagination+json"
        answer = own.session.get(root + path, timeout=MAX_SECONDS)
        answer.raise_for_status()
        return answer.json()

    get("/")
    began()
    names: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = get(f"/users?offset={offset}&limit={PAGE}")
        names += [user["name"] for user in page["items"]]
        offset = (page["_pagination"]["next"] or {}).get("offset")
    with ThreadPoolExecutor(number) as pool:
        found = pool.map(lambda name: len(get(f"/users/{name}/tokens")["api_tokens"]), names)
        return len(names), sum(found)


def measure(contender: str, hub: RealHub) -> Sweep:
    """Sweep in a fresh process."""
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.near, "JUPYTERHUB_API_TOKEN": hub.token}
    command = [sys.executable, "-m", "bench.token_sweep", contender]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=MAX_SECONDS)
    return msgspec.json.decode(process.stdout, type=Sweep)


def main(contender: str) -> None:
    """Sweep and print."""
    began = cpu_began = 0.0

    def begin() -> None:
        nonlocal began, cpu_began
        began, cpu_began = time.monotonic(), time.process_time()

    if contender.isdecimal():
        users, tokens = threads(int(contender), begin)
    else:
        users, tokens = {"hub": hub, "async_hub": async_hub}[contender](begin)
    sweep = Sweep(time.monotonic() - began, time.process_time() - cpu_began, users, tokens)
    print(msgspec.json.encode(sweep).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
