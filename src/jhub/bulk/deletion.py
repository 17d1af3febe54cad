"""Deletion of many users: several at a time, each after its servers have stopped."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import partial

from jhub.bulk.events import NameEvent, NameSummary
from jhub.errors import NotAuthorized, Unavailable, WaitTimeout, is_missing, join_names
from jhub.operations.requests import check_timeout, list_of, user_path
from jhub.operations.server_pending import NEVER_ENDS
from jhub.operations.servers import STOP_TIMEOUT_SECONDS
from jhub.operations.users import UserOps, delete_stopped, servers_to_stop, stop_servers
from jhub.outcome import Tally
from jhub.preview import Preview, preview_each
from jhub.steps import Cancel, Done, Emit, Flow, Fork, Next, Now

MAX_CONCURRENT = 8
"""Maximum number of users that are deleted at a time.

Most of the time is a wait for servers that stop. Deletions themselves block the hub, one after the other.
"""
GRACE_SECONDS = 5.0
"""Seconds beyond the timeout for the requests of a user that the hub has not answered."""


def delete_users(names: list[str], timeout: float, missing_ok: bool) -> Flow[NameSummary]:
    """Delete users, and emit the events of `delete_many`."""
    check_timeout(timeout)
    began = yield from Now()
    tally: Tally[NameEvent] = Tally()
    queue, dues, stopped = deque(names), dict[str, float](), ""
    while dues or (queue and not stopped):
        now = yield from Now()
        while queue and not stopped and len(dues) < MAX_CONCURRENT:
            name = queue.popleft()
            dues[name] = now + timeout + GRACE_SECONDS
            yield Emit(NameEvent("deleting", name))
            yield Fork(_delete(name, timeout), name)
        done = yield from Next(max(0.0, min(dues.values()) - now))
        if done is not None and dues.pop(str(done.tag), None) is not None:
            event = _final_event(done, missing_ok)
            yield Emit(tally.take(event))
            if isinstance(event.error, Unavailable | NotAuthorized):
                stopped = stopped or f"not attempted: {event.error}"
        now = yield from Now()
        for name in [name for name, due in dues.items() if due <= now]:
            del dues[name]
            yield Cancel(name)
            late = f"not deleted after {timeout:.0f} s: the hub has not answered the request"
            error = WaitTimeout(f"user {name}: {late}", hint=NEVER_ENDS)
            yield Emit(tally.take(NameEvent("failed", name, late, error=error)))
    for name in queue:
        yield Emit(tally.take(NameEvent("skipped", name, stopped)))
    return NameSummary(*tally.parts(), (yield from Now()) - began)


def preview_deletion(
    names: Iterable[str], *, timeout: float = STOP_TIMEOUT_SECONDS, missing_ok: bool = False
) -> Flow[Preview]:
    """Preview `delete_many`. The failure of one user does not affect the others."""
    delete = partial(UserOps.delete, timeout=timeout, missing_ok=missing_ok)
    return preview_each(partial(delete, name) for name in dict.fromkeys(list_of(names)))


def _delete(name: str, timeout: float) -> Flow[None]:
    user_path(name)
    deadline = (yield from Now()) + timeout
    user = yield from UserOps.get(name)
    if active := [server.target for server in servers_to_stop(user) if server.active]:
        yield Emit(NameEvent("deleting", name, f"stopping {join_names(active)}"))
    yield from stop_servers(user, deadline, timeout)
    yield from delete_stopped(name, deadline)


def _final_event(done: Done, missing_ok: bool) -> NameEvent:
    name = str(done.tag)
    if done.error is None:
        return NameEvent("deleted", name)
    if missing_ok and is_missing(done.error):
        return NameEvent("deleted", name, "did not exist")
    return NameEvent("failed", name, str(done.error).removeprefix(f"user {name}: "), error=done.error)
