"""The CA file and the client certificate that a context holds."""

from __future__ import annotations

from msgspec import Struct

CA_VARIABLE = "JUPYTERHUB_SSL_CLIENT_CA"
CERT_VARIABLE = "JUPYTERHUB_SSL_CERTFILE"
KEY_VARIABLE = "JUPYTERHUB_SSL_KEYFILE"
"""Environment variables that a hub with `internal_ssl` sets for its servers and services."""


class CertificateFiles(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Absolute paths of the files for TLS connections to a hub; each is "" if it was not named."""

    ca_file: str = ""
    """File or folder with the certificates to trust."""
    cert_file: str = ""
    """File with the client certificate to present."""
    key_file: str = ""
    """File with the key of the client certificate, if it is not in `cert_file`."""

    @property
    def verify(self) -> str | bool:
        """The CA file as the parameter `verify` of `Hub`."""
        return self.ca_file or True

    @property
    def cert(self) -> tuple[str, str] | str | None:
        """The client certificate as the parameter `cert` of `Hub`."""
        return (self.cert_file, self.key_file) if self.key_file else self.cert_file or None

    @property
    def environment(self) -> dict[str, str]:
        """The files as the variables of `internal_ssl`, for a program that connects to the hub; "" if not named."""
        return {
            CA_VARIABLE: self.ca_file,
            CERT_VARIABLE: self.cert_file,
            KEY_VARIABLE: self.key_file or self.cert_file,
        }
