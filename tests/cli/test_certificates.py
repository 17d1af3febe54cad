"""`jhub login --ca-file`, `--cert` and `--key` at a hub that asks for a client certificate."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from loopback import Site, Visit, serving
from terminal import Jhub


@dataclass(frozen=True)
class Files:
    """A CA file, and a client certificate and its key."""

    ca: Path
    cert: Path
    key: Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "client.key")


@pytest.fixture
def mutual(files: Files) -> Iterator[Site]:
    """Run a hub with a certificate of its own authority, which asks for another of that authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(files.ca)
    issued = authority.issue_cert("ana@example.org")
    issued.cert_chain_pems[0].write_to_path(files.cert)
    issued.private_key_pem.write_to_path(files.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(_answer, tls=context) as site:
        yield site


def _answer(visit: Visit) -> None:
    visit.json({"name": "ana", "kind": "user", "version": "6.1.1", "scopes": ["self"]})


@pytest.fixture
def jhub(tmp_path: Path, mutual: Site, files: Files) -> Jhub:
    """Return the command `jhub`, signed in with the three files."""
    jhub = Jhub(tmp_path)
    options = ("--ca-file", str(files.ca), "--cert", str(files.cert), "--key", str(files.key))
    jhub.ok("login", mutual.root, "--token", "-", "--name", "mutual", *options, stdin="a-token\n")
    return jhub


def test_the_files_are_kept_in_the_context(jhub: Jhub, files: Files) -> None:
    assert jhub.ok("whoami", "-o", "name") == "ana\n"
    shown = jhub.ok("context", "show", "mutual")
    assert all(str(path) in shown for path in (files.ca, files.cert, files.key))


def test_the_next_sign_in_uses_the_files(jhub: Jhub, mutual: Site, files: Files) -> None:
    jhub.ok("login", mutual.root, "--token", "-", "--name", "mutual", stdin="other-token\n")
    assert str(files.cert) in jhub.ok("context", "show", "mutual")


@pytest.mark.parametrize("which", ["ca", "cert", "key"])
def test_a_moved_file_is_an_error_that_names_it(jhub: Jhub, files: Files, which: str) -> None:
    path: Path = getattr(files, which)
    path.rename(path.with_suffix(".old"))
    failed = jhub("whoami")
    assert (failed.code, failed.out) == (2, "")
    assert failed.err.startswith("error: cannot read ")
    assert f"{path}: No such file or directory" in failed.err


def test_exec_passes_the_files_on(jhub: Jhub) -> None:
    inherited = Jhub(jhub.home, {"JUPYTERHUB_SSL_CERTFILE": "/of/another/hub.pem"})
    program = "from jhub import Hub; print(Hub().users.get('ana').name)"
    assert inherited.ok("context", "exec", "--", sys.executable, "-c", program) == "ana\n"


def test_exec_removes_the_files_of_another_hub(jhub: Jhub) -> None:
    with serving(_answer) as plain:
        jhub.ok("login", plain.root, "--token", "-", "--name", "plain", stdin="a-token\n")
    inherited = Jhub(jhub.home, {"JUPYTERHUB_SSL_CERTFILE": "/x.pem", "JUPYTERHUB_SSL_KEYFILE": "/x.key"})
    program = "import os; print([name for name in os.environ if name.startswith('JUPYTERHUB_SSL')])"
    assert inherited.ok("context", "exec", "--", sys.executable, "-c", program) == "[]\n"


def test_a_key_needs_a_certificate(tmp_path: Path, mutual: Site, files: Files) -> None:
    refused = Jhub(tmp_path)("login", mutual.root, "--key", str(files.key), "--token", "-", stdin="a-token\n")
    assert refused.code == 2
    assert "--key needs --cert" in refused.err
