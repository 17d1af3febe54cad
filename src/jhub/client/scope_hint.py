"""The hint for a missing scope of the token in the environment of a server or service."""

from __future__ import annotations

import json
from collections.abc import Mapping

from jhub.errors import MissingScope

SERVER_SCOPES = ("users:activity!user", "access:servers!server")
"""Scopes that a server's own token has by default (4 to 6), and needs in any case."""


def scope_hint(error: MissingScope, environ: Mapping[str, str]) -> str:
    """Return a hint on how the hub's administrator can give the token in `environ` a missing scope.

    Return the error's own hint if `environ` is neither a server's nor a service's, or if the hub named no scope.
    """
    if not error.scopes:
        return error.hint
    missing = error.scopes[0]
    # A default server's name is empty.
    if "JUPYTERHUB_SERVER_NAME" in environ:
        scopes = json.dumps([*SERVER_SCOPES, missing])
        return (
            f"the server's own token may do almost nothing by default; use one of yours "
            f"(jhub login with --paste, then -c NAME), or have "
            f"the administrator set c.Spawner.server_token_scopes = {scopes} (JupyterHub 4; in zero-to-jupyterhub "
            "hub.config.Spawner.server_token_scopes), of which it gets what its user has; then restart the server"
        )
    if service := environ.get("JUPYTERHUB_SERVICE_NAME"):
        role = json.dumps({"name": f"jhub-{service}", "services": [service], "scopes": [missing]})
        return (
            f"the token is that of the service {service}; have the administrator add {missing} to its role in "
            f"c.JupyterHub.load_roles (in zero-to-jupyterhub hub.loadRoles), or give it one, "
            f"c.JupyterHub.load_roles.append({role}), and restart the hub"
        )
    return error.hint
