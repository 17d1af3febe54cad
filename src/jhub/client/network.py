"""How a client reaches its hub: time-outs, certificates, a proxy."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. A progress stream has its own: it may be silent for 8 s, and last as long as a server takes to start."""

    connect: float = 10.0
    read: float = 60.0
    """Of silence. A hub answers a start after up to `slow_spawn_timeout` (10 s), and a bulk call when it is done."""
    write: float = 60.0
    total: float = DEFAULT_TOTAL_SECONDS
    """For one call, from looking up the hub's address to the end of its answer; repeating it begins anew."""

    @classmethod
    def of(cls, given: float | Timeouts) -> Timeouts:
        """A number is that of silence."""
        if isinstance(given, Timeouts):
            return given
        return cls(read=given, write=given, total=max(given, DEFAULT_TOTAL_SECONDS))


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the caller of a client chose."""

    timeouts: Timeouts
    verify: Verify
    proxy: str | None = field(repr=False)  # a password may stand in it
    transport: Any

    @classmethod
    def of(cls, timeout: float | Timeouts, verify: Verify, proxy: str | None, transport: Any) -> Network:
        """As given to a client; warns where certificates are not to be verified."""
        if verify is False:
            warnings.warn(
                "verify=False: whoever is between here and the hub can read and change everything, tokens included",
                UserWarning,
                stacklevel=3,
            )
        return cls(timeouts=Timeouts.of(timeout), verify=verify, proxy=proxy, transport=transport)

    def httpx_timeout(self, read: float | None = None) -> httpx2.Timeout:
        """For the HTTP library; waiting for a connection of the pool is not an error of the hub."""
        timeouts = self.timeouts
        return httpx2.Timeout(
            connect=timeouts.connect, read=timeouts.read if read is None else read, write=timeouts.write, pool=None
        )

    def ssl_context(self, *, plain: bool) -> ssl.SSLContext | bool:
        """The certificates to trust. For plain http none are loaded: that takes 40 ms, and would be for nothing."""
        if plain and not (self.proxy or "").startswith("https:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.verify is True:
            return httpx2.create_ssl_context()  # with SSL_CERT_FILE, whatever becomes of the proxies there
        if isinstance(self.verify, str | Path):
            found = Path(self.verify).expanduser()
            try:
                if found.is_dir():
                    return ssl.create_default_context(capath=found)
                return ssl.create_default_context(cafile=found)
            except OSError as error:
                said = "is no file of certificates" if isinstance(error, ssl.SSLError) else error.strerror
                raise InvalidInput(f"the certificates in {found}: {said}") from None
        return self.verify
