"""Client certificates on both drivers: from arguments, contexts and the environment of a hub with `internal_ssl`."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from loopback import Site, answer_as_ana, serving

from jhub import AsyncHub, Hub
from jhub.config import contexts
from jhub.config.contexts import Context
from jhub.errors import InvalidInput, Unavailable
from jhub.operations.users import UserOps
from jhub.steps import Flow, Fork, Next

KINDS = pytest.mark.parametrize("kind", [Hub, AsyncHub])
Kind = type[Hub] | type[AsyncHub]


def user_of(hub: Hub | AsyncHub) -> str:
    """Return the name of the user ana, as read by a client, which is closed then."""
    if isinstance(hub, Hub):
        with hub:
            return hub.run(UserOps.get("ana")).name

    async def go() -> str:
        async with hub:
            return (await hub.run(UserOps.get("ana"))).name

    return asyncio.run(go())


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of this machine, and an empty folder of contexts."""
    for name in [name for name in os.environ if name.upper().startswith(("JUPYTERHUB_", "JHUB_", "SSL_CERT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("JHUB_KEYRING", "off")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def pair(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path]:
    """A client certificate and its key."""
    issued = authority.issue_cert("ana@example.org")
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    return cert, key


@pytest.fixture
def mutual(authority: trustme.CA) -> Iterator[Site]:
    """A hub that asks for a client certificate of its authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(answer_as_ana, tls=context) as site:
        yield site


@KINDS
@pytest.mark.parametrize("form", [str, Path])
def test_cert_takes_a_pair_of_files(
    kind: Kind, form: Any, mutual: Site, ca_file: Path, pair: tuple[Path, Path]
) -> None:
    assert user_of(kind(mutual.root, "T", verify=ca_file, cert=(form(pair[0]), form(pair[1])))) == "ana"


@KINDS
def test_cert_takes_one_file_with_both(
    kind: Kind, mutual: Site, ca_file: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(pair[1].read_bytes() + pair[0].read_bytes())
    assert user_of(kind(mutual.root, "T", verify=ca_file, cert=both)) == "ana"


@KINDS
def test_a_hub_that_misses_the_certificate_is_an_error_with_the_option(kind: Kind, mutual: Site, ca_file: Path) -> None:
    with pytest.raises(
        Unavailable, match=r"client's TLS certificate|alert certificate required|lost the connection"
    ) as caught:
        user_of(kind(mutual.root, "T", verify=ca_file))
    # The connection can end before the client has read the reason.
    assert "--cert FILE" in caught.value.hint or "lost the connection" in str(caught.value)


@KINDS
def test_a_hub_that_does_not_know_the_certificate_is_an_error_with_the_option(
    kind: Kind, mutual: Site, ca_file: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.pem"
    trustme.CA().issue_cert("ana@example.org").private_key_and_cert_chain_pem.write_to_path(foreign)
    with pytest.raises(Unavailable, match=r"client's TLS certificate|alert unknown ca|lost the connection") as caught:
        user_of(kind(mutual.root, "T", verify=ca_file, cert=foreign))
    # The connection can end before the client has read the reason.
    assert "--cert FILE" in caught.value.hint or "lost the connection" in str(caught.value)


@KINDS
def test_a_context_has_the_ca_file_and_the_certificate(
    kind: Kind, mutual: Site, ca_file: Path, pair: tuple[Path, Path]
) -> None:
    files: dict[str, Any] = {"ca_file": str(ca_file), "cert_file": str(pair[0]), "key_file": str(pair[1])}
    contexts.save("hub", Context(api_url=mutual.root, user="ana", **files), "T")
    assert user_of(kind()) == "ana"
    assert user_of(kind.from_context("hub")) == "ana"
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        user_of(kind(mutual.root, "T"))


@KINDS
def test_arguments_precede_the_files_of_a_context(
    kind: Kind, mutual: Site, ca_file: Path, pair: tuple[Path, Path]
) -> None:
    contexts.save("hub", Context(api_url=mutual.root, ca_file="/no/ca.pem", cert_file="/no/cert.pem"), "T")
    assert user_of(kind.from_context("hub", verify=ca_file, cert=pair)) == "ana"
    assert user_of(kind(verify=ca_file, cert=pair)) == "ana"


@KINDS
@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("ca_file", "cannot read certificates from .*/gone.pem: No such file or directory"),
        ("cert_file", "cannot read the client certificate .*/gone.pem: No such file or directory"),
        ("key_file", "cannot read the key of the client certificate .*/gone.pem: No such file or directory"),
    ],
)
def test_a_file_of_a_context_that_is_gone_is_an_error_with_its_path(
    kind: Kind, field: str, message: str, ca_file: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    files: dict[str, Any] = {"ca_file": str(ca_file), "cert_file": str(pair[0]), "key_file": str(pair[1])}
    files[field] = str(tmp_path / "gone.pem")
    contexts.save("hub", Context(api_url="https://127.0.0.1:9/hub/api", **files), "T")
    for connect in (kind, kind.from_context):
        with pytest.raises(InvalidInput, match=message):
            connect()


@pytest.fixture
def internal(mutual: Site, ca_file: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Site:
    """The environment that a hub with `internal_ssl` gives to its servers and services."""
    monkeypatch.setenv("JUPYTERHUB_API_URL", mutual.root)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "T")
    monkeypatch.setenv("JUPYTERHUB_SSL_CLIENT_CA", str(ca_file))
    monkeypatch.setenv("JUPYTERHUB_SSL_CERTFILE", str(pair[0]))
    monkeypatch.setenv("JUPYTERHUB_SSL_KEYFILE", str(pair[1]))
    return mutual


@KINDS
def test_the_environment_of_internal_ssl_is_used(kind: Kind, internal: Site) -> None:
    assert user_of(kind()) == "ana"
    assert user_of(kind(token="OTHER")) == "ana"
    assert user_of(kind(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"])) == "ana"


def test_a_fleet_uses_the_environment_of_internal_ssl(internal: Site) -> None:
    def flow() -> Flow[str]:
        yield Fork(UserOps.get("ana"), "ana")
        ended = yield from Next(10)
        assert ended is not None
        return str(ended.answer.name)

    with Hub() as hub:
        assert hub.fleet(flow()).run() == "ana"


@KINDS
def test_other_hubs_do_not_get_the_certificate_of_internal_ssl(
    kind: Kind, internal: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", "https://127.0.0.1:9/hub/api")
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        user_of(kind(internal.root, "T"))


@KINDS
def test_internal_ssl_trusts_this_machines_certificates_too(
    kind: Kind, internal: Site, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("JUPYTERHUB_SSL_CLIENT_CA", str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert user_of(kind()) == "ana"


@KINDS
def test_arguments_precede_the_environment_of_internal_ssl(
    kind: Kind, internal: Site, ca_file: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SSL_CLIENT_CA", "/no/ca.pem")
    monkeypatch.setenv("JUPYTERHUB_SSL_CERTFILE", "/no/cert.pem")
    assert user_of(kind(verify=ca_file, cert=pair)) == "ana"


@KINDS
def test_without_tls_the_files_are_not_read(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        monkeypatch.setenv("JUPYTERHUB_API_URL", site.root)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "T")
        monkeypatch.setenv("JUPYTERHUB_SSL_CERTFILE", "/no/cert.pem")
        assert user_of(kind()) == "ana"


@pytest.mark.parametrize(
    ("cert", "message"),
    [
        ("ca.pem", "does not hold a certificate and its key in PEM format"),
        ("text", "does not hold a certificate and its key in PEM format"),
        (("client.pem", "text"), "are not a certificate and its key"),
        (("client.pem", "other.key"), "other.key does not belong to the certificate .*client.pem"),
        (("client.pem", "locked.key"), "locked.key is encrypted with a password"),
        (("client.pem", "client.key", "x"), "invalid client certificate"),
        ((), "invalid client certificate"),
        ("", "invalid client certificate"),
    ],
)
def test_an_unusable_certificate_is_named(
    cert: Any, message: str, ca_file: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    tmp_path.joinpath("text").write_text("no certificate")
    other = trustme.CA().issue_cert("bo@example.org").private_key_pem
    other.write_to_path(tmp_path / "other.key")
    key: Any = serialization.load_pem_private_key(pair[1].read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"S3CRET"),
    )
    tmp_path.joinpath("locked.key").write_bytes(locked)
    named = tuple(tmp_path / each for each in cert) if isinstance(cert, tuple) else cert and tmp_path / cert
    with pytest.raises(InvalidInput, match=message):
        Hub("https://hub.example.org/hub/api", "T", cert=named)


def test_a_certificate_beside_an_ssl_context_is_refused(pair: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidInput, match="cert has no effect"):
        Hub("https://hub.example.org/hub/api", "T", verify=ssl.create_default_context(), cert=pair)
