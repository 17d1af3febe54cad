"""Access to servers, shared with users and groups (JupyterHub 5.0), and codes that grant it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import HubBroken, InvalidInput
from jhub.models import Share, ShareCode, target
from jhub.operations.paging import pages
from jhub.operations.requests import list_of, since, user_path
from jhub.steps import Answer, Flow, Operation, Request, call, segment, send

T = TypeVar("T")

MIN_VERSION = "5.0"


class ShareOps:
    """Who may use whose server. A server "" is the owner's default one."""

    @stream(Share)
    def list(self, owner: str, server: str | None = None) -> Flow[None]:
        """The shares of one server, or of all of a user's.

        `GET /shares/{owner}` and `GET /shares/{owner}/{server}` (JupyterHub 5.0), scope `read:shares`. `NotFound`
        where there is no such server.
        """
        return _listing(_path("shares", owner, server), f"shares of {_label(owner, server)}")

    @stream(Share)
    def list_shared_with(self, *, user: str | None = None, group: str | None = None) -> Flow[None]:
        """What is shared with a user, by way of their groups too, or with a group. Give one of the two.

        `GET /users/{user}/shared` and `GET /groups/{group}/shared` (JupyterHub 5.0), scope `read:users:shares` or
        `read:groups:shares`.
        """
        who, path = _recipient(user, group)
        return _listing(f"{path}/shared", f"shared with {who}")

    @operation
    def get(self, owner: str, server: str = "", *, user: str | None = None, group: str | None = None) -> Flow[Share]:
        """A user's or a group's own share of a server. Give one of the two.

        `GET /users/{user}/shared/{owner}/{server}` and `GET /groups/{group}/shared/{owner}/{server}` (JupyterHub
        5.0), scope `read:users:shares` or `read:groups:shares`. `NotFound` where it is not shared with them.
        """
        who, path = _recipient(user, group)
        about = f"share of {target(owner, server)} with {who}"
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
        """Share a server with a user or a group: give one of the two. What they were granted before stays.

        `scopes`: what they may do with it, such as "access:servers" (the default) or "read:servers".

        `POST /shares/{owner}/{server}` (JupyterHub 5.0), scopes `shares`, those that are granted, and
        `read:users:name` or `read:groups:name` for whom they are granted to. `NotFound` where there is no such
        server, user or group.
        """
        who, body = _recipient_body(user, group, scopes, f"{owner}/{server}")
        about = f"share {target(owner, server)} with {who}"
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
    ) -> Flow[Share | None]:
        """Take a user's or a group's access back: give one of the two. The answer is what remains of it, or None.

        `scopes`: only these; None means all. Nothing happens where nothing was shared, or nobody has that name: the
        hub does not tell the two apart.

        `PATCH /shares/{owner}/{server}` (JupyterHub 5.0), scope `shares`. `NotFound` where there is no such server.
        """
        who, body = _recipient_body(user, group, scopes, f"{owner}/{server}")
        request = _revoke_request(_path("shares", owner, server), body, f"{target(owner, server)}, {who}")
        return since(MIN_VERSION, request, "shares")

    @operation
    def revoke_all(self, owner: str, server: str = "") -> Flow[None]:
        """Take everybody's access to a server back.

        `DELETE /shares/{owner}/{server}` (JupyterHub 5.0), scope `shares`. `NotFound` where there is no such server.
        """
        request = send("DELETE", _path("shares", owner, server), about=f"shares of {target(owner, server)}")
        return since(MIN_VERSION, request, "shares")

    @operation
    def leave(self, owner: str, server: str = "", *, user: str | None = None, group: str | None = None) -> Flow[None]:
        """Give a share up, in the place of whom it was granted to. Give one of the two.

        `DELETE /users/{user}/shared/{owner}/{server}` and `DELETE /groups/{group}/shared/{owner}/{server}`
        (JupyterHub 5.0), scope `users:shares` or `groups:shares`. `NotFound` where it is not shared with them.
        """
        who, path = _recipient(user, group)
        about = f"share of {target(owner, server)} with {who}"
        return since(MIN_VERSION, send("DELETE", f"{path}/shared{_path('', owner, server)}", about=about), "shares")


class ShareCodeOps:
    """Codes that grant access to a server to whoever opens their link, once signed in."""

    @stream(ShareCode)
    def list(self, owner: str, server: str | None = None) -> Flow[None]:
        """The codes of one server, or of all of a user's, without the secrets.

        `GET /share-codes/{owner}` and `GET /share-codes/{owner}/{server}` (JupyterHub 5.0), scope `read:shares`.
        """
        path, about = _path("share-codes", owner, server), f"share codes of {_label(owner, server)}"
        return since(MIN_VERSION, pages(path, ShareCode, lambda code: code.id, about=about), "share codes")

    @operation
    def create(
        self, owner: str, server: str = "", *, expires_in: int | None = None, scopes: Iterable[str] | None = None
    ) -> Flow[ShareCode]:
        """A new code. The secret is in `.code`, and in `.accept_url`, this once.

        Parameters
        ----------
        expires_in
            Seconds, from a minute to a year; None means a day.
        scopes
            As for `Shares.grant`.

        `POST /share-codes/{owner}/{server}` (JupyterHub 5.0), scopes `shares` and those that are granted. `NotFound`
        where there is no such server.
        """
        body: dict[str, Any] = _scopes_body(scopes, f"{owner}/{server}")
        if expires_in is not None:
            if not 60 <= expires_in <= 365 * 86400:
                raise InvalidInput(f"a share code cannot expire in {expires_in} s", hint="from a minute to a year")
            body["expires_in"] = expires_in
        about = f"share code for {target(owner, server)}"
        request = call("POST", _path("share-codes", owner, server), ShareCode, body=body, about=about)
        return since(MIN_VERSION, _explain_server_error(request, body), "share codes")

    @operation
    def revoke(self, owner: str, server: str, code_id: str) -> Flow[None]:
        """Revoke a code by its id ("sc_12"). Access that was gained by it stays: see `Shares.revoke`.

        `DELETE /share-codes/{owner}/{server}?id={id}` (JupyterHub 5.0), scope `shares`. `NotFound` where there is
        none.
        """
        # An empty id would revoke them all, and the hub reads "sc_1x" as "sc_1". By the code itself it would be
        # possible too, but that is a secret and this a URL.
        if not re.fullmatch(r"sc_\d+", code_id, re.ASCII):
            raise InvalidInput(f"{code_id!r} is not the id of a share code", hint="see: jhub share code list")
        path, about = _path("share-codes", owner, server), f"share code {code_id} of {target(owner, server)}"
        return since(MIN_VERSION, send("DELETE", path, query=(("id", code_id),), about=about), "share codes")

    @operation
    def revoke_all(self, owner: str, server: str = "") -> Flow[None]:
        """Revoke all codes of a server.

        `DELETE /share-codes/{owner}/{server}` (JupyterHub 5.0), scope `shares`.
        """
        about = f"share codes of {target(owner, server)}"
        return since(MIN_VERSION, send("DELETE", _path("share-codes", owner, server), about=about), "share codes")


def _listing(path: str, about: str) -> Flow[None]:
    def key(share: Share) -> object:
        return share.server.target, share.kind, share.shared_with

    return since(MIN_VERSION, pages(path, Share, key, about=about), "shares")


def _path(root: str, owner: str, server: str | None) -> str:
    path = f"{f'/{root}' if root else ''}/{segment(owner, 'user')}"
    # The default server has an empty name here, and no other path.
    return path if server is None else f"{path}/{segment(server, 'server') if server else ''}"


def _label(owner: str, server: str | None) -> str:
    return owner if server is None else target(owner, server)


def _recipient(user: str | None, group: str | None) -> tuple[str, str]:
    if (user is None) == (group is None):
        raise InvalidInput("name a user or a group, one of the two")
    if user is not None:
        return f"user {user}", user_path(user)
    return f"group {group}", f"/groups/{segment(group or '', 'group')}"


def _recipient_body(
    user: str | None, group: str | None, scopes: Iterable[str] | None, server: str
) -> tuple[str, dict[str, Any]]:
    who, _ = _recipient(user, group)
    return who, {**({"user": user} if user is not None else {"group": group}), **_scopes_body(scopes, server)}


def _scopes_body(scopes: Iterable[str] | None, server: str) -> dict[str, Any]:
    if scopes is None:
        return {}
    scope_list = list_of(scopes)
    if not scope_list:
        # The hub takes an empty list for its default.
        raise InvalidInput("no scopes named", hint="leave them out for the hub's default")
    # Without the filter the hub grants the same, and does not find it again when it is to revoke it (6.1).
    return {"scopes": [scope if "!" in scope else f"{scope}!server={server}" for scope in scope_list]}


def _explain_server_error(request: Operation[T], body: Mapping[str, Any]) -> Flow[T]:
    try:
        return (yield from request)
    except HubBroken as error:
        if "scopes" in body:
            error.hint = "JupyterHub 5 and 6 fail like that for a scope that they do not know: is one misspelt?"
        raise


def _revoke_request(path: str, body: dict[str, Any], about: str) -> Request[Share | None]:
    request = call("PATCH", path, Share, body=body, about=f"share {about}")

    def decode(answer: Answer) -> Share | None:
        return None if answer.content.strip() == b"{}" else request.decode(answer)

    return Request("PATCH", path, decode, body=body, about=request.about, repeatable=True)


class Shares(ShareOps, Bound):
    """`hub.shares`"""


class AsyncShares(ShareOps, AsyncBound):
    """`hub.shares`"""


class ShareCodes(ShareCodeOps, Bound):
    """`hub.share_codes`"""


class AsyncShareCodes(ShareCodeOps, AsyncBound):
    """`hub.share_codes`"""
