"""Process of a light hub: `python -m bench.light_hub_process FOLDER SERVER`. It prints its URL and a token.

It loads jhub.extension if FOLDER has a `profiles.yaml`. Its log is in the same folder.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tornado.log import app_log

import jhub.extension
from bench.bare_hub import BareHub, configuration, launch
from bench.light_hub import OWNER
from bench.many_profiles import groups

MAX_SECONDS = 120


def time_listings() -> None:
    """Log the time of each listing, without JupyterHub's part of the handler: finding the user and sending the answer.

    JupyterHub logs the time of the whole request.
    """
    from jhub.extension.profiles_api import UserProfilesHandler

    seconds: dict[str, float] = {}

    def measure_method(name: str) -> None:
        original = getattr(UserProfilesHandler, name)

        def method(self: Any, *arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(self, *arguments)
            finally:
                seconds[name] = time.perf_counter() - began

        setattr(UserProfilesHandler, name, method)

    for name in ("find_user", "finish"):
        measure_method(name)
    original_get = UserProfilesHandler.get

    async def get(self: Any, user_name: str) -> None:
        seconds.clear()
        began = time.perf_counter()
        await original_get(self, user_name)  # this hub's authenticator is not called, so nothing else runs in between
        own = time.perf_counter() - began - seconds.get("find_user", 0) - seconds["finish"]
        app_log.info("listing: %.2fms", own * 1000)

    UserProfilesHandler.get = get  # type: ignore[method-assign]


def main(folder: str, server: str) -> None:
    """Run the hub."""
    config = configuration(server)
    config.JupyterHub.load_groups = {group: {"users": [OWNER]} for group in groups()}
    profiles = Path(folder, "profiles.yaml")
    if profiles.exists():
        jhub.extension.enable(config, profiles=str(profiles))
        time_listings()
    launch(BareHub, config, folder, MAX_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
