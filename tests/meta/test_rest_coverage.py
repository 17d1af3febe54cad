"""Coverage of the REST API: the operations cover all routes of each major version, and no others.

Every operation is played against a hub of each major version, with the smallest answers that its types allow. Its
requests are compared with the hub's route table and the few routes that jhub.extension adds.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

import jhub.operations
from jhub import oauth_client
from jhub.binding import _Declaration as Declared
from jhub.errors import InvalidInput, Unsupported
from jhub.models import Group, Identity, Profile, User
from jhub.operations.paging import MEDIA_TYPE
from jhub.steps import Listen, Operation, Request
from jhub.testing import Reply, events, play, refusal, reply

ROUTE_TABLE = Path(__file__).parents[1] / "support" / "route_table.py"

MAJORS = {"2": "2.3.1", "3": "3.1.1", "4": "4.1.6", "5": "5.5.4", "6": "6.1.1"}

SAMPLES: dict[str, object] = {
    **{name: f"a-{name.replace('_', '-')}" for name in ("user", "owner", "group", "name", "names", "new", "server")},
    "users": ["a-user"],
    "servers": ["a-server"],
    "username": "a-user",
    "password": "secret",
    "token_id": "a7",
    "code_id": "sc_12",
    "properties": {"room": "B12"},
    "api_url": "http://127.0.0.1:1",
    "auth_token": "secret",
    "api_token": "a secret",
    "code": "secret",
    "client_id": "service-x",
    "client_secret": "secret",
    "redirect_uri": "http://127.0.0.1:1/",
    "at": datetime(2026, 11, 22, tzinfo=UTC),
    "admin": True,
    "display_name": "Lab",
    **dict.fromkeys(("profile", "slug"), "a-profile"),
    "stopped": True,
    "wait": False,
    "the service of `create_login_client`": oauth_client.NAME,
}
"""A value for each parameter that is required or that changes the requests."""


@dataclass(frozen=True)
class Route:
    """A line of rest_api.txt."""

    call: str
    majors: frozenset[str]
    why_not: str


def routes() -> list[Route]:
    lines = Path(__file__).with_name("rest_api.txt").read_text().splitlines()
    found = [re.fullmatch(r"(\w+) +(\S+) +((?:\d )*\d)(?:  (.+))?", line) for line in lines if line[:1].isalpha()]
    assert all(found), "each line is METHOD PATH MAJORS [REASON]"
    return [Route(f"{line[1]} {line[2]}", frozenset(line[3].split()), line[4] or "") for line in found if line]


ROUTES = routes()
EXTENSION = [Route("GET /profiles", frozenset("56"), ""), Route("GET /users/{}/profiles", frozenset("56"), "")]
"""Routes of jhub.extension, which needs JupyterHub 5.3. No JupyterHub has them without it."""
ON = {major: {route.call for route in ROUTES if major in route.majors} for major in MAJORS}
WANTED = {major: {route.call for route in ROUTES if major in route.majors and not route.why_not} for major in MAJORS}
ADDED = {major: {route.call for route in EXTENSION if major in route.majors} for major in MAJORS}


def operations() -> Iterator[tuple[str, Callable[..., Operation[Any]]]]:
    """Return all operations, by name."""
    for module in pkgutil.iter_modules(jhub.operations.__path__):
        home = importlib.import_module(f"jhub.operations.{module.name}")
        for name, kind in inspect.getmembers(home, inspect.isclass):
            if name.endswith("Ops") and kind.__module__ == home.__name__:
                for verb, declared in vars(kind).items():
                    if isinstance(declared, Declared):
                        yield f"{name}.{verb}", getattr(kind, verb)


OPERATIONS = dict(operations())


def arguments(plan: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Yield the required arguments alone, and with each optional one that has a sample."""
    parameters = [p for p in inspect.signature(plan).parameters.values() if p.name != "self"]
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in SAMPLES]
    assert not missing, f"SAMPLES lacks a value for {missing}"
    required = {p.name: SAMPLES[p.name] for p in parameters if p.default is p.empty}
    optional = [p.name for p in parameters if p.default is not p.empty and p.name in SAMPLES]
    # The path depends on whether there is a server name.
    for names in [(), *((name,) for name in optional if name in ("name", "server"))]:
        chosen = {**required, **{name: SAMPLES[name] for name in names}}
        yield chosen
        for name in optional:
            yield {**chosen, name: SAMPLES[name]}


def smallest(kind: Any) -> Any:
    """Return the smallest value that decodes to a type, with one item in each collection."""
    if kind in (Any, dict, NoneType):
        return {} if kind is not NoneType else None
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return smallest(inner[0])
    if origin is Literal:
        return inner[0]
    if origin in (tuple, list):
        return [smallest(inner[0])]
    if origin is dict:
        return {"a-service": smallest(inner[1])}
    if issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        model = {f.encode_name: smallest(hints[f.name]) for f in msgspec.structs.fields(kind) if f.required}
        # The operation continues with the value from the answer.
        known: dict[Any, dict[str, Any]] = {
            User: {"servers": {}},
            Group: {"users": [], "properties": {}},
            Identity: {"name": SAMPLES["user"], "token_id": SAMPLES["token_id"]},
            Profile: {"slug": SAMPLES["profile"]},
        }
        return {**model, **known.get(kind, {})}
    return {str: "6.1.1", int: 0, bool: False}[kind]


def template(method: str, path: str) -> str:
    """Return the route of a path, with each sample replaced by its parameter."""
    names = {value for value in SAMPLES.values() if isinstance(value, str)}
    segments = ["{}" if segment in names else segment for segment in path.split("/")]
    # The share of a default server has an empty name.
    if len(segments) > 2 and segments[-1] == "":
        segments[-1] = "{}"
    return f"{method} {'/'.join(segments)}"


@cache
def sent_by(name: str, major: str) -> frozenset[str]:
    """Return the routes that an operation requests on a hub of a major version, with jhub.extension if possible, for
    any arguments.
    """
    sent = set[str]()

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        if isinstance(step, Listen):
            sent.add(template("GET", step.path))
            return events({"ready": True})
        call = template(step.method, step.path)
        if call in {route.call for route in EXTENSION} - ADDED[major]:
            return refusal(404)
        if call not in ON[major] | ADDED[major]:
            gone = any(route.split()[1] == call.split()[1] for route in ON[major])
            asked_in_vain.add(call)
            return refusal(405 if gone else 404)
        sent.add(call)
        if step.accept == MEDIA_TYPE:
            return reply(json={"items": [], "_pagination": {}})
        decoded_as = getattr(step.decode, "args", None)
        return reply(json=smallest(decoded_as[0]) if decoded_as else {})

    for given in arguments(OPERATIONS[name]):
        asked_in_vain = set[str]()
        try:
            played = play(OPERATIONS[name](**given), answer, version=MAJORS[major])
        except InvalidInput:
            continue  # one of these arguments needs another
        if asked_in_vain:
            assert isinstance(played.error, Unsupported), f"{name} asks JupyterHub {major} for {asked_in_vain}"
            assert re.search(r"needs JupyterHub \d+\.\d+; this hub is", str(played.error))
    return frozenset(sent)


@pytest.mark.parametrize("major", MAJORS)
def test_the_operations_cover_exactly_the_routes_of_each_major_version(major: str) -> None:
    sent = set[str]().union(*(sent_by(name, major) for name in OPERATIONS))
    wanted = WANTED[major] | ADDED[major]
    assert {"missing": wanted - sent, "not for a client": sent - wanted} == {
        "missing": set(),
        "not for a client": set(),
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_documents_its_route_and_version(name: str) -> None:
    text = " ".join((OPERATIONS[name].__doc__ or "").split())
    said = {
        f"{method} {re.sub(r'{[^}]*}', '{}', path)}"
        for methods, path in re.findall(
            r"`?\b((?:GET|POST|PUT|PATCH|DELETE)(?:`? (?:and|or) `?[A-Z]+)*) (/[^`?\s]*)", text
        )
        for method in re.findall(r"[A-Z]{3,}", methods)
    }
    sent = set[str]().union(*(sent_by(name, major) for major in MAJORS))
    assert said & sent, f"it says {said}, and sends {set(sent)}"
    known = [*ROUTES, *EXTENSION]
    assert said <= {route.call for route in known}, "it speaks of routes that no hub has"
    first = min((min(route.majors) for route in known if route.call in said & sent), default="")
    version = r"(?:all versions|(?:jhub\.extension on )?JupyterHub (\d+)\.\d)"
    since = re.findall(rf"`(?:GET|POST|PUT|PATCH|DELETE) /[^`]*`[^(]*\({version}", text)
    assert since, "it says `METHOD /path` (all versions), (JupyterHub N.M) or (jhub.extension on JupyterHub N.M)"
    assert (since[0] or "2") == first, f"it says it came with {since[0] or 'all versions'}, and its route with {first}"


def test_users_of_the_extensions_routes_document_it() -> None:
    added = {route.call for route in EXTENSION}
    asking = {name for name in OPERATIONS if added & set[str]().union(*(sent_by(name, major) for major in MAJORS))}
    assert asking == {"ProfileOps.list", "ProfileOps.get", "ServerOps.start", "ServerOps.restart"}
    assert {name for name in asking if "jhub.extension" not in (OPERATIONS[name].__doc__ or "")} == set()


def test_the_routes_match_the_installed_hub() -> None:
    asked = subprocess.run([sys.executable, ROUTE_TABLE], check=True, capture_output=True, text=True)
    assert set(asked.stdout.splitlines()) == ON["6"]


def test_the_extensions_routes_match_its_handlers(profiles_file: Path) -> None:
    asked = subprocess.run([sys.executable, ROUTE_TABLE, profiles_file], check=True, capture_output=True, text=True)
    assert set(asked.stdout.splitlines()) == ON["6"] | ADDED["6"]


def test_the_few_excluded_routes_have_a_reason() -> None:
    assert len([route for route in ROUTES if route.why_not]) == 15
    assert all(len(route.why_not) > 5 or route.why_not.startswith("405") for route in ROUTES if route.why_not)
