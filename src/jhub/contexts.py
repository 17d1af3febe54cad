"""Which hub, and as whom: the environment, else one of the contexts that `jhub login` keeps.

`contexts.json` in the user's configuration directory holds names and URLs and no secret; `tokens.json` beside it
holds the tokens, and only its owner can read it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from jhub.errors import InvalidInput
from jhub.files import write_whole

T = TypeVar("T")

LOCK_SECONDS = 30


class Context(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hub and an identity on it."""

    api_url: str
    user: str = ""
    token_id: str = ""
    """What the hub calls the token, so that `jhub logout` can revoke it. Empty for a token that was brought along."""
    expires_at: datetime | None = None


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

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, context={self.context!r})"


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CONFIG_HOME/jhub`, else `~/.config/jhub`."""
    base = environ.get("XDG_CONFIG_HOME")
    # A relative value is to be ignored, by the XDG specification.
    if base and Path(base).is_absolute():
        return Path(base) / "jhub"
    try:
        return Path.home() / ".config" / "jhub"
    except RuntimeError:
        raise InvalidInput("this user has no home folder", hint="set XDG_CONFIG_HOME to a folder of yours") from None


def load() -> Contexts:
    """The contexts; none where there is no file."""
    return _read("contexts.json", Contexts) or Contexts()


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
    secret = _tokens().get(name)
    if secret is None:
        raise InvalidInput(f"no token for context {name}", hint=f"sign in again with: jhub login {context.api_url}")
    return Connection(url=context.api_url, token=secret, context=name)


def get(name: str, contexts: Contexts | None = None) -> Context:
    """One context. `InvalidInput` where there is none of that name."""
    known = (contexts or load()).contexts
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise InvalidInput(f"no context {name!r}; there are: {names}", hint="jhub context list shows them")
    return known[name]


def prepare() -> None:
    """See that contexts can be read and kept, before there is something to keep."""
    with _changing() as contexts:
        _write("contexts.json", contexts)


def save(name: str, context: Context, token: str) -> None:
    """Keep a context and its token, and make it the current one."""
    if not name.isprintable() or not name.strip():
        raise InvalidInput(f"{name!r} cannot name a context")
    with _changing() as contexts:
        _write("tokens.json", {**_tokens(), name: token})
        _write("contexts.json", Contexts(current=name, contexts={**contexts.contexts, name: context}))


def use(name: str) -> None:
    """Make a context the current one."""
    with _changing() as contexts:
        get(name, contexts)
        _write("contexts.json", replace(contexts, current=name))


def remove(name: str) -> None:
    """Forget a context and its token."""
    with _changing() as contexts:
        get(name, contexts)
        left = {key: value for key, value in contexts.contexts.items() if key != name}
        current = "" if contexts.current == name else contexts.current
        _write("contexts.json", Contexts(current=current, contexts=left))
        _write("tokens.json", {key: value for key, value in _tokens().items() if key != name})


@contextmanager
def _changing() -> Generator[Contexts]:
    """The contexts, while no other process changes them."""
    import filelock  # takes longer to import than most commands need it for

    place = folder()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with filelock.FileLock(place / ".lock", timeout=LOCK_SECONDS, mode=0o600):
            yield load()
    except filelock.Timeout:
        raise InvalidInput(f"another jhub has been changing {place} for {LOCK_SECONDS} s") from None
    except OSError as error:
        raise InvalidInput(f"cannot write to {place}: {error.strerror}") from None


def _tokens() -> dict[str, str]:
    return _read("tokens.json", dict[str, str]) or {}


def _read(name: str, kind: type[T]) -> T | None:
    path = folder() / name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is damaged: {error}", hint="mend it, or move it away and sign in again") from None


def _write(name: str, value: object) -> None:
    write_whole(folder() / name, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
