"""The OAuth client as which `jhub login` signs people in with the browser: a service of the hub, known by these values.

A hub has no public clients: each has a secret, which for a service is its API token. This one is known to everybody,
so the service has no roles, and the secret opens nothing. What people get they get by signing in, at one fixed address
of their own machine: a hub compares the redirect URI to the letter, port and all.
"""

from __future__ import annotations

NAME = "jhub-login"
CLIENT_ID = f"service-{NAME}"
CLIENT_SECRET = "known-to-everybody-and-without-any-role"  # noqa: S105  # see above
PORT = 18462
PATH = "/signed-in"
REDIRECT_URI = f"http://127.0.0.1:{PORT}{PATH}"
ALLOWED_SCOPES = ("inherit",)
"""What a token may be for: all that its owner may do. `jhub login` makes it last for a moment only."""
ACCESS_SCOPE = f"access:services!service={NAME}"
"""Who has this scope may sign in with the browser."""
