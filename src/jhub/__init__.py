"""Automate JupyterHub: users, groups, servers, tokens, services and shares, through its REST API.

    from jhub import Hub

    with Hub("https://hub.example.org", token) as hub:
        hub.groups.add_users("geo", ["ana", "bo"])
        for server in hub.servers.list(group="geo"):
            print(server.address)

`Hub` is the client, and `AsyncHub` is the same client with coroutines. The public modules are:

    jhub.models     objects that a hub returns
    jhub.errors     exceptions
    jhub.steps      requests, and the steps of flows
    jhub.testing    a hub in memory and a virtual clock, for tests
    jhub.login      sign-in, and its prompts
    jhub.local      a JupyterHub on this machine
    jhub.state      rosters: spreadsheets of people
    jhub.extension  profiles of servers, inside a hub


`import jhub` loads none of them, so that a hub with `jhub.extension` does not load the HTTP library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__: str

if TYPE_CHECKING:
    from jhub.bulk.events import NameEvent as NameEvent
    from jhub.bulk.events import NameSummary as NameSummary
    from jhub.bulk.events import UserTokens as UserTokens
    from jhub.bulk.groups import Difference as Difference
    from jhub.client.async_hub import AsyncHub as AsyncHub
    from jhub.client.certificates import Cert as Cert
    from jhub.client.certificates import Verify as Verify
    from jhub.client.hub import Hub as Hub
    from jhub.client.network import Timeouts as Timeouts
    from jhub.client.wire import Prompter as Prompter
    from jhub.errors import AlreadyRunning as AlreadyRunning
    from jhub.errors import APIError as APIError
    from jhub.errors import BadRequest as BadRequest
    from jhub.errors import CommandFailed as CommandFailed
    from jhub.errors import Conflict as Conflict
    from jhub.errors import HubBroken as HubBroken
    from jhub.errors import HubError as HubError
    from jhub.errors import HubFull as HubFull
    from jhub.errors import InvalidInput as InvalidInput
    from jhub.errors import InvalidScope as InvalidScope
    from jhub.errors import InvalidUsername as InvalidUsername
    from jhub.errors import LifetimeTooLong as LifetimeTooLong
    from jhub.errors import LocalHubError as LocalHubError
    from jhub.errors import MissingScope as MissingScope
    from jhub.errors import NotAHub as NotAHub
    from jhub.errors import NotAuthorized as NotAuthorized
    from jhub.errors import NotFound as NotFound
    from jhub.errors import NotStarted as NotStarted
    from jhub.errors import Redirected as Redirected
    from jhub.errors import ServerPending as ServerPending
    from jhub.errors import SpawnFailed as SpawnFailed
    from jhub.errors import StartCancelled as StartCancelled
    from jhub.errors import Throttled as Throttled
    from jhub.errors import Unavailable as Unavailable
    from jhub.errors import UnknownToken as UnknownToken
    from jhub.errors import UnknownUser as UnknownUser
    from jhub.errors import Unsupported as Unsupported
    from jhub.errors import UserNotCreated as UserNotCreated
    from jhub.errors import WaitTimeout as WaitTimeout
    from jhub.fleet.events import EventKind as EventKind
    from jhub.fleet.events import ServerEvent as ServerEvent
    from jhub.fleet.events import Summary as Summary
    from jhub.fleet.events import Target as Target
    from jhub.fleet.selection import Members as Members
    from jhub.fleet.selection import Targets as Targets
    from jhub.handles import AsyncFleet as AsyncFleet
    from jhub.handles import AsyncStream as AsyncStream
    from jhub.handles import Fleet as Fleet
    from jhub.handles import Stream as Stream
    from jhub.login.request import LoginMethod as LoginMethod
    from jhub.models import Component as Component
    from jhub.models import Group as Group
    from jhub.models import HubInfo as HubInfo
    from jhub.models import Identity as Identity
    from jhub.models import Model as Model
    from jhub.models import Named as Named
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
    from jhub.models import SharedServer as SharedServer
    from jhub.models import Token as Token
    from jhub.models import TokenKind as TokenKind
    from jhub.models import UnlistedChoice as UnlistedChoice
    from jhub.models import User as User
    from jhub.operations.server_filter import Running as Running
    from jhub.operations.server_filter import ServerState as ServerState
    from jhub.operations.tokens import revocation_groups as revocation_groups
    from jhub.operations.users import Sort as Sort
    from jhub.preview import Preview as Preview
    from jhub.singleuser.cells import CellError as CellError
    from jhub.singleuser.cells import CellResult as CellResult
    from jhub.singleuser.cells import CellStatus as CellStatus
    from jhub.singleuser.command_streams import CommandOutput as CommandOutput
    from jhub.singleuser.command_streams import InputSource as InputSource
    from jhub.singleuser.commands import CommandResult as CommandResult
    from jhub.singleuser.contents import FileInfo as FileInfo
    from jhub.singleuser.kernel_api import Kernel as Kernel
    from jhub.singleuser.kernel_api import KernelSpec as KernelSpec
    from jhub.singleuser.notebooks import NotebookEvent as NotebookEvent
    from jhub.singleuser.notebooks import NotebookSource as NotebookSource
    from jhub.singleuser.notebooks import RunCell as RunCell
    from jhub.singleuser.notebooks import RunResult as RunResult
    from jhub.singleuser.server import AsyncSingleUser as AsyncSingleUser
    from jhub.singleuser.server import ServerStatus as ServerStatus
    from jhub.singleuser.server import SingleUser as SingleUser
    from jhub.singleuser.terminals import Keyboard as Keyboard
    from jhub.steps import Answer as Answer
    from jhub.steps import Flow as Flow
    from jhub.steps import Operation as Operation
    from jhub.steps import Request as Request

_HOMES = {
    "APIError": "jhub.errors",
    "AlreadyRunning": "jhub.errors",
    "Answer": "jhub.steps",
    "AsyncFleet": "jhub.handles",
    "AsyncHub": "jhub.client.async_hub",
    "AsyncSingleUser": "jhub.singleuser.server",
    "AsyncStream": "jhub.handles",
    "BadRequest": "jhub.errors",
    "CellError": "jhub.singleuser.cells",
    "CellResult": "jhub.singleuser.cells",
    "CellStatus": "jhub.singleuser.cells",
    "CommandFailed": "jhub.errors",
    "CommandOutput": "jhub.singleuser.command_streams",
    "CommandResult": "jhub.singleuser.commands",
    "Component": "jhub.models",
    "Cert": "jhub.client.certificates",
    "Conflict": "jhub.errors",
    "Difference": "jhub.bulk.groups",
    "EventKind": "jhub.fleet.events",
    "FileInfo": "jhub.singleuser.contents",
    "Fleet": "jhub.handles",
    "Flow": "jhub.steps",
    "Group": "jhub.models",
    "Hub": "jhub.client.hub",
    "HubBroken": "jhub.errors",
    "HubError": "jhub.errors",
    "HubFull": "jhub.errors",
    "HubInfo": "jhub.models",
    "Identity": "jhub.models",
    "InputSource": "jhub.singleuser.command_streams",
    "InvalidInput": "jhub.errors",
    "InvalidScope": "jhub.errors",
    "InvalidUsername": "jhub.errors",
    "Kernel": "jhub.singleuser.kernel_api",
    "KernelSpec": "jhub.singleuser.kernel_api",
    "Keyboard": "jhub.singleuser.terminals",
    "LifetimeTooLong": "jhub.errors",
    "LocalHubError": "jhub.errors",
    "LoginMethod": "jhub.login.request",
    "Members": "jhub.fleet.selection",
    "MissingScope": "jhub.errors",
    "Model": "jhub.models",
    "NameEvent": "jhub.bulk.events",
    "NameSummary": "jhub.bulk.events",
    "Named": "jhub.models",
    "NotAHub": "jhub.errors",
    "NotAuthorized": "jhub.errors",
    "NotFound": "jhub.errors",
    "NotebookEvent": "jhub.singleuser.notebooks",
    "NotebookSource": "jhub.singleuser.notebooks",
    "NotStarted": "jhub.errors",
    "OAuthToken": "jhub.models",
    "Operation": "jhub.steps",
    "Preview": "jhub.preview",
    "Profile": "jhub.models",
    "ProfileChoice": "jhub.models",
    "ProfileOption": "jhub.models",
    "Progress": "jhub.models",
    "Prompter": "jhub.client.wire",
    "Redirected": "jhub.errors",
    "Request": "jhub.steps",
    "Route": "jhub.models",
    "RunCell": "jhub.singleuser.notebooks",
    "RunResult": "jhub.singleuser.notebooks",
    "Running": "jhub.operations.server_filter",
    "Server": "jhub.models",
    "ServerEvent": "jhub.fleet.events",
    "ServerPending": "jhub.errors",
    "ServerStatus": "jhub.singleuser.server",
    "ServerState": "jhub.operations.server_filter",
    "Service": "jhub.models",
    "Share": "jhub.models",
    "ShareCode": "jhub.models",
    "SharedServer": "jhub.models",
    "Sort": "jhub.operations.users",
    "SingleUser": "jhub.singleuser.server",
    "SpawnFailed": "jhub.errors",
    "StartCancelled": "jhub.errors",
    "Stream": "jhub.handles",
    "Summary": "jhub.fleet.events",
    "Target": "jhub.fleet.events",
    "Targets": "jhub.fleet.selection",
    "Throttled": "jhub.errors",
    "Timeouts": "jhub.client.network",
    "Token": "jhub.models",
    "TokenKind": "jhub.models",
    "Unavailable": "jhub.errors",
    "UnknownToken": "jhub.errors",
    "UnknownUser": "jhub.errors",
    "UnlistedChoice": "jhub.models",
    "Unsupported": "jhub.errors",
    "User": "jhub.models",
    "UserTokens": "jhub.bulk.events",
    "UserNotCreated": "jhub.errors",
    "Verify": "jhub.client.certificates",
    "WaitTimeout": "jhub.errors",
    "revocation_groups": "jhub.operations.tokens",
}
"""Module of each public name."""

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # pyright reads the imports above


def __getattr__(name: str) -> Any:
    """Return a public name, and import its module on first use."""
    home = "jhub._version" if name == "__version__" else _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    """Return all names, including those that are not imported yet."""
    return sorted({*globals(), *_HOMES})
