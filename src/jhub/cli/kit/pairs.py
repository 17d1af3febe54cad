"""`KEY=TEXT` and `KEY:=JSON` arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from jhub.errors import InvalidInput


def pairs(given: Iterable[str]) -> dict[str, Any]:
    """The values by key: text after "=", any JSON value after ":="."""
    found: dict[str, Any] = {}
    for each in given:
        key, equals, text = each.partition("=")
        if not equals or not key.rstrip(":"):
            raise InvalidInput(f"{each!r} is not KEY=VALUE", hint="KEY=text, or KEY:=JSON for numbers, lists and such")
        if not key.endswith(":"):
            found[key] = text
            continue
        try:
            found[key[:-1]] = msgspec.json.decode(text)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"{text!r} is not JSON: {error}", hint="use KEY=VALUE for plain text") from None
    return found
