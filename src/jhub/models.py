"""Objects that a hub returns, as frozen structs.

A field that the token's scopes can hide, or that the hub's version lacks, has a default. The default is None where an
empty value would mean that there are none. Fields that a newer hub adds are ignored. Times are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias, cast

from msgspec import Struct, field, json
from msgspec.structs import force_setattr

__all__ = [
    "Component",
    "Group",
    "HubInfo",
    "Identity",
    "Model",
    "Named",
    "OAuthToken",
    "Profile",
    "ProfileChoice",
    "ProfileOption",
    "Progress",
    "Route",
    "Server",
    "Service",
    "Share",
    "ShareCode",
    "SharedServer",
    "Token",
    "TokenKind",
    "UnlistedChoice",
    "User",
]

UNLISTED_SUFFIX = "--unlisted-choice"
"""Suffix of an option's key, for the key of a text that is not one of the option's choices."""
UNLISTED_SELECTED_VALUE = UNLISTED_SUFFIX.removeprefix("--")
"""Value of an option in KubeSpawner's form if its text field is used."""
SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Seconds in the units of a duration, such as 90s or 8h."""
MAX_DURATION_SECONDS = 10 * 365 * SECONDS_PER_UNIT["d"]
"""Maximum duration in a command or a state file: ten years."""
SECRET_FIELDS = {"token", "auth_state", "state", "access_token", "code", "accept_url", "full_accept_url"}
"""Fields that may contain secrets; `repr` leaves them out."""


class _DataclassFields:
    """The fields of a dataclass, so that `dataclasses.asdict`, pandas, FastAPI and others treat a model as one."""

    def __init__(self) -> None:
        self._cache: dict[type[Model], dict[str, Any]] = {}

    def __get__(self, model: Model | None, kind: type[Model]) -> dict[str, Any]:
        """Return the dataclass fields of a class."""
        if kind not in self._cache:
            from dataclasses import make_dataclass

            fields = [(name, object) for name in kind.__struct_fields__]
            self._cache[kind] = make_dataclass(kind.__name__, fields).__dict__["__dataclass_fields__"]
        return self._cache[kind]


class Model(Struct, frozen=True, kw_only=True):
    """The base class of all models. `repr` leaves out the fields that may contain secrets."""

    __dataclass_fields__ = _DataclassFields()
    __dataclass_params__ = SimpleNamespace(repr=False)  # pprint checks it, to use our `repr`

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values, with times in ISO 8601.

        For models inside other objects: `json.dumps(objects, default=Model.to_dict)`.
        """
        fields: dict[str, Any] = json.decode(json.encode(self))
        return fields

    def _repr_html_(self) -> str:
        """Return the HTML table that a notebook shows."""
        from jhub import display

        return display.fields(dict(self.__rich_repr__()))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return the fields and their values, without secrets."""
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in SECRET_FIELDS]

    def __repr__(self) -> str:
        """Return the model as a call of its class, without secrets."""
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


def target(user: str, name: str) -> str:
    """Return the full name of a server, as on the command line and in messages: USER or USER/NAME."""
    return f"{user}/{name}" if name else user


def resolve_urls(value: object, site: str) -> None:
    """Make the URLs of all models in a value absolute: a hub returns paths. `site` is the hub's origin."""
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
        if isinstance(each, Struct):  # other values are plain JSON, of any depth
            resolve_urls(each, site)


def as_utc(time: datetime) -> datetime:
    """Return a time with a zone: a time of a hub without one is in UTC."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


class Server(Model, frozen=True, kw_only=True):
    """A user's server, default (`name == ""`) or named."""

    name: str = ""
    user: str = ""
    """The owner. The hub's answer lacks it; jhub adds it."""
    display_name: str | None = None
    """The name that people read (JupyterHub 6.0)."""
    ready: bool = False
    pending: str | None = None
    """The pending action: None, "spawn", "stop", "check" or "rename"."""
    stopped: bool = False
    url: str = ""
    """The URL with a closing slash, at the address that jhub uses for the hub. See `address`."""
    started: datetime | None = None
    last_activity: datetime | None = None
    user_options: dict[str, Any] | None = None
    progress_url: str = ""
    full_url: str | None = None
    """The URL at the hub's public address (JupyterHub 5.0), if that is configured."""
    state: dict[str, Any] | None = None
    """The spawner's state; needs the scope admin:server_state."""

    @property
    def address(self) -> str:
        """The URL to open in a browser, at the hub's public address if that is configured."""
        return self.full_url or self.url

    @property
    def target(self) -> str:
        """The full name: USER or USER/NAME."""
        return target(self.user, self.name)

    @property
    def profile(self) -> str | None:
        """The profile in the server's user options; None if the start named no profile."""
        profile = (self.user_options or {}).get("profile")
        return profile if isinstance(profile, str) else None

    @property
    def status(self) -> str:
        """The state in one word: the pending action, "ready" or "stopped"."""
        return self.pending or ("ready" if self.ready else "stopped")

    @property
    def active(self) -> bool:
        """True if the server runs, starts or stops."""
        return self.ready or self.pending is not None


class User(Model, frozen=True, kw_only=True):
    """A user of the hub."""

    name: str
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    server: str | None = None
    """The URL of the default server while it runs."""
    pending: str | None = None
    created: datetime | None = None
    last_activity: datetime | None = None
    servers: dict[str, Server] | None = None
    """The servers by name; "" is the default server. None if the token lacks the scope read:servers for this user."""
    auth_state: dict[str, Any] | None = None
    """The authenticator's state; needs the scope admin:auth_state."""

    def __post_init__(self) -> None:
        """Add the owner to the servers."""
        for server in (self.servers or {}).values():
            if not server.user:
                force_setattr(server, "user", self.name)


class Identity(Model, frozen=True, kw_only=True):
    """The owner of a token, and the scopes of the token."""

    name: str
    kind: str = "user"
    """The kind of owner: "user" or "service"."""
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    token_id: str | None = None
    """The token's id (JupyterHub 5.0)."""


class Group(Model, frozen=True, kw_only=True):
    """A group and its members."""

    name: str
    users: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    properties: dict[str, Any] | None = None


TokenKind: TypeAlias = Literal["api", "server", "session"]
"""The purpose of a token; see `Token.kind`."""
JUPYTERHUB_ISSUER = "JupyterHub"
"""Value of `oauth_client` for tokens that the hub issues itself, without OAuth."""


class Token(Model, frozen=True, kw_only=True):
    """An API token. `token`, the secret, is only in the answer that created it."""

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
        """The purpose of the token.

        "server": a server authenticates with it at the hub, and cannot admit anyone without it. "session": OAuth
        issued it, for a browser session at a server or service, or for an OAuth sign-in. "api": any other.
        """
        if self.session_id is not None and self.oauth_client != JUPYTERHUB_ISSUER:
            return "session"
        # Only the note identifies a server's token. JupyterHub relies on it too (`get_current_user_token`, 2 to 6), and
        # a user is unlikely to choose such a note. The token's scopes depend on the hub's configuration. A comparison
        # with the addresses of running servers would miss a server that is starting, was renamed, or resumes its token
        # later. The second note is for a server that started with another token than the hub's (all versions).
        own = self.oauth_client == JUPYTERHUB_ISSUER and (self.note or "").startswith(
            ("Server at ", "retrieved from spawner ")
        )
        return "server" if own else "api"

    @property
    def life(self) -> float | None:
        """The seconds from creation to expiry, by the hub's clock; None if the token never expires, or if unknown."""
        if self.expires_at is None or self.created is None:
            return None
        return (as_utc(self.expires_at) - as_utc(self.created)).total_seconds()


class OAuthToken(Model, frozen=True, kw_only=True):
    """An OAuth access token, the answer to an OAuth code."""

    access_token: str
    token_type: str = ""
    expires_in: int | None = None
    """The lifetime in seconds."""
    scope: str = ""
    """The scopes, separated by spaces."""


class Named(Model, frozen=True, kw_only=True):
    """A user or group, by name."""

    name: str


class SharedServer(Model, frozen=True, kw_only=True):
    """The server of a share."""

    user: Named
    name: str = ""
    url: str = ""
    full_url: str | None = None
    ready: bool = False

    @property
    def address(self) -> str:
        """The URL to open in a browser, at the hub's public address if that is configured."""
        return self.full_url or self.url

    @property
    def target(self) -> str:
        """The full name: USER or USER/NAME."""
        return target(self.user.name, self.name)


class Share(Model, frozen=True, kw_only=True):
    """The access of a user or group to another user's server (JupyterHub 5.0)."""

    server: SharedServer
    scopes: tuple[str, ...] = ()
    kind: str = "user"
    """The kind of recipient: "user" or "group"."""
    user: Named | None = None
    group: Named | None = None
    created_at: datetime | None = None

    @property
    def shared_with(self) -> str:
        """The name of the user or group."""
        return (self.user or self.group or Named(name="")).name


class ShareCode(Model, frozen=True, kw_only=True):
    """A code that its holder can exchange for access to a server (JupyterHub 5.0).

    `code`, the secret, and the URLs that contain it are only in the answer that created it.
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
    """The URL that the recipient opens in a browser. See `address`."""
    full_accept_url: str | None = None

    @property
    def address(self) -> str:
        """The URL that accepts the code, at the hub's public address if that is configured. It contains the code."""
        return self.full_accept_url or self.accept_url or ""


class Service(Model, frozen=True, kw_only=True):
    """A service of the hub."""

    name: str
    admin: bool | None = None
    roles: tuple[str, ...] | None = None
    url: str = ""
    prefix: str = ""
    """The path of the service at the proxy."""
    command: list[str] | str = ""
    """The command of the service; empty if the hub does not run it."""
    pid: int = 0
    info: dict[str, Any] | str = ""
    display: bool | str = False


class Route(Model, frozen=True, kw_only=True):
    """A route of the proxy."""

    routespec: str
    """The path, or host and path, of the route."""
    target: str = ""
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """The owner: `{"hub": true}`, `{"user": …, "server_name": …}` or `{"service": …}`."""


class Progress(Model, frozen=True, kw_only=True):
    """A progress event of a server's start."""

    message: str = ""
    progress: float | None = None
    """The progress in per cent."""
    ready: bool = False
    failed: bool = False
    url: str | None = None


class ProfileChoice(Model, frozen=True, kw_only=True):
    """A choice of a profile's option."""

    key: str
    """The value to pass in a start."""
    display_name: str = ""
    description: str = ""
    default: bool = False


class UnlistedChoice(Model, frozen=True, kw_only=True):
    """The settings of a free text that an option accepts besides its choices."""

    display_name: str = ""
    display_name_in_choices: str = "Other..."
    description: str = ""
    description_in_choices: str = ""
    validation_regex: str = ""
    """The regular expression that the whole text must match, if not empty."""
    validation_message: str = ""


class ProfileOption(Model, frozen=True, kw_only=True):
    """An option of a profile."""

    key: str
    """The key to pass in a start."""
    display_name: str = ""
    choices: tuple[ProfileChoice, ...] = ()
    unlisted_choice: UnlistedChoice | None = None

    @property
    def default(self) -> ProfileChoice | None:
        """The choice of a start that does not name one; None if the option has no choices."""
        return next((choice for choice in self.choices if choice.default), next(iter(self.choices), None))

    @property
    def unlisted_key(self) -> str:
        """The key to pass in a start for a text that is not one of the choices."""
        return self.key + UNLISTED_SUFFIX


class Profile(Model, frozen=True, kw_only=True):
    """A profile to start a server from, as `jhub.extension` lists it for a user who may use it."""

    slug: str
    """The name to pass in a start."""
    display_name: str = ""
    description: str = ""
    default: bool = False
    """True if a start without a profile uses this one. Exactly one of a user's profiles is the default."""
    profile_options: tuple[ProfileOption, ...] = ()
    user_options: tuple[str, ...] = ()
    """Further user options that a start may pass."""
    any_user_options: bool = False
    """True if a start may pass further user options of any name, except settings of the hub's spawner."""


class Component(Model, frozen=True, kw_only=True):
    """A spawner or authenticator class and its package's version."""

    class_: str = field(default="", name="class")
    version: str | None = None


class HubInfo(Model, frozen=True, kw_only=True):
    """Details of a hub, for a token with the scope read:hub."""

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
"""Fields that contain URLs, by model."""
