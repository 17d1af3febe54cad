"""Real hubs for the tests, shared by all tests of a session: use `fresh` for the names that you create.

`hub` answers a start after at most two seconds, with "ready" or with "pending"; `zero_hub` always with "pending".
Both have a base URL with special characters, and the profiles of PROFILES.
"""

from __future__ import annotations

import secrets
import shlex
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import secret_search
import yaml
from hub_api import BASE_URL, Api, Tokens
from hypothesis import HealthCheck, settings
from terminal import Jhub
from waits import LOG_WAITS

from jhub.local import LocalHub

# A test's verdict does not depend on the speed of the machine.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
# For a run of minutes or hours by hand: pytest -s --hypothesis-profile=long tests/fuzz/test_wire.py
settings.register_profile(
    "long", deadline=None, database=None, max_examples=20_000, suppress_health_check=list(HealthCheck)
)

STUB = [sys.executable, str(Path(__file__).with_name("support") / "stub_server.py")]

JHUB_COMMAND = shlex.join([sys.executable, "-P", "-m", "jhub"])
STUB_COMMAND = shlex.join(STUB)

# JupyterHub itself waits for the server, and times out.
LEFT_TO_JUPYTERHUB = {"listen_seconds": 0, "http_timeout": 5}

PROFILES: dict[str, dict[str, Any]] = {
    "lab": {"default_url": "/lab"},
    "lean": {"environment": {"JUPYTERHUB_SINGLEUSER_LOAD_OTHER_EXTENSIONS": "0"}},
    "stub": {"cmd": STUB},
    # Writes the output of jhub in the server to the home folder.
    "inside": {
        "cmd": [
            "sh",
            "-c",
            f"{JHUB_COMMAND} whoami -o name >who 2>&1; {JHUB_COMMAND} user list >users 2>&1; exec {STUB_COMMAND}",
        ]
    },
    # Is ready after three seconds.
    "slow_spawn": {"cmd": [*STUB, "--after", "3"]},
    # The process runs and never answers.
    "never_spawn": {"cmd": ["sleep", "3600"], **LEFT_TO_JUPYTERHUB},
    # The same, and JupyterHub waits for a minute.
    "hangs": {"cmd": ["sleep", "3600"], "listen_seconds": 0},
    # The process exits at once, and the local hub's spawner detects it.
    "ends_at_once": {"cmd": ["sh", "-c", "exit 3"]},
    # The process exits before it answers, and JupyterHub has to detect it.
    "dead_at_once": {"cmd": ["false"], **LEFT_TO_JUPYTERHUB},
    "members": {"cmd": STUB},
    "nobodys": {"cmd": STUB},
}

MEMBERS = "the-members"
"""Name of the group whose members may start `members`. The tests that need the group create it."""

# Fields of a profile beside its settings.
EXTRA_SETTINGS: dict[str, dict[str, Any]] = {
    "members": {
        "groups": [MEMBERS],
        "profile_options": {
            "flavour": {
                "choices": {
                    "plain": {"default": True, "spawner_override": {"environment": {"JHUB_FLAVOUR": "plain"}}},
                    "hot": {"spawner_override": {"environment": {"JHUB_FLAVOUR": "hot"}}},
                },
            },
        },
    },
    "nobodys": {"groups": []},
}

# For the tests of user options that profiles do not define.
USER_OPTIONS = ["cpus", "pw", "size"]

SERVICE_SCOPES = ["list:users", "read:users", "servers", "groups"]

CONFIG = """
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": {slow_spawn_timeout}, "slow_stop_timeout": 5}}
c.Spawner.start_timeout = 60
c.Spawner.http_timeout = 60
c.Spawner.environment = {{"JHUB_OWN": "the administrator's"}}
def hook(spawner):
    spawner.environment["JHUB_HOOK"] = f"saw {{spawner.environment['JHUB_PROFILE']}}"
c.Spawner.pre_spawn_hook = hook
c.JupyterHub.services = [{{"name": "robot", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "robot", "services": ["robot"], "scopes": {scopes!r}}}]
"""


_numbers = count(1)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(secret_search.OutputRecorder())


@pytest.fixture(scope="session", autouse=True)
def no_token_leaked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Check at the end of every run that the tokens of `jhub login` are in its secret store only."""
    yield
    places = sorted(set(secret_search.search([tmp_path_factory.getbasetemp()], secret_search.created_tokens)))
    assert not places, f"a token of jhub login leaked to {', '.join(places)}"


@pytest.fixture(scope="session")
def fresh() -> Callable[[str], str]:
    """Return a function that makes unique names, such as `fresh("user")` -> "user17"."""
    return lambda kind: f"{kind}{next(_numbers)}"


@pytest.fixture(scope="session")
def profiles_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write PROFILES to a profiles.yaml, each with its slug in JHUB_PROFILE. `stub` is the default."""
    entries = []
    for slug, override in PROFILES.items():
        environment = {**override.get("environment", {}), "JHUB_PROFILE": slug}
        entry = {"slug": slug, "display_name": slug, "spawner_override": {**override, "environment": environment}}
        more = {"user_options": USER_OPTIONS, **EXTRA_SETTINGS.get(slug, {})}
        entries.append({**entry, **more, "default": slug == "stub"})
    path = tmp_path_factory.mktemp("profiles") / "profiles.yaml"
    path.write_text(yaml.safe_dump({"profiles": entries}))
    return path


@pytest.fixture(scope="session")
def service_token() -> str:
    """Return the token of the service on all test hubs."""
    return secrets.token_hex(16)


@pytest.fixture(scope="session")
def hub(profiles_file: Path, service_token: str) -> Iterator[LocalHub]:
    """Run a hub that waits two seconds for a start before it answers "pending"."""
    with _hub(profiles_file, service_token, slow_spawn_timeout=2) as running:
        yield running
        # The folder is deleted before the search of all folders.
        assert not list(secret_search.search([running.folder], secret_search.created_tokens))


@pytest.fixture(scope="session")
def zero_hub(profiles_file: Path, service_token: str) -> Iterator[LocalHub]:
    """Run a hub that answers every start with "pending" at once, like those of zero-to-jupyterhub."""
    with _hub(profiles_file, service_token, slow_spawn_timeout=0) as running:
        yield running


@pytest.fixture(scope="session")
def hub_tokens(hub: LocalHub, service_token: str) -> Tokens:
    """Create tokens on `hub`."""
    return _tokens(hub, service_token)


@pytest.fixture(scope="session")
def zero_tokens(zero_hub: LocalHub, service_token: str) -> Tokens:
    """Create tokens on `zero_hub`."""
    return _tokens(zero_hub, service_token)


@pytest.fixture(scope="session")
def api(hub: LocalHub, hub_tokens: Tokens) -> Api:
    """Return the REST API of `hub` for its administrator, by plain requests."""
    return Api(hub, hub_tokens.admin)


@pytest.fixture(scope="session")
def zero_api(zero_hub: LocalHub, zero_tokens: Tokens) -> Api:
    """Return the REST API of `zero_hub` for its administrator, by plain requests."""
    return Api(zero_hub, zero_tokens.admin)


@pytest.fixture
def user(api: Api, fresh: Callable[[str], str]) -> str:
    """Create a user of `hub`."""
    name = fresh("user")
    assert api("POST", "/users", json={"usernames": [name]}).status_code == 201
    return name


@pytest.fixture
def zero_user(zero_api: Api, fresh: Callable[[str], str]) -> str:
    """Create a user of `zero_hub`."""
    name = fresh("user")
    assert zero_api("POST", "/users", json={"usernames": [name]}).status_code == 201
    return name


@pytest.fixture(scope="session")
def hub_url(hub: LocalHub) -> str:
    """Return the API root of `hub`."""
    return hub.api_url


@pytest.fixture
def as_admin(tmp_path: Path, hub: LocalHub, hub_tokens: Tokens) -> Jhub:
    """Return the command `jhub` with an administrator's token."""
    return _as(hub_tokens.admin, hub, tmp_path)


@pytest.fixture
def as_ana(tmp_path: Path, hub: LocalHub, hub_tokens: Tokens) -> Jhub:
    """Return the command `jhub` with an ordinary user's token."""
    return _as(hub_tokens.ana, hub, tmp_path)


@pytest.fixture
def as_robot(tmp_path: Path, hub: LocalHub, hub_tokens: Tokens) -> Jhub:
    """Return the command `jhub` with a service's token."""
    return _as(hub_tokens.service, hub, tmp_path)


def _as(token: str, hub: LocalHub, home: Path) -> Jhub:
    return Jhub(home, {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": token})


def _hub(profiles: Path, service_token: str, slow_spawn_timeout: float) -> LocalHub:
    config = (
        CONFIG.format(slow_spawn_timeout=slow_spawn_timeout, token=service_token, scopes=SERVICE_SCOPES) + LOG_WAITS
    )
    return LocalHub(base_url=BASE_URL, profiles=profiles, config=config, users=["ana"])


def _tokens(hub: LocalHub, service_token: str) -> Tokens:
    def token(name: str, password: str) -> str:
        login = {"auth": {"username": name, "password": password}}
        answer = Api(hub)("POST", f"/users/{name}/tokens", json=login)
        assert answer.status_code == 201
        secret: str = answer.json()["token"]
        return secret

    return Tokens(admin=token(hub.username, hub.password), ana=token("ana", hub.user_password), service=service_token)
