"""Writes docs/reference/operations.md from the docstrings of the operations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from jhub import Hub
from jhub.binding import Namespace

PAGE = Path(__file__).parent / "reference/operations.md"

HEAD = """\
# Every operation

The whole REST API of JupyterHub, as methods of `Hub`; on `AsyncHub` they are coroutines, and listings are iterated with
`async for` or awaited for a list. `help(Hub.users)` and an editor show the parameters, units and errors of each.

If the hub is too old for an operation, the client raises `Unsupported`, which names the version needed. If other calls
have the same effect, as for the state of one server before 6.0, it makes those. Profiles need jhub.extension on the
hub; without it, the error is `Unsupported` on every version.
"""


def rows(prefix: str, kind: type) -> Iterator[str]:
    """A line of the table for each method that says which REST call it makes."""
    for name, method in inspect.getmembers(kind):
        text = inspect.getdoc(method) or ""
        found = re.search(r"^(`(?:GET|POST|PUT|PATCH|DELETE)\b.*)", text, re.MULTILINE | re.DOTALL)
        if name.startswith("_") or not found or not callable(method):
            continue
        said = " ".join(found[1].split())
        parts = re.fullmatch(r"(.*?) ?\((all versions|(?:jhub\.extension on )?JupyterHub [\d.]+[^)]*)\)(.*)", said)
        if parts is None:
            raise ValueError(f"{prefix}{name}: say `METHOD /path` (all versions), scope `…`")
        calls, since, rest = parts.groups()
        needs = re.split(r"\. (?=[A-Z`])", rest.strip(" ,;"))[0].rstrip(".")
        about = re.split(r"(?<=[.:]) ", " ".join(text.split("\n\n")[0].split()))[0].rstrip(".:")
        yield f"| `{prefix}{name}` | {about} | {calls} | {since.replace('JupyterHub ', '')} | {needs} |"


def page() -> str:
    """The whole page."""
    spaces = (name for name, value in vars(Hub).items() if isinstance(value, Namespace))
    nouns: dict[str, type] = {"hub.": Hub, **{f"hub.{name}.": getattr(Hub, name) for name in spaces}}
    parts = [HEAD]
    for prefix, kind in nouns.items():
        parts.append(f"## {prefix.rstrip('.')}\n")
        parts += [
            "| method | what it does | REST | since | the token needs |",
            "|---|---|---|---|---|",
            *rows(prefix, kind),
            "",
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
