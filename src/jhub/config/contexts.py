"""Which hub, and as whom: the environment, else one of the contexts that `jhub login` keeps.

`contexts.json` in the user's configuration directory holds names and URLs and no secret; the tokens are in the system's
keyring, or in `tokens.json` beside it, which only its owner can read.
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

from jhub.config import credentials, expiry
from jhub.errors import InvalidInput
from jhub.files import base_folder, file_lock, make_folder, read_json, write_json

LOCK_SECONDS = 30


class Context(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hub and an identity on it."""

    api_url: str
    user: str = ""
    token_id: str = ""
    """What the hub calls the token, so that `jhub logout` can revoke it. Empty for a token that was brought along."""
    created_at: datetime | None = None
    """When it was kept, by this machine's clock."""
    expires_at: datetime | None = None
    """When the token ends, by this machine's clock: see `expiry.local_end`."""
    kept: str = credentials.FILE
    """Where the token is: "file" or "keyring". `save` fills it in."""


class Contexts(Struct, frozen=True, kw_only=True):
    """The contexts file."""

    current: str = ""
    contexts: dict[str, Context] = field(default_factory=dict[str, Context])


class Connection(Struct, frozen=True, kw_only=True):
    """A hub to talk to."""

    url: str
    token: str
    context: str = ""
    """Its context, or "" where the environment names the hub."""
    user: str = ""
    """Whose token it is, where the context says so."""

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, context={self.context!r})"


def folder() -> Path:
    """`$XDG_CONFIG_HOME/jhub`, else `~/.config/jhub`."""
    return base_folder("XDG_CONFIG_HOME", ".config")


def load() -> Contexts:
    """The contexts; none where there is no file."""
    return read_json(folder() / "contexts.json", Contexts) or Contexts()


def chosen(name: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """The context that is meant: `name`, else `JHUB_CONTEXT`, else the current one. `InvalidInput` for none."""
    contexts = load()
    wanted = name or environ.get("JHUB_CONTEXT") or contexts.current
    if wanted:
        return wanted
    if contexts.contexts:
        known = ", ".join(sorted(contexts.contexts))
        raise InvalidInput(
            f"no context is the current one; there are: {known}", hint="choose one: jhub context use NAME"
        )
    raise InvalidInput("not signed in to any hub", hint="sign in with: jhub login https://hub.example.org")


def environment_wins(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a hub, which beats the current context."""
    return bool(environ.get("JUPYTERHUB_API_URL")) and not environ.get("JHUB_CONTEXT")


def connection(name: str | None = None, environ: Mapping[str, str] = os.environ) -> Connection:
    """The hub to talk to.

    `name`, else `JHUB_CONTEXT`, names a context; else `JUPYTERHUB_API_URL` and `JUPYTERHUB_API_TOKEN` name the hub;
    else it is the current context.
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
    token = credentials.read(folder(), name, context.kept, again=_again(name, context))
    if load().contexts.get(name) != context:
        # Another process has just put a token in its place, perhaps one of another hub.
        return connection(name, environ)
    return Connection(url=context.api_url, token=token, context=name, user=context.user)


def warning(name: str, now: datetime) -> str | None:
    """A line for who uses a context whose token ends soon, or has ended; None where there is nothing to say."""
    context = get(name)
    trouble = expiry.trouble(context.created_at, context.expires_at, now)
    return f"the token of context {name} {trouble}; {_again(name, context)}" if trouble else None


def get(name: str, contexts: Contexts | None = None) -> Context:
    """One context. `InvalidInput` where there is none of that name."""
    known = (contexts or load()).contexts
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise InvalidInput(f"no context {name!r}; there are: {names}", hint="jhub context list shows them")
    return known[name]


def prepare(name: str | None = None) -> None:
    """See that contexts and tokens can be read and kept, and named so, before there is something to keep."""
    if name is not None:
        check_name(name)
    with _changing() as book:
        credentials.check(folder())
        book.write()


class Saved(NamedTuple):
    """What came of keeping a context."""

    said: str | None
    """A line about where the token is, or None where there is nothing to say."""
    before: Context | None
    """What it took the place of."""


def check_name(name: str) -> None:
    """`InvalidInput` for what cannot name a context."""
    if not name.strip():
        raise InvalidInput("a context name is missing")
    if not name.isprintable():
        raise InvalidInput(f"{name!r} cannot name a context")


def default_name(api_url: str, user: str = "") -> str:
    """What to call a context: the hub's host, and base path if any; behind USER@ where somebody else has that name."""
    parts = urlsplit(api_url.removesuffix("/hub/api"))
    name = parts.netloc + unquote(parts.path)
    there = load().contexts.get(name) if user else None
    return name if there is None or (there.api_url, there.user) == (api_url, user) else f"{user}@{name}"


def user_of(name: str, api_url: str) -> str | None:
    """Return the user of a context; None where there is no such context of this hub."""
    there = load().contexts.get(name)
    return there.user if there is not None and there.api_url == api_url else None


def save(name: str, context: Context, token: str, *, keyring: bool = True) -> Saved:
    """Keep a context and its token, and make it the current one. Without `keyring` the token goes into the file."""
    check_name(name)
    with _changing() as book:
        credentials.check(folder())
        before = book.contexts.contexts.get(name)
        if before is not None and (before.api_url, before.user) != (context.api_url, context.user):
            # Killed half-way, this must not leave the token of one hub beside the address of another.
            book.drop(name)
            book.write()
        kept = credentials.keep(folder(), name, token, keyring=keyring)
        created = context.created_at or datetime.now(UTC)
        book.put(name, replace(context, created_at=created, kept=kept.place))
        book.write()
        stays = None
        if kept.place != credentials.FILE:
            credentials.forget(folder(), name, credentials.FILE)
        elif before is not None and before.kept != credentials.FILE:
            stays = credentials.forget(folder(), name, before.kept)
    if kept.said and stays:
        return Saved(f"{kept.said}; an older one may still be in the keyring", before)
    return Saved(kept.said or stays, before)


def use(name: str) -> None:
    """Make a context the current one."""
    with _changing() as book:
        get(name, book.contexts)
        book.raw["current"] = name
        book.write()


def remove(name: str) -> str | None:
    """Forget a context and its token. The answer is a line about what could not be deleted, or None."""
    with _changing() as book:
        context = get(name, book.contexts)
        credentials.forget(folder(), name, credentials.FILE)
        stays = None
        if context.kept != credentials.FILE:
            stays = credentials.forget(folder(), name, context.kept)
        book.drop(name)
        book.write()
    return stays


class _Book:
    """The contexts file while it is changed. What a newer jhub wrote into it stays there."""

    def __init__(self) -> None:
        self.contexts = load()
        self.raw = read_json(folder() / "contexts.json", dict[str, Any]) or {}

    def put(self, name: str, context: Context) -> None:
        """Add or replace a context, and make it the current one."""
        self.raw["current"] = name
        self.raw.setdefault("contexts", {})[name] = msgspec.to_builtins(context)

    def drop(self, name: str) -> None:
        """Leave a context out."""
        del self.raw["contexts"][name]
        if self.contexts.current == name:
            self.raw["current"] = ""

    def write(self) -> None:
        """Put it into the file."""
        write_json(folder() / "contexts.json", self.raw)


@contextmanager
def _changing() -> Generator[_Book]:
    """The contexts, while no other process changes them."""
    place = folder()
    try:
        make_folder(place)
        with file_lock(place / ".lock", LOCK_SECONDS):
            yield _Book()
    except TimeoutError:
        raise InvalidInput(f"another jhub has been changing {place} for {LOCK_SECONDS} s") from None
    except OSError as error:
        raise InvalidInput(f"cannot write to {place}: {error.strerror or error}") from None


def _again(name: str, context: Context) -> str:
    """What gives a context a new token."""
    own = "" if name == default_name(context.api_url) else f" --name {shlex.quote(name)}"
    return f"sign in again with: jhub login {shlex.quote(context.api_url)}{own}"
