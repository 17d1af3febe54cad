"""Which hub, and as whom: the environment, else one of the contexts that `jhub login` keeps.

`contexts.json` in the user's configuration directory holds names and URLs and no secret; `tokens.json` beside it
holds the tokens, and only its owner can read it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from jhub.errors import InvalidInput
from jhub.files import write_whole

T = TypeVar("T")


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
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".config") / "jhub"


def load() -> Contexts:
    """The contexts; none where there is no file."""
    return _read("contexts.json", Contexts) or Contexts()


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
    contexts = load()
    name = name or contexts.current
    if not name:
        raise InvalidInput("not signed in to any hub", hint="sign in with: jhub login https://hub.example.org")
    context = get(name, contexts)
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


def save(name: str, context: Context, token: str) -> None:
    """Keep a context and its token, and make it the current one."""
    contexts = load()
    _write("tokens.json", {**_tokens(), name: token})
    _write("contexts.json", Contexts(current=name, contexts={**contexts.contexts, name: context}))


def use(name: str) -> None:
    """Make a context the current one."""
    contexts = load()
    get(name, contexts)
    _write("contexts.json", replace(contexts, current=name))


def remove(name: str) -> None:
    """Forget a context and its token."""
    contexts = load()
    get(name, contexts)
    left = {key: value for key, value in contexts.contexts.items() if key != name}
    current = "" if contexts.current == name else contexts.current
    _write("contexts.json", Contexts(current=current, contexts=left))
    _write("tokens.json", {key: value for key, value in _tokens().items() if key != name})


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
    path = folder() / name
    try:
        write_whole(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from None
