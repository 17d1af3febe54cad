"""The hub and the identity to use: from the environment, or from a context that `jhub login` has saved.

`contexts.json` in the user's configuration directory holds names and URLs but no secrets. The tokens are in the
system's keyring, or in `tokens.json` beside it, which only its owner can read.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from jhub.config import expiry, token_storage
from jhub.config.certificate_files import CertificateFiles
from jhub.errors import InvalidInput
from jhub.files import base_folder, file_lock, make_folder, read_json, write_json

LOCK_SECONDS = 30
"""Maximum time to wait for another process that changes the contexts."""


class Context(CertificateFiles, frozen=True, kw_only=True, omit_defaults=True):
    """A hub and an identity on it."""

    api_url: str
    user: str = ""
    token_id: str = ""
    """The token's id on the hub, for `jhub logout` to revoke it. Empty for a token that jhub did not create."""
    created_at: datetime | None = None
    """The time of saving, by this machine's clock."""
    expires_at: datetime | None = None
    """The end of the token, by this machine's clock: see `expiry.local_end`."""
    kept: str = token_storage.FILE
    """The place of the token, "file" or "keyring". `save` fills it in."""


class Contexts(Struct, frozen=True, kw_only=True):
    """The contexts file."""

    current: str = ""
    contexts: dict[str, Context] = field(default_factory=dict[str, Context])


class Connection(CertificateFiles, frozen=True, kw_only=True):
    """The address of a hub, and a token for it, with the CA file and the client certificate of the context."""

    url: str
    token: str
    context: str = ""
    """The name of the context; "" if the environment names the hub."""
    user: str = ""
    """The token's owner, if the context names one."""

    def __repr__(self) -> str:
        """Return the URL and the context, without the token."""
        return f"Connection(url={self.url!r}, context={self.context!r})"


def folder() -> Path:
    """Return the folder of the contexts: `$XDG_CONFIG_HOME/jhub`, else `~/.config/jhub`."""
    return base_folder("XDG_CONFIG_HOME", ".config")


def load() -> Contexts:
    """Return the contexts; none if there is no file."""
    return read_json(folder() / "contexts.json", Contexts) or Contexts()


def chosen(name: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the context to use: `name`, else `JHUB_CONTEXT`, else the current one.

    `InvalidInput` if there is no current context.
    """
    contexts = load()
    selected = name or environ.get("JHUB_CONTEXT") or contexts.current
    if selected:
        return selected
    if contexts.contexts:
        names = ", ".join(sorted(contexts.contexts))
        raise InvalidInput(f"no context is selected; available: {names}", hint="select one: jhub context use NAME")
    raise InvalidInput("not signed in to any hub", hint="sign in with: jhub login https://hub.example.org")


def environment_wins(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment names a hub, which takes precedence over the current context."""
    return bool(environ.get("JUPYTERHUB_API_URL")) and not environ.get("JHUB_CONTEXT")


def connection(name: str | None = None, environ: Mapping[str, str] = os.environ) -> Connection:
    """Return the hub and the token to use.

    They are those of the context `name`, else of the context `JHUB_CONTEXT`, else those in `JUPYTERHUB_API_URL` and
    `JUPYTERHUB_API_TOKEN`, else those of the current context.
    """
    name = name or environ.get("JHUB_CONTEXT")
    url, token = environ.get("JUPYTERHUB_API_URL"), environ.get("JUPYTERHUB_API_TOKEN")
    if not name and (url or token):
        if url and token:
            return Connection(url=url, token=token)
        # A token of one hub must not be sent to another.
        present, missing = ("URL", "TOKEN") if url else ("TOKEN", "URL")
        raise InvalidInput(
            f"JUPYTERHUB_API_{present} is set, but JUPYTERHUB_API_{missing} is not",
            hint="set both, or neither, or name a context with -c",
        )
    name = chosen(name, environ)
    context = get(name)
    token = token_storage.read(folder(), name, context.kept, remedy=_login_hint(name, context))
    if load().contexts.get(name) != context:
        # Another process has just replaced the token, perhaps with one for another hub.
        return connection(name, environ)
    return Connection(
        url=context.api_url,
        token=token,
        context=name,
        user=context.user,
        ca_file=context.ca_file,
        cert_file=context.cert_file,
        key_file=context.key_file,
    )


def warning(name: str, now: datetime) -> str | None:
    """Return a warning if the token of a context expires soon or has expired, else None."""
    context = get(name)
    expires = expiry.expiry_warning(context.created_at, context.expires_at, now)
    return f"the token of context {name} {expires}; {_login_hint(name, context)}" if expires else None


def get(name: str, contexts: Contexts | None = None) -> Context:
    """Return a context. `InvalidInput` if there is no context of that name."""
    by_name = (contexts or load()).contexts
    if name not in by_name:
        names = ", ".join(sorted(by_name)) or "none"
        raise InvalidInput(f"no context {name!r}; available: {names}", hint="see: jhub context list")
    return by_name[name]


def prepare(name: str | None = None) -> None:
    """Check that `name` is valid, and that contexts and tokens can be read and written, before a token is created."""
    if name is not None:
        check_name(name)
    with _editing() as file:
        token_storage.check_readable(folder())
        file.write()


class Saved(NamedTuple):
    """The result of saving a context."""

    note: str | None
    """A line for the user about the place of the token, or None."""
    replaced: Context | None
    """The previous context of that name."""


def check_name(name: str) -> None:
    """Raise `InvalidInput` if a context cannot have this name."""
    if not name.strip():
        raise InvalidInput("a context name is missing")
    if not name.isprintable():
        raise InvalidInput(f"invalid context name {name!r}: it contains unprintable characters")


def default_name(api_url: str, user: str = "") -> str:
    """Return a name for a context: the hub's host and base path, behind USER@ if another user's context has it."""
    parts = urlsplit(api_url.removesuffix("/hub/api"))
    name = unquote(parts.netloc + parts.path)  # the netloc of a unix socket is its quoted path
    existing = load().contexts.get(name) if user else None
    return name if existing is None or (existing.api_url, existing.user) == (api_url, user) else f"{user}@{name}"


def user_of(name: str, api_url: str) -> str | None:
    """Return the user of a context; None if this hub has no such context."""
    existing = load().contexts.get(name)
    return existing.user if existing is not None and existing.api_url == api_url else None


def save(name: str, context: Context, token: str, *, keyring: bool = True) -> Saved:
    """Save a context and its token, and make it the current one. Without `keyring` the token goes into the file."""
    check_name(name)
    with _editing() as file:
        token_storage.check_readable(folder())
        replaced = file.contexts.contexts.get(name)
        if replaced is not None and (replaced.api_url, replaced.user) != (context.api_url, context.user):
            # If this process is killed half-way, the token of one hub must not stay beside the address of another.
            file.drop(name)
            file.write()
        stored = token_storage.store(folder(), name, token, keyring=keyring)
        created = context.created_at or datetime.now(UTC)
        file.put(name, replace(context, created_at=created, kept=stored.place))
        file.write()
        leftover = None
        if stored.place != token_storage.FILE:
            token_storage.delete(folder(), name, token_storage.FILE)
        elif replaced is not None and replaced.kept != token_storage.FILE:
            leftover = token_storage.delete(folder(), name, replaced.kept)
    if stored.note and leftover:
        return Saved(f"{stored.note}; an older one may still be in the keyring", replaced)
    return Saved(stored.note or leftover, replaced)


def use(name: str) -> None:
    """Make a context the current one."""
    with _editing() as file:
        get(name, file.contexts)
        file.raw["current"] = name
        file.write()


def remove(name: str) -> str | None:
    """Delete a context and its token. Return a line for the user about what could not be deleted, or None."""
    with _editing() as file:
        context = get(name, file.contexts)
        token_storage.delete(folder(), name, token_storage.FILE)
        leftover = None
        if context.kept != token_storage.FILE:
            leftover = token_storage.delete(folder(), name, context.kept)
        file.drop(name)
        file.write()
    return leftover


class _ContextsFile:
    """The contexts file during a change. It keeps fields that a newer jhub has written."""

    def __init__(self) -> None:
        self.contexts = load()
        self.raw = read_json(folder() / "contexts.json", dict[str, Any]) or {}

    def put(self, name: str, context: Context) -> None:
        """Add or replace a context, and make it the current one."""
        self.raw["current"] = name
        self.raw.setdefault("contexts", {})[name] = msgspec.to_builtins(context)

    def drop(self, name: str) -> None:
        """Remove a context."""
        del self.raw["contexts"][name]
        if self.contexts.current == name:
            self.raw["current"] = ""

    def write(self) -> None:
        """Write the file."""
        write_json(folder() / "contexts.json", self.raw)


@contextmanager
def _editing() -> Generator[_ContextsFile]:
    """Lock the contexts file against other processes, and yield its contents."""
    path = folder()
    try:
        make_folder(path)
        with file_lock(path / ".lock", LOCK_SECONDS):
            yield _ContextsFile()
    except TimeoutError:
        raise InvalidInput(f"another jhub process has locked {path} for {LOCK_SECONDS} s") from None
    except OSError as error:
        raise InvalidInput(f"cannot write to {path}: {error.strerror or error}") from None


def _login_hint(name: str, context: Context) -> str:
    """Return a hint with the command that gets a new token for a context."""
    option = "" if name == default_name(context.api_url) else f" --name {shlex.quote(name)}"
    return f"sign in again with: jhub login {shlex.quote(context.api_url)}{option}"
