"""Write tokens.csv: the API tokens of the users in the arguments, or with --all of all users, and what is unusual."""

import csv
import os
import sys
from datetime import UTC, datetime, timedelta

from jhub import Hub, HubError, NotFound, Token


def findings(token: Token) -> str:
    used, created, now = token.last_activity, token.created, datetime.now(UTC)
    found = {"never expires": token.expires_at is None}
    found["never used"] = used is None and created is not None and now - created > timedelta(days=7)
    found["not used for half a year"] = used is not None and now - used > timedelta(days=180)
    # The hub itself renews the tokens of servers and browser sessions.
    return ", ".join(text for text, applies in found.items() if applies and token.kind == "api")


def audit(hub: Hub, names: list[str]) -> None:
    users = hub.users.list() if names == ["--all"] else [hub.users.get(name) for name in names]
    with open(os.open("tokens.csv", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user", "admin", "id", "kind", "note", "created", "last_used", "expires", "findings"])
        for user in users:
            try:
                for token in hub.tokens.list(user.name):
                    # A spreadsheet must not take a note for a formula: users write the notes.
                    note, times = f"'{token.note or ''}", [token.created, token.last_activity, token.expires_at]
                    rows.writerow([user.name, user.admin, token.id, token.kind, note, *times, findings(token)])
            except NotFound as error:  # deleted since the list was read, or hidden from this token
                print(f"left out: {error}", file=sys.stderr)


try:
    with Hub() as hub:
        audit(hub, sys.argv[1:] or sys.exit("usage: audit_tokens.py --all | USER..."))
except HubError as error:
    sys.exit(f"error: {error}")
