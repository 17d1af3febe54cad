"""Probe of a hub on loopback, with a plain socket."""

from __future__ import annotations

import re
import socket
import time
from urllib.parse import urlsplit

import msgspec

from jhub.models import Version

MAX_BODY_BYTES = 2**16
"""Maximum size of an answer. A hub's has some hundred bytes."""
OK_STATUS = re.compile(rb"HTTP/1\.[01] 200\b")


def hub_version(api_url: str, *, seconds: float = 2.0) -> str | None:
    """Return the version of the hub at `api_url`, or None if no hub answers there within `seconds`.

    It uses a plain socket: `http.client` has no overall deadline, and another program on the port may answer without
    end. Proxy variables are ignored: a company's proxy must not see calls to 127.0.0.1.
    """
    address = urlsplit(api_url)
    deadline = time.monotonic() + seconds
    content = b""
    try:
        with socket.create_connection((address.hostname or "", address.port or 80), seconds) as connection:
            connection.sendall(f"GET {address.path} HTTP/1.0\r\nHost: {address.netloc}\r\n\r\n".encode())
            while (left := deadline - time.monotonic()) > 0 and len(content) <= MAX_BODY_BYTES:
                connection.settimeout(left)
                if not (chunk := connection.recv(MAX_BODY_BYTES)):
                    break
                content += chunk
            else:
                return None
        head, _, body = content.partition(b"\r\n\r\n")
        if not OK_STATUS.match(head) or b"\r\nx-jupyterhub-version:" not in head.lower():
            return None
        return msgspec.json.decode(body, type=Version).version
    except (OSError, UnicodeError, msgspec.MsgspecError):
        return None
