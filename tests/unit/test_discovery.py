"""Discovery of the API root from a pasted URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jhub.discovery import as_api_root, candidates, find_root, is_loopback, normalize_url, origin
from jhub.errors import HubError, InvalidInput, NotAHub, Unavailable
from jhub.steps import Answer, Listen, Request
from jhub.testing import Played, Reply, play, refusal, reply

HUB = "https://hub.example.org"
VERSION = reply(json={"version": "6.1.1"})
PAGE = Answer(200, {"content-type": "text/html"}, b"<html>Welcome</html>")
NGINX = Answer(404, {"content-type": "text/html"}, b"<html>404 Not Found</html>")


def moved(to: str) -> Answer:
    return Answer(302, {"location": to})


def find(url: str, site: Mapping[str, Reply], otherwise: Reply = NGINX) -> Played[str]:
    """Search for a hub where only these addresses have answers of their own."""

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        return site.get(step.path, otherwise)

    return play(find_root(normalize_url(url)), answer)


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("https://hub.example.org", HUB),
        ("  https://hub.example.org/\n", f"{HUB}/"),
        ("hub.example.org", HUB),
        ("hub.example.org:8443/jupyter", f"{HUB}:8443/jupyter"),
        ("HTTPS://Hub.Example.org/Jupyter", "https://Hub.Example.org/Jupyter"),
        ("http://hub.example.org", "http://hub.example.org"),
        ("localhost:8000", "http://localhost:8000"),
        ("LOCALHOST:8000", "http://LOCALHOST:8000"),
        ("127.0.0.1:8000/hub/home", "http://127.0.0.1:8000/hub/home"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("hub.localhost", "http://hub.localhost"),
        ("localhost.example.org", "https://localhost.example.org"),
        ("127.0.0.1.example.org", "https://127.0.0.1.example.org"),
        ("[2001:db8::1]/jupyter", "https://[2001:db8::1]/jupyter"),
        ("https://localhost:8443", "https://localhost:8443"),
        (f"{HUB}/hub/login?next=%2Fhub%2Fhome#top", f"{HUB}/hub/login"),
        (f"{HUB}/@/space word/é", f"{HUB}/@/space%20word/%C3%A9"),
        (f"{HUB}/@/space%20word/", f"{HUB}/@/space%20word/"),
        (f"{HUB}/user/ana@example.org/lab/tree/a%2Fb", f"{HUB}/user/ana@example.org/lab/tree/a%2Fb"),
    ],
)
def test_a_pasted_address_becomes_a_url(pasted: str, url: str) -> None:
    assert normalize_url(pasted) == url


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "   ",
        "https://",
        "https:///hub",
        "/hub/home",
        "ftp://hub.example.org",
        "file:///etc/passwd",
        "javascript://hub.example.org/%0aalert(1)",
        "https://hub example.org",
        "https://hub.example.org:port",
        "https://hub.example.org:99999",
        "https://[::1",
        "https://hub\u2100.org",
        "::1",
    ],
)
def test_an_invalid_hub_url_is_refused(pasted: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalize_url(pasted)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("pasted", ["[::1", "hub\u2100.org", "http://[", "[]", "a]b"])
def test_an_unparsable_url_is_refused_with_or_without_a_scheme(pasted: str) -> None:
    with pytest.raises(InvalidInput):
        normalize_url(pasted)


@pytest.mark.parametrize(
    "pasted",
    [
        "https://ana:SECRET@hub.example.org/",
        "ana:SECRET@hub.example.org",
        "https://SECRET@hub.example.org",
        "ftp://a:SECRET@b",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_shown(pasted: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalize_url(pasted)
    assert "SECRET" not in f"{caught.value!r} {caught.value.hint}"
    assert "jhub login" in caught.value.hint


@pytest.mark.parametrize("pasted", ["https://@hub.example.org", "https://:@hub.example.org"])
def test_an_empty_username_is_refused_too(pasted: str) -> None:
    with pytest.raises(InvalidInput):
        normalize_url(pasted)


def test_a_url_in_the_query_does_not_count_as_the_scheme() -> None:
    assert normalize_url("hub.example.org/hub/login?next=https://hub.example.org/hub/home") == f"{HUB}/hub/login"


@settings(deadline=None)
@given(st.text(max_size=30) | st.from_regex(r"(https?://)?[\[\]:@a-z0-9./?#%\\]{0,30}", fullmatch=True))
@example("//[")
def test_any_text_is_normalized_or_refused(pasted: str) -> None:
    try:
        url = normalize_url(pasted)
    except InvalidInput:
        return
    assert url.startswith(("http://", "https://"))
    assert not set(url.partition("://")[2].partition("/")[2]) & set("?# \n")
    for root in candidates(url):
        assert origin(root) == origin(url)
        assert root.endswith("/hub/api")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost", True),
        ("http://hub.localhost:8000", True),
        ("http://127.0.0.1:1", True),
        ("http://127.8.9.10", True),
        ("http://[::1]:8000/hub", True),
        ("http://127.0.0.1.example.org", False),
        ("http://localhost.example.org", False),
        ("http://mylocalhost", False),
        ("http://10.0.0.1", False),
        ("http://[::2]", False),
        ("http://", False),
    ],
)
def test_only_hosts_of_this_machine_are_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (HUB, f"{HUB}:443/x", True),
        ("http://hub.example.org:80", "http://HUB.example.org/y?z", True),
        (HUB, "http://hub.example.org", False),
        (HUB, f"{HUB}:8443", False),
        (HUB, "https://hub.example.org.evil.org", False),
        (HUB, "https://evil.org/hub.example.org", False),
        (HUB, "https://hub.example.org@evil.org", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(first: str, second: str, same: bool) -> None:
    assert (origin(first) == origin(second)) is same


@pytest.mark.parametrize(
    ("url", "root"),
    [
        (f"{HUB}/hub/api", f"{HUB}/hub/api"),
        (f"{HUB}/jupyter/hub/api/", f"{HUB}/jupyter/hub/api"),
        (f"{HUB}/hub", None),
        (f"{HUB}/hub/api/users", None),
        (f"{HUB}/hub/apiary", None),
    ],
)
def test_an_api_root_is_recognized(url: str, root: str | None) -> None:
    assert as_api_root(url) == root


@pytest.mark.parametrize(
    ("path", "bases"),
    [
        ("", [""]),
        ("/", [""]),
        ("/hub", ["", "/hub"]),
        ("/hub/home", ["", "/hub/home"]),
        ("/hub/spawn/ana", ["", "/hub/spawn/ana"]),
        ("/hub/api/users", ["", "/hub/api/users"]),
        ("/user/ana/lab/tree/x.ipynb", [""]),
        ("/user/ana/hub/home", [""]),
        ("/user/hub/lab", [""]),
        ("/user", [""]),
        ("/services/culler/", ["", "/services/culler"]),
        ("/jupyter", ["/jupyter", ""]),
        ("/jupyter/hub/home", ["/jupyter", "/jupyter/hub/home", ""]),
        ("/a/b/user/ana/gpu/lab", ["/a/b", ""]),
        ("/services/jupyter/hub/home", ["/services/jupyter", "", "/services/jupyter/hub/home"]),
        ("/hub/hub/home", ["/hub", "", "/hub/hub/home"]),
        ("/github/hub", ["/github", "/github/hub", ""]),
        ("/userland", ["/userland", ""]),
    ],
)
def test_the_likeliest_candidate_comes_first(path: str, bases: list[str]) -> None:
    assert candidates(HUB + path) == [f"{HUB}{base}/hub/api" for base in bases]


@pytest.mark.parametrize(
    ("pasted", "root"),
    [
        (HUB, "/hub/api"),
        (f"{HUB}/", "/hub/api"),
        (f"{HUB}/hub/home", "/hub/api"),
        (f"{HUB}/hub/admin#/add-users", "/hub/api"),
        (f"{HUB}/hub/login?next=%2Fhub%2F", "/hub/api"),
        (f"{HUB}/hub/api/users/ana", "/hub/api"),
        (f"{HUB}/user/ana/lab/tree/x.ipynb?reset", "/hub/api"),
        (f"{HUB}/user/ana@example.org/gpu/lab", "/hub/api"),
        (f"{HUB}/jupyter/user/ana/lab", "/jupyter/hub/api"),
        (f"{HUB}/jupyter/", "/jupyter/hub/api"),
        (f"{HUB}/@/space%20word/hub/token", "/@/space%20word/hub/api"),
        (f"{HUB}/hub/hub/home", "/hub/hub/api"),
        (f"{HUB}/welcome.html", "/hub/api"),
    ],
)
def test_a_hub_is_found_from_any_of_its_urls(pasted: str, root: str) -> None:
    played = find(pasted, {f"{HUB}{root}/": VERSION})
    assert played.result == HUB + root


@pytest.mark.parametrize(
    "pasted",
    [
        f"{HUB}/user/mallory/hub/api",
        f"{HUB}/user/mallory/hub/home",
        f"{HUB}/user/mallory/x/hub/api/",
        f"{HUB}/user/hub/api",
        f"{HUB}/jupyter/user/mallory/hub/login",
    ],
)
@pytest.mark.parametrize("hub", [VERSION, refusal(500), NGINX])
def test_a_users_server_gets_no_request(pasted: str, hub: Reply) -> None:
    """A user's server is on the same host, and the user controls its answers."""

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        return VERSION if "/user/" in step.path else hub

    url = normalize_url(pasted)
    assert as_api_root(url) is None
    played = play(find_root(url), answer)
    assert not [call for call in played.calls if "/user/" in call]


def test_discovery_sends_get_requests_without_a_token() -> None:
    site = {f"{HUB}/hub/api/": moved("/jupyter/hub/hub/api/"), f"{HUB}/jupyter/hub/api/": VERSION}
    played = find(f"{HUB}/user/ana", site)
    assert len(played.sent) > 1
    for step in played.sent:
        assert isinstance(step, Request)
        assert step.anonymous
        assert (step.method, step.body) == ("GET", None)
        assert step.path.startswith(f"{HUB}/")


def test_a_hub_with_a_base_path_is_found_by_its_redirect() -> None:
    """A hub at /jupyter/ redirects /hub/api/ to /jupyter/hub/hub/api/, which does not exist."""
    site = {f"{HUB}/hub/api/": moved("/jupyter/hub/hub/api/"), f"{HUB}/jupyter/hub/api/": VERSION}
    played = find(HUB, site)
    assert played.result == f"{HUB}/jupyter/hub/api"
    assert len(played.sent) <= 4


def test_a_redirect_to_https_is_accepted() -> None:
    site = {"http://hub.example.org/hub/api/": moved(f"{HUB}/hub/api/"), f"{HUB}/hub/api/": VERSION}
    assert find("http://hub.example.org", site).result == f"{HUB}/hub/api"


@pytest.mark.parametrize("location", ["http://hub.example.org/hub/api/", "http://hub.example.org/jupyter/"])
def test_a_redirect_from_https_to_http_is_ignored(location: str) -> None:
    site = {
        f"{HUB}/hub/api/": moved(location),
        "http://hub.example.org/hub/api/": VERSION,
        "http://hub.example.org/jupyter/hub/api/": VERSION,
        f"{HUB}/jupyter/hub/api/": VERSION,
    }
    played = find(HUB, site)
    assert isinstance(played.error, NotAHub) or played.result.startswith("https://")
    assert not [call for call in played.calls if "http://" in call]


@pytest.mark.parametrize(
    "location", ["https://idp.example.org/auth?client=SECRET", "//evil.org/hub/api/", f"{HUB}:8443/hub/api/"]
)
def test_a_redirect_to_another_host_is_an_error_that_names_it(location: str) -> None:
    played = find(HUB, {f"{HUB}/hub/api/": moved(location)})
    assert isinstance(played.error, NotAHub)
    assert "redirects to another host" in str(played.error)
    assert "SECRET" not in str(played.error)
    assert all(call.startswith(f"GET {HUB}/") for call in played.calls)


@pytest.mark.parametrize(
    "location",
    [
        "http://[",
        "https://hub.example.org:port/",
        "https://hub\u2100.org/",
        "ftp://hub.example.org/hub",
        "https://ana:SECRET@hub.example.org/hub/api/",
        "",
        "\\\\",
        "?",
    ],
)
def test_a_redirect_to_an_invalid_url_is_ignored(location: str) -> None:
    played = find(HUB, {f"{HUB}/hub/api/": moved(location)})
    assert isinstance(played.error, NotAHub)
    assert "SECRET" not in f"{played.error} {played.calls}"
    assert not [call for call in played.calls if "ftp:" in call]
    assert played.seconds == 0


def test_circular_redirects_end() -> None:
    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        return moved(f"{step.path}deeper/hub/api/")

    played = play(find_root(HUB), answer)
    assert isinstance(played.error, NotAHub)
    assert len(played.sent) < 20


def test_no_candidate_is_requested_twice() -> None:
    played = find(f"{HUB}/jupyter/hub/home", {f"{HUB}/jupyter/hub/api/": moved(f"{HUB}/jupyter/hub/api/")})
    assert isinstance(played.error, NotAHub)
    assert len(played.calls) == len(set(played.calls))


@pytest.mark.parametrize(
    "otherwise", [PAGE, NGINX, refusal(404), refusal(403), reply(json={"error": "no"}), reply(204)]
)
def test_without_a_hub_the_error_names_the_url(otherwise: Reply) -> None:
    played = find(f"{HUB}/jupyter/", {}, otherwise)
    assert isinstance(played.error, NotAHub)
    assert str(played.error) == f"no JupyterHub found at {HUB}/jupyter/"
    assert played.error.hint


def test_an_html_page_at_one_candidate_does_not_end_the_search() -> None:
    site: dict[str, Reply] = {f"{HUB}/jupyter/hub/api/": PAGE, f"{HUB}/hub/api/": VERSION}
    assert find(f"{HUB}/jupyter", site).result == f"{HUB}/hub/api"


@pytest.mark.parametrize("failure", [Unavailable("cannot reach hub.example.org", sent=False), Answer(503, {})])
def test_an_unreachable_hub_is_unavailable_after_one_attempt(failure: Reply) -> None:
    played = find(f"{HUB}/jupyter/", {}, failure)
    assert isinstance(played.error, Unavailable)
    assert len(played.sent) == 1
    assert played.seconds == 0


@settings(deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"(https?:)?(//)?[\[\]:@a-z./?#%\\]{0,20}", fullmatch=True))
def test_any_redirect_ends_in_a_result_or_a_hub_error(location: str) -> None:
    played = find(HUB, {f"{HUB}/hub/api/": moved(location)})
    assert isinstance(played.error, HubError)


def test_a_redirect_to_a_long_path_has_a_limited_number_of_candidates() -> None:
    def moved_on(step: Request[Any] | Listen[Any]) -> Reply:
        return moved(f"{HUB}{'/hub/x' * 5000}")

    played = play(find_root(HUB), moved_on)
    assert isinstance(played.error, NotAHub)
    assert len(played.sent) == 20
