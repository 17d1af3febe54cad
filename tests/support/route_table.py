"""Prints the routes of the REST API of the JupyterHub that this Python has: "GET /users/{}", one a line."""

from __future__ import annotations

import re

from jupyterhub.apihandlers import default_handlers
from tornado.web import RequestHandler

METHODS = ("get", "post", "put", "patch", "delete")


def template(pattern: str) -> str:
    """The path of a route's pattern below /api, with {} for each name."""
    path = re.sub(r"\(\[\^/\][+*]\)", "{}", pattern.removeprefix("/api").removesuffix("?"))
    return path.replace("(?:/{})", "/{}")  # the value of a cookie, which may be missing


def main() -> None:
    """Print them."""
    for pattern, handler in sorted(default_handlers, key=lambda each: str(each[0])):
        for method in METHODS:
            if getattr(handler, method) is not getattr(RequestHandler, method):
                print(method.upper(), template(pattern))


if __name__ == "__main__":
    main()
