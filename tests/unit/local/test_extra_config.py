"""Additional configuration of a local hub: errors with their line, and addresses that stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from traitlets.config import Config

from jhub.errors import InvalidInput
from jhub.local import LocalHub, extra_config


def configured() -> Config:
    c = Config()
    c.JupyterHub.bind_url = "http://127.0.0.1:8000/"
    c.JupyterHub.hub_bind_url = "http://127.0.0.1:8001"
    c.TraefikFileProviderProxy.traefik_api_url = "http://127.0.0.1:8002"
    c.Spawner.ip = "127.0.0.1"
    return c


def test_it_runs_last_and_takes_precedence() -> None:
    c = configured()
    c.JupyterHub.load_roles = [1]
    code = "name = 'robot'\ndef hook(): return name\nc.JupyterHub.load_roles = [2]\n"
    code += "get_config().Spawner.pre_spawn_hook = hook"
    extra_config.run(c, code, "roles.py")
    assert c.JupyterHub.load_roles == [2]
    assert c.Spawner.pre_spawn_hook() == "robot"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "x = 1\n\nc.JupyterHub.load_roles = undefined",
            "roles.py, line 3: NameError: name 'undefined' is not defined",
        ),
        ("import json\njson.loads('{')", "roles.py, line 2: JSONDecodeError: Expecting property name"),
        ("def f():\n    1 / 0\nf()", "roles.py, line 2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", "roles.py, line 2: SystemExit: 3"),
        ("raise ValueError", "roles.py, line 1: ValueError: "),
    ],
)
def test_an_error_has_its_line(code: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        extra_config.run(configured(), code, "roles.py")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("code", "line"), [("a = 1\nb = = 2", 2), ("if True:\npass", 2), ("(", 1)])
def test_a_file_that_is_not_python_is_refused_before_the_start(tmp_path: Path, code: str, line: int) -> None:
    file = tmp_path / "roles.py"
    file.write_text(code)
    with pytest.raises(InvalidInput, match=f"{file}, line {line}: "):
        LocalHub(tmp_path / "hub", config=file)


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        ("c.JupyterHub.bind_url = 'http://0.0.0.0:8000'", "c.JupyterHub.bind_url"),
        ("c.JupyterHub.bind_url = 'http://:8000'", "c.JupyterHub.bind_url"),
        ("c.JupyterHub.ip = '0.0.0.0'", "c.JupyterHub.ip"),
        ("c.JupyterHub.hub_ip = ''", "c.JupyterHub.hub_ip"),
        ("c.JupyterHub.hub_bind_url = 'http://0.0.0.0:8001'", "c.JupyterHub.hub_bind_url"),
        ("c.TraefikProxy.traefik_api_url = 'http://0.0.0.0:8002'", "c.TraefikProxy.traefik_api_url"),
        ("c.Spawner.ip = '0.0.0.0'", "c.Spawner.ip"),
        ("c.Spawner.ip = ''", "c.Spawner.ip"),
        ("c.LocalSpawner.ip = '::'", "c.LocalSpawner.ip"),
        ("c.ConfigurableHTTPProxy.api_url = 'http://10.0.0.1:8001'", "c.ConfigurableHTTPProxy.api_url"),
    ],
)
def test_it_cannot_make_the_hub_listen_to_other_machines(code: str, setting: str) -> None:
    with pytest.raises(InvalidInput, match=f"open.py sets {setting}"):
        extra_config.run(configured(), code, "open.py")


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_other_addresses_of_this_machine_are_accepted(address: str) -> None:
    extra_config.run(configured(), f"c.Spawner.ip = {address!r}", "roles.py")
