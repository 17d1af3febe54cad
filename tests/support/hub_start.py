"""Start of a hub from a configuration: JupyterHub's own steps, up to the point where it would listen.

    python hub_start.py [--warnings] CONFIG_FILE...

prints a line of JSON for each: its services, and the scopes of the role `user`, or why it did not start. A folder's
`registered.json` is a service to register once it has started, as the REST API does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from jhub.local.fast_start import skip_slow_imports

skip_slow_imports()

from jupyterhub import orm  # noqa: E402
from jupyterhub.app import JupyterHub  # noqa: E402


async def start(config: Path, log_level: str) -> dict[str, Any]:
    """Initialize a hub, and return the result."""
    app: Any = JupyterHub()
    os.chdir(config.parent)
    try:
        await app.initialize(["--config", str(config), "--log-level", log_level])
    except Exception as error:  # noqa: BLE001  # whatever it is, the hub would have ended with it
        return {"error": f"{type(error).__name__}: {error}"}
    registered = config.parent / "registered.json"
    if registered.exists():
        app.service_from_spec(json.loads(registered.read_text()), from_config=False)
        app.db.commit()
    services = {service.name: describe(service) for service in app.db.query(orm.Service)}
    user = orm.Role.find(app.db, "user").scopes
    return {"services": services, "user": user}


def describe(service: Any) -> dict[str, Any]:
    """Return a service as it is in the database."""
    client = service.oauth_client
    return {
        "roles": [role.name for role in service.roles],
        "admin": service.admin,
        "client": client and [client.identifier, client.redirect_uri, client.allowed_scopes],
    }


if __name__ == "__main__":
    arguments = sys.argv[1:]
    level = "CRITICAL"
    if arguments[0] == "--warnings":
        level = "WARN"
        del arguments[0]
    for name in arguments:
        print(json.dumps(asyncio.run(start(Path(name), level))))
