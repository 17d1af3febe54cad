r"""Regular expressions of profiles for the browser, as the attribute `pattern` of a text field.

Browsers read it as JavaScript's RegExp with the flag v, which must match the whole text. `\d` and `.`, among others,
have other meanings there than in Python; so an expression is written anew from Python's own parse of it. A text that
the browser refuses must be one that the hub refuses: what has no exact counterpart is left to the hub.

A field's text has no line breaks, and the hub refuses other control characters: `$` before a line break at the end
makes no difference.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from typing import Any

WORD = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}"
r"""The characters of `\w` in the library `regex`, with which the hub matches."""

CATEGORIES = {
    "CATEGORY_DIGIT": r"\p{Nd}",
    "CATEGORY_NOT_DIGIT": r"\P{Nd}",
    "CATEGORY_SPACE": r"\p{White_Space}",
    "CATEGORY_NOT_SPACE": r"\P{White_Space}",
    "CATEGORY_WORD": f"[{WORD}]",
    "CATEGORY_NOT_WORD": f"[^{WORD}]",
}
"""JavaScript of the classes of characters; a set may contain each of them."""

POSITIONS = {"AT_BEGINNING": "^", "AT_BEGINNING_STRING": "^", "AT_END": "$", "AT_END_STRING": "$"}
"""JavaScript of the positions in a text."""

SYNTAX_CHARACTERS = frozenset(r"^$\.*+?()[]{}|/")
"""Characters that need a backslash outside of sets."""

# A private module, so anything may be missing there: then the hub alone checks the texts.
_parser: Any = getattr(re, "_parser", None)


class Untranslatable(Exception):
    """The exception for syntax without an exact counterpart."""


def html_pattern(expression: str) -> str:
    """Return an expression with the same meaning in JavaScript; empty if JavaScript has no exact counterpart."""
    try:
        tree: Any = _parser.parse(expression)
        if tree.state.flags & ~re.UNICODE:
            return ""
        return _sequence(tree)
    except (Untranslatable, AttributeError, re.error, RecursionError, OverflowError):
        return ""


def _sequence(nodes: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_node(str(kind), value) for kind, value in nodes)


def _node(kind: str, value: Any) -> str:
    """Return the JavaScript of a node of the parse."""
    match kind:
        case "LITERAL":
            return _literal(value)
        case "NOT_LITERAL":
            return f"[^{_literal_in_set(value)}]"
        case "ANY":
            return r"[^\n]"
        case "IN":
            return _set(value)
        case "AT" if str(value) in POSITIONS:
            return POSITIONS[str(value)]
        case "MAX_REPEAT" | "MIN_REPEAT":
            return _repeat(*value, lazy=kind == "MIN_REPEAT")
        case "BRANCH":
            return f"(?:{'|'.join(_sequence(branch) for branch in value[1])})"
        # (group, added flags, removed flags, nodes)
        case "SUBPATTERN" if not (value[1] or value[2]):
            return f"(?:{_sequence(value[3])})"
        case "ASSERT" | "ASSERT_NOT":
            direction, nodes = value
            return f"(?{'<' if direction < 0 else ''}{'=' if kind == 'ASSERT' else '!'}{_sequence(nodes)})"
        case _:
            raise Untranslatable(kind)


def _repeat(least: int, most: int, nodes: Any, *, lazy: bool) -> str:
    # The parser returns a constant of its own for "no maximum".
    unlimited = most == _parser.MAXREPEAT
    count = f"{{{least},}}" if unlimited else f"{{{least}}}" if least == most else f"{{{least},{most}}}"
    count = {"{0,}": "*", "{1,}": "+", "{0,1}": "?"}.get(count, count)
    is_single = len(nodes) == 1 and str(nodes[0][0]) in {"LITERAL", "NOT_LITERAL", "ANY", "IN", "SUBPATTERN", "BRANCH"}
    body = _sequence(nodes)
    return f"{body if is_single else f'(?:{body})'}{count}{'?' if lazy else ''}"


def _set(items: Iterable[tuple[Any, Any]]) -> str:
    content = ""
    for kind, value in items:
        match str(kind):
            case "NEGATE":
                content += "^"
            case "LITERAL":
                content += _literal_in_set(value)
            case "RANGE":
                content += f"{_literal_in_set(value[0])}-{_literal_in_set(value[1])}"
            case "CATEGORY":
                content += CATEGORIES[str(value)]
            case other:
                raise Untranslatable(other)
    return f"[{content}]"


def _literal(code: int) -> str:
    character = chr(code)
    if character in SYNTAX_CHARACTERS:
        return f"\\{character}"
    return character if character.isprintable() else _escape(code)


def _literal_in_set(code: int) -> str:
    """Return a character for a set, where most marks are operators, alone or doubled."""
    character = chr(code)
    if character in string.punctuation and character not in "\"'_":
        return f"\\{character}"
    return character if character.isprintable() else _escape(code)


def _escape(code: int) -> str:
    if 0xD800 <= code <= 0xDFFF:
        # JavaScript joins two halves of a character; Python does not.
        raise Untranslatable("surrogate")
    return f"\\u{{{code:x}}}"
