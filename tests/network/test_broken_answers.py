"""Both drivers against a real server on this machine: redirects, pages, timeouts, broken connections."""

from __future__ import annotations

import pytest
from loopback import BOTH, Driver, Visit, answer_as_ana, once, refusing_port, serving

from jhub.errors import InvalidInput, NotAHub, NotFound, Redirected, Unavailable
from jhub.models import Version
from jhub.operations.users import UserOps
from jhub.steps import call, send


@BOTH
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_redirect_is_not_followed(driver: Driver, elsewhere: bool) -> None:
    with serving(answer_as_ana) as other:
        to = f"{other.url}/hub/api/users/ana" if elsewhere else "/hub/api/users/ben"
        with serving(lambda visit: visit.moved(to)) as site:
            with pytest.raises(Redirected) as caught:
                driver.run(site.root, UserOps.get("ana"))
            assert len(site.requests) == 1
        assert other.requests == []
    assert caught.value.location == to


@BOTH
def test_a_refusal_raises_the_hubs_error(driver: Driver) -> None:
    with serving(lambda visit: visit.json({"status": 404, "message": None}, 404)) as site:
        with pytest.raises(NotFound) as caught:
            driver.run(site.root, UserOps.get("ana"))
        assert len(site.requests) == 1
    assert (caught.value.method, caught.value.path) == ("GET", "/users/ana")


@BOTH
def test_an_html_page_is_not_a_hub(driver: Driver) -> None:
    with serving(Visit.page) as site, pytest.raises(NotAHub):
        driver.run(site.root, UserOps.get("ana"))


@BOTH
def test_a_closed_port_means_that_nothing_was_sent(driver: Driver) -> None:
    with refusing_port() as nowhere, pytest.raises(Unavailable, match=r"cannot reach 127\.0\.0\.1") as caught:
        driver.run(f"{nowhere}/hub/api", once(send("POST", "/users")))
    assert not caught.value.sent
    assert caught.value.hint
    assert len(str(caught.value).splitlines()) == 1


@BOTH
def test_a_read_timeout_means_that_the_request_was_sent(driver: Driver) -> None:
    with serving(lambda visit: visit.hold(10)) as site, pytest.raises(Unavailable, match="did not answer") as caught:
        driver.run(site.root, send("POST", "/users"), timeout=0.3)
    assert caught.value.sent


@BOTH
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
def test_a_truncated_answer_is_an_error(driver: Driver, sent: bytes) -> None:
    with serving(lambda visit: visit.drop(sent)) as site:
        with pytest.raises(Unavailable, match="lost the connection") as caught:
            driver.run(site.root, send("POST", "/users"))
        assert len(site.requests) == 1
    assert caught.value.sent


@BOTH
def test_a_repeatable_call_is_retried_until_it_succeeds(driver: Driver) -> None:
    def second_time(visit: Visit) -> None:
        if len(visit.server.requests) == 1:
            visit.drop()
        else:
            answer_as_ana(visit)

    with serving(second_time) as site:
        assert driver.run(site.root, UserOps.get("ana")).name == "ana"
        assert len(site.requests) == 2


@BOTH
def test_an_unsendable_request_is_a_jhub_error_without_retries(driver: Driver) -> None:
    with serving(answer_as_ana) as site:
        for path in ("http://[", "/users/\x00", "ftp://127.0.0.1/x"):
            with pytest.raises((InvalidInput, Unavailable, NotAHub)):
                driver.run(site.root, once(call("GET", path, Version)))
        assert site.requests == []


@BOTH
@pytest.mark.parametrize(("value", "said"), [("\ud800", "lone surrogate"), (float("nan"), "cannot encode the request")])
def test_a_value_that_cannot_be_encoded_is_invalid_input(driver: Driver, value: object, said: str) -> None:
    with serving(answer_as_ana) as site:
        with pytest.raises(InvalidInput, match=said):
            driver.run(site.root, send("POST", "/x", body={"key": value}))
        assert site.requests == []
