"""The OAuth client as which `jhub login` signs people in with the browser: a service of the hub, known by these values.

A hub has no public clients: each has a secret, which for a service is its API token. This one is known to everybody,
so the service has no roles, and the secret opens nothing. What people get they get by signing in, at one fixed address
of their own machine: a hub compares the redirect URI to the letter, port and all.
"""

from __future__ import annotations

import json

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


EXISTING_ROLE_NOTE = f"where load_roles has a role named user already, add {ACCESS_SCOPE} to its scopes instead"
"""What goes with the line of `access_line` before JupyterHub 6: a hub does not start with two roles of one name."""


def service_entry(version: tuple[int, ...]) -> dict[str, object]:
    """The client, as `c.JupyterHub.services` of a hub of that version has it."""
    # JupyterHub 2 has only roles to say it with; that of this name is for all that the owner may do.
    allowed = {"oauth_client_allowed_scopes": list(ALLOWED_SCOPES)} if version >= (3,) else {"oauth_roles": ["token"]}
    return {
        "name": NAME,
        "api_token": CLIENT_SECRET,
        "oauth_client_id": CLIENT_ID,
        "oauth_redirect_uri": REDIRECT_URI,
        **allowed,
    }


def registration_line(version: tuple[int, ...]) -> str:
    """The line of jupyterhub_config.py that registers the client."""
    return f"c.JupyterHub.services.append({json.dumps(service_entry(version))})"


def access_line(version: tuple[int, ...]) -> str:
    """The line of jupyterhub_config.py by which all users may sign in with the browser, beside what they may now."""
    if version >= (6,):
        return f"c.JupyterHub.extra_user_scopes.add({json.dumps(ACCESS_SCOPE)})"
    # "self" is what the role has of itself, which this takes the place of.
    role = {"name": "user", "scopes": ["self", ACCESS_SCOPE]}
    return f"c.JupyterHub.load_roles.append({json.dumps(role)})"
