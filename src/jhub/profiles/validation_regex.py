"""Check of the regular expressions in profiles: each must have the same meaning in `re` and in `regex`.

When a file is checked, `re` compiles an expression; when a user types a text, the library `regex` matches it, because
it has a time limit. `regex` has more syntax than `re`: `{e}` after an expression allows any number of errors in a
match, and `[[:alpha:]]` is a class of characters. Only syntax with the same meaning in both is allowed.
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
"""A token of a regular expression."""
SET_OPERATION = re.compile(r".\[|--|&&|\|\||~~", re.DOTALL)
"""Nested sets, classes, and operations on sets: `regex` has some of them, and `re` reserves their syntax."""
MAX_GROUP_DEPTH = 50
"""Maximum depth of nested groups. `regex` fails at about 100."""


def find_error(expression: str) -> str:
    """Return the reason why an expression is not allowed, as a predicate for a message; empty if it is allowed."""
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
