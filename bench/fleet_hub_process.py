"""The process of a fleet hub: `python -m bench.fleet_hub_process FOLDER SERVER SETTINGS`. Prints URL and token."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.log import log_request
from jupyterhub.user import User
from jupyterhub.utils import utcnow
from traitlets import Float

from bench.bare_hub import BareHub, NoProcessSpawner, configuration, launch
from bench.fleet_hub import ADMINISTRATOR, CONTROL, IDLE_HOURS, Settings, group_name, user_name

TIMEOUT_SECONDS = 1800
SEED = 20260302

rng = random.Random(SEED)  # noqa: S311
request_count: Counter[str] = Counter()


class SlowSpawner(NoProcessSpawner):
    """A spawner whose servers take a while to start, and sometimes fail."""

    delay = Float(config=True)
    failure_rate = Float(config=True)

    async def start(self) -> tuple[str, int]:
        await asyncio.sleep(self.delay)
        if rng.random() < self.failure_rate:
            raise RuntimeError("this start fails by chance")
        return await super().start()


class Control(APIHandler):  # type: ignore[misc]  # JupyterHub has no types
    """An endpoint for the benchmark: the number of requests so far, and a request to stop all servers."""

    def get(self) -> None:
        self.finish(json.dumps({"requests": request_count, "busy": time.process_time()}))

    async def delete(self) -> None:
        for user in list(self.users.values()):
            for name, spawner in list(user.spawners.items()):
                if spawner.active:
                    await self.proxy.delete_user(user, name)
                    await user.stop(name)
        rng.seed(SEED)
        self.set_status(204)


class FleetHub(BareHub):
    """A hub with users, who may already have servers and be in groups."""

    settings: Settings

    async def init_spawners(self) -> None:
        users = self.add_users([user_name(number) for number in range(self.settings.users)])
        self.db.add_all(running(users, self.settings))
        self.db.add_all(groups(users, self.settings))
        self.db.commit()
        await super().init_spawners()


def running(users: list[Any], settings: Settings) -> Iterator[Any]:
    """Yield the database rows of servers that run when the hub starts."""
    servers = [(user, f"lab{number}") for user in users for number in range(settings.running)]
    now = utcnow(with_tz=False)
    for place, (user, name) in enumerate(servers):
        idle = place * settings.idle // len(servers) != (place + 1) * settings.idle // len(servers)
        last = now - timedelta(hours=IDLE_HOURS * 1.5 if idle else place % 60 / 60)
        base_url = f"/user/{user.name}/{name}/"
        yield orm.Spawner(
            user=user,
            name=name,
            started=now - timedelta(days=1),
            last_activity=last,
            server=orm.Server(base_url=base_url),
        )


def groups(users: list[Any], settings: Settings) -> Iterator[Any]:
    """Yield the database rows of groups."""
    for number in range(settings.groups):
        yield orm.Group(
            name=group_name(number), users=users[number :: settings.groups], properties=dict(settings.properties)
        )


async def _skip_check(user: User, spawner: Any) -> None:
    """Replace the check of each of thousands of servers, which are all the same one."""


def count(handler: Any) -> None:
    """Count a request, and log it."""
    if not handler.request.path.endswith(CONTROL):
        request_count[handler.request.method] += 1
    log_request(handler)


def main(folder: str, server: str, encoded: str) -> None:
    """Run the hub."""
    settings = msgspec.json.decode(encoded, type=Settings)
    config = configuration(server)
    config.Authenticator.admin_users = {ADMINISTRATOR}
    config.JupyterHub.spawner_class = SlowSpawner
    config.SlowSpawner.delay = settings.delay
    config.SlowSpawner.failure_rate = settings.failure_rate
    config.Spawner.consecutive_failure_limit = settings.consecutive_failure_limit
    config.JupyterHub.concurrent_spawn_limit = settings.concurrent_spawn_limit
    config.JupyterHub.active_server_limit = settings.active_server_limit
    config.JupyterHub.allow_named_servers = True
    config.JupyterHub.tornado_settings = {"log_function": count, "slow_spawn_timeout": settings.slow_spawn_timeout}
    config.JupyterHub.extra_handlers = [(rf"/api{CONTROL}", Control)]
    if settings.running:
        config.Spawner.poll_interval = 0
        config.JupyterHub.init_spawners_timeout = -1  # the hub is up once it has checked all of them
        User._wait_up = _skip_check
    FleetHub.settings = settings
    launch(FleetHub, config, folder, TIMEOUT_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
