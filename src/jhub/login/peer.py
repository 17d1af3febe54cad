"""The user at the other end of a connection within this machine, where the system tells: on Linux."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

TCP_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""Connections of this machine, a line each: of an IPv6 socket that was connected to an IPv4 address too."""
ESTABLISHED = "01"
"""State in which a connection still belongs to the process that made it."""


def is_supported() -> bool:
    """Whether the system tells the users of connections."""
    return os.access(TCP_TABLES[0], os.R_OK)


def is_same_user(theirs: tuple[str, int], ours: tuple[str, int]) -> bool:
    """Whether a process of this user holds the end `theirs` of a connection to `ours`; False where that is unknown."""
    ends = [_hex_address(theirs), _hex_address(ours)]
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
    """An address as it stands in the tables."""
    host, port = end
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
