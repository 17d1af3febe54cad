"""Stage 1, the API handlers: check REST calls that start a server or save options for a start.

A refusal must come before the hub creates a row for the server, saves the options or begins a start, and before it
answers "202, pending", as hubs with `slow_spawn_timeout = 0` do for every start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from jupyterhub import apihandlers
from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.scopes import needs_scope, scope_definitions
from tornado.web import HTTPError

from jhub.extension.enforcement import enforce_request
from jhub.extension.patching import add_routes

SUPPORTS_EDIT = "put" in vars(UserServerAPIHandler)
"""True for JupyterHub 6: it can create and edit servers without a start, and a body has keys beside the options."""

START_KEYS = {"user_options", "display_name"}
"""Keys of the body of a start in JupyterHub 6."""
PATCH_KEYS = {"name", *START_KEYS}
"""Keys of the body of an edit."""

Method = TypeVar("Method", bound=Callable[..., Any])

START_SCOPE = "start:servers" if "start:servers" in scope_definitions else "servers"
"""The scope that the routes themselves require: `servers` before JupyterHub 6."""


def install() -> None:
    """Add the checked routes before JupyterHub's own, once.

    They go to the front of the list that JupyterHub reads when it builds its application. An authenticator that adds
    them could be replaced on the command line, and JupyterHub matches `extra_handlers` too late.
    """
    original = [path for path, handler, *_ in apihandlers.default_handlers if handler is UserServerAPIHandler]
    add_routes(*[(path, SERVER_HANDLER) for path in original])


def requires_start_scope(method: Method) -> Method:
    """Check the route's own scope first: otherwise, a refusal would list the profiles to callers without that scope."""
    return cast("Method", needs_scope(START_SCOPE)(method))


class StartHandler(UserServerAPIHandler):
    """The handler of the routes that start a server: it enforces the profiles first."""

    def find_user(self, name: str) -> Any:
        """Return the user as JupyterHub does, but only once per request: the lookup takes longer than the check."""
        users = self.__dict__.setdefault("_jhub_users", {})
        if name not in users:
            users[name] = super().find_user(name)
        return users[name]

    @requires_start_scope
    async def post(self, user_name: str, server_name: str = "") -> None:
        """Start a server, if the profiles allow it."""
        owner = self.find_user(user_name)
        if owner is not None:
            options = self._options_in_body()
            # For an active server, JupyterHub sends its own response, and ignores the saved options.
            if options is not None or not _is_active(owner, server_name):
                await enforce_request(self, owner, server_name, options)
        await super().post(user_name, server_name)

    def _options_in_body(self) -> dict[str, Any] | None:
        """Return the options in the body; None if there are none, so that the saved options apply."""
        body = self.get_json_body()
        if SUPPORTS_EDIT and isinstance(body, dict) and START_KEYS & body.keys() and body.keys() - START_KEYS:
            # JupyterHub 6 would ignore these keys, and start the default profile.
            raise HTTPError(400, "put user options into user_options, next to display_name")
        # {"user_options": {…}}, or the older format, which JupyterHub 6 accepts too: the whole body.
        if SUPPORTS_EDIT:
            _check_names(body)
        options = self.get_server_json_body()["user_options"] if SUPPORTS_EDIT else body
        if options is not None and not isinstance(options, dict):
            raise HTTPError(400, "user options must be a JSON object")
        return options


class StartAndEditHandler(StartHandler):
    """The handler for JupyterHub 6, which also saves options without a start, for a later start without options."""

    @requires_start_scope
    async def put(self, user_name: str, server_name: str = "") -> None:
        """Create a server, if the profiles allow its options."""
        owner = self.find_user(user_name)
        options = self._options_in_body()
        if owner is not None and options:
            await enforce_request(self, owner, server_name, options)
        await super().put(user_name, server_name)

    @requires_start_scope
    async def patch(self, user_name: str, server_name: str = "") -> None:
        """Edit a server, if the profiles allow its new options."""
        owner = self.find_user(user_name)
        body = self.get_json_body() or {}
        # JupyterHub 6.1 answers 500 to any body that is not an object with these keys.
        if not isinstance(body, dict) or body.keys() - PATCH_KEYS:
            raise HTTPError(400, f"the body must be a JSON object with keys from {', '.join(sorted(PATCH_KEYS))}")
        _check_names(body)
        if owner is not None and isinstance(body.get("user_options"), dict):
            await enforce_request(self, owner, server_name, body["user_options"])
        await super().patch(user_name, server_name)


SERVER_HANDLER = StartAndEditHandler if SUPPORTS_EDIT else StartHandler
"""The handler that replaces JupyterHub's UserServerAPIHandler."""


def _check_names(body: object) -> None:
    """Raise HTTPError 400 for names that the hub's database cannot store."""
    for key in ("name", "display_name"):
        name = body.get(key) if isinstance(body, dict) else None
        if name is not None and not (isinstance(name, str) and is_encodable(name)):
            raise HTTPError(400, f"{key} must be text")


def is_encodable(text: str) -> bool:
    """Return whether a text has no lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_active(owner: Any, server_name: str) -> bool:
    return server_name in owner.spawners and bool(owner.spawners[server_name].active)
