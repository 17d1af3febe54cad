"""Sign-in: the request for a token, the flow that gets one, and the questions that it asks.

    result = hub.run(sign_in(SignInRequest(api_url=hub.api_url, username="ana")), ask=answer)

`Hub.login` does this and connects with the token. Each sign-in method is a flow in a file of its own; `sign_in` chooses
the one that the hub supports. A name's module is imported when the name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jhub.config.certificate_files import CertificateFiles as CertificateFiles
    from jhub.login.console import Console as Console
    from jhub.login.environment import environment_token as environment_token
    from jhub.login.methods import sign_in as sign_in
    from jhub.login.questions import MethodChosen as MethodChosen
    from jhub.login.questions import NoCallback as NoCallback
    from jhub.login.questions import OtherUser as OtherUser
    from jhub.login.questions import Password as Password
    from jhub.login.questions import PastedToken as PastedToken
    from jhub.login.questions import SecondFactor as SecondFactor
    from jhub.login.questions import Username as Username
    from jhub.login.questions import Visit as Visit
    from jhub.login.request import LoginMethod as LoginMethod
    from jhub.login.request import SignInRequest as SignInRequest
    from jhub.login.request import SignInResult as SignInResult
    from jhub.login.saved_context import SavedContext as SavedContext
    from jhub.login.saved_context import save_context as save_context
    from jhub.login.saved_context import saved_files as saved_files
    from jhub.login.saved_context import sign_in_and_save as sign_in_and_save
    from jhub.operations.tokens import TOKEN_LIFE as TOKEN_LIFE

_HOMES = {
    "CertificateFiles": "jhub.config.certificate_files",
    "Console": "jhub.login.console",
    "LoginMethod": "jhub.login.request",
    "MethodChosen": "jhub.login.questions",
    "NoCallback": "jhub.login.questions",
    "OtherUser": "jhub.login.questions",
    "Password": "jhub.login.questions",
    "PastedToken": "jhub.login.questions",
    "SavedContext": "jhub.login.saved_context",
    "SecondFactor": "jhub.login.questions",
    "SignInRequest": "jhub.login.request",
    "SignInResult": "jhub.login.request",
    "TOKEN_LIFE": "jhub.operations.tokens",
    "Username": "jhub.login.questions",
    "Visit": "jhub.login.questions",
    "environment_token": "jhub.login.environment",
    "save_context": "jhub.login.saved_context",
    "saved_files": "jhub.login.saved_context",
    "sign_in": "jhub.login.methods",
    "sign_in_and_save": "jhub.login.saved_context",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  # it reads the imports above


def __getattr__(name: str) -> Any:
    """Import the module of a public name, and return the name's value."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the names of this module, those not imported yet included."""
    return sorted({*globals(), *_HOMES})
