"""The hub's count of failed starts in a row: at a limit, the hub shuts down.

A failed start with values that the user chose freely does not mean that the hub is broken: the text may name an image
or a command that does not exist. Such starts are excluded from the count; otherwise, any user could shut the hub down.
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
"""Key of the count in the settings of JupyterHub's application."""
UNCOUNTED = "_jhub_uncounted"
"""Attribute of a request whose start is excluded from the count."""

SpawnException: Any = getattr(_spawner, "SpawnException", ())
"""Base class of refusals (JupyterHub 6)."""


def install() -> None:
    """Wrap the method that starts a server, once."""
    wrap_once(User, "spawn", _wrap_spawn)


def exclude(handler: Any) -> None:
    """Exclude the start that a request is for from the count."""
    setattr(handler, UNCOUNTED, True)


def exclude_current(spawner: Any) -> None:
    """Exclude the start that a spawner is in from the count, if it fails."""
    handler, start = spawner.handler, spawner._spawn_future
    if handler is not None and start is not None and not start.done() and not getattr(handler, UNCOUNTED, False):
        exclude(handler)
        _discount_failure(spawner, handler.settings)


def _wrap_spawn(original: Callable[..., Any]) -> Callable[..., Any]:
    async def spawn(self: Any, server_name: str = "", *args: Any, **kwargs: Any) -> Any:
        handler = kwargs.get("handler")
        if handler is not None and getattr(handler, UNCOUNTED, False):
            _discount_failure(self.spawners[server_name], handler.settings)
        return await original(self, server_name, *args, **kwargs)

    return spawn


def _discount_failure(spawner: Any, settings: dict[str, Any]) -> None:
    """Undo JupyterHub's increment of the count if the current start fails.

    JupyterHub checks the limit when it counts, so the limit is off until then.
    """
    limit = spawner.consecutive_failure_limit
    spawner.consecutive_failure_limit = 0

    def on_end(start: Any) -> None:
        spawner.consecutive_failure_limit = limit
        if not start.cancelled() and start.exception() is not None and _is_counted(start.exception()):
            settings[COUNT_SETTING] -= 1

    # JupyterHub has already added its own callback, and callbacks run in this order.
    spawner._spawn_future.add_done_callback(on_end)


def _is_counted(error: BaseException) -> bool:
    """Return whether JupyterHub counts a failure: version 5 counts every failure, version 6 all but refusals."""
    refused = isinstance(error, SpawnException) or (isinstance(error, HTTPError) and error.status_code < 500)
    return not (refused and version_info >= (6,))
