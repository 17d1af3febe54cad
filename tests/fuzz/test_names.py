"""No name can leave its place in a path: it is refused before it is sent, or it is one segment and reads as given.

The operations are found by looking, and their paths are learned from harmless names: so a new one is tried without a
change here.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import combinations
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from loopback import Visit, hub_at
from quirks import Method, choices, operations

from jhub.errors import HubError, InvalidInput
from jhub.steps import Listen, Request
from jhub.testing import Events, Played, Reply, play, refusal, reply

EXAMPLES = 8
"""Of each operation. The seeds are fixed: the run is the same each time."""
ON_THE_WIRE = 60
"""In all."""

ODD = [
    *("", ".", "..", "...", "%2e%2e", "%2E", "..%2f", "/", "a/b", "/../x", "a%2fb", "\\", "..\\x", "a\\..\\b"),
    *("?", "a?b=c", "#", "a#b", ";a=b", "a;b", "a&b", "a=b", "a+b", "a b", " ", "\ta", "a\n", "\r\nX: y", "\0", "\x7f"),
    *("%", "%%", "%zz", "100%", "%00", "%25", "~", "@", "a@b", ":", "a:b", "//x", "http://x/", "[::1]", "{x}"),
    *("Ana", "İ", "ß", "\u2024\u2024", "\uff0e\uff0e", "\u2028", "\x85", "é", "e\u0301", "😀", "\ud800", "\u202e"),
    *("x" * 5000, "é" * 300, "tokens", "server", "users", "None"),
]
TEXT = st.one_of(st.sampled_from(ODD), st.text("./%\\~@?#; aA2eEfF", max_size=6), st.text(max_size=8))

Asked = dict[str, Any]
Route = tuple[str, ...]
Step = Request[Any] | Listen[Any]


# hubs that the paths are learned from

MODEL = {
    **{"name": "lab", "id": "a1", "token": "x", "access_token": "x", "version": "6.1.1", "pending": "spawn"},
    **{"servers": {}, "api_tokens": [], "server": {"user": {"name": "ana"}}, "items": [], "_pagination": {}},
}


class Full:
    """A hub where everything is there until it is deleted, and servers are ready once their progress was heard."""

    def __init__(self) -> None:
        self.gone = set[str]()
        self.ready = False

    def __call__(self, step: Step) -> Reply:
        if isinstance(step, Listen):
            self.ready = True
            return Events(('{"ready": true}',))
        if step.method == "DELETE":
            self.gone.add(step.path)
        elif step.path in self.gone:
            return refusal(404)
        model = {**MODEL, "ready": self.ready}
        return reply(json=[model] if step.method == "POST" and step.path in ("/users", "/groups") else model)


class Taken(Full):
    """A hub where nothing new can be made: it exists."""

    def __call__(self, step: Step) -> Reply:
        return refusal(409) if isinstance(step, Request) and step.method in ("POST", "PUT") else super().__call__(step)


class Empty(Full):
    """A hub where nothing is there."""

    def __call__(self, step: Step) -> Reply:
        return refusal(404)


def plays(operation: Method, asked: Asked) -> Iterator[Played[Any]]:
    """How an operation goes on each of them."""
    for version in ("4.1.6", "6.1.1"):
        for hub in (Full(), Taken(), Empty()):
            with suppress(InvalidInput):
                yield play(operation.plan(**asked), hub, version=version)


# arguments and paths


def is_text(name: str, kind: Any) -> bool:
    """Whether a parameter is a text, or several; the id of a share code goes into the query."""
    words = str(kind)
    return name == "targets" or ("str" in words and "Mapping" not in words and name != "code_id")


def texts(operation: Method) -> list[str]:
    return [name for name, kind in operation.parameters.items() if is_text(name, kind)]


def marker(name: str) -> str:
    """A harmless text of a parameter's own."""
    return f"the-{name}".replace("_", "-")


def asking(operation: Method, given: dict[str, str]) -> Asked:
    """What an operation needs, and these texts."""
    asked: Asked = {}
    for name, kind in operation.parameters.items():
        text = given.get(name, marker(name))
        if name == "targets":
            asked[name] = [(text, text), (text, "")]
        elif is_text(name, kind) and (name in given or name not in operation.optional):
            asked[name] = [text] if "Iterable" in str(kind) else text
        elif name not in operation.optional or name == "exist_ok":
            asked[name] = choices(name, kind)[0]
    return asked


def some(operation: Method, most: int) -> list[dict[str, str]]:
    """Up to so many of the texts that are optional, in each combination."""
    optional = [name for name in texts(operation) if name in operation.optional]
    return [{name: marker(name) for name in chosen} for n in range(most + 1) for chosen in combinations(optional, n)]


@cache
def routes(operation: Method) -> set[Route]:
    """The paths of an operation, in segments; a name of it is in braces."""
    markers = {marker(name): f"{{{name}}}" for name in texts(operation)}
    known: set[Route] = set()
    nameless = [{**few, name: ""} for few in some(operation, 1) for name in texts(operation)]
    for each in some(operation, 2) + nameless:
        for played in plays(operation, asking(operation, each)):
            known |= {tuple(markers.get(part, part) for part in step.path.split("/")) for step in played.sent}
    return known


def fits(path: str, route: Route, given: dict[str, str]) -> bool:
    """Whether a path is that route with the texts that were given."""
    parts = path.split("/")
    return len(parts) == len(route) and all(map(fits_in, parts, route, [given] * len(parts)))


def fits_in(part: str, pattern: str, given: dict[str, str]) -> bool:
    """Whether a segment is the one of the route, or the quoted text in its place."""
    if not pattern.startswith("{"):
        return part == pattern
    text = given.get(pattern[1:-1], marker(pattern[1:-1]))
    # Dots alone are resolved on the way, even quoted ones; and a user who exists already is read in lower case.
    return unquote(part).strip(".") != "" and part.isascii() and unquote(part) in (text, text.lower())


def tried(operation: Method) -> st.SearchStrategy[dict[str, str]]:
    """An odd text for one parameter, and perhaps a harmless one for another that is optional."""
    odd = st.tuples(st.sampled_from(texts(operation)), TEXT).map(lambda pair: dict([pair]))
    return st.builds(lambda few, odd: {**few, **odd}, st.sampled_from(some(operation, 1)), odd)


def seeded(operation: Method, examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same examples each time, others for each operation."""
    settled = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(zlib.crc32(operation.name.encode()))(settled(test))


WITH_TEXTS = pytest.mark.parametrize("operation", [each for each in operations() if texts(each)], ids=str)


def test_the_paths_of_operations_are_learned() -> None:
    known = {each.name: routes(each) for each in operations()}
    assert known["UserOps.get"] == {("", "users", "{name}")}
    assert known["FleetOps.stop_many"] == {
        ("", "users", "{targets}", "servers", "{targets}"),
        ("", "users", "{targets}", "server"),
        ("", "users", "{targets}"),
    }
    assert ("", "users", "{user}", "servers", "{name}", "progress") in known["ServerOps.start"]
    assert ("", "shares", "{owner}", "") in known["ShareOps.grant"]
    assert ("", "groups", "{group}", "shared", "{owner}", "{server}") in known["ShareOps.leave"]
    # The default server has an empty name there, and the hub itself is at "/"; elsewhere a closing slash is a 404.
    ends = {path for paths in known.values() for path in paths if "" in path[1:]}
    assert {path[1] if len(path) < 5 else path[3] for path in ends} == {"", "shares", "share-codes", "shared"}
    assert not [path for paths in known.values() for path in paths if any(part.startswith("the-") for part in path)]


@WITH_TEXTS
def test_any_name_is_refused_or_stays_in_its_place(operation: Method) -> None:
    @seeded(operation, EXAMPLES)
    @given(tried(operation))
    def check(given: dict[str, str]) -> None:
        for played in plays(operation, asking(operation, given)):
            for step in played.sent:
                assert [route for route in routes(operation) if fits(step.path, route, given)], step.path
                assert isinstance(step, Listen) or step.root == "api"

    check()


def route(visit: Visit) -> None:
    """A hub that has a version, and nothing else."""
    if visit.path == "/hub/api/":
        visit.json({"version": "6.1.1"})
    else:
        visit.json({"message": None}, 404)


def test_what_is_sent_is_what_arrives() -> None:
    """No dots are resolved on the way, nothing is quoted twice or unquoted, and no name ends the path."""
    # A fleet needs an event loop, and sends what its single calls do.
    single = [each for each in operations() if texts(each) and "targets" not in each.parameters]
    drawn = st.sampled_from(single).flatmap(lambda each: st.tuples(st.just(each), tried(each)))

    with hub_at(route) as (site, hub):
        hub.version()

        @settings(
            max_examples=ON_THE_WIRE,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(drawn)
        def check(drawn: tuple[Method, dict[str, str]]) -> None:
            operation, given = drawn
            asked = asking(operation, given)
            sent: list[Step] = []
            with suppress(InvalidInput):
                sent = play(operation.plan(**asked), Empty()).sent
            del site.requests[:]
            with suppress(HubError):
                try:
                    hub.run(operation.plan(**asked))
                except InvalidInput:
                    sent = sent[: len(site.requests)]  # a text in a body may be none that can be sent
                    raise
            arrived = [urlsplit(f"http://x{request.path}") for request in site.requests]
            assert [url.path for url in arrived] == [f"/hub/api{step.path}" for step in sent]
            for url, step in zip(arrived, sent, strict=True):
                query = step.query if isinstance(step, Request) else ()
                assert parse_qsl(url.query, keep_blank_values=True) == list(query)

        check()
