"""What to say where the token that a server or a service found in its environment may not do something."""

from __future__ import annotations

import json
from collections.abc import Mapping

from jhub.errors import MissingScope

SERVER_SCOPES = ("users:activity!user", "access:servers!server")
"""What a server's own token is for by default (4 to 6), and what it needs in any case."""


def scope_hint(error: MissingScope, environ: Mapping[str, str]) -> str:
    """The hint for a scope that the token in `environ` lacks: how the hub's administrator can give it more.

    That of the error itself where `environ` is neither a server's nor a service's, or the hub named no scope.
    """
    if not error.scopes:
        return error.hint
    lacking = error.scopes[0]
    # A default server's name is empty.
    if "JUPYTERHUB_SERVER_NAME" in environ:
        scopes = json.dumps([*SERVER_SCOPES, lacking])
        return (
            f"this is the server's own token, which by default may do next to nothing; use one of yours "
            f"(jhub login with --paste, then -c NAME), or have "
            f"the administrator set c.Spawner.server_token_scopes = {scopes} (JupyterHub 4; in zero-to-jupyterhub "
            "hub.config.Spawner.server_token_scopes), of which it gets what its user has; then restart the server"
        )
    if service := environ.get("JUPYTERHUB_SERVICE_NAME"):
        role = json.dumps({"name": f"jhub-{service}", "services": [service], "scopes": [lacking]})
        return (
            f"this is the own token of the service {service}; have the administrator add {lacking} to its role in "
            f"c.JupyterHub.load_roles (in zero-to-jupyterhub hub.loadRoles), or give it one, "
            f"c.JupyterHub.load_roles.append({role}), and restart the hub"
        )
    return error.hint
