"""Comparison of named servers: their existence, options and display name, and never whether they run."""

from __future__ import annotations

from jhub.errors import MissingScope
from jhub.models import target
from jhub.state.changes import CreateServer, EditServer, same_json
from jhub.state.document import ServerEntry
from jhub.state.draft import Draft
from jhub.state.observed import CREATE_SERVER_VERSION, ObservedServer

HIDDEN_OPTIONS = "JupyterHub 6 shows the new options after the server's next start; until then, plans have this change"
"""Remark on a change of options: the hub keeps the old ones in memory, and its answers have those."""


def compare_servers(draft: Draft) -> None:
    """Compare all servers of the document."""
    for entry in draft.document.servers or ():
        _compare_server(draft, entry)


def _compare_server(draft: Draft, entry: ServerEntry) -> None:
    name = draft.observed.spelling(entry.user) or entry.user
    subject = f"server {target(name, entry.name)}"
    if draft.exists(entry.user) is False:
        draft.note("unknown", subject, f"{entry.user} is not a user of this hub; add them to `users`")
        return
    user = draft.observed.users.get(name)
    if user is not None and user.servers is None:
        raise MissingScope(f"{subject}: the token cannot see the servers of {name}", ("read:servers",))
    server = None if user is None else (user.servers or {}).get(entry.name)
    if server is not None:
        _compare_options(draft, entry, name, server)
    elif draft.observed.version < CREATE_SERVER_VERSION:
        draft.note("unmanaged", subject, "does not exist; before JupyterHub 6.0 only a start creates a server")
    else:
        draft.changes.append(
            CreateServer(user=name, name=entry.name, options=entry.options, display_name=entry.display_name)
        )


def _compare_options(draft: Draft, entry: ServerEntry, user: str, server: ObservedServer) -> None:
    new_options = entry.options is not None and not same_json(entry.options, server.options or {})
    new_name = entry.display_name is not None and entry.display_name != server.display_name
    if not new_options and not new_name:
        return
    subject = f"server {target(user, entry.name)}"
    if server.active:
        draft.note("waiting", subject, "is active; a plan that is made after it has stopped changes its options")
    elif draft.observed.version < CREATE_SERVER_VERSION:
        draft.note("unmanaged", subject, "has other options; before JupyterHub 6.0 only a start changes them")
    else:
        draft.changes.append(
            EditServer(
                why=HIDDEN_OPTIONS if new_options else "",
                user=user,
                name=entry.name,
                options=entry.options if new_options else None,
                options_before=server.options if new_options else None,
                display_name=entry.display_name if new_name else None,
                display_name_before=server.display_name if new_name else None,
            )
        )
