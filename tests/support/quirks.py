"""For the tests of JupyterHub's quirks and of unexpected answers: all operations, and the requests that were sent."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import Parameter, signature
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import httpx2

import jhub.fleet
import jhub.operations
from jhub import Hub, Members, Running
from jhub.binding import AsyncBound, Bound, _Declaration
from jhub.steps import Answer, Listen, Operation, Request
from jhub.testing import Played, refusal, reply

USED = {"started": "2026-01-01T10:00:00Z", "last_activity": "2026-01-01T10:01:00Z"}
"""Times of a server that has reported activity since its start began, and so certainly runs."""
NO_PROFILE_LIST = refusal(404)
"""Answer of a hub without jhub.extension to the listing of profiles that precedes a start with a profile."""

ROOT = "http://127.0.0.1:9/hub/api"
"""API root of the hub of `hub_answering`, which uses no network."""


@dataclass(frozen=True, eq=False)
class Method:
    """One operation of a namespace, as its class declares it."""

    name: str
    plan: Callable[..., Operation[Any]]
    parameters: dict[str, Any]
    """Types of the parameters, by name."""
    optional: frozenset[str]
    """Names of the parameters with a default."""

    def __str__(self) -> str:
        return self.name


def operations() -> list[Method]:
    """Return all operations of all namespaces. They are found by introspection, so new ones are included."""
    found = [
        _operation(f"{kind.__name__}.{name}", getattr(kind, name), declared)
        for package in (jhub.operations, jhub.fleet)
        for kind in _namespaces(package)
        for name, declared in vars(kind).items()
        if isinstance(declared, _Declaration)
    ]
    return sorted(found, key=str)


def _namespaces(package: ModuleType) -> Iterator[type]:
    for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(each.name)
        for kind in vars(module).values():
            bound = isinstance(kind, type) and issubclass(kind, Bound | AsyncBound)
            if isinstance(kind, type) and kind.__module__ == each.name and not bound:
                yield kind


def _operation(name: str, plan: Callable[..., Operation[Any]], declared: _Declaration[..., Any]) -> Method:
    kinds = {name: kind for name, kind in get_type_hints(declared.function).items() if name != "return"}
    known = signature(declared.function).parameters
    return Method(name, plan, kinds, frozenset(name for name in kinds if known[name].default is not Parameter.empty))


ARGUMENTS: dict[str, list[Any]] = {
    "timeout": [20.0, 0.5, 0.0],  # long timeouts would only repeat the same answers
    "hub_load": [0.5, 1.0],
    "max_failures": [None, 3],
    "targets": [
        ["ana"],
        ["ana/lab", ("bo", "")],
        ["ana", "bo", "cy/gpu", "dan/Old_Name"],
        [],
        Members("geo", "lab"),
        Running(group="geo", idle=60.0),
    ],
    **{name: [60.0, timedelta(hours=2), -1.0] for name in ("idle", "max_age", "inactive_for", "unused_for")},
    "state": ["ready", "spawn", "x"],
    "user": ["ana", "bo"],
    "group": ["geo"],
    "owner": ["ana", "Ana"],
    "name": ["lab", "ana", "Old_Name", "lab", ""],
    "new": ["lab", "ben", "Ben"],
    "token_id": ["a1"],
    "code_id": ["sc_1"],
    "expires_in": [60, 86400],
}
VALUES: list[tuple[str, list[Any]]] = [
    ("Mapping", [{"profile": "gpu"}, {}, {"a": [1, None], "b": {"c": 2.5}}]),
    ("Iterable", [["ana"], [], ["geo", "lab", "geo"]]),
    ("datetime", [datetime(2026, 5, 1, tzinfo=UTC)]),
    ("bool", [True, False]),
    ("int", [60, 1]),
    ("float", [1.0, 0.25]),
    ("str", ["x", "", "a b"]),
]


def choices(name: str, kind: Any) -> list[Any]:
    """Return values for a parameter, the plainest first: by its name, else by its type."""
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    for part in get_args(kind):
        if get_origin(part) is Literal:
            return list(get_args(part))
    for word, values in VALUES:
        if word in str(kind):
            return values
    raise TypeError(f"add values for the parameter {name} to ARGUMENTS")


def is_request(method: str, step: Request[Any] | Listen[Any]) -> bool:
    """Return whether a step is a request with that HTTP method."""
    return isinstance(step, Request) and step.method == method


def requests(played: Played[Any], method: str = "") -> list[Request[Any]]:
    """Return the requests that were sent, without streams; if `method` is given, only those with it."""
    return [step for step in played.sent if isinstance(step, Request) and (not method or step.method == method)]


def streams(played: Played[Any]) -> list[Listen[Any]]:
    """Return the streams that were opened."""
    return [step for step in played.sent if isinstance(step, Listen)]


def bodies(played: Played[Any], method: str = "") -> list[Any]:
    """Return the bodies that were sent."""
    return [request.body for request in requests(played, method)]


def queries(played: Played[Any]) -> list[dict[str, str]]:
    """Return the queries that were sent."""
    return [dict(request.query) for request in requests(played)]


def state(server: dict[str, Any] | None, version: str = "6.1.1") -> Answer:
    """Return the answer with the state of ana's server (None: no server); before 6.0 it is part of the user."""
    if version >= "6":
        return refusal(404) if server is None else reply(json=server, version=version)
    servers = {} if server is None else {server.get("name", ""): server}
    return reply(json={"name": "ana", "servers": servers}, version=version)


def page(
    *items: dict[str, Any],
    at: int = 0,
    then: int | None = None,
    total: int = 0,
    limit: int = 200,
    version: str = "6.1.1",
) -> Answer:
    """Return a page of a listing as a hub behind a proxy sends it: the next page has the hub's internal URL."""
    following = None
    if then is not None:
        following = {
            "offset": then,
            "limit": limit,
            "url": f"http://10.0.0.7:8081/hub/api/x?offset={then}&limit={limit}",
        }
    position = {"offset": at, "limit": limit, "total": total, "next": following}
    return reply(json={"items": items, "_pagination": position}, version=version)


@contextmanager
def hub_answering(answer: Callable[[httpx2.Request], httpx2.Response]) -> Iterator[tuple[Hub, list[httpx2.Request]]]:
    """Yield a `Hub` whose requests are answered by a function, without a network, and the list of its requests."""
    asked: list[httpx2.Request] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return answer(request)

    with Hub(ROOT, "SECRET", transport=httpx2.MockTransport(note)) as hub:
        yield hub, asked
