"""Hubs with jhub.extension. Each starts when a test first uses it, and runs to the end."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import requests
from hub_api import BASE_URL

from jhub.local.ports import LOOPBACK, free_ports
from jhub.local.processes import INSTANCE_VARIABLE
from matrix import launch
from matrix.environments import ROOT
from matrix.hub import STUB

MEMBERS = "members"
LISTED = "zoe"
"""The only user that a profile lists by name."""

OPEN = """
- slug: open
  default: true
  spawner_override: {environment: {JHUB_PROFILE: open}}
"""
FREE = """
- slug: free
  spawner_override: {environment: {JHUB_PROFILE: free}}
  profile_options:
    memory:
      choices: {some: {}}
      unlisted_choice: {enabled: true, spawner_override: {mem_limit: "{value}"}}
"""
GATED = f"""
- slug: gated
  groups: [{MEMBERS}]
  users: [{LISTED}]
  spawner_override: {{environment: {{JHUB_PROFILE: gated}}}}
  profile_options:
    flavour:
      choices:
        plain: {{spawner_override: {{environment: {{JHUB_FLAVOUR: plain}}}}}}
        hot: {{spawner_override: {{environment: {{JHUB_FLAVOUR: hot}}}}}}
- slug: nobodys
  groups: []
  spawner_override: {{environment: {{JHUB_PROFILE: nobodys}}}}
"""

SECONDS = 60


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a hub's configuration. All secrets are generated for the run."""

    enable: str
    """Position of the call of `enable`: "first" or "last"."""
    slow_spawn_timeout: int
    own_spawner: bool
    authenticator: str = "dummy"
    port: int
    base_url: str = BASE_URL
    jhub: str = str(ROOT / "src")
    stub: str = str(STUB)
    mark: dict[str, str]
    group_match: str = "exact"
    operator: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    """The token of a service with an administrator's scopes."""
    starter: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    """The token of a service with the scope `servers` only."""
    password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(16))

    def __repr__(self) -> str:
        return f"Settings(port={self.port})"


@dataclass(frozen=True)
class Kind:
    """A kind of configuration of a hub."""

    name: str
    enable: str
    slow_spawn_timeout: int
    own_spawner: bool = False
    authenticator: str = "dummy"
    arguments: tuple[str, ...] = ()
    profiles: str = OPEN + GATED
    config: str = "profiles_config.py"
    group_match: str = "exact"


CHOICES = f"""
- slug: open
  default: true
  spawner_override: {{environment: {{JHUB_PROFILE: open}}}}
  profile_options:
    flavour:
      choices:
        hot: {{default: true, groups: [{MEMBERS}], spawner_override: {{environment: {{JHUB_FLAVOUR: hot}}}}}}
        plain: {{spawner_override: {{environment: {{JHUB_FLAVOUR: plain}}}}}}
        mild: {{allowed_groups: [others], users: [{LISTED}], spawner_override: {{environment: {{JHUB_FLAVOUR: mild}}}}}}
        closed: {{groups: [], spawner_override: {{environment: {{JHUB_FLAVOUR: closed}}}}}}
      unlisted_choice:
        enabled: true
        groups: [{MEMBERS}]
        validation_regex: "[a-z]+"
        spawner_override: {{environment: {{JHUB_FLAVOUR: "{{value}}"}}}}
- slug: narrow
  spawner_override: {{environment: {{JHUB_PROFILE: narrow}}}}
  profile_options:
    flavour: {{choices: {{only: {{groups: [{MEMBERS}], spawner_override: {{environment: {{JHUB_FLAVOUR: only}}}}}}}}}}
"""
"""Profiles for everybody, with choices that are not."""

# `enable` comes first, there is no form, and responses wait for the start.
FIRST = Kind("first", enable="first", slow_spawn_timeout=10)
# `enable` comes last, the administrator has a form and a spawner class, and no response waits.
LAST = Kind("last", enable="last", slow_spawn_timeout=0, own_spawner=True)
# The command line sets the classes, after the file; and only members have a profile.
COMMAND_LINE = Kind(
    "command-line",
    enable="first",
    slow_spawn_timeout=10,
    own_spawner=True,
    authenticator="null",
    arguments=("--JupyterHub.authenticator_class=dummy", "--JupyterHub.spawner_class=simple"),
    profiles=GATED,
)
# Groups come from the authenticator, which refreshes them before each start.
REFRESHING = Kind("refreshing", enable="last", slow_spawn_timeout=10, authenticator="refreshing")
# Profiles with gates on choices.
GATED_CHOICES = Kind("choices", enable="last", slow_spawn_timeout=10, profiles=CHOICES)
# Groups match whatever their case.
CASEFOLD = Kind("casefold", enable="last", slow_spawn_timeout=10, profiles=CHOICES, group_match="casefold")


@dataclass
class ProfileHub:
    """A running hub."""

    settings: Settings
    version: tuple[int, ...]
    place: Path
    process: subprocess.Popen[bytes]
    operator: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.operator.trust_env = False
        self.operator.headers["Authorization"] = f"token {self.settings.operator}"

    @property
    def url(self) -> str:
        """The URL of the hub's pages."""
        return f"http://{LOOPBACK}:{self.settings.port}{self.settings.base_url}hub"

    @property
    def edits(self) -> bool:
        """True if servers can be created and edited without a start."""
        return self.version >= (6,)

    def api(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """Call the REST API with a token; by default, that of a service with an administrator's scopes."""
        headers = {"Authorization": f"token {token}"} if token else {}
        return self.operator.request(method, f"{self.url}/api{path}", headers=headers, timeout=SECONDS, **options)

    def body(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the body of a start with these options."""
        return {"user_options": options} if self.edits else options

    def start(self, user: str, server: str, token: str | None = None, **options: Any) -> requests.Response:
        """Request a start with these options."""
        return self.api("POST", f"/users/{user}/servers/{server}", token, json=self.body(options))

    def user(self, name: str, *groups: str) -> str:
        """Create a user in these groups."""
        assert self.api("POST", "/users", json={"usernames": [name]}).status_code in (201, 409)
        for group in groups:
            self.join(group, name)
        return name

    def join(self, group: str, name: str) -> None:
        """Add a user to a group."""
        assert self.api("POST", f"/groups/{group}").status_code in (201, 409)
        assert self.api("POST", f"/groups/{group}/users", json={"users": [name]}).status_code == 200

    def leave(self, group: str, name: str) -> None:
        """Remove a user from a group."""
        assert self.api("DELETE", f"/groups/{group}/users", json={"users": [name]}).status_code == 200

    def token(self, name: str) -> str:
        """Return a new token of a user."""
        token: str = self.api("POST", f"/users/{name}/tokens", json={}).json()["token"]
        return token

    @contextmanager
    def browser(self, name: str) -> Iterator[requests.Session]:
        """Open a session of a user who is signed in to the hub's pages."""
        with self.signed_in(name) as session:
            yield session

    def signed_in(self, name: str) -> requests.Session:
        """Return a session of a user who is signed in to the hub's pages."""
        session = requests.Session()
        session.trust_env = False
        session.get(f"{self.url}/login", timeout=SECONDS)
        form = {"username": name, "password": self.settings.password, "_xsrf": session.cookies["_xsrf"]}
        login = session.post(f"{self.url}/login", data=form, allow_redirects=False, timeout=SECONDS)
        assert login.status_code == 302, login.text
        return session

    def servers(self, user: str) -> dict[str, Any]:
        """Return the models of a user's servers, running or not."""
        found: dict[str, Any] = self.api("GET", f"/users/{user}?include_stopped_servers=1").json()["servers"]
        return found

    def named(self, user: str) -> list[str]:
        """Return the names of a user's named servers."""
        return [name for name in self.servers(user) if name]

    def ready(self, user: str, server: str) -> dict[str, Any]:
        """Wait until a server is ready, and return its model."""
        model: dict[str, Any] = self.wait(lambda: self.servers(user).get(server, {}), lambda model: model.get("ready"))
        return model

    def stop(self, user: str, server: str) -> None:
        """Stop a server."""
        assert self.api("DELETE", f"/users/{user}/servers/{server}").status_code in (202, 204)
        self.wait(lambda: self.servers(user)[server], lambda model: not model["ready"] and not model["pending"])

    def started(self, user: str) -> list[list[str]]:
        """Return each start of a process: server, profile, flavour, the hook's variable, and the spawner's own."""
        path = self.place / "users" / user / "started"
        return [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []

    def listed(self, user: str) -> list[str]:
        """Return the slugs of the profiles that the hub lists for a user."""
        return [profile["slug"] for profile in self.api("GET", f"/users/{user}/profiles").json()["profiles"]]

    def log(self) -> str:
        """Return the hub's log."""
        return launch.log_of(self.place).read_text(errors="replace")

    def write(self, profiles: str) -> None:
        """Change the file of profiles."""
        write(self.place, profiles)

    @staticmethod
    def wait(look: Any, good: Any) -> Any:
        """Poll until a value is good, and return it."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            seen = look()
            if good(seen):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"not so after {SECONDS} s: {look()}")


def write(place: Path, profiles: str) -> None:
    """Write the file of profiles in the folder that a hub runs in."""
    (place / "profiles.yaml").write_text(f"profiles:{profiles}")


class Hubs:
    """The hubs of one JupyterHub version."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._stack = ExitStack()
        self._up: dict[str, ProfileHub] = {}

    def __getitem__(self, kind: Kind) -> ProfileHub:
        """Return the hub of a kind, and start it if it is not running yet."""
        if kind.name not in self._up:
            self._up[kind.name] = self.start(kind)
        return self._up[kind.name]

    def start(self, kind: Kind) -> ProfileHub:
        """Start a hub of a kind."""
        (port,) = free_ports(1)
        mark = {INSTANCE_VARIABLE: secrets.token_hex(16)}
        settings = Settings(
            enable=kind.enable,
            slow_spawn_timeout=kind.slow_spawn_timeout,
            own_spawner=kind.own_spawner,
            authenticator=kind.authenticator,
            group_match=kind.group_match,
            port=port,
            mark=mark,
        )
        place = launch.new_place(self._folder, kind.name)
        write(place, kind.profiles)
        process = launch.start(self._environment, place, kind.config, settings, mark[INSTANCE_VARIABLE], kind.arguments)
        self._stack.callback(launch.end, process, mark[INSTANCE_VARIABLE])
        version = launch.wait_up(process, place, f"http://{LOOPBACK}:{port}{BASE_URL}hub/api")
        assert version is not None, "another process took the free port"
        hub = ProfileHub(settings, version, place, process)
        self._stack.callback(hub.operator.close)
        return hub

    def close(self) -> None:
        """Stop all hubs."""
        for hub in self._up.values():
            hub.process.terminate()  # all at once; the next line waits for each
        self._stack.close()
