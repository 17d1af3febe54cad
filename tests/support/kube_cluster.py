"""Hubs with KubeSpawner, and a Kubernetes API without a cluster, in which their pods run."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from hub_api import BASE_URL

from jhub.local.ports import LOOPBACK, free_ports
from jhub.local.processes import INSTANCE_VARIABLE
from matrix import launch
from matrix.profiles.hubs import ProfileHub, Settings

KUBERNETES = Path(__file__).with_name("fake_kubernetes.py")

CONFIG = """
import json, os, sys, threading
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.roles import get_default_roles

sys.path += [{support!r}, {jhub!r}]
from no_proxy import NoProxy
import jhub.extension

c = get_config()
settings = json.load(open(os.environ["JHUB_MATRIX_SETTINGS"]))

def end_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), 15)

threading.Thread(target=end_with_parent, daemon=True).start()

class Direct(APIHandler):
    async def get(self, user_name):
        options = {{name: self.get_argument(name) for name in self.request.query_arguments}}
        await self.find_user(user_name).spawn("direct", options=options, handler=self)

c.JupyterHub.extra_handlers = [(r"/api/direct/([^/]+)", Direct)]
c.JupyterHub.bind_url = f"http://127.0.0.1:{{settings['port']}}{{settings['base_url']}}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{{settings['port']}}"
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.allow_named_servers = True
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 10, "slow_stop_timeout": 5}}
c.DummyAuthenticator.password = settings["password"]
c.Authenticator.admin_users = {{"admin"}}
c.Authenticator.allow_all = True
c.JupyterHub.services = [{{"name": name, "api_token": settings[name]}} for name in ("operator", "starter")]
(admin_scopes,) = (role["scopes"] for role in get_default_roles() if role["name"] == "admin")
c.JupyterHub.load_roles = [
    {{"name": "operator", "services": ["operator"], "scopes": admin_scopes}},
    {{"name": "starter", "services": ["starter"], "scopes": ["servers"]}},
]
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.Spawner.consecutive_failure_limit = 3
c.KubeSpawner.namespace = "hub"
c.KubeSpawner.port = {port}
c.KubeSpawner.image = "example/stock:1"
c.KubeSpawner.environment = {{"COURSE": "all"}}
"""


class KubeHub(ProfileHub):
    """A running hub with KubeSpawner."""

    def pods(self, user: str) -> list[dict[str, Any]]:
        """Return the manifests of all pods that the API was sent for a user's servers."""
        path = self.place / "pods"
        manifests = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [pod for pod in manifests if pod["metadata"]["annotations"]["hub.jupyter.org/username"] == user]

    def form(self, user: str, browser: requests.Session | None = None) -> requests.Response:
        """Return the page on which a user starts a server."""
        with self.signed_in(user) as session:
            return (browser or session).get(f"{self.url}/spawn/{user}/form", timeout=20)


def environment_of(config: pytest.Config) -> Path:
    """Return the virtual environment of the JupyterHub under test: one of the matrix, or that of the tests."""
    folder: Path = config.getoption("environment", None) or Path(sys.prefix)
    return folder.absolute()


@contextmanager
def cluster(place: Path) -> Iterator[int]:
    """Run a Kubernetes API, whose files are in a folder, and yield the port of its pods."""
    process = subprocess.Popen([sys.executable, KUBERNETES, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextmanager
def kube_hub(
    place: Path,
    config: str,
    base_url: str = BASE_URL,
    pods_port: int | None = None,
    environment: Path = Path(sys.prefix),
) -> Iterator[KubeHub]:
    """Run a hub with this configuration beside CONFIG, in a folder of its own, and a cluster unless there is one.

    The hub's packages are those of a virtual environment.
    """
    with ExitStack() as stack:
        if pods_port is None:
            pods_port = stack.enter_context(cluster(place))
        (port,) = free_ports(1)
        mark = secrets.token_hex(16)
        settings = Settings(
            enable="last",
            slow_spawn_timeout=10,
            own_spawner=False,
            port=port,
            base_url=base_url,
            mark={INSTANCE_VARIABLE: mark},
        )
        support, source = str(Path(__file__).parent), settings.jhub
        base = CONFIG.format(support=support, jhub=source, port=pods_port)
        (place / "jupyterhub_config.py").write_text(
            f"import os\nos.environ['KUBECONFIG'] = 'kube.config'\n{base}\n{config}"
        )
        file = str(place / "jupyterhub_config.py")
        (place / "settings.json").unlink(missing_ok=True)  # of a hub that ran here before
        process = launch.start(environment, place, file, settings, mark)
        stack.callback(launch.end, process, mark)
        version = launch.wait_up(process, place, f"http://{LOOPBACK}:{port}{settings.base_url}hub/api")
        assert version is not None, "another process took the free port"
        hub = KubeHub(settings, version, place, process)
        stack.callback(hub.operator.close)
        yield hub


def container(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the container of a server's pod."""
    (found,) = pod["spec"]["containers"]
    return dict(found)


def environment(pod: dict[str, Any]) -> dict[str, str]:
    """Return the environment variables of a server."""
    return {variable["name"]: variable.get("value", "") for variable in container(pod)["env"]}
