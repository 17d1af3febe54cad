"""Names with slashes behind an nginx that passes paths unchanged, and behind one that decodes them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from hub_api import Tokens

from jhub import Hub
from jhub.errors import HubError, NotFound
from jhub.local import LocalHub
from jhub.local.ports import LOOPBACK, free_ports

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (Debian: nginx-light)")

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass http://{hub}{path};
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""
SECONDS = 60


@contextmanager
def nginx(folder: Path, hub: str, path: str) -> Iterator[str]:
    """Run an nginx in front of a hub, and yield its address. With a path after the hub's address it decodes paths."""
    assert NGINX is not None
    (port,) = free_ports(1)
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, host=LOOPBACK, port=port, hub=hub, path=path))
    command = [NGINX, "-c", str(config), "-e", "stderr"]
    with (folder / "nginx.log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end and process.poll() is None:
                try:
                    requests.get(f"http://{LOOPBACK}:{port}/", timeout=SECONDS, allow_redirects=False)
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            assert process.poll() is None, (folder / "nginx.log").read_text()
            yield f"http://{LOOPBACK}:{port}"
        finally:
            process.terminate()


@pytest.fixture
def behind(tmp_path: Path, hub: LocalHub, hub_tokens: Tokens, request: pytest.FixtureRequest) -> Iterator[Hub]:
    """Return a client of an administrator that reaches the hub through nginx."""
    root = urlsplit(hub.api_url)
    with nginx(tmp_path, root.netloc, request.param) as address, Hub(address + root.path, hub_tokens.admin) as client:
        yield client


unchanged = pytest.mark.parametrize("behind", [""], indirect=True, ids=["unchanged"])
decoding = pytest.mark.parametrize("behind", ["/"], indirect=True, ids=["decoding"])


@unchanged
def test_names_with_slashes_pass_a_proxy_that_leaves_paths_alone(
    behind: Hub, fresh: Callable[[str], str], user: str
) -> None:
    name = f"/{fresh('group')}/2026"
    behind.groups.create(name)
    assert behind.groups.add_users(name, [user]).users == (user,)
    behind.groups.delete(name)
    with pytest.raises(NotFound):
        behind.groups.get(name)


@decoding
def test_nothing_changes_behind_a_proxy_that_decodes_paths(
    behind: Hub, hub: LocalHub, hub_tokens: Tokens, fresh: Callable[[str], str], user: str
) -> None:
    name = f"{fresh('group')}/users"
    behind.groups.create(name)  # in a body, which no proxy changes
    with Hub(hub.api_url, hub_tokens.admin) as direct:
        changes: list[Callable[[], object]] = [
            lambda: behind.groups.delete(name),
            lambda: behind.groups.add_users(name, [user]),
            lambda: behind.groups.set_properties(name, {"room": "B12"}),
        ]
        for change in changes:
            with pytest.raises(HubError) as refused:
                change()
            assert "a proxy in front of the hub decodes" in refused.value.hint
        assert direct.groups.get(name).users == ()
        direct.groups.delete(name)


@decoding
def test_the_path_of_another_object_is_not_taken_for_this_one(behind: Hub, user: str) -> None:
    """Decoded, the path of the user `USER/servers/lab` is that of the server `lab` of USER."""
    behind.servers.create(user, "lab")
    for call in (lambda: behind.users.get(f"{user}/servers/lab"), lambda: behind.users.delete(f"{user}/servers/lab")):
        with pytest.raises(HubError, match="the hub answered with"):
            call()
    assert behind.users.get(user).name == user
