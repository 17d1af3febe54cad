"""Deletions of objects that do not exist, with `missing_ok`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jhub.errors import MissingScope, NotFound, Unsupported
from jhub.fleet.events import ServerEvent
from jhub.fleet.servers import FleetOps
from jhub.operations.groups import GroupOps
from jhub.operations.servers import ServerOps
from jhub.operations.services import ServiceOps
from jhub.operations.shares import ShareCodeOps, ShareOps
from jhub.operations.tokens import TokenOps
from jhub.operations.users import UserOps
from jhub.steps import Listen, Operation, Request
from jhub.testing import Reply, play, refusal, reply

DELETIONS: dict[str, Callable[[bool], Operation[Any]]] = {
    "user": lambda ok: UserOps.delete("ghost", missing_ok=ok),
    "group": lambda ok: GroupOps.delete("ghost", missing_ok=ok),
    "group with a slash": lambda ok: GroupOps.delete("/ghost", missing_ok=ok),
    "server": lambda ok: ServerOps.delete("ana", "ghost", missing_ok=ok),
    "token": lambda ok: TokenOps.revoke("ana", "a12", missing_ok=ok),
    "service": lambda ok: ServiceOps.delete("ghost", missing_ok=ok),
    "share": lambda ok: ShareOps.revoke("ana", "ghost", user="bo", missing_ok=ok),
    "shares": lambda ok: ShareOps.revoke_all("ana", "ghost", missing_ok=ok),
    "own share": lambda ok: ShareOps.leave("ana", "lab", user="bo", missing_ok=ok),
    "share code": lambda ok: ShareCodeOps.revoke("ana", "lab", "sc_12", missing_ok=ok),
    "share codes": lambda ok: ShareCodeOps.revoke_all("ana", "ghost", missing_ok=ok),
}
EACH = pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
HIDDEN = "No access to resources or resources not found"
"""The hub's message for an object that the token's scopes do not cover, whether it exists or not."""


def always(answer: Reply) -> Callable[[Any], Reply]:
    """Return a hub that gives the same answer to each request."""
    return lambda step: answer


@EACH
def test_an_object_that_does_not_exist_counts_as_deleted(delete: Callable[[bool], Operation[Any]]) -> None:
    assert play(delete(True), always(refusal(404, "No such thing"))).result is None
    assert isinstance(play(delete(False), always(refusal(404, "No such thing"))).error, NotFound)


@EACH
def test_an_object_that_may_be_hidden_does_not(delete: Callable[[bool], Operation[Any]]) -> None:
    assert isinstance(play(delete(True), always(refusal(404, HIDDEN))).error, NotFound)
    refused = refusal(403, "Action is not authorized with current scopes; requires any of [delete:things]")
    assert isinstance(play(delete(True), always(refused)).error, MissingScope)


@pytest.mark.parametrize("kind", [kind for kind in DELETIONS if "share" in kind])
def test_a_hub_without_the_route_does_not_either(kind: str) -> None:
    played = play(DELETIONS[kind](True), always(refusal(404)), version="4.1.6")
    assert isinstance(played.error, Unsupported)


def test_servers_that_do_not_exist_count_as_deleted() -> None:
    def hub(step: Request[Any] | Listen[Any]) -> Reply:
        assert isinstance(step, Request)
        if step.method == "GET":
            return reply(json={"items": [], "_pagination": {"offset": 0, "limit": 200, "total": 0, "next": None}})
        return refusal(404, HIDDEN if "hidden" in step.path else "ana has no server named 'ghost'")

    played = play(FleetOps.delete_many(["ana/ghost", "bo/hidden"], missing_ok=True), hub)
    final = {str(event.target): event for event in played.emitted if isinstance(event, ServerEvent) and event.final}
    assert (final["ana/ghost"].kind, final["ana/ghost"].message) == ("deleted", "did not exist")
    assert isinstance(final["bo/hidden"].error, NotFound)
    assert len(play(FleetOps.delete_many(["ana/ghost"]), hub).result.failed) == 1


@pytest.mark.parametrize("missing_ok", [True, False])
def test_a_server_of_no_user_does_not_exist(missing_ok: bool) -> None:
    """JupyterHub 4.1 answers the deletion with 500."""

    def hub(step: Request[Any] | Listen[Any]) -> Reply:
        assert isinstance(step, Request)
        return refusal(500, "Internal Server Error") if step.method == "DELETE" else refusal(404, "Not Found")

    played = play(ServerOps.delete("ghost", "lab", missing_ok=missing_ok), hub, version="4.1.6")
    assert isinstance(played.error, NotFound) == (not missing_ok)
