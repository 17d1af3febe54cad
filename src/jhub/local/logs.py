"""Reading a hub's log for the reason why it did not start."""

from __future__ import annotations

import re
from pathlib import Path

from jhub.files import read_own

EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Input|Exit|Broke|Timeout)\b: \S.*")
ERROR_LINE = re.compile(r"\[[EC] [\d-]+ [\d:.]+ [^\]]*\] (.+)")
DISK_FULL = re.compile(r"no space left on device|disk is full", re.IGNORECASE)
PORT_TAKEN = re.compile(r"address already in use", re.IGNORECASE)


def tail(path: Path, last_bytes: int = 65536) -> str:
    """The end of a log, or nothing if there is none."""
    return (read_own(path, last_bytes=last_bytes) or b"").decode(errors="replace")


def reason(log: str) -> str:
    """The line of a hub's log that says best why it ended: the last exception, else the last error, else the last."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for line in reversed(lines):
        if EXCEPTION.fullmatch(line):
            return line
    for line in reversed(lines):
        if match := ERROR_LINE.fullmatch(line):
            return match[1]
    return lines[-1] if lines else "it said nothing"


def disk_was_full(log: str) -> bool:
    """Whether the hub, its database or its proxy ran out of space."""
    return DISK_FULL.search(log) is not None


def port_was_taken(log: str) -> bool:
    """Whether the hub or its proxy lost the race for a port."""
    return PORT_TAKEN.search(log) is not None
