"""Automate JupyterHub.

`Hub` and `AsyncHub` are the clients; `jhub.errors` what can go wrong; `jhub.models` what a hub answers. Importing this
package loads none of them: a hub that loads `jhub.extension` must not pay for the HTTP library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__: str

if TYPE_CHECKING:
    from jhub.client.asynchronous import AsyncHub as AsyncHub
    from jhub.client.network import Timeouts as Timeouts
    from jhub.client.sync import Hub as Hub
    from jhub.errors import AlreadyRunning as AlreadyRunning
    from jhub.errors import APIError as APIError
    from jhub.errors import BadRequest as BadRequest
    from jhub.errors import Conflict as Conflict
    from jhub.errors import HubBroke as HubBroke
    from jhub.errors import HubError as HubError
    from jhub.errors import HubFull as HubFull
    from jhub.errors import InvalidInput as InvalidInput
    from jhub.errors import InvalidScope as InvalidScope
    from jhub.errors import InvalidUsername as InvalidUsername
    from jhub.errors import LifetimeTooLong as LifetimeTooLong
    from jhub.errors import MissingScope as MissingScope
    from jhub.errors import NotAHub as NotAHub
    from jhub.errors import NotAuthorized as NotAuthorized
    from jhub.errors import NotFound as NotFound
    from jhub.errors import ServerPending as ServerPending
    from jhub.errors import SpawnFailed as SpawnFailed
    from jhub.errors import StillPending as StillPending
    from jhub.errors import Throttled as Throttled
    from jhub.errors import Unavailable as Unavailable
    from jhub.errors import UnknownToken as UnknownToken
    from jhub.errors import UnknownUser as UnknownUser
    from jhub.errors import Unsupported as Unsupported
    from jhub.errors import UserNotCreated as UserNotCreated
    from jhub.fleet.events import NameEvent as NameEvent
    from jhub.fleet.events import NameSummary as NameSummary
    from jhub.fleet.events import ServerEvent as ServerEvent
    from jhub.fleet.events import Summary as Summary
    from jhub.fleet.select import Members as Members
    from jhub.fleet.select import Running as Running
    from jhub.handles import AsyncFleet as AsyncFleet
    from jhub.handles import AsyncStream as AsyncStream
    from jhub.handles import Fleet as Fleet
    from jhub.handles import Stream as Stream
    from jhub.models import Group as Group
    from jhub.models import HubInfo as HubInfo
    from jhub.models import Identity as Identity
    from jhub.models import OAuthToken as OAuthToken
    from jhub.models import Profile as Profile
    from jhub.models import ProfileChoice as ProfileChoice
    from jhub.models import ProfileOption as ProfileOption
    from jhub.models import Progress as Progress
    from jhub.models import Route as Route
    from jhub.models import Server as Server
    from jhub.models import Service as Service
    from jhub.models import Share as Share
    from jhub.models import ShareCode as ShareCode
    from jhub.models import Token as Token
    from jhub.models import UnlistedChoice as UnlistedChoice
    from jhub.models import User as User
    from jhub.steps import Flow as Flow
    from jhub.steps import Request as Request

# What a name's module imports is loaded with it: the dear ones come last.
_HOMES = (
    "jhub._version",
    "jhub.errors",
    "jhub.models",
    "jhub.steps",
    "jhub.handles",
    "jhub.fleet.events",
    "jhub.fleet.select",
    "jhub.client.network",
    "jhub.client.sync",
    "jhub.client.asynchronous",
)

__all__ = [
    "APIError",
    "AlreadyRunning",
    "AsyncFleet",
    "AsyncHub",
    "AsyncStream",
    "BadRequest",
    "Conflict",
    "Fleet",
    "Flow",
    "Group",
    "Hub",
    "HubBroke",
    "HubError",
    "HubFull",
    "HubInfo",
    "Identity",
    "InvalidInput",
    "InvalidScope",
    "InvalidUsername",
    "LifetimeTooLong",
    "Members",
    "MissingScope",
    "NameEvent",
    "NameSummary",
    "NotAHub",
    "NotAuthorized",
    "NotFound",
    "OAuthToken",
    "Profile",
    "ProfileChoice",
    "ProfileOption",
    "Progress",
    "Request",
    "Route",
    "Running",
    "Server",
    "ServerEvent",
    "ServerPending",
    "Service",
    "Share",
    "ShareCode",
    "SpawnFailed",
    "StillPending",
    "Stream",
    "Summary",
    "Throttled",
    "Timeouts",
    "Token",
    "Unavailable",
    "UnknownToken",
    "UnknownUser",
    "UnlistedChoice",
    "Unsupported",
    "User",
    "UserNotCreated",
]


def __getattr__(name: str) -> Any:
    if name in __all__ or name == "__version__":
        for home in _HOMES:
            module = importlib.import_module(home)
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
