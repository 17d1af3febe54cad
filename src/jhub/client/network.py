"""Network settings of a client: timeouts, certificates, a proxy."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx2

from jhub.errors import InvalidInput

Verify: TypeAlias = bool | str | Path | ssl.SSLContext

DEFAULT_TOTAL_SECONDS = 300.0
"""Maximum duration of a call, unless a longer timeout is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Timeouts in seconds. A progress stream has its own: it may be silent for 8 s, and last as long as a start."""

    connect: float = 10.0
    read: float = 60.0
    """Seconds without data. A hub answers a start within `slow_spawn_timeout` (10 s), a bulk call at its end."""
    write: float = 60.0
    total: float = DEFAULT_TOTAL_SECONDS
    """Seconds for one call, from the DNS lookup to the end of the answer; a retry starts anew."""

    @classmethod
    def of(cls, value: float | Timeouts) -> Timeouts:
        """Return `value`; a number is the timeout of reads and writes."""
        if isinstance(value, Timeouts):
            return value
        return cls(read=value, write=value, total=max(value, DEFAULT_TOTAL_SECONDS))


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The network settings that the caller of a client chose."""

    timeouts: Timeouts
    verify: Verify
    proxy: str | None = field(repr=False)  # may hold a password
    transport: Any

    @classmethod
    def of(cls, timeout: float | Timeouts, verify: Verify, proxy: str | None, transport: Any) -> Network:
        """Return the settings for a client's arguments; warns if certificates are not verified."""
        if verify is False:
            warnings.warn(
                "verify=False: anybody on the network path can read and change all traffic, tokens included",
                UserWarning,
                stacklevel=3,
            )
        return cls(timeouts=Timeouts.of(timeout), verify=verify, proxy=proxy, transport=transport)

    def httpx_timeout(self, read: float | None = None) -> httpx2.Timeout:
        """Return the timeouts for the HTTP library, without one for its pool: that wait is not an error of the hub."""
        timeouts = self.timeouts
        return httpx2.Timeout(
            connect=timeouts.connect, read=timeouts.read if read is None else read, write=timeouts.write, pool=None
        )

    def ssl_context(self, *, plain: bool) -> ssl.SSLContext | bool:
        """Return the certificates to trust. For plain http none are loaded, as that takes 40 ms."""
        if plain and not (self.proxy or "").startswith("https:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.verify is True:
            return (
                httpx2.create_ssl_context()
            )  # observes SSL_CERT_FILE also if the proxies of the environment are ignored
        if isinstance(self.verify, str | Path):
            path = Path(self.verify).expanduser()
            try:
                if path.is_dir():
                    return ssl.create_default_context(capath=path)
                return ssl.create_default_context(cafile=path)
            except OSError as error:
                reason = "not a file of certificates" if isinstance(error, ssl.SSLError) else error.strerror
                raise InvalidInput(f"cannot read certificates from {path}: {reason}") from None
        return self.verify
