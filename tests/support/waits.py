"""Delays of attempts with a password, from the hub's log: the time that an answer takes depends on the machine."""

from __future__ import annotations

import re

from jhub.local import LocalHub

LOG_WAITS = """
from jhub.extension.password_tokens import PasswordTokenHandler
def logged(wait):
    async def log_and_wait(self, seconds):
        self.log.warning("an attempt waits %r s", seconds)
        await wait(self, seconds)
    return log_and_wait
PasswordTokenHandler._wait = logged(PasswordTokenHandler._wait)
"""
"""Configuration of a hub that logs the delays."""


def waits(hub: LocalHub) -> list[float]:
    """Return the delay of each attempt so far, in seconds."""
    return [float(seconds) for seconds in re.findall(r"an attempt waits (\S+) s", hub.log.read_text())]
