"""Certificates of TLS connections: the ones to trust, and the one that a client presents to the hub."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TypeAlias

import httpx2

from jhub.config.certificate_files import CERT_VARIABLE, KEY_VARIABLE, CertificateFiles
from jhub.errors import InvalidInput

Verify: TypeAlias = bool | str | Path | ssl.SSLContext
"""Certificates of hubs to trust: see the parameter `verify` of `Hub`."""
Cert: TypeAlias = str | Path | tuple[str | Path, str | Path]
"""A client certificate: see the parameter `cert` of `Hub`."""


def environment_cert(environ: Mapping[str, str]) -> Cert | None:
    """Return the client certificate that a hub with `internal_ssl` gave to this server or service."""
    cert, key = environ.get(CERT_VARIABLE), environ.get(KEY_VARIABLE)
    if not cert:
        return None
    return (cert, key) if key else cert


def with_defaults(
    verify: Verify, cert: Cert | None, default_verify: Verify, default_cert: Cert | None
) -> tuple[Verify, Cert | None]:
    """Return the certificates that the caller has named, and the defaults where the caller has named none."""
    if cert is None and not isinstance(verify, ssl.SSLContext):
        cert = default_cert
    return default_verify if verify is True else verify, cert


def files_to_save(verify: Verify, cert: Cert | None) -> CertificateFiles:
    """Return the files that a context keeps, with absolute paths."""
    ca_file = str(Path(verify).expanduser().absolute()) if isinstance(verify, str | Path) else ""
    file, key = cert_files(cert) if cert is not None else (None, None)
    return CertificateFiles(
        ca_file=ca_file, cert_file=str(file.absolute()) if file else "", key_file=str(key.absolute()) if key else ""
    )


def tls_context(verify: Verify, cert: Cert | None, internal_ca: str = "") -> ssl.SSLContext:
    """Return the TLS settings of a connection.

    `internal_ca` is a CA file or folder to trust beside those of this machine, if `verify` is True.

    Raises
    ------
    InvalidInput
        A file cannot be read, or it has no certificate or key.
    """
    if isinstance(verify, ssl.SSLContext):
        if cert is not None:
            raise InvalidInput(
                "cert has no effect if verify is an ssl.SSLContext",
                hint="load the certificate into the context: context.load_cert_chain(cert, key)",
            )
        return verify
    # httpx2's own settings observe SSL_CERT_FILE also if the proxies of the environment are ignored.
    context = httpx2.create_ssl_context(verify) if isinstance(verify, bool) else _trusting(Path(verify).expanduser())
    if verify is True and internal_ca:
        try:
            is_folder = Path(internal_ca).is_dir()
            context.load_verify_locations(**{"capath" if is_folder else "cafile": internal_ca})
        except OSError as error:
            raise _unreadable(internal_ca, error) from None
    if cert is not None:
        _present(context, cert)
    return context


def _trusting(path: Path) -> ssl.SSLContext:
    """Return TLS settings that trust the certificates in a file or folder only."""
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str | Path, error: OSError) -> InvalidInput:
    reason = "not a file of certificates" if isinstance(error, ssl.SSLError) else error.strerror
    return InvalidInput(f"cannot read certificates from {path}: {reason}")


def cert_files(cert: Cert) -> tuple[Path, Path | None]:
    """Return the files of a client certificate and of its key; None if the first file holds both.

    `InvalidInput` unless `cert` is one path or a pair of paths.
    """
    paths = (cert,) if isinstance(cert, str | Path) else tuple(cert)
    if not 1 <= len(paths) <= 2 or not all(map(str, paths)):
        raise InvalidInput(
            "invalid client certificate", hint="use the path of a PEM file, or a pair of paths: (certificate, key)"
        )
    files = [Path(path).expanduser() for path in paths]
    return files[0], files[1] if len(files) == 2 else None


def _present(context: ssl.SSLContext, cert: Cert) -> None:
    """Load a client certificate and its key."""
    file, key = cert_files(cert)
    for path, content in ((file, "client certificate"), (key, "key of the client certificate")):
        if path is None:
            continue
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise InvalidInput(f"cannot read the {content} {path}: {error.strerror}") from None

    def refuse_password() -> NoReturn:
        # OpenSSL would ask at the terminal.
        raise InvalidInput(
            f"the key {key or file} is encrypted with a password",
            hint="use a key without one, or in Python verify= with an ssl.SSLContext that has loaded the certificate",
        )

    try:
        context.load_cert_chain(file, key, refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise InvalidInput(f"the key {key or file} does not belong to the certificate {file}") from None
        if key is None:
            raise InvalidInput(
                f"{file} does not hold a certificate and its key in PEM format",
                hint="if the key is in another file, name it too: --key FILE, in Python cert=(certificate, key)",
            ) from None
        raise InvalidInput(f"{file} and {key} are not a certificate and its key in PEM format") from None
