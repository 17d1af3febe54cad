"""OAuth client of `jhub login` for signing in with the browser: a service of the hub with fixed values.

A hub has no public OAuth clients: each has a secret, which for a service is its API token. This secret is public, so
the service has no roles, and the secret gives access to nothing. People get a token by signing in. The redirect URI is
one fixed address of their own machine, because a hub compares it exactly, including the port.
"""

from __future__ import annotations

import json

NAME = "jhub-login"
CLIENT_ID = f"service-{NAME}"
CLIENT_SECRET = "known-to-everybody-and-without-any-role"  # noqa: S105  # it is public
PORT = 18462
PATH = "/signed-in"
REDIRECT_URI = f"http://127.0.0.1:{PORT}{PATH}"
ALLOWED_SCOPES = ("inherit",)
"""Scopes of the tokens: all those of the user. `jhub login` uses such a token once, and revokes it."""
ACCESS_SCOPE = f"access:services!service={NAME}"
"""Scope that permits a user to sign in with the browser."""
EXISTING_ROLE_NOTE = f"if load_roles already has a role named user, add {ACCESS_SCOPE} to its scopes instead"
"""Note for `access_line` before JupyterHub 6: a hub does not start with two roles of the same name."""


def service_entry(version: tuple[int, ...]) -> dict[str, object]:
    """Return the client as an entry of `c.JupyterHub.services`, for a hub of this version."""
    # JupyterHub 2 limits clients by roles only; its role "token" has all scopes of the owner.
    allowed = {"oauth_client_allowed_scopes": list(ALLOWED_SCOPES)} if version >= (3,) else {"oauth_roles": ["token"]}
    return {
        "name": NAME,
        "api_token": CLIENT_SECRET,
        "oauth_client_id": CLIENT_ID,
        "oauth_redirect_uri": REDIRECT_URI,
        **allowed,
    }


def registration_line(version: tuple[int, ...]) -> str:
    """Return the line of jupyterhub_config.py that registers the client."""
    return f"c.JupyterHub.services.append({json.dumps(service_entry(version))})"


def access_line(version: tuple[int, ...]) -> str:
    """Return the line of jupyterhub_config.py that permits all users to sign in with the browser.

    It keeps all other scopes of the users.
    """
    if version >= (6,):
        return f"c.JupyterHub.extra_user_scopes.add({json.dumps(ACCESS_SCOPE)})"
    # This replaces the default role, whose scope is "self".
    role = {"name": "user", "scopes": ["self", ACCESS_SCOPE]}
    return f"c.JupyterHub.load_roles.append({json.dumps(role)})"
