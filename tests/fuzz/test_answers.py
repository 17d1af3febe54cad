"""Random answers of a hub: each operation ends with a result or a `HubError`.

The operations are found by introspection, and suitable answers by the type that a request decodes, so a new operation
is tested without a change here.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from random import Random
from typing import Any

import msgspec.inspect as kinds
import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from quirks import Method, choices, operations

from jhub.errors import InvalidInput, Unavailable
from jhub.models import Progress
from jhub.operations.users import UserOps
from jhub.steps import Answer, Listen, Request
from jhub.testing import Events, Reply, play

EXAMPLES, HUBS = 8, 12
"""Examples for each operation, and hubs for each example. The seeds are fixed, so all runs are the same."""
MAX_REQUESTS = 1500
MAX_SECONDS = 3600.0


def arguments(operation: Method, random: Random) -> dict[str, Any]:
    """Return values for the required parameters, and for some of the optional ones."""
    return {
        name: random.choice(choices(name, kind))
        for name, kind in operation.parameters.items()
        if name not in operation.optional or random.random() < 0.5
    }


# Valid and invalid JSON is built as text, because an encoder cannot write all of it.

NAMES = ["", "ana", "lab", "geo", "Ana", "a b"]
TEXTS = [json.dumps(text) for text in (*NAMES, "spawn", "stop", "sc_1", "/user/ana/", "a\u2028b")]
TIMES = ['"2026-05-01T12:00:00.123456Z"', '"2025-01-01T00:00:00+02:00"', *['"2026-05-01T12:00:00"'] * 2]
PLAIN: dict[type[kinds.Type], list[str]] = {
    kinds.StrType: TEXTS,
    kinds.DateTimeType: TIMES,
    kinds.BoolType: ["true", "false"],
    kinds.IntType: ["0", "1", "2", "200", "-1", "1000000", "9" * 30],
    kinds.FloatType: ["0", "50", "99.5", "9" * 400],
    kinds.NoneType: ["null"],
    kinds.AnyType: ["null", "1", '"gpu"', '["gpu"]', '{"a": [1]}'],
}
DEEP = 2000
JUNK = [
    *("null", "true", "0", "-1", "1.5", "-0.0", '""', "[]", "{}", "[null]", '{"": null}', '"ana"', '"a/b"', '"../.."'),
    *("NaN", "Infinity", "1e308", "1e999", "1" * 400, "9" * 5000, "-" + "9" * 30, "01", "", "{", '"', "}"),
    *('"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"a\\nb\\u2028\\u001b[2J"', '"..\\/.."', f'"{"x" * 5000}"'),
    *('"2026-05-01T12:00:00"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"', '"2026-13-01"'),
    *("[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[" * DEEP),
    *('{"name":"a","name":null,"name":"b"}', '{"items":{},"_pagination":{}}', '{"servers":{"":{}}}'),
]


def sound(kind: kinds.Type, random: Random) -> str:
    """Return JSON that can be decoded as a type."""
    match kind:
        case kinds.StructType():
            there = [each for each in kind.fields if each.required or random.random() < 0.6]
            return _object([f'"{each.encode_name}":{sound(each.type, random)}' for each in there])
        case kinds.UnionType():
            return sound(random.choice(kind.types), random)
        case kinds.DictType():
            names = random.sample(TEXTS, random.choice([0, 1, 1, 2]))
            return _object([f"{name}:{sound(kind.value_type, random)}" for name in names])
        case kinds.ListType() | kinds.VarTupleType():
            return f"[{','.join(sound(kind.item_type, random) for _ in range(random.choice([0, 1, 2, 3])))}]"
        case _:
            return random.choice(PLAIN[type(kind)])


def damaged(kind: kinds.Type, random: Random) -> str:
    """Return JSON that is nearly of a type: a part is broken, missing, doubled or added."""
    match kind:
        case kinds.StructType(fields=fields) if fields:
            whole = [f'"{each.encode_name}":{sound(each.type, random)}' for each in fields]
            place = random.randrange(len(fields))
            broken = f'"{fields[place].encode_name}":{damaged(fields[place].type, random)}'
            match random.randrange(4):
                case 0:
                    whole[place] = broken
                case 1:
                    del whole[place]
                case 2:
                    whole.append(broken)
                case _:
                    whole.insert(place, f'"new":{random.choice(JUNK)}')
            return _object(whole)
        case kinds.UnionType():
            return damaged(random.choice(kind.types), random)
        case kinds.DictType():
            return _object([f"{random.choice(TEXTS)}:{damaged(kind.value_type, random)}"])
        case kinds.ListType() | kinds.VarTupleType():
            return f"[{sound(kind.item_type, random)},{damaged(kind.item_type, random)}]"
        case _:
            return random.choice(JUNK)


def _object(parts: list[str]) -> str:
    return f"{{{','.join(parts)}}}"


HUB = {"x-jupyterhub-version": "6.1.1"}
JSON = {**HUB, "content-type": "application/json", "date": "Fri, 01 May 2026 12:00:00 GMT"}
KINDS = [
    *({**HUB, "content-type": kind} for kind in ("application/json; charset=UTF-8", "text/plain", "\u2028", ";;")),
    *(JSON, {"content-type": "application/json"}, {"content-type": "text/html"}, {}, {"x-jupyterhub-version": "?"}),
]
LATER = [
    *("0", "1", "3.5", "60", "61", "-5", "1e308", "nan", "inf", "1_0", "soon", "", "9" * 400, "Ω\x85"),
    *("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 99999999999999 07:28:00 GMT", "Wed, 99999999999 Oct 2026"),
    *("21 Oct 2026 07:28:00 +99999999999999", "1 Jan 1 0:0 -0000", "31 Feb 2026 25:61:61 GMT", "1 Jan 0"),
]
PLACES = ["", "/hub/login", "http://[", "//", "https://u:p@x\x85y/?z#a", "\u2028", "data:,", "http://x:99999999/"]
MESSAGES = [
    *("null", '""', '" "', "7", "[]", '"already running"', '"ana is already running"', '"is active"', '"\\ud800"'),
    *('"No such user: x"', '"Group geo already exists"', '"requires any of []"', "\"requires any of [a, 'b']\""),
    *('"Missing or invalid credentials."', '"unknown profile x"', '"no permissions to generate tokens"'),
    *('"No access to resources"', '"a\\nb\\r\\u2028c"', f'"{"x" * 3000}"', '"User x already exists"'),
]
STATUSES = [200, 201, 202, 204, 302, 400, 400, 401, 403, 403, 404, 404, 405, 409, 429, 429, 500, 500, 502, 503]


def odd(random: Random) -> Reply:
    """Return an answer that is unrelated to the request."""
    status = random.choice(STATUSES) if random.random() < 0.8 else random.randint(100, 599)
    headers = dict(random.choice(KINDS))
    if status in (429, 502, 503) or random.random() < 0.1:
        headers |= {"retry-after": random.choice(LATER), "date": random.choice(LATER)}
    if 300 <= status < 400 or status < 200:
        headers["location"] = random.choice(PLACES)
    match random.randrange(6):
        case 0:
            return Unavailable("reset", sent=random.random() < 0.5, retry_after=random.choice([0, 5, 61]))
        case 1:
            return Answer(status, headers, random.randbytes(random.randrange(20)))
        case 2:
            return Answer(status, headers, random.choice(JUNK).encode())
        case _:
            return Answer(status, headers, f'{{"status": {status}, "message": {random.choice(MESSAGES)}}}'.encode())


@cache
def type_info(kind: Any) -> kinds.Type:
    """Return msgspec's description of a type."""
    return kinds.type_info(kind)


def answer_to(step: Request[Any], good: float, random: Random) -> Reply:
    """Return an answer that a request can decode, a similar one, or an unrelated one."""
    decode = step.decode
    while isinstance(decode, partial) and decode.args and isinstance(decode.args[0], partial):
        decode = decode.args[0]  # of a page
    kind = type_info(decode.args[0] if isinstance(decode, partial) and decode.args else dict[str, Any])
    if random.random() < good:
        return Answer(random.choice([200, 201, 202, 204]), JSON, sound(kind, random).encode())
    return Answer(200, JSON, damaged(kind, random).encode()) if random.random() < 0.5 else odd(random)


def stream(good: float, random: Random) -> Reply:
    """Return the events of a progress stream."""
    if random.random() > good and random.random() < 0.5:
        return odd(random)
    kind = type_info(Progress)
    some = range(random.choice([0, 1, 1, 2, 3]))
    return Events(
        tuple(sound(kind, random) if random.random() < good else damaged(kind, random) for _ in some)
        + tuple(random.choice(JUNK) for _ in range(random.random() > good))
    )


def hub(random: Random, told: list[str]) -> Callable[[Request[Any] | Listen[Any]], Reply]:
    """Return a hub with random answers, which repeat after some time."""
    good, different = random.choice([0.3, 0.8, 0.95, 1.0]), random.choice([0, 4, 12])
    known: dict[str, list[Reply]] = {}
    asked = 0

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        nonlocal asked
        asked += 1
        assert asked <= MAX_REQUESTS, "it asks again and again"
        call = f"{'LISTEN' if isinstance(step, Listen) else step.method} {step.path}"
        before = known.setdefault(call, [])
        if asked > different and before:
            return before[asked % len(before)]
        given = stream(good, random) if isinstance(step, Listen) else answer_to(step, good, random)
        before.append(given)
        told.append(f"{call}: {given!r} {given.content if isinstance(given, Answer) else ''!r}"[:900])
        return given

    return answer


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_any_answer_is_a_result_or_a_hub_error(operation: Method) -> None:
    @seed(zlib.crc32(operation.name.encode()))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate])
    @given(st.randoms(use_true_random=True))
    def check(random: Random) -> None:
        # All randomness comes from one seed: drawing each piece with hypothesis takes ten times as long.
        for _ in range(HUBS):
            told: list[str] = []
            try:
                ends_well(operation, arguments(operation, random), random, told)
            except Exception as error:
                for line in told[:1] + told[1:][-4:]:
                    error.add_note(line)
                raise

    check()


def ends_well(operation: Method, asked: dict[str, Any], random: Random, told: list[str]) -> None:
    """Play an operation to its end, and check how it ends."""
    version = random.choice(["4.1.6", "5.5.1", "6.1.1"])
    told.append(f"{operation}({asked}) on {version}")
    with suppress(InvalidInput):
        played = play(operation.plan(**asked), hub(random, told), version=version)
        assert math.isfinite(played.seconds)
        assert played.seconds <= MAX_SECONDS
        if played.error is not None:
            assert len(str(played.error).splitlines()) == 1
            assert len(played.error.hint.splitlines()) <= 1


@settings(max_examples=30, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(st.sampled_from([*TIMES, "null", '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59-12:00"']), max_size=5))
def test_users_are_sorted_by_times_of_any_form(times: list[str]) -> None:
    """Before 5.0 jhub sorts, and some of the times may have a zone while others have none."""
    users = [f'{{"name": "user{n}", "last_activity": {time}}}' for n, time in enumerate(times)]
    page = Answer(200, JSON, f'{{"items": [{",".join(users)}], "_pagination": {{}}}}'.encode())
    played = play(UserOps.list(sort="-last_activity"), [page], version="4.1.6")
    assert len(played.emitted) == len(times)
