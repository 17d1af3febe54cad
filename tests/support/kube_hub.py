"""The pods that a hub with KubeSpawner would create: JupyterHub's own start, and KubeSpawner's manifests, without a
cluster.

    python kube_hub.py CONFIG_FILE [ARGUMENT ...]

initializes the hub, with more arguments of its command line,
reads JSON from stdin, `{"users": {NAME: [GROUP, …]}, "starts": [[NAME, USER_OPTIONS], …]}`, and prints a line of JSON
for each start: its pod, or the status and message with which it is refused, and the form that its owner is shown.
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
# Read when the client is imported.
os.environ["KUBECONFIG"] = "kube.config"

from jupyterhub import orm  # noqa: E402
from jupyterhub.app import JupyterHub  # noqa: E402
from jupyterhub.utils import maybe_future  # noqa: E402
from kubeconfig import NO_CLUSTER  # noqa: E402
from kubernetes_asyncio.client import ApiClient  # noqa: E402
from tornado.web import HTTPError  # noqa: E402


async def main(config: Path) -> None:
    """Initialize the hub, up to the point where it would listen, and start its spawners."""
    request = json.load(sys.stdin)
    os.chdir(config.parent)
    Path("kube.config").write_text(NO_CLUSTER)
    app: Any = JupyterHub()
    await app.initialize(["--config", str(config), "--log-level", "CRITICAL", *sys.argv[2:]])
    for name, groups in request["users"].items():
        user = orm.User(name=name)
        app.db.add(user)
        for group in groups:
            membership = orm.Group.find(app.db, group) or orm.Group(name=group)
            app.db.add(membership)
            user.groups.append(membership)
    app.db.commit()
    for name, options in request["starts"]:
        print(json.dumps(await start(app.users[orm.User.find(app.db, name)], options)))


async def start(user: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Run JupyterHub's steps of a start up to the pod, then those of a stop, and return the result."""
    spawner = user.get_spawner("")
    spawner.user_options = options
    result: dict[str, Any] = {}
    try:
        result["form"] = await spawner.get_options_form()
        await spawner._run_apply_user_options(spawner.user_options)
        await maybe_future(spawner.run_pre_spawn_hook())
        # KubeSpawner's own start begins with these two calls.
        await spawner.load_user_options()
        result["pod"] = ApiClient().sanitize_for_serialization(await spawner.get_pod_manifest())
    except HTTPError as error:
        result["refused"] = [error.status_code, error.log_message]
    finally:
        await maybe_future(spawner.run_post_stop_hook())
    result["left"] = {"image": spawner.image, "environment": spawner.environment}
    return result


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
