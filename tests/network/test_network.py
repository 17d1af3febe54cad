"""Network settings on both drivers: certificates, proxies, and answers that take too long or are too large."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from loopback import MAX_SECONDS, Site, Visit, answer_as_ana, serving, within

from jhub import AsyncHub, Hub, Timeouts
from jhub.client import response_body
from jhub.errors import InvalidInput, NotAHub, Unavailable
from jhub.models import OAuthToken
from jhub.operations.users import UserOps
from jhub.steps import Emit, Flow, Fork, Next, Operation, call

KINDS = pytest.mark.parametrize("kind", [Hub, AsyncHub])

Kind = type[Hub] | type[AsyncHub]


def run(kind: Kind, url: str, plan: Operation[Any], **options: Any) -> Any:
    """Run an operation on a client with these options, and return its result."""
    if kind is Hub:
        with Hub(url, "SECRET", **options) as hub:
            return hub.run(plan)

    async def go() -> Any:
        async with AsyncHub(url, "SECRET", **options) as hub:
            return await hub.run(plan)

    return asyncio.run(go())


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the network settings of this machine from the environment."""
    for name in ("no_proxy", "all_proxy", "http_proxy", "https_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A university's certificate authority."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """The certificate of the authority, as a file."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Site]:
    """A hub with a certificate from the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(answer_as_ana, tls=context) as site:
        yield site


@KINDS
def test_a_certificate_of_an_unknown_authority_is_not_trusted(kind: Kind, secure: Site) -> None:
    with pytest.raises(Unavailable) as caught:
        run(kind, secure.root, UserOps.get("ana"))
    assert "SSL_CERT_FILE" in caught.value.hint
    assert not caught.value.sent
    assert secure.requests == []


@KINDS
@pytest.mark.parametrize("form", [str, Path])
def test_verify_takes_a_ca_file(kind: Kind, form: Any, secure: Site, ca_file: Path) -> None:
    assert run(kind, secure.root, UserOps.get("ana"), verify=form(ca_file)).name == "ana"


@KINDS
def test_ssl_cert_file_is_trusted(kind: Kind, secure: Site, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert run(kind, secure.root, UserOps.get("ana")).name == "ana"


@KINDS
def test_verify_takes_an_ssl_context(kind: Kind, secure: Site, ca_file: Path) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    assert run(kind, secure.root, UserOps.get("ana"), verify=context).name == "ana"


@KINDS
def test_verify_false_warns(kind: Kind, secure: Site) -> None:
    with pytest.warns(UserWarning, match="verify=False") as warned:
        assert run(kind, secure.root, UserOps.get("ana"), verify=False).name == "ana"
    assert warned[0].filename == __file__, "the warning points to the caller"


@KINDS
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_invalid_ca_file_is_an_error_with_its_path(kind: Kind, content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidInput, match=str(path)):
        kind("https://hub.example.org/hub/api", verify=path)


def test_a_fleet_trusts_its_hubs_certificates(secure: Site, ca_file: Path) -> None:
    def flow() -> Flow[str]:
        yield Fork(UserOps.get("ana"), "ana")
        ended = yield from Next(10)
        assert ended is not None
        yield Emit("there")
        return str(ended.answer.name)

    with Hub(secure.root, verify=ca_file) as hub, hub.fleet(flow()) as fleet:
        assert list(fleet) == ["there"]
        assert fleet.summary == "ana"


@KINDS
def test_the_proxy_argument_is_used(kind: Kind) -> None:
    with serving(answer_as_ana) as proxy:
        with pytest.warns(UserWarning, match="plain http"):
            assert run(kind, "http://hub.invalid/hub/api", UserOps.get("ana"), proxy=proxy.url).name == "ana"
        assert proxy.calls == ["GET http://hub.invalid/hub/api/users/ana"]


@KINDS
def test_the_proxy_argument_precedes_the_environment(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as proxy, serving(answer_as_ana) as other:
        monkeypatch.setenv("HTTP_PROXY", other.url)
        with pytest.warns(UserWarning, match="plain http"):
            run(kind, "http://hub.invalid/hub/api", UserOps.get("ana"), proxy=proxy.url)
        assert (len(proxy.requests), len(other.requests)) == (1, 0)


@pytest.mark.parametrize("proxy", ["user:S3CRET@proxy:3128", "http://user:S3/CRET@proxy", "ftp://S3CRET@x"])
@KINDS
def test_an_invalid_proxy_argument_is_reported_without_its_password(kind: Kind, proxy: str) -> None:
    with pytest.raises(InvalidInput, match="proxy") as caught:
        kind("https://hub.example.org/hub/api", proxy=proxy)
    assert "S3" not in f"{caught.value!r} {caught.value.hint}"


def test_a_proxys_password_is_not_shown() -> None:
    hub = Hub("https://hub.example.org/hub/api", proxy="http://user:S3CRET@proxy:3128")
    assert "S3CRET" not in f"{hub!r} {hub._wire._network!r}"


def test_verify_false_warns_once_for_a_fleet_too(secure: Site) -> None:
    with pytest.warns(UserWarning, match="verify=False") as warned, Hub(secure.root, verify=False) as hub:
        hub._wire.async_driver()
    assert len(warned) == 1


def trickle(visit: Visit) -> None:
    """Answer one byte at a time, without end."""
    visit.stream()
    while not visit.server.over.wait(0.05):
        visit.more(" ")


@KINDS
def test_a_trickling_answer_times_out(kind: Kind) -> None:
    with serving(trickle) as site, pytest.raises(Unavailable, match="complete its answer within 2 s") as caught:
        within(lambda: run(kind, site.root, call("POST", "/x", dict), timeout=Timeouts(total=2)))
    assert caught.value.sent


@KINDS
def test_an_answer_above_the_maximum_size_is_an_error(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_body, "MAX_ANSWER_BYTES", 20)
    with serving(trickle) as site, pytest.raises(NotAHub, match="MiB"):
        run(kind, site.root, call("GET", "/x", dict))


@KINDS
@pytest.mark.parametrize("length", [0, 1, 2**20 - 2, 2**20 - 1, 2**20, 3 * 2**20])
def test_an_answer_may_be_compressed_by_a_proxy(kind: Kind, length: int) -> None:
    text = random.Random(length).randbytes(length // 2).hex() + "x" * (length - length // 2 * 2)
    content = gzip.compress(json.dumps({"name": text}).encode())
    headers = {"Content-Encoding": "gzip"}
    with serving(lambda visit: visit.send(200, "application/json", content, headers)) as site:
        assert run(kind, site.root, UserOps.get("ana")).name == text
        assert site.requests[0].headers["accept-encoding"] == "gzip"


@KINDS
@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, gzip"])
def test_a_wrong_content_encoding_raises_not_a_hub(kind: Kind, coding: str) -> None:
    headers = {"Content-Encoding": coding}
    route = partial(Visit.send, status=200, kind="application/json", content=b'{"name": "ana"}', headers=headers)
    with serving(route) as site, pytest.raises(NotAHub, match="content"):
        run(kind, site.root, UserOps.get("ana"))


@KINDS
def test_a_number_is_the_read_timeout(kind: Kind) -> None:
    with serving(lambda visit: visit.hold(MAX_SECONDS)) as site, pytest.raises(Unavailable, match="within 0 s"):
        within(lambda: run(kind, site.root, call("POST", "/x", dict), timeout=0.2))


def test_a_number_sets_the_read_and_write_timeouts() -> None:
    assert Timeouts() == Timeouts(connect=10, read=60, write=60, total=300)
    assert Timeouts.of(5) == Timeouts(connect=10, read=5, write=5, total=300)
    assert Timeouts.of(1000).total == 1000
    assert Timeouts.of(Timeouts(total=1)) == Timeouts(total=1)


@KINDS
def test_a_form_is_sent_as_a_form(kind: Kind) -> None:
    with serving(lambda visit: visit.json({"access_token": "NEW"})) as site:
        body = {"code": "a b&c", "client_id": "service-x"}
        token = run(kind, site.root, call("POST", "/oauth2/token", OAuthToken, body=body, form=True, anonymous=True))
        assert token.access_token == "NEW"
        assert "NEW" not in repr(token)
        (seen,) = site.requests
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.body == b"code=a+b%26c&client_id=service-x"
    assert "authorization" not in seen.headers
