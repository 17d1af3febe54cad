"""The hub's count of failed starts, after some of which in a row it ends.

A start with values that the user is free to choose says nothing about the hub where it fails: the text may name an
image or a command that does not exist. Such starts are left out of the count, or any user could end the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub import spawner as _spawner
from jupyterhub import version_info
from jupyterhub.user import User
from tornado.web import HTTPError

from jhub.extension.patching import wrap_once

COUNT_SETTING = "failure_count"
UNCOUNTED = "_jhub_uncounted"
"""Attribute of a request whose start is left out of the count."""

SpawnException: Any = getattr(_spawner, "SpawnException", ())
"""Base of refusals (JupyterHub 6)."""


def install() -> None:
    """Wrap the method that starts a server, once."""
    wrap_once(User, "spawn", _wrap_spawn)


def exclude(handler: Any) -> None:
    """Leave the start that a request is for out of the count."""
    setattr(handler, UNCOUNTED, True)


def _wrap_spawn(original: Callable[..., Any]) -> Callable[..., Any]:
    async def spawn(self: Any, server_name: str = "", *args: Any, **kwargs: Any) -> Any:
        handler = kwargs.get("handler")
        if handler is not None and getattr(handler, UNCOUNTED, False):
            _discount_failure(self.spawners[server_name], handler.settings)
        return await original(self, server_name, *args, **kwargs)

    return spawn


def _discount_failure(spawner: Any, settings: dict[str, Any]) -> None:
    """Take back what JupyterHub counts when the start under way fails.

    It looks at the limit in the moment in which it counts, so there is none meanwhile.
    """
    limit = spawner.consecutive_failure_limit
    spawner.consecutive_failure_limit = 0

    def on_end(start: Any) -> None:
        spawner.consecutive_failure_limit = limit
        if not start.cancelled() and start.exception() is not None and _is_counted(start.exception()):
            settings[COUNT_SETTING] -= 1

    # JupyterHub has added its own callback, and they are called in this order.
    spawner._spawn_future.add_done_callback(on_end)


def _is_counted(error: BaseException) -> bool:
    """Return whether JupyterHub counts a failure: 5 counts each, and 6 all but refusals."""
    refused = isinstance(error, SpawnException) or (isinstance(error, HTTPError) and error.status_code < 500)
    return not (refused and version_info >= (6,))
