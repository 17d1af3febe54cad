"""Network settings of a client: timeouts, certificates, a proxy."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from jhub.client.certificates import Cert, Verify, cert_files, environment_cert, tls_context, with_defaults
from jhub.config.certificate_files import CA_VARIABLE

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
        if not isinstance(value, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]  # for untyped callers
            raise TypeError(f"timeout is a number of seconds, or Timeouts(...), not {type(value).__name__}")
        return cls(read=value, write=value, total=max(value, DEFAULT_TOTAL_SECONDS))


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The network settings that the caller of a client chose."""

    timeouts: Timeouts
    verify: Verify
    cert: Cert | None
    proxy: str | None = field(repr=False)  # may hold a password
    transport: Any
    internal_ca: str = ""
    """A CA file or folder of the environment, to trust beside those of this machine."""

    @classmethod
    def of(
        cls, timeout: float | Timeouts, verify: Verify, cert: Cert | None, proxy: str | None, transport: Any
    ) -> Network:
        """Return the settings for a client's arguments; warns if certificates are not verified."""
        if verify is False:
            warnings.warn(
                "verify=False: anybody on the network path can read and change all traffic, tokens included",
                UserWarning,
                stacklevel=3,
            )
        if cert is not None:
            cert_files(cert)
        return cls(timeouts=Timeouts.of(timeout), verify=verify, cert=cert, proxy=proxy, transport=transport)

    def with_defaults(self, verify: Verify, cert: Cert | None) -> Network:
        """Return the settings with these certificates where the caller has named none."""
        verify, cert = with_defaults(self.verify, self.cert, verify, cert)
        return replace(self, verify=verify, cert=cert)

    def with_environment(self, environ: Mapping[str, str]) -> Network:
        """Return the settings with the certificates of a hub with `internal_ssl` where the caller has named none."""
        settings = self.with_defaults(True, environment_cert(environ))
        return replace(settings, internal_ca=environ.get(CA_VARIABLE, ""))

    def httpx_timeout(self, read: float | None = None) -> httpx2.Timeout:
        """Return the timeouts for the HTTP library, without one for its pool: that wait is not an error of the hub."""
        timeouts = self.timeouts
        return httpx2.Timeout(
            connect=timeouts.connect, read=timeouts.read if read is None else read, write=timeouts.write, pool=None
        )

    def ssl_context(self, *, plain: bool) -> ssl.SSLContext:
        """Return the certificates to trust and to present. For plain http none are loaded, as that takes 40 ms."""
        if plain and not (self.proxy or "").startswith("https:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return tls_context(self.verify, self.cert, self.internal_ca)
