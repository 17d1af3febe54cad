"""What a hub answers, as frozen structs.

Every field that a token's scopes can hide, or that a hub's version lacks, has a default: None where an empty one would
mean that there is nothing. Fields that a newer hub adds are ignored. Times are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias, cast

from msgspec import Struct, field, json
from msgspec.structs import force_setattr

UNLISTED_SUFFIX = "--unlisted-choice"
"""What follows an option's name in a start that brings a text of its own."""
UNLISTED_SELECTED_VALUE = UNLISTED_SUFFIX.removeprefix("--")
"""What KubeSpawner's form selects where its text field counts."""

SECRET_FIELDS = {"token", "auth_state", "state", "access_token", "code", "accept_url", "full_accept_url"}


class _DataclassFields:
    """Fields by which pandas, FastAPI and others take a model for a dataclass, as `dataclasses.asdict` does."""

    def __init__(self) -> None:
        self._cache: dict[type[Model], dict[str, Any]] = {}

    def __get__(self, model: Model | None, kind: type[Model]) -> dict[str, Any]:
        if kind not in self._cache:
            from dataclasses import make_dataclass

            fields = [(name, object) for name in kind.__struct_fields__]
            self._cache[kind] = make_dataclass(kind.__name__, fields).__dict__["__dataclass_fields__"]
        return self._cache[kind]


class Model(Struct, frozen=True, kw_only=True):
    """What all of them share: `repr` leaves out the fields that may hold secrets."""

    __dataclass_fields__ = _DataclassFields()
    __dataclass_params__ = SimpleNamespace(repr=False)  # pprint asks whose `repr` it is

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as `json.dumps` takes them, with times as ISO 8601.

        For models within other things: `json.dumps(things, default=Model.to_dict)`.
        """
        fields: dict[str, Any] = json.decode(json.encode(self))
        return fields

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        from jhub import display

        return display.fields(dict(self.__rich_repr__()))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in SECRET_FIELDS]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


def target(user: str, name: str) -> str:
    """How the command line, fleets and messages name a server: USER, or USER/NAME."""
    return f"{user}/{name}" if name else user


def resolve_urls(value: object, site: str) -> None:
    """Make the URLs of models absolute, wherever in an answer they stand: a hub gives paths. `site` is its origin."""
    match value:
        case list() | tuple():
            _resolve_each(cast("list[object]", value), site)
        case dict():
            _resolve_each(cast("dict[object, object]", value).values(), site)
        case Struct():
            for name in value.__struct_fields__:
                inner = getattr(value, name)
                if not isinstance(inner, str):
                    resolve_urls(inner, site)
                elif name in URL_FIELDS.get(type(value), ()) and inner.startswith("/") and not inner.startswith("//"):
                    force_setattr(value, name, site + inner)
        case _:
            pass


def _resolve_each(values: Iterable[object], site: str) -> None:
    for each in values:
        if isinstance(each, Struct):  # or else it is plain JSON, which may be of any depth
            resolve_urls(each, site)


def as_utc(time: datetime) -> datetime:
    """A time that names no zone is UTC: all of a hub's are."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


class Server(Model, frozen=True, kw_only=True):
    """A user's server, default (`name == ""`) or named."""

    name: str = ""
    user: str = ""
    """The owner. The hub's own model lacks it; jhub fills it in."""
    display_name: str | None = None
    """JupyterHub 6.0."""
    ready: bool = False
    pending: str | None = None
    """What is under way: None, "spawn", "stop", "check" or "rename"."""
    stopped: bool = False
    url: str = ""
    """With a closing slash; on the address by which jhub reaches the hub. See `address`."""
    started: datetime | None = None
    last_activity: datetime | None = None
    user_options: dict[str, Any] | None = None
    progress_url: str = ""
    full_url: str | None = None
    """JupyterHub 5.0, where the hub knows its public address."""
    state: dict[str, Any] | None = None
    """What the spawner keeps; needs the scope admin:server_state."""

    @property
    def address(self) -> str:
        """Return the URL to open in a browser: on the hub's public address, where the hub knows that."""
        return self.full_url or self.url

    @property
    def target(self) -> str:
        """Its name in full: USER or USER/NAME."""
        return target(self.user, self.name)

    @property
    def profile(self) -> str | None:
        """The profile it was started with, where one was named."""
        profile = (self.user_options or {}).get("profile")
        return profile if isinstance(profile, str) else None

    @property
    def status(self) -> str:
        """In a word: "ready", what is pending, or "stopped"."""
        return self.pending or ("ready" if self.ready else "stopped")

    @property
    def active(self) -> bool:
        """Runs, or is on its way up or down."""
        return self.ready or self.pending is not None


class User(Model, frozen=True, kw_only=True):
    """A user of the hub."""

    name: str
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    server: str | None = None
    """URL of the default server while it runs."""
    pending: str | None = None
    created: datetime | None = None
    last_activity: datetime | None = None
    servers: dict[str, Server] | None = None
    """By name, "" being the default one. None without the scope read:servers, which the hub takes for a filter."""
    auth_state: dict[str, Any] | None = None
    """Needs the scope admin:auth_state."""

    def __post_init__(self) -> None:
        for server in (self.servers or {}).values():
            if not server.user:
                force_setattr(server, "user", self.name)


class Identity(Model, frozen=True, kw_only=True):
    """Whom a token belongs to, and what it may do."""

    name: str
    kind: str = "user"
    """ "user" or "service"."""
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    token_id: str | None = None
    """JupyterHub 5.0."""


class Group(Model, frozen=True, kw_only=True):
    """A group and its members."""

    name: str
    users: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    properties: dict[str, Any] | None = None


TokenKind: TypeAlias = Literal["api", "server", "session"]
JUPYTERHUB_ISSUER = "JupyterHub"
"""What the hub calls itself as the issuer of tokens that are no OAuth tokens."""


class Token(Model, frozen=True, kw_only=True):
    """An API token. `token`, the secret itself, is there only in the answer that created it."""

    id: str = ""
    user: str | None = None
    service: str | None = None
    note: str | None = None
    scopes: tuple[str, ...] = ()
    created: datetime | None = None
    last_activity: datetime | None = None
    expires_at: datetime | None = None
    session_id: str | None = None
    oauth_client: str | None = None
    token: str | None = None

    @property
    def kind(self) -> TokenKind:
        """Return what it is for.

        "server": by it a server speaks to the hub, and without it the server can let nobody in. "session": it came by
        OAuth, for somebody's browser at a server or service, or for an OAuth sign-in. "api": any other.
        """
        if self.session_id is not None and self.oauth_client != JUPYTERHUB_ISSUER:
            return "session"
        # The note is the only sign of a server's. JupyterHub itself goes by it (`get_current_user_token`, 2 to 6), and
        # no user gives it to a token by chance. Such a token's scopes depend on the hub's configuration; and comparing
        # with the addresses of the servers that run now would miss one that is just starting, was renamed, or resumes
        # its token later. The second is of a server that came up with another token than it was given (all versions).
        own = self.oauth_client == JUPYTERHUB_ISSUER and (self.note or "").startswith(
            ("Server at ", "retrieved from spawner ")
        )
        return "server" if own else "api"

    @property
    def life(self) -> float | None:
        """Seconds from its creation to its end, by the hub's clock; None for never, or unknown."""
        if self.expires_at is None or self.created is None:
            return None
        return (as_utc(self.expires_at) - as_utc(self.created)).total_seconds()


class OAuthToken(Model, frozen=True, kw_only=True):
    """What an OAuth code was exchanged for."""

    access_token: str
    token_type: str = ""
    expires_in: int | None = None
    """Seconds."""
    scope: str = ""
    """Scopes, with spaces between them."""


class Named(Model, frozen=True, kw_only=True):
    """Somebody, by name."""

    name: str


class SharedServer(Model, frozen=True, kw_only=True):
    """What a share tells of its server."""

    user: Named
    name: str = ""
    url: str = ""
    full_url: str | None = None
    ready: bool = False

    @property
    def address(self) -> str:
        """Return the URL to open in a browser: on the hub's public address, where the hub knows that."""
        return self.full_url or self.url

    @property
    def target(self) -> str:
        """Its name in full: USER or USER/NAME."""
        return target(self.user.name, self.name)


class Share(Model, frozen=True, kw_only=True):
    """A user's or a group's access to somebody's server (JupyterHub 5.0)."""

    server: SharedServer
    scopes: tuple[str, ...] = ()
    kind: str = "user"
    """ "user" or "group"."""
    user: Named | None = None
    group: Named | None = None
    created_at: datetime | None = None

    @property
    def shared_with(self) -> str:
        """The name of the user or group."""
        return (self.user or self.group or Named(name="")).name


class ShareCode(Model, frozen=True, kw_only=True):
    """A code that whoever has it can exchange for access to a server (JupyterHub 5.0).

    `code`, the secret itself, and the URLs that contain it, are there only in the answer that created it.
    """

    id: str
    server: SharedServer
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    exchange_count: int = 0
    last_exchanged_at: datetime | None = None
    code: str | None = None
    accept_url: str | None = None
    """To be opened in the browser of whom to share with. See `address`."""
    full_accept_url: str | None = None

    @property
    def address(self) -> str:
        """Return the URL that accepts it: on the hub's public address, where the hub knows that. It holds the code."""
        return self.full_accept_url or self.accept_url or ""


class Service(Model, frozen=True, kw_only=True):
    """A service of the hub."""

    name: str
    admin: bool | None = None
    roles: tuple[str, ...] | None = None
    url: str = ""
    prefix: str = ""
    """Path below the hub's host where the proxy serves it."""
    command: list[str] | str = ""
    """Empty where the hub does not run it."""
    pid: int = 0
    info: dict[str, Any] | str = ""
    display: bool | str = False


class Route(Model, frozen=True, kw_only=True):
    """A route of the proxy."""

    routespec: str
    """The path, or host and path, that it serves."""
    target: str = ""
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """Whose it is: `{"hub": true}`, `{"user": …, "server_name": …}` or `{"service": …}`."""


class Progress(Model, frozen=True, kw_only=True):
    """One event on the way of a server's start."""

    message: str = ""
    progress: float | None = None
    """Per cent."""
    ready: bool = False
    failed: bool = False
    url: str | None = None


class ProfileChoice(Model, frozen=True, kw_only=True):
    """One of the values of a profile's option."""

    key: str
    """What a start names."""
    display_name: str = ""
    default: bool = False


class UnlistedChoice(Model, frozen=True, kw_only=True):
    """That an option takes text which is none of its choices."""

    display_name: str = ""
    display_name_in_choices: str = "Other..."
    validation_regex: str = ""
    """What the whole text must match, if not empty."""
    validation_message: str = ""


class ProfileOption(Model, frozen=True, kw_only=True):
    """What can be chosen within a profile."""

    key: str
    """What a start names."""
    display_name: str = ""
    choices: tuple[ProfileChoice, ...] = ()
    unlisted_choice: UnlistedChoice | None = None

    @property
    def default(self) -> ProfileChoice | None:
        """The choice of a start that makes none; None for an option that has no choices."""
        return next((choice for choice in self.choices if choice.default), next(iter(self.choices), None))

    @property
    def unlisted_key(self) -> str:
        """What a start names for text that is none of the choices."""
        return self.key + UNLISTED_SUFFIX


class Profile(Model, frozen=True, kw_only=True):
    """A way to start a server, as jhub.extension lists it for whoever may start it."""

    slug: str
    """What a start names."""
    display_name: str = ""
    description: str = ""
    default: bool = False
    """Whether a start that names none gets it. One of those that a user may start is."""
    profile_options: tuple[ProfileOption, ...] = ()
    user_options: tuple[str, ...] = ()
    """Further options that a start may bring."""


class Component(Model, frozen=True, kw_only=True):
    """A spawner or authenticator class and its package's version."""

    class_: str = field(default="", name="class")
    version: str | None = None


class HubInfo(Model, frozen=True, kw_only=True):
    """What a hub tells of itself to a token with the scope read:hub."""

    version: str
    python: str = ""
    sys_executable: str = ""
    spawner: Component = Component()
    authenticator: Component = Component()


class Version(Struct, frozen=True):
    """The version of a hub, or of a user's server."""

    version: str


URL_FIELDS: dict[type[Struct], tuple[str, ...]] = {
    Server: ("url", "progress_url", "full_url"),
    User: ("server",),
    SharedServer: ("url",),
    ShareCode: ("accept_url",),
    Progress: ("url",),
}
"""Fields that hold URLs, by model."""
