"""Asking a hub on loopback whether it is up, with nothing but the standard library."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import msgspec


class _Root(msgspec.Struct, frozen=True):
    version: str


def hub_version(api_url: str, *, seconds: float = 2.0) -> str | None:
    """The version that the hub at `api_url` answers with, or None if no hub answers there.

    `http.client` heeds no proxy variables: a company's proxy must not see calls to 127.0.0.1.
    """
    parts = urlsplit(api_url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != 200 or answer.getheader("X-JupyterHub-Version") is None:
            return None
        return msgspec.json.decode(answer.read(), type=_Root).version
    except (OSError, HTTPException, msgspec.MsgspecError):
        return None
    finally:
        connection.close()
