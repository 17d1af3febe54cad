"""Log of a hub: the reason why it did not start."""

from __future__ import annotations

import re
from pathlib import Path

from jhub.files import read_own_file

EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Input|Exit|Broken|Timeout)\b: \S.*")
ERROR_LINE = re.compile(r"\[[EC] [\d-]+ [\d:.]+ [^\]]*\] (.+)")
DISK_FULL = re.compile(r"no space left on device|disk is full", re.IGNORECASE)
PORT_TAKEN = re.compile(r"address already in use", re.IGNORECASE)


def tail(path: Path, last_bytes: int = 65536) -> str:
    """Return the end of a log file; empty if there is no file."""
    return (read_own_file(path, last_bytes=last_bytes) or b"").decode(errors="replace")


def reason(log: str) -> str:
    """Return the most informative line of a hub's log: the last exception, else the last error, else the last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for line in reversed(lines):
        if EXCEPTION.fullmatch(line):
            return line
    for line in reversed(lines):
        if match := ERROR_LINE.fullmatch(line):
            return match[1]
    return lines[-1] if lines else "the log is empty"


def disk_was_full(log: str) -> bool:
    """Return whether the hub, its database or its proxy ran out of disk space."""
    return DISK_FULL.search(log) is not None


def port_was_taken(log: str) -> bool:
    """Return whether another program took a port of the hub or its proxy first."""
    return PORT_TAKEN.search(log) is not None
