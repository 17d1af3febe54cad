"""Pending states of servers: what each means, what a command waits for, and its error if that does not come.

Every command and every fleet takes its words from here.

spawn
    The hub starts it. `start` and `wait` wait until it is ready; `stop` and `delete` cancel the start (before
    JupyterHub 5.1 they wait for its end); `edit` and `rename` raise `AlreadyRunning`.
stop
    The hub stops it. `start`, `wait`, `stop` and `delete` wait until it has stopped, and go on then; `edit` and
    `rename` raise `ServerPending`.
check
    The hub has restarted, and asks the spawner whether the server runs. All wait for the end; `edit` and `rename` raise
    `ServerPending`.
rename
    The hub renames it, as for `check`.

A wait that is over is a `WaitTimeout`, which names the state. A command that does not wait raises `ServerPending`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from jhub.errors import ServerPending, WaitTimeout
from jhub.models import Server
from jhub.operations.server_names import server_label, server_path

Goal: TypeAlias = Literal["ready", "stopped", "deleted"]
"""The state that a command waits for."""

BUSY_STATES = ("check", "rename")
"""Pending actions during which the hub rejects every request. It checks all servers after each restart."""
UNSTARTABLE_STATES = ("stop", *BUSY_STATES)
"""Pending actions during which the hub rejects a start or a change."""
PENDING_TEXTS = {
    "spawn": "still starting",
    "stop": "still stopping",
    "check": "still being checked by the hub, which has restarted",
    "rename": "still being renamed",
}
"""What the hub does with a server, by its pending action."""
NOT_CREATED = "not created"
"""State of a server that does not exist."""
NEVER_ENDS = "run the same command again later; if the state stays, the hub's spawner hangs: check the hub's log"
"""Hint for a pending state that does not end."""
HINTS: dict[tuple[Goal, str], str] = {
    ("ready", "spawn"): "wait again, or stop the server to cancel the start",
    ("stopped", "spawn"): "run the same command again later; JupyterHub before 5.1 cannot cancel a start",
    ("deleted", "spawn"): "run the same command again later; JupyterHub before 5.1 cannot cancel a start",
    ("deleted", "stopped"): "check again later; if it stays, a proxy in front of the hub may drop the body of DELETE "
    "requests",
}
"""Hints for a timeout by goal and state, where they differ from `NEVER_ENDS`."""


def state_text(server: Server | None) -> str:
    """Return the state of a server in words: pending, "still running", "stopped" or "not created"."""
    if server is None:
        return NOT_CREATED
    if server.pending is not None:
        return PENDING_TEXTS.get(server.pending, f"still pending {server.pending}")
    return "still running" if server.ready else "stopped"


def timed_out(user: str, name: str, goal: Goal, server: Server | None, seconds: float) -> WaitTimeout:
    """Return the error of a wait for `goal` that took `seconds`, with the state in which the server is."""
    status = "" if server is None else server.status
    return WaitTimeout(
        f"{server_label(user, name)}: not {goal} after {seconds:.0f} s: {state_text(server)}",
        hint=HINTS.get((goal, status), NEVER_ENDS),
    )


def unanswered(user: str, name: str, goal: Goal, seconds: float) -> WaitTimeout:
    """Return the error of a request for `goal` that the hub has not answered in `seconds`."""
    return WaitTimeout(
        f"{server_label(user, name)}: not {goal} after {seconds:.0f} s: the hub has not answered the request",
        hint=NEVER_ENDS,
    )


def still_pending(user: str, name: str, server: Server | None, method: str) -> ServerPending:
    """Return the error of a request that the hub accepts only after the pending action."""
    return ServerPending(
        state_text(server),
        about=server_label(user, name),
        method=method,
        path=server_path(user, name),
        status=400,
        hint="try again when that has ended",
    )
