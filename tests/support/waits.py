"""What attempts with a password had to wait, as the hub itself says it: how long an answer takes says little."""

from __future__ import annotations

import re

from jhub.local import LocalHub

LOG_WAITS = """
from jhub.extension.password_tokens import PasswordToken
def noted(wait):
    async def noting(self, seconds):
        self.log.warning("an attempt waits %r s", seconds)
        await wait(self, seconds)
    return noting
PasswordToken._wait = noted(PasswordToken._wait)
"""
"""For a hub's configuration."""


def waits(hub: LocalHub) -> list[float]:
    """The seconds of each attempt, so far."""
    return [float(seconds) for seconds in re.findall(r"an attempt waits (\S+) s", hub.log.read_text())]
