"""Operations on shares, which give users and groups access to a server, and on share codes (JupyterHub 5.0)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import HubBroken, InvalidInput
from jhub.models import Share, ShareCode, target
from jhub.operations.paging import pages
from jhub.operations.requests import UNKNOWN_SCOPE_HINT, accept_missing, list_of, since, user_path
from jhub.steps import Answer, Flow, Operation, Request, call, segment, send

T = TypeVar("T")

MIN_VERSION = "5.0"
"""First version of JupyterHub with shares."""


class ShareOps:
    """Operations on shares of servers; the server "" is the owner's default server."""

    @stream(Share)
    def list(self, owner: str, server: str | None = None) -> Flow[None]:
        """List the shares of one server, or of all servers of a user.

        `GET /shares/{owner}` and `GET /shares/{owner}/{server}` (JupyterHub 5.0), scope `read:shares`. `NotFound` if
        the server does not exist.
        """
        return _listing(_path("shares", owner, server), f"shares of {_label(owner, server)}")

    @stream(Share)
    def list_shared_with(self, *, user: str | None = None, group: str | None = None) -> Flow[None]:
        """List the shares that a user (also through groups) or a group has. Pass either `user` or `group`.

        `GET /users/{user}/shared` and `GET /groups/{group}/shared` (JupyterHub 5.0), scope `read:users:shares` or
        `read:groups:shares`.
        """
        recipient, path = _recipient(user, group)
        return _listing(f"{path}/shared", f"shared with {recipient}")

    @operation
    def get(self, owner: str, server: str = "", *, user: str | None = None, group: str | None = None) -> Flow[Share]:
        """Return a user's or a group's own share of a server. Pass either `user` or `group`.

        `GET /users/{user}/shared/{owner}/{server}` and `GET /groups/{group}/shared/{owner}/{server}` (JupyterHub
        5.0), scope `read:users:shares` or `read:groups:shares`. `NotFound` if the server is not shared with them.
        """
        recipient, path = _recipient(user, group)
        about = f"share of {target(owner, server)} with {recipient}"
        return since(MIN_VERSION, call("GET", f"{path}/shared{_path('', owner, server)}", Share, about=about), "shares")

    @operation
    def grant(
        self,
        owner: str,
        server: str = "",
        *,
        user: str | None = None,
        group: str | None = None,
        scopes: Iterable[str] | None = None,
    ) -> Flow[Share]:
        """Share a server with a user or a group. Pass either `user` or `group`.

        `scopes` are the permissions on the server, such as "access:servers" (the default) or "read:servers". Scopes
        that were granted before stay.

        `POST /shares/{owner}/{server}` (JupyterHub 5.0), scopes `shares`, the granted scopes, and `read:users:name`
        or `read:groups:name` for the recipient. `NotFound` if the server, user or group does not exist.
        """
        recipient, body = _recipient_body(user, group, scopes, f"{owner}/{server}")
        about = f"share {target(owner, server)} with {recipient}"
        path = _path("shares", owner, server)
        request = call("POST", path, Share, body=body, about=about, repeatable=True)
        return since(MIN_VERSION, _explain_server_error(request, body), "shares")

    @operation
    def revoke(
        self,
        owner: str,
        server: str = "",
        *,
        user: str | None = None,
        group: str | None = None,
        scopes: Iterable[str] | None = None,
        missing_ok: bool = False,
    ) -> Flow[Share | None]:
        """Revoke a user's or a group's access to a server, and return the share that remains, or None.

        Pass either `user` or `group`. `scopes` are the scopes to revoke; None means all. Nothing happens if the server
        was not shared with them, or the name is unknown: the hub does not distinguish the two.

        `PATCH /shares/{owner}/{server}` (JupyterHub 5.0), scope `shares`. `NotFound` if the server does not exist,
        unless `missing_ok`.
        """
        recipient, body = _recipient_body(user, group, scopes, f"{owner}/{server}")
        request = _revoke_request(_path("shares", owner, server), body, f"{target(owner, server)}, {recipient}")
        return accept_missing(since(MIN_VERSION, request, "shares"), missing_ok)

    @operation
    def revoke_all(self, owner: str, server: str = "", *, missing_ok: bool = False) -> Flow[None]:
        """Revoke all shares of a server.

        `DELETE /shares/{owner}/{server}` (JupyterHub 5.0), scope `shares`. `NotFound` if the server does not exist,
        unless `missing_ok`.
        """
        request = send("DELETE", _path("shares", owner, server), about=f"shares of {target(owner, server)}")
        return accept_missing(since(MIN_VERSION, request, "shares"), missing_ok)

    @operation
    def leave(
        self,
        owner: str,
        server: str = "",
        *,
        user: str | None = None,
        group: str | None = None,
        missing_ok: bool = False,
    ) -> Flow[None]:
        """Give up a share on behalf of the recipient. Pass either `user` or `group`.

        `DELETE /users/{user}/shared/{owner}/{server}` and `DELETE /groups/{group}/shared/{owner}/{server}`
        (JupyterHub 5.0), scope `users:shares` or `groups:shares`. `NotFound` if the server is not shared with them,
        unless `missing_ok`.
        """
        recipient, path = _recipient(user, group)
        request = send(
            "DELETE",
            f"{path}/shared{_path('', owner, server)}",
            about=f"share of {target(owner, server)} with {recipient}",
        )
        return accept_missing(since(MIN_VERSION, request, "shares"), missing_ok)


class ShareCodeOps:
    """Operations on share codes: a signed-in user who opens the link of a code gets access to the server."""

    @stream(ShareCode)
    def list(self, owner: str, server: str | None = None) -> Flow[None]:
        """List the codes of one server, or of all servers of a user, without the secrets.

        `GET /share-codes/{owner}` and `GET /share-codes/{owner}/{server}` (JupyterHub 5.0), scope `read:shares`.
        """
        path, about = _path("share-codes", owner, server), f"share codes of {_label(owner, server)}"
        return since(MIN_VERSION, pages(path, ShareCode, lambda code: code.id, about=about), "share codes")

    @operation
    def create(
        self, owner: str, server: str = "", *, expires_in: int | None = None, scopes: Iterable[str] | None = None
    ) -> Flow[ShareCode]:
        """Create a share code.

        The secret is in `.code`, and in `.accept_url`, of this answer only.

        Parameters
        ----------
        expires_in
            Seconds, from a minute to a year; None means a day.
        scopes
            As for `Shares.grant`.

        `POST /share-codes/{owner}/{server}` (JupyterHub 5.0), scopes `shares` and the granted scopes. `NotFound` if
        the server does not exist.
        """
        body: dict[str, Any] = _scopes_body(scopes, f"{owner}/{server}")
        if expires_in is not None:
            if not 60 <= expires_in <= 365 * 86400:
                raise InvalidInput(f"a share code cannot expire in {expires_in} s", hint="use a minute to a year")
            body["expires_in"] = expires_in
        about = f"share code for {target(owner, server)}"
        request = call("POST", _path("share-codes", owner, server), ShareCode, body=body, about=about)
        return since(MIN_VERSION, _explain_server_error(request, body), "share codes")

    @operation
    def revoke(self, owner: str, server: str, code_id: str, *, missing_ok: bool = False) -> Flow[None]:
        """Revoke a share code by its id, such as "sc_12".

        Users who have accepted the code keep their access: see `Shares.revoke`.

        `DELETE /share-codes/{owner}/{server}?id={id}` (JupyterHub 5.0), scope `shares`. `NotFound` if the code or
        the server does not exist, unless `missing_ok`.
        """
        # An empty id would revoke all codes, and the hub reads "sc_1x" as "sc_1". The hub also takes the code itself,
        # but that is a secret, and this is a URL.
        if not re.fullmatch(r"sc_\d+", code_id, re.ASCII):
            raise InvalidInput(f"invalid share code ID {code_id!r}", hint="see: jhub share code list")
        path, about = _path("share-codes", owner, server), f"share code {code_id} of {target(owner, server)}"
        request = send("DELETE", path, query=(("id", code_id),), about=about)
        return accept_missing(since(MIN_VERSION, request, "share codes"), missing_ok)

    @operation
    def revoke_all(self, owner: str, server: str = "", *, missing_ok: bool = False) -> Flow[None]:
        """Revoke all codes of a server.

        `DELETE /share-codes/{owner}/{server}` (JupyterHub 5.0), scope `shares`. `NotFound` if the server does not
        exist, unless `missing_ok`.
        """
        request = send("DELETE", _path("share-codes", owner, server), about=f"share codes of {target(owner, server)}")
        return accept_missing(since(MIN_VERSION, request, "share codes"), missing_ok)


def _listing(path: str, about: str) -> Flow[None]:
    def key(share: Share) -> object:
        return share.server.target, share.kind, share.shared_with

    return since(MIN_VERSION, pages(path, Share, key, about=about), "shares")


def _path(root: str, owner: str, server: str | None) -> str:
    path = f"{f'/{root}' if root else ''}/{segment(owner, 'user')}"
    # In these routes the default server has an empty name.
    return path if server is None else f"{path}/{segment(server, 'server') if server else ''}"


def _label(owner: str, server: str | None) -> str:
    return owner if server is None else target(owner, server)


def _recipient(user: str | None, group: str | None) -> tuple[str, str]:
    if (user is None) == (group is None):
        raise InvalidInput("pass either a user or a group")
    if user is not None:
        return f"user {user}", user_path(user)
    return f"group {group}", f"/groups/{segment(group or '', 'group')}"


def _recipient_body(
    user: str | None, group: str | None, scopes: Iterable[str] | None, server: str
) -> tuple[str, dict[str, Any]]:
    recipient, _ = _recipient(user, group)
    return recipient, {**({"user": user} if user is not None else {"group": group}), **_scopes_body(scopes, server)}


def _scopes_body(scopes: Iterable[str] | None, server: str) -> dict[str, Any]:
    if scopes is None:
        return {}
    scope_list = list_of(scopes)
    if not scope_list:
        # The hub treats an empty list like its default.
        raise InvalidInput("the list of scopes is empty", hint="leave scopes out for the hub's default")
    # Without the filter the hub grants the same scope, but does not find it when you revoke it (6.1).
    return {"scopes": [scope if "!" in scope else f"{scope}!server={server}" for scope in scope_list]}


def _explain_server_error(request: Operation[T], body: Mapping[str, Any]) -> Flow[T]:
    try:
        return (yield from request)
    except HubBroken as error:
        if "scopes" in body:
            error.hint = UNKNOWN_SCOPE_HINT
        raise


def _revoke_request(path: str, body: dict[str, Any], about: str) -> Request[Share | None]:
    request = call("PATCH", path, Share, body=body, about=f"share {about}")

    def decode(answer: Answer) -> Share | None:
        return None if answer.content.strip() == b"{}" else request.decode(answer)

    return Request("PATCH", path, decode, body=body, about=request.about, repeatable=True)


class Shares(ShareOps, Bound):
    """The namespace `hub.shares`."""


class AsyncShares(ShareOps, AsyncBound):
    """The namespace `hub.shares`."""


class ShareCodes(ShareCodeOps, Bound):
    """The namespace `hub.share_codes`."""


class AsyncShareCodes(ShareCodeOps, AsyncBound):
    """The namespace `hub.share_codes`."""
