"""Paths of files in servers on the command line: `ana/lab:path`, `/lab:path` or `:path`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import click

from jhub.cli.kit.server_arguments import resolve_server
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from jhub import Hub, SingleUser, Target

HINT = "write USER/NAME:PATH, /NAME:PATH for your own named server, or :PATH for your default server"
"""Advice for an argument without a server."""
LOCAL = re.compile(r"\.\.?[/\\]|~|/[^:]*/")
"""Beginning of a local path that may contain a colon: ./, ~, or a path such as /tmp/. A server's name has no slash."""
DRIVE = re.compile(r"[A-Za-z]:([/\\]|$)")
"""Beginning of a local path on Windows."""


class RemotePath(NamedTuple):
    """A path in a server."""

    server: str
    """The server, as on the command line; empty for the caller's default server."""
    path: str

    def __str__(self) -> str:
        """Return the path as on the command line."""
        return f"{self.server}:{self.path}"

    def target(self, hub: Hub) -> Target:
        """Return the server's owner and name."""
        return resolve_server(hub, self.server or None)

    def open(self, hub: Hub) -> SingleUser:
        """Return the server."""
        target = self.target(hub)
        return hub.singleuser(target.user, target.name)


def parse(text: str) -> RemotePath | None:
    """Return the path in a server that an argument names; None for a local path, which has no colon."""
    if ":" not in text or LOCAL.match(text) or (os.name == "nt" and DRIVE.match(text)):
        return None
    server, _, path = text.partition(":")
    return RemotePath(server, path.strip("/"))


def require(text: str) -> RemotePath:
    """Return the path in a server that an argument names; `InvalidInput` for a local path."""
    remote = parse(text)
    if remote is None:
        raise InvalidInput(f"{text!r} names no server", hint=HINT)
    return remote


paths_argument = click.argument("paths", nargs=-1, required=True, metavar="SERVER:PATH...")
