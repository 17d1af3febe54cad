"""Automate JupyterHub.

`Hub` and `AsyncHub` are the clients; `jhub.errors` what can go wrong; `jhub.models` what a hub answers. Importing this
package loads none of them: a hub that loads `jhub.extension` must not pay for the HTTP library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from jhub.client import AsyncFleet as AsyncFleet
    from jhub.client import AsyncHub as AsyncHub
    from jhub.client import Fleet as Fleet
    from jhub.client import Hub as Hub
    from jhub.errors import APIError as APIError
    from jhub.errors import BadRequest as BadRequest
    from jhub.errors import Conflict as Conflict
    from jhub.errors import HubBroke as HubBroke
    from jhub.errors import HubError as HubError
    from jhub.errors import HubFull as HubFull
    from jhub.errors import InvalidInput as InvalidInput
    from jhub.errors import MissingScope as MissingScope
    from jhub.errors import NotAHub as NotAHub
    from jhub.errors import NotAuthorized as NotAuthorized
    from jhub.errors import NotFound as NotFound
    from jhub.errors import SpawnFailed as SpawnFailed
    from jhub.errors import StillPending as StillPending
    from jhub.errors import Throttled as Throttled
    from jhub.errors import Unavailable as Unavailable
    from jhub.errors import Unsupported as Unsupported
    from jhub.fleet.events import ServerEvent as ServerEvent
    from jhub.fleet.events import Summary as Summary
    from jhub.models import Group as Group
    from jhub.models import HubInfo as HubInfo
    from jhub.models import Identity as Identity
    from jhub.models import Progress as Progress
    from jhub.models import Server as Server
    from jhub.models import Token as Token
    from jhub.models import User as User
    from jhub.steps import Flow as Flow
    from jhub.steps import Request as Request

_HOMES = {
    "jhub.client": ("AsyncFleet", "AsyncHub", "Fleet", "Hub"),
    "jhub.errors": (
        "APIError",
        "BadRequest",
        "Conflict",
        "HubBroke",
        "HubError",
        "HubFull",
        "InvalidInput",
        "MissingScope",
        "NotAHub",
        "NotAuthorized",
        "NotFound",
        "SpawnFailed",
        "StillPending",
        "Throttled",
        "Unavailable",
        "Unsupported",
    ),
    "jhub.fleet.events": ("ServerEvent", "Summary"),
    "jhub.models": ("Group", "HubInfo", "Identity", "Progress", "Server", "Token", "User"),
    "jhub.steps": ("Flow", "Request"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
