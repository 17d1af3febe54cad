"""Names in paths: a name is refused before it is sent, or it is exactly one path segment.

The operations are found by introspection, and their paths are recorded with harmless names, so a new operation is
tested without a change here.
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
from jhub.object_path import has_dot_segment
from jhub.steps import Listen, Request
from jhub.testing import Events, Played, Reply, play, refusal, reply

EXAMPLES = 8
"""Examples for each operation. The seeds are fixed, so all runs are the same."""
ON_THE_WIRE = 60
"""Examples for all operations together that are sent over a socket."""

ODD = [
    *("", ".", "..", "...", "%2e%2e", "%2E", "..%2f", "/", "a/b", "/../x", "a%2fb", "\\", "..\\x", "a\\..\\b"),
    *("?", "a?b=c", "#", "a#b", ";a=b", "a;b", "a&b", "a=b", "a+b", "a b", " ", "\ta", "a\n", "\r\nX: y", "\0", "\x7f"),
    *("%", "%%", "%zz", "100%", "%00", "%25", "~", "@", "a@b", ":", "a:b", "//x", "http://x/", "[::1]", "{x}"),
    *("Ana", "İ", "ß", "\u2024\u2024", "\uff0e\uff0e", "\u2028", "\x85", "é", "e\u0301", "😀", "\ud800", "\u202e"),
    *("x" * 5000, "é" * 300, "tokens", "server", "users", "None"),
]
TEXT = st.one_of(st.sampled_from(ODD), st.text("./%\\~@?#; aA2eEfF", max_size=6), st.text(max_size=8))

Arguments = dict[str, Any]
Route = tuple[str, ...]
Step = Request[Any] | Listen[Any]


MODEL = {
    **{"name": "lab", "id": "a1", "token": "x", "access_token": "x", "version": "6.1.1", "pending": "spawn"},
    **{"servers": {}, "api_tokens": [], "server": {"user": {"name": "ana"}}, "items": [], "_pagination": {}},
}


class Full:
    """A hub where every object exists until it is deleted, and servers are ready after their progress stream."""

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
        parts = step.path.split("/")
        name = unquote(parts[2]) if len(parts) == 3 else MODEL["name"]  # that of a user, a group or a service
        model = {**MODEL, "name": name, "ready": self.ready}
        return reply(json=[model] if step.method == "POST" and step.path in ("/users", "/groups") else model)


class Taken(Full):
    """A hub where every object exists, so that nothing can be created."""

    def __call__(self, step: Step) -> Reply:
        return refusal(409) if isinstance(step, Request) and step.method in ("POST", "PUT") else super().__call__(step)


class Empty(Full):
    """A hub without any objects."""

    def __call__(self, step: Step) -> Reply:
        return refusal(404)


def plays(operation: Method, arguments: Arguments) -> Iterator[Played[Any]]:
    """Play an operation on each of the hubs."""
    for version in ("4.1.6", "6.1.1"):
        for hub in (Full(), Taken(), Empty()):
            with suppress(InvalidInput):
                yield play(operation.plan(**arguments), hub, version=version)


def is_text(name: str, kind: Any) -> bool:
    """Return whether a parameter is one or several names. The id of a share code is not: it goes into the query."""
    words = str(kind)
    return name == "targets" or ("str" in words and "Mapping" not in words and name != "code_id")


def texts(operation: Method) -> list[str]:
    return [name for name, kind in operation.parameters.items() if is_text(name, kind)]


def marker(name: str) -> str:
    """Return a harmless name that is unique to a parameter."""
    return f"the-{name}".replace("_", "-")


def arguments_of(operation: Method, names: dict[str, str]) -> Arguments:
    """Return the required arguments of an operation, with these names."""
    arguments: Arguments = {}
    for name, kind in operation.parameters.items():
        text = names.get(name, marker(name))
        if name == "targets":
            arguments[name] = [(text, text), (text, "")]
        elif is_text(name, kind) and (name in names or name not in operation.optional):
            arguments[name] = [text] if "Iterable" in str(kind) else text
        elif name not in operation.optional or name == "exist_ok":
            arguments[name] = choices(name, kind)[0]
    return arguments


def optional_names(operation: Method, max_count: int) -> list[dict[str, str]]:
    """Return all combinations of up to `max_count` optional names."""
    optional = [name for name in texts(operation) if name in operation.optional]
    return [
        {name: marker(name) for name in chosen} for n in range(max_count + 1) for chosen in combinations(optional, n)
    ]


@cache
def routes(operation: Method) -> set[Route]:
    """Return the paths of an operation, as segments, with the parameters in braces."""
    markers = {marker(name): f"{{{name}}}" for name in texts(operation)}
    known: set[Route] = set()
    nameless = [{**optional, name: ""} for optional in optional_names(operation, 1) for name in texts(operation)]
    for each in optional_names(operation, 2) + nameless:
        for played in plays(operation, arguments_of(operation, each)):
            known |= {tuple(markers.get(part, part) for part in step.path.split("/")) for step in played.sent}
    return known


def matches(path: str, route: Route, names: dict[str, str]) -> bool:
    """Return whether a path matches a route with these names."""
    parts = path.split("/")
    return len(parts) == len(route) and all(map(segment_matches, parts, route, [names] * len(parts)))


def segment_matches(part: str, pattern: str, names: dict[str, str]) -> bool:
    """Return whether a segment is that of the route, or the quoted name in its place."""
    if not pattern.startswith("{"):
        return part == pattern
    text = names.get(pattern[1:-1], marker(pattern[1:-1]))
    # Proxies resolve dots, also in a part of a decoded name. The name of an existing user is read in lower case.
    return not has_dot_segment(part) and part.isascii() and unquote(part) in (text, text.lower())


def lookups(operation: Method) -> set[Route]:
    """Return the paths of the objects that are read before a change, or after a `NotFound`, because of odd names."""
    return {
        ("", collection, f"{{{name}}}") for name in texts(operation) for collection in ("users", "groups", "services")
    } | {("", "groups")}


def odd_names(operation: Method) -> st.SearchStrategy[dict[str, str]]:
    """Return an odd name for one parameter, and sometimes a harmless one for an optional parameter."""
    odd = st.tuples(st.sampled_from(texts(operation)), TEXT).map(lambda pair: dict([pair]))
    return st.builds(lambda optional, odd: {**optional, **odd}, st.sampled_from(optional_names(operation, 1)), odd)


def seeded(operation: Method, examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator for examples that are the same in each run, and different for each operation."""
    settled = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(zlib.crc32(operation.name.encode()))(settled(test))


WITH_TEXTS = pytest.mark.parametrize("operation", [each for each in operations() if texts(each)], ids=str)


def test_the_paths_of_all_operations_are_recorded() -> None:
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
    # The default server has an empty name in these routes, and the hub is at "/"; otherwise a closing slash is a 404.
    ends = {path for paths in known.values() for path in paths if "" in path[1:]}
    assert {path[1] if len(path) < 5 else path[3] for path in ends} == {"", "shares", "share-codes", "shared"}
    assert not [path for paths in known.values() for path in paths if any(part.startswith("the-") for part in path)]


@WITH_TEXTS
def test_any_name_is_refused_or_stays_in_its_path_segment(operation: Method) -> None:
    @seeded(operation, EXAMPLES)
    @given(odd_names(operation))
    def check(names: dict[str, str]) -> None:
        for played in plays(operation, arguments_of(operation, names)):
            for step in played.sent:
                known = routes(operation) | lookups(operation)
                assert [route for route in known if matches(step.path, route, names)], step.path
                assert isinstance(step, Listen) or step.root == "api"

    check()


def route(visit: Visit) -> None:
    """Answer with a version, or with a 404."""
    if visit.path == "/hub/api/":
        visit.json({"version": "6.1.1"})
    else:
        visit.json({"message": None}, 404)


def test_a_sent_name_arrives_unchanged() -> None:
    """The client resolves no dots, quotes nothing twice, unquotes nothing, and no name ends the path."""
    # Fleets need an event loop, and send the same requests as single calls.
    single = [each for each in operations() if texts(each) and "targets" not in each.parameters]
    drawn = st.sampled_from(single).flatmap(lambda each: st.tuples(st.just(each), odd_names(each)))

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
            operation, names = drawn
            arguments = arguments_of(operation, names)
            sent: list[Step] = []
            with suppress(InvalidInput):
                sent = play(operation.plan(**arguments), Empty()).sent
            del site.requests[:]
            with suppress(HubError):
                try:
                    hub.run(operation.plan(**arguments))
                except InvalidInput:
                    sent = sent[: len(site.requests)]  # a text in a body may be none that can be sent
                    raise
            arrived = [urlsplit(f"http://x{request.path}") for request in site.requests]
            assert [url.path for url in arrived] == [f"/hub/api{step.path}" for step in sent]
            for url, step in zip(arrived, sent, strict=True):
                query = step.query if isinstance(step, Request) else ()
                assert parse_qsl(url.query, keep_blank_values=True) == list(query)

        check()
