"""`jhub.local`: real hubs that start, answer, and leave no processes and files behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import jupyterhub
import msgspec
import psutil
import pytest
from hub_api import BASE_URL, Api, Tokens

from jhub import local
from jhub.errors import HubError, InvalidInput, LocalHubError
from jhub.local import LocalHub, logs, ports, processes, requirements, state_folder, temporary_folder

T = TypeVar("T")


def test_a_running_hub_has_its_url_passwords_version_and_log(hub: LocalHub) -> None:
    assert hub.url.startswith("http://127.0.0.1:")
    assert hub.url.endswith(BASE_URL)
    assert hub.api_url == f"{hub.url}hub/api"
    assert hub.version == jupyterhub.__version__
    assert hub.username == "admin"
    assert psutil.pid_exists(hub.pid)
    assert hub.log.is_relative_to(hub.folder)
    assert "is now running" in hub.log.read_text()
    for password in (hub.password, hub.user_password):
        assert password not in repr(hub)


def test_secrets_are_in_no_argument_and_no_readable_file(hub: LocalHub, service_token: str) -> None:
    secrets = (hub.password, hub.user_password, service_token)
    family = processes.list_processes(_instance_id(hub.folder))
    assert {hub.pid} < {process.pid for process in family}  # the proxy, at least
    for process in family:
        assert not any(secret in argument for argument in process.cmdline() for secret in secrets)
    assert stat.S_IMODE(hub.folder.stat().st_mode) == 0o700
    for file in hub.folder.iterdir():
        if file.is_file() and not file.name.startswith("jupyterhub.sqlite"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    generated = hub.folder.joinpath("jupyterhub_config.py").read_text()
    assert hub.password not in generated
    assert hub.user_password not in generated


def test_all_processes_listen_on_loopback_only(hub: LocalHub) -> None:
    listening = [
        connection.laddr.ip
        for process in processes.list_processes(_instance_id(hub.folder))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3  # the hub, the proxy, the proxy's own API
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.parametrize("profile", ["lab", "lean", "stub"])
def test_servers_start_below_a_base_url_with_special_characters(api: Api, user: str, profile: str) -> None:
    assert api.start(user, "work", profile=profile).status_code in (201, 202)
    url = api.ready(user, "work")["url"]
    assert url == f"{BASE_URL}user/{user}/work/"
    assert api.at(f"{url}api/status").status_code == 200
    # The bare server has no page of JupyterLab.
    assert api.at(f"{url}lab").status_code == (200 if profile == "lab" else 404)
    home = api.hub.folder / "users" / user
    assert home.is_dir()
    assert api("DELETE", f"/users/{user}/servers/work").status_code in (202, 204)


def test_a_user_and_a_service_have_their_own_scopes_only(hub: LocalHub, hub_tokens: Tokens) -> None:
    assert Api(hub, hub_tokens.ana)("GET", "/user").json()["name"] == "ana"
    assert Api(hub, hub_tokens.ana)("GET", "/users").status_code == 403
    service = Api(hub, hub_tokens.service)
    assert service("GET", "/user").json()["kind"] == "service"
    assert service("GET", "/users").status_code == 200
    assert service("POST", "/users", json={"usernames": ["nobody"]}).status_code == 403


def test_a_server_process_that_exits_at_once_fails_the_start_at_once(api: Api, user: str) -> None:
    # The hub would answer 202 after two seconds if the spawner did not detect the exit.
    answer = api.start(user, "work", profile="ends_at_once")
    assert answer.status_code == 500
    assert "exited with code 3" in answer.json()["message"]


def test_a_background_hub_is_started_joined_killed_and_restarted(tmp_path: Path, profiles_file: Path) -> None:
    folder = tmp_path / "a {folder} with spaces"
    assert local.status(folder) is None
    assert not local.down(folder)
    assert not folder.exists()

    # Two calls at once: the first starts the hub, the other one joins it.
    with _always_down(folder), ThreadPoolExecutor() as threads:
        first, second = threads.map(lambda _: local.up(folder, base_url="/@/space word/"), range(2))
        assert first.pid == second.pid
        instance_id = _instance_id(folder)
        status = local.status(folder)
        assert status is not None
        assert status.running
        assert (status.url, status.pid, status.version) == (first.url, first.pid, first.version)
        assert msgspec.json.decode(msgspec.json.encode(status))["password"] == first.password
        assert first.password not in repr(status)
        with pytest.raises(LocalHubError, match="already running"):
            local.up(folder, port=1 + int(first.url.split(":")[2].split("/")[0]))
        with pytest.raises(LocalHubError, match="already running"):
            local.up(folder, base_url="/word/")
        with pytest.raises(LocalHubError, match="with other profiles"):
            local.up(folder, base_url="/@/space word/", profiles=profiles_file)
        with pytest.raises(LocalHubError, match="already running"), LocalHub(folder):
            pass

        token = _token(first)
        assert Api(first, token).start(first.username, "work", profile="lean").status_code == 202
        Api(first, token).ready(first.username, "work")
        os.kill(first.pid, signal.SIGKILL)
        left = _until(lambda: None if first.pid in _pids(instance_id) else _pids(instance_id))
        assert len(left) >= 2  # the proxy and the server are still running
        status = local.status(folder)
        assert status is not None
        assert not status.running

        third = local.up(folder)
        assert not any(pid in _pids(instance_id) for pid in left)
        # The folder keeps users and tokens.
        assert third.password == first.password
        assert Api(third, token)("GET", "/user").json()["name"] == "admin"

        assert local.down(folder)
        assert _pids(instance_id) == []
        assert not local.down(folder)
        local.reset(folder)
        assert not folder.exists()


def test_a_hub_whose_files_are_damaged_can_be_reset(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    local.up(folder)
    instance_id = _instance_id(folder)
    (folder / "installation.json").write_text("{")
    with pytest.raises(LocalHubError, match=r"installation\.json") as caught:
        local.status(folder)
    assert "jhub local reset" in caught.value.hint
    local.reset(folder)
    assert _pids(instance_id) == []
    assert not folder.exists()


@pytest.mark.parametrize("signal_sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_hub_ends_with_its_parent_process(signal_sent: signal.Signals) -> None:
    with _parent() as parent:
        assert parent.stdout is not None
        folder = Path(parent.stdout.readline().strip())
        instance_id = _instance_id(folder)
        assert len(_pids(instance_id)) >= 2
        parent.send_signal(signal_sent)
    _until(lambda: not _pids(instance_id))
    assert not folder.exists()


def test_a_hub_killed_together_with_its_parent_is_cleaned_up_later() -> None:
    """As when a container or a process group is killed."""
    with _parent() as parent:
        assert parent.stdout is not None
        folder = Path(parent.stdout.readline().strip())
        instance_id = _instance_id(folder)
        for process in processes.list_processes(instance_id):
            if "jhub.local.hub_process" in process.cmdline():
                process.kill()
        parent.kill()
    assert _pids(instance_id) != []  # the proxy
    os.utime(folder, (0, 0))
    temporary_folder.remove_abandoned()
    assert _pids(instance_id) == []
    assert not folder.exists()


def test_a_port_in_use_is_an_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalHubError, match=f"port {port} is in use"), LocalHub(port=port):
            pass


def test_a_hub_that_exits_during_its_start_reports_the_reason(tmp_path: Path) -> None:
    with pytest.raises(LocalHubError, match="<config>, line 2: ZeroDivisionError: division by zero") as caught:
        LocalHub(tmp_path, config="zero = 0\n1 / zero").start()
    assert str(tmp_path / "hub.log") in caught.value.hint
    assert _pids(_instance_id(tmp_path)) == []


def test_a_configuration_may_append_to_a_list_of_the_hub() -> None:
    role = {"name": "graders", "scopes": ["list:users"], "users": ["ana"]}
    with LocalHub(users=["ana"], config=f"c.JupyterHub.load_roles.append({role})") as hub:
        body = {"auth": {"username": "ana", "password": hub.user_password}}
        token = Api(hub)("POST", "/users/ana/tokens", json=body).json()["token"]
        assert "graders" in Api(hub, token)("GET", "/user").json()["roles"]


@pytest.mark.parametrize("char", list("+()'&%;#$,=:@!* [`?\"|~é"))
def test_the_proxy_reaches_servers_of_users_with_any_name(
    zero_api: Api, fresh: Callable[[str], str], char: str
) -> None:
    name = f"{fresh('user')}{char}x"
    path = f"/users/{quote(name, safe='')}"
    assert zero_api("POST", path).status_code == 201
    assert zero_api.start(name, "work", profile="stub").status_code == 202
    url = zero_api.ready(name, "work")["url"]
    answer = zero_api.at(f"{url}api/status")
    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    assert zero_api("DELETE", f"{path}/servers/work").status_code in (202, 204)


ROLES = """
c.JupyterHub.services = [{"name": "robot", "api_token": "0123456789-robot"}]
c.JupyterHub.load_roles = [{"name": "robot", "services": ["robot"], "scopes": ["list:users", "read:users"]}]
"""


def test_a_background_hub_keeps_its_address_and_takes_a_configuration_file(tmp_path: Path) -> None:
    folder, config = tmp_path / "hub", tmp_path / "roles.py"
    config.write_text(ROLES)
    with _always_down(folder):
        first = local.up(folder, config=config)
        assert Api(first, "0123456789-robot")("GET", "/users").status_code == 200
        assert local.up(folder, config=config).pid == first.pid
        with pytest.raises(LocalHubError, match="with other configuration"):
            local.up(folder, config="c.JupyterHub.shutdown_on_logout = True")
        local.down(folder)
        second = local.up(folder)
        assert second.url == first.url
        assert Api(second, "0123456789-robot")("GET", "/users").status_code == 403
        local.down(folder)
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", int(first.url.split(":")[2].split("/")[0])))
            other.listen()
            assert local.up(folder).url != first.url


def test_a_configuration_that_undoes_the_binding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "open.py"
    file.write_text("c.JupyterHub.bind_url = 'http://0.0.0.0:8000'")
    message = f"invalid configuration: {file} sets c.JupyterHub.bind_url"
    with pytest.raises(LocalHubError, match=message):
        LocalHub(tmp_path / "hub", config=file).start()


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    document = tmp_path / "document"
    document.write_text("mine")
    with pytest.raises(LocalHubError, match="contains no local hub"):
        LocalHub(tmp_path).start()
    local.reset(tmp_path)
    assert document.read_text() == "mine"


def test_without_the_extra_the_error_names_the_missing_packages(tmp_path: Path) -> None:
    """Importing `jhub.local` works without JupyterHub."""
    # A Python with only the two packages that the import needs.
    for package in (msgspec, sys.modules["jhub"]):
        source = Path(package.__file__ or "").parent
        tmp_path.joinpath(source.name).symlink_to(source)
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from jhub.errors import LocalHubError
from jhub.local import LocalHub
try:
    LocalHub().start()
except LocalHubError as error:
    print(error, "|", error.hint)
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    message, hint = done.stdout.strip().split(" | ")
    assert "jupyterhub, jupyterhub-traefik-proxy, jupyterlab, psutil" in message
    assert hint == "pip install 'jhub[local]'"


def test_a_jupyterhub_that_is_too_old_is_refused() -> None:
    with pytest.raises(LocalHubError, match=r"needs JupyterHub 6 or later; 5\.4\.6 is installed"):
        requirements.check_hub_version("5.4.6")
    requirements.check_hub_version("10.0.0rc1")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full exists on Linux only")
def test_a_full_disk_is_an_error() -> None:
    full = Path("/dev/full")
    with pytest.raises(LocalHubError, match="the disk is full"), state_folder.disk_errors(full), full.open("w") as file:
        file.write("x" * 100_000)


@pytest.mark.parametrize(
    ("base_url", "escaped"),
    [
        ("/", "/"),
        ("", "/"),
        ("hub", "/hub/"),
        ("/a/b/", "/a/b/"),
        ("/@/space word/", "/@/space%20word/"),
        ("/@/space%20word/", "/@/space%20word/"),
        ("/grün", "/gr%C3%BCn/"),
    ],
)
def test_base_urls_are_escaped(base_url: str, escaped: str) -> None:
    assert ports.escaped_base_url(base_url) == escaped


@pytest.mark.parametrize("bad", ["/a`b/", "/a/../b/", "/a//b/", "/a?b/", "/a#b/", "/(a)/", "/a\nb/"])
def test_invalid_base_urls_are_refused(bad: str) -> None:
    with pytest.raises(InvalidInput, match="invalid base URL"):
        LocalHub(base_url=bad)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_invalid_ports_are_refused(port: int) -> None:
    with pytest.raises(HubError, match="invalid port"):
        ports.check_port(port)


def test_a_missing_profiles_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        LocalHub(profiles=tmp_path / "profiles.yaml")


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", "the log is empty"),
        ("starting\nTraceback (most recent call last):\n  x\nValueError: no\n", "ValueError: no"),
        (
            "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database or disk is full\n[I 1 x] bye",
            "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database or disk is full",
        ),
        ("[C 2026-01-01 10:00:00.000 JupyterHub app:1] Bad thing\n[I 2026-01-01 10:00:01.000 X app:2] ok", "Bad thing"),
        ("Killed\n", "Killed"),
    ],
)
def test_the_reason_for_a_failed_start_is_found_in_the_log(log: str, reason: str) -> None:
    assert logs.reason(log) == reason


def test_the_default_folder_follows_the_xdg_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert local.default_folder() == tmp_path / "jhub" / "local"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert local.default_folder() == tmp_path / ".local" / "share" / "jhub" / "local"


def _parent() -> subprocess.Popen[str]:
    """Start a process that runs a temporary hub and prints the hub's folder."""
    script = """
import time
from jhub.local import LocalHub
with LocalHub() as hub:
    print(hub.folder, flush=True)
    time.sleep(600)
"""
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _instance_id(folder: Path) -> str:
    installation = state_folder.StateFolder(folder).installation()
    assert installation is not None
    return installation.instance_id


def _pids(instance_id: str) -> list[int]:
    return [process.pid for process in processes.list_processes(instance_id)]


def _token(hub: LocalHub) -> str:
    login = {"auth": {"username": hub.username, "password": hub.password}}
    token: str = Api(hub)("POST", f"/users/{hub.username}/tokens", json=login).json()["token"]
    return token


def _until(condition: Callable[[], T | None], seconds: float = 120) -> T:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def _always_down(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        local.reset(folder)
