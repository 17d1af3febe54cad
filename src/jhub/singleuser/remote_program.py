"""The source of the program that runs a command in a kernel, and what it shares with the client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

MIME = "application/vnd.jhub.command+json"
"""The type of the displays that carry the streams of a command."""
WINDOW_BYTES = 4 * 2**20
"""Maximum size of the output that is sent and not handled yet."""


def code_for(spec: Mapping[str, Any]) -> str:
    """Return the code that runs a command in a kernel."""
    return (
        "program = {'__name__': 'jhub'}\n"
        f"exec(compile({_source()!r}, 'jhub', 'exec'), program)\n"
        f"program['run']({json.dumps(spec)!r})\n"
    )


@cache
def _source() -> str:
    return files("jhub.singleuser").joinpath("remote_command.py").read_text(encoding="utf-8")
