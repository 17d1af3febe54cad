"""Scopes of a token against the object of a request."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.preflight.scope_check import access


@pytest.mark.parametrize(
    ("scopes", "resource", "expected"),
    [
        (("groups",), {"group": "geo"}, "granted"),
        (("groups!group=geo",), {"group": "geo"}, "granted"),
        (("groups!group=geo",), {"group": "bio"}, "filtered"),
        (("groups!group=geo",), {}, "missing"),
        (("read:groups",), {"group": "geo"}, "missing"),
        ((), {"group": "geo"}, "missing"),
        (("groups!user=ana",), {"user": "ana"}, "granted"),
        (("groups!user=ana",), {"user": "ana", "server": "ana/lab"}, "granted"),
        (("groups!server=ana/lab",), {"user": "ana", "server": "ana/lab"}, "granted"),
        (("groups!server=ana/lab",), {"user": "ana", "server": "ana/b"}, "filtered"),
        (("groups!server=ana/",), {"user": "ana", "server": "ana/"}, "granted"),
        (("groups!group=geo",), {"user": "ana", "groups_of_user": ("geo",)}, "granted"),
        (("groups!group=geo",), {"user": "ana", "groups_of_user": ("bio",)}, "filtered"),
        (("groups!service=robot",), {"service": "robot"}, "granted"),
        (("other", "groups"), {"group": "geo"}, "granted"),
    ],
)
def test_a_scope_covers_objects(scopes: tuple[str, ...], resource: dict[str, Any], expected: str) -> None:
    assert access(scopes, ("groups",), **resource) == expected


def test_one_of_several_scopes_is_enough() -> None:
    assert access(("servers",), ("start:servers", "servers"), user="ana", server="ana/") == "granted"
