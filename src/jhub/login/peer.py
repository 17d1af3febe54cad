"""The operating-system user at the other end of a connection within this machine. Linux only."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

TCP_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""Files that list this machine's connections, one a line; an IPv6 socket connected to an IPv4 address is in either."""
ESTABLISHED = "01"
"""State in which a connection still belongs to the process that opened it."""


def is_supported() -> bool:
    """Return whether the system lists the users of connections."""
    return os.access(TCP_TABLES[0], os.R_OK)


def is_same_user(client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Return whether a process of this user holds the end `client` of a connection to `server`; False if unknown."""
    if sys.platform == "win32":
        return False
    ends = [_hex_address(client), _hex_address(server)]
    for table in TCP_TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, remote, state, _, _, _, user, *_ = line.split()
            if local.endswith(ends[0]) and remote.endswith(ends[1]):
                return state == ESTABLISHED and int(user) == os.geteuid()
    return False


def _hex_address(end: tuple[str, int]) -> str:
    """Return an address in the notation of the tables."""
    host, port = end
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
