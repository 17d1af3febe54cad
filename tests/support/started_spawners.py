"""Starts of real spawners from profiles: JupyterHub's own steps and spawner classes, up to the process or the pod.

    python started_spawners.py CONFIG_FILE

reads a line of JSON from stdin for each file of profiles, `{"profiles": TEXT, "starts": [[NAME, USER_OPTIONS], …]}`,
and answers with one: why the file is refused, or what became of each start. `ana` is in the group `members`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jhub.local.fast_start import skip_slow_imports

skip_slow_imports()
# Read when the client of Kubernetes is imported.
os.environ["KUBECONFIG"] = "kube.config"

from jupyterhub import orm  # noqa: E402
from jupyterhub.app import JupyterHub  # noqa: E402
from jupyterhub.utils import maybe_future  # noqa: E402
from kubeconfig import NO_CLUSTER  # noqa: E402
from tornado.web import HTTPError  # noqa: E402

from jhub.errors import InvalidInput  # noqa: E402
from jhub.extension import profile_store, profiles_api, startup  # noqa: E402
from jhub.extension.current_profiles import profiles_and_owner  # noqa: E402
from jhub.extension.enforcement import enforce_request  # noqa: E402

USERS = {"ana": ["members"], "bo": []}
SECONDS = 120
"""Maximum time for a result; a hub would be blocked for as long."""
counter = count()


async def main(config: Path) -> None:
    """Initialize the hub, up to the point where it would listen, and answer requests until the input ends."""
    os.chdir(config.parent)
    Path("kube.config").write_text(NO_CLUSTER)
    app: Any = JupyterHub()
    await app.initialize(["--config", str(config), "--log-level", "CRITICAL"])
    users = {name: add_user(app, name, groups) for name, groups in USERS.items()}
    for line in sys.stdin:
        signal.alarm(SECONDS)
        print(json.dumps(await answer(app, users, json.loads(line))), flush=True)


def add_user(app: Any, name: str, groups: list[str]) -> Any:
    """Create a user in groups."""
    user = orm.User(name=name)
    app.db.add(user)
    for group in groups:
        user.groups.append(orm.Group.find(app.db, group) or orm.Group(name=group))
    app.db.commit()
    return app.users[user]


async def answer(app: Any, users: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return the results of a file, and of starts from it."""
    # A new name each time, so that the polled file never changes.
    path = Path(f"profiles{next(counter)}.yaml")
    path.write_bytes(request["profiles"].encode("utf-8", "surrogatepass"))
    try:
        profile_store.store.source = profile_store.ProfilesFile(path)
        startup.prepare_hub(app)
        for user in users.values():
            profiles_api.encode_profiles(*await profiles_and_owner(user.spawner))
    except InvalidInput as error:
        return {"refused": str(error)}
    except Exception:  # noqa: BLE001  # it is what is looked for
        return {"raised": traceback.format_exc()}
    finally:
        path.unlink()
    return {"starts": [await start(app, users[name], options) for name, options in request["starts"]]}


async def start(app: Any, user: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the refusals before the start and by the spawner's hook; `at` is the last step that it reached."""
    spawner = user.get_spawner("")
    handler = SimpleNamespace(authenticator=app.authenticator, spawner_class=app.spawner_class, current_user=user)
    result: dict[str, Any] = {"at": "outer"}
    try:
        await enforce_request(handler, user, "", options)
    except HTTPError as error:
        result["outer"] = [error.status_code, error.log_message]
    except Exception:  # noqa: BLE001
        result["raised"] = traceback.format_exc()
        return result
    spawner.user_options = options
    before = settings_of(spawner)
    try:
        await spawner.get_options_form()
        result["at"] = "inner"
        await spawner._run_apply_user_options(spawner.user_options)
        await maybe_future(spawner.run_pre_spawn_hook())
        result["at"] = "spawner"
        result["options"] = spawner.user_options
        await prepare_start(spawner)
        result["at"] = "started"
    except HTTPError as error:
        result["inner"] = [error.status_code, error.log_message]
    except Exception:  # noqa: BLE001
        result["raised"] = traceback.format_exc()
    finally:
        await maybe_future(spawner.run_post_stop_hook())
    if settings_of(spawner) != before:
        result["raised"] = "the profile's settings were not restored"
    return result


async def prepare_start(spawner: Any) -> None:
    """Run the first steps of the spawner's own start, which create nothing."""
    if hasattr(spawner, "get_pod_manifest"):
        await spawner.load_user_options()
        await spawner.get_pod_manifest()
    else:
        spawner.get_env()
        spawner.get_args()


def settings_of(spawner: Any) -> dict[str, str]:
    """Return all settings of a spawner, as text."""
    return {name: repr(getattr(spawner, name)) for name in spawner.trait_names(config=True) if name != "ssl_alt_names"}


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
