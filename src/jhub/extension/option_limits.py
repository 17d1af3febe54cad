"""Limits on user options. Pure.

The hub stores the options of a start, and returns them in lists of servers for as long as the server exists. Values
that its database or its JSON cannot hold would fail there: as a failed start, or in everybody's list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from jhub.extension.verdict import Refused

MAX_DEPTH = 50
"""Maximum levels of lists and objects in a value. JupyterHub's database layer fails at about 970."""
MAX_OPTIONS_BYTES = 64 * 1024
"""Maximum size of the options, in bytes of JSON."""
RESERVED_PREFIX = "__jupyterhub_"
"""Prefix of keys by which JupyterHub's database layer tags values that are not JSON."""

TOO_LARGE = f"the user options are larger than {MAX_OPTIONS_BYTES // 1024} KiB"


def check_limits(options: Mapping[str, Any]) -> None:
    """Raise Refused for options that are too deep or too large, or that are not JSON."""
    _check_values(options)
    try:
        size = len(json.dumps(options, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError):
        # Files of a form, infinite numbers, lone surrogates.
        raise Refused("the user options contain values that are not JSON") from None
    if size > MAX_OPTIONS_BYTES:
        raise Refused(TOO_LARGE)


def _check_values(options: Mapping[str, Any]) -> None:
    """Raise Refused for values that must not reach `json.dumps`, which is recursive, and slow for large values."""
    level: list[object] = [options]
    count = depth = 0
    while level:
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                entries = cast("dict[object, object]", value)
                if any(str(key).startswith(RESERVED_PREFIX) for key in entries):
                    raise Refused(f"a key in the user options begins with {RESERVED_PREFIX}, which is reserved")
                below.extend(entries.values())
            elif isinstance(value, list | tuple):
                below.extend(cast("list[object]", value))
        count += len(below)
        if count > MAX_OPTIONS_BYTES:
            raise Refused(TOO_LARGE)
        level = [value for value in below if isinstance(value, dict | list | tuple)]
        depth += 1
        if level and depth > MAX_DEPTH:
            raise Refused(f"a value in the user options is nested too deeply: more than {MAX_DEPTH} levels")
