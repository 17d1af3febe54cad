"""Regular expressions of profiles: one meaning wherever they are read.

An expression is compiled by `re` when a file is checked, and matched by the library `regex`, which has a time limit,
when somebody types a text. `regex` understands more than `re`: `{e}` after an expression lets it match with any number
of errors, and `[[:alpha:]]` is a class of characters. Only what both read alike is allowed.
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"""
      (?P<escape>  \\N\{[^{}]*\} | \\. )
    | (?P<set>     \[ \^?+ \]?+ (?: \\. | [^\\\]] )* \] )
    | (?P<open>    \[ )
    | (?P<count>   \{ (?: \d+ (?: ,\d* )? | ,\d+ ) \} )
    | (?P<brace>   \{ )
    | (?P<comment> \(\?\# )
    | (?P<verbose> \(\? [A-Za-z-]* x [A-Za-z-]* [:)] )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
SET_OPERATION = re.compile(r".\[|--|&&|\|\||~~", re.DOTALL)
"""Nested sets and classes, and operations on sets: `regex` has some of them, and a later `re` is to have them all."""
MAX_GROUP_DEPTH = 50
"""Maximum number of groups within one another. `regex` fails at some 100."""


def find_error(expression: str) -> str:
    """Return why an expression is not allowed, as the rest of a sentence about it; empty if it is."""
    depth = 0
    for token in TOKEN.finditer(expression):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth > MAX_GROUP_DEPTH:
            return f"nests more than {MAX_GROUP_DEPTH} groups"
        match token.lastgroup:
            case "open":
                return f"is not a valid regular expression: the set at position {token.start()} has no end"
            case "brace":
                return f"has a brace at position {token.start()} that is not a count: write \\{{"
            case "comment":
                return f"has a comment at position {token.start()}: remove it"
            case "verbose":
                return f"has the flag x at position {token.start()}: remove it"
            case "set" if SET_OPERATION.search(re.sub(r"\\.", "_", token[0], flags=re.DOTALL)):
                return f"has [, --, &&, || or ~~ in the set at position {token.start()}: put a backslash before each"
            case _:
                pass
    try:
        re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a valid regular expression: {error}"
    return ""
