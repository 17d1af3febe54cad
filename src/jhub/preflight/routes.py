"""Table of the routes that change a hub, with the function that answers each as the hub would."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

import msgspec

from jhub.preflight import groups, servers, services, shares, users
from jhub.preflight.hub_state import HubState, Refusal, Unreadable
from jhub.steps import Answer, Flow, HubVersion, Request

Handler: TypeAlias = Callable[[HubState, Request[Any], Mapping[str, str]], Flow[object]]
"""A function that returns the body of the hub's answer, or None; it raises `Refusal` and `Unreadable`."""

ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("POST", "/users", "", users.create_users),
    ("PATCH", "/users/{user}", "", users.edit_user),
    ("DELETE", "/users/{user}", "", users.delete_user),
    ("POST", "/users/{user}/activity", "", users.record_activity),
    ("POST", "/users/{user}/tokens", "", users.create_token),
    ("DELETE", "/users/{user}/tokens/{token}", "", users.revoke_token),
    ("POST", "/users/{user}/server", "", servers.start_server),
    ("DELETE", "/users/{user}/server", "", servers.stop_server),
    ("PATCH", "/users/{user}/server", "6.0", servers.edit_server),
    ("POST", "/users/{user}/servers/{server}", "", servers.start_server),
    ("DELETE", "/users/{user}/servers/{server}", "", servers.stop_server),
    ("PUT", "/users/{user}/servers/{server}", "6.0", servers.create_server),
    ("PATCH", "/users/{user}/servers/{server}", "6.0", servers.edit_server),
    ("DELETE", "/users/{user}/shared/{owner}/{server}", "5.0", shares.leave_share),
    ("DELETE", "/groups/{group}/shared/{owner}/{server}", "5.0", shares.leave_share),
    ("POST", "/groups", "", groups.create_groups),
    ("POST", "/groups/{group}", "", groups.create_group),
    ("DELETE", "/groups/{group}", "", groups.delete_group),
    ("POST", "/groups/{group}/users", "", groups.change_members),
    ("DELETE", "/groups/{group}/users", "", groups.change_members),
    ("PUT", "/groups/{group}/properties", "4.0", groups.set_properties),
    ("POST", "/shares/{owner}/{server}", "5.0", shares.grant_share),
    ("PATCH", "/shares/{owner}/{server}", "5.0", shares.change_shares),
    ("DELETE", "/shares/{owner}/{server}", "5.0", shares.change_shares),
    ("POST", "/share-codes/{owner}/{server}", "5.0", shares.create_code),
    ("DELETE", "/share-codes/{owner}/{server}", "5.0", shares.revoke_codes),
    ("POST", "/services/{service}", "5.0", services.create_service),
    ("DELETE", "/services/{service}", "5.0", services.delete_service),
    ("POST", "/proxy", "", services.change_proxy),
    ("PATCH", "/proxy", "", services.change_proxy),
    ("POST", "/shutdown", "", services.shut_down),
)
"""The method, the path, the first version of JupyterHub with the route, and the function that answers."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected answer to a request. `unknown` names what could not be read, and may change the answer."""

    answer: Answer | None = None
    """None: the hub accepts the request, and the content of its answer is not known."""
    unknown: str = ""


def expected_answer(request: Request[Any], state: HubState) -> Flow[Expected]:
    """Return the answer that the hub would give to a request, and change `state` as the request would change the hub.

    Only sends reads: for the scopes of the token in use, and for the objects that decide. A request for another route
    is expected to succeed.
    """
    if request.root != "api" or request.raw:
        return Expected()
    for method, path, version, handler in ROUTES:
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]*)", path)
        match = re.fullmatch(pattern, request.path) if method == request.method else None
        if match is None:
            continue
        names = {key: unquote(value) for key, value in match.groupdict().items()}
        try:
            if version and (yield from HubVersion()) < tuple(map(int, version.split("."))):
                # These paths are new; the others exist for other methods.
                raise Refusal(404 if re.search("share|properties", path) else 405)
            body = yield from handler(state, request, {"server": "", **names})
        except Refusal as refusal:
            content = msgspec.json.encode({"status": refusal.status, "message": refusal.message or None})
            return Expected(Answer(refusal.status, {"content-type": "application/json"}, content))
        except Unreadable as error:
            return Expected(unknown=str(error))
        if body is None:
            return Expected()
        return Expected(Answer(200, {"content-type": "application/json"}, msgspec.json.encode(body)))
    return Expected()
