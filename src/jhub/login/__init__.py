"""Signing in: the request for a token, the flow that gets one, and what it asks a person.

    signed = hub.run(sign_in(SignIn(api_url=hub.api_url, username="ana")), ask=answer)

`Hub.login` does that and more. Each way to get a token is a flow in a file of its own; `sign_in` takes the one that
the hub has. A name is loaded when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jhub.login.console import Console as Console
    from jhub.login.environment import environment_token as environment_token
    from jhub.login.methods import sign_in as sign_in
    from jhub.login.prompts import NoWayBack as NoWayBack
    from jhub.login.prompts import OtherUser as OtherUser
    from jhub.login.prompts import Password as Password
    from jhub.login.prompts import PastedToken as PastedToken
    from jhub.login.prompts import SecondFactor as SecondFactor
    from jhub.login.prompts import Username as Username
    from jhub.login.prompts import Visit as Visit
    from jhub.login.prompts import WayChosen as WayChosen
    from jhub.login.request import SignedIn as SignedIn
    from jhub.login.request import SignIn as SignIn
    from jhub.login.request import Way as Way
    from jhub.login.save_context import Kept as Kept
    from jhub.login.save_context import keep as keep
    from jhub.login.save_context import sign_in_and_keep as sign_in_and_keep
    from jhub.operations.tokens import TOKEN_LIFE as TOKEN_LIFE

_HOMES = {
    "Console": "jhub.login.console",
    "Kept": "jhub.login.save_context",
    "NoWayBack": "jhub.login.prompts",
    "OtherUser": "jhub.login.prompts",
    "Password": "jhub.login.prompts",
    "PastedToken": "jhub.login.prompts",
    "SecondFactor": "jhub.login.prompts",
    "SignIn": "jhub.login.request",
    "SignedIn": "jhub.login.request",
    "TOKEN_LIFE": "jhub.operations.tokens",
    "Username": "jhub.login.prompts",
    "Visit": "jhub.login.prompts",
    "Way": "jhub.login.request",
    "WayChosen": "jhub.login.prompts",
    "environment_token": "jhub.login.environment",
    "keep": "jhub.login.save_context",
    "sign_in": "jhub.login.methods",
    "sign_in_and_keep": "jhub.login.save_context",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # it reads the imports above


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
