"""Addresses of unix sockets, and proxies that ask for a username and password."""

from __future__ import annotations

import pytest
from loopback import Visit, serving

from jhub import Hub
from jhub.discovery import join, normalize_url, origin
from jhub.errors import InvalidInput, NotAuthorized, Unavailable
from jhub.messages import from_answer

SOCKET = "http+unix://%2Ftmp%2FA.sock"


@pytest.mark.parametrize("scheme", ["http+unix", "unix+http"])
def test_the_path_of_a_socket_is_quoted_and_keeps_its_case(scheme: str) -> None:
    assert normalize_url(f"{scheme}://%2Ftmp%2FA.sock/hub/api") == f"{SOCKET}/hub/api"
    assert origin(SOCKET) != origin(SOCKET.lower())
    assert join(f"{SOCKET}/hub/api/", "/user/ana") == f"{SOCKET}/user/ana"
    assert join(f"{SOCKET}/hub/", "https://other.example.org/") == "https://other.example.org/"


def test_a_socket_without_a_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unix socket is invalid"):
        Hub("http+unix:///tmp/hub.sock/hub/api", "T")


def test_a_socket_that_is_missing_is_named_by_its_path() -> None:
    with Hub("http+unix://%2Fno%2Fhub.sock/hub/api", "T") as hub, pytest.raises(Unavailable) as caught:
        hub.whoami()
    assert str(caught.value).startswith("cannot reach /no/hub.sock: ")


def test_a_proxy_that_asks_for_a_password_is_named_at_discovery() -> None:
    def refuse(visit: Visit) -> None:
        visit.send_response(401)
        visit.send_header("WWW-Authenticate", 'Basic realm="staff"')
        visit.send_header("Content-Length", "0")
        visit.end_headers()

    with serving(refuse) as site, Hub(site.url) as hub, pytest.raises(NotAuthorized, match="Basic") as caught:
        _ = hub.api_url
    assert caught.value.by_proxy


def test_a_network_proxy_that_asks_for_a_password_is_named() -> None:
    error = from_answer("GET", "/user", 407, {}, b"")
    assert isinstance(error, NotAuthorized)
    assert error.by_proxy
    assert "HTTPS_PROXY" in error.hint
