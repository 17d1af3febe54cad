"""Print the routes of the REST API of the installed JupyterHub, one per line: "GET /users/{}".

With the name of a profiles file, the routes of jhub.extension are included.
"""

from __future__ import annotations

import re
import sys

from jupyterhub.apihandlers import default_handlers
from tornado.web import RequestHandler
from traitlets.config import Config

import jhub.extension

METHODS = ("get", "post", "put", "patch", "delete")


def template(pattern: str) -> str:
    """Return the path of a route's pattern below /api, with {} for each name."""
    path = re.sub(r"\(\[\^/\][+*]\)", "{}", pattern.removeprefix("/api").removesuffix("?"))
    return path.replace("(?:/{})", "/{}")  # the value of a cookie, which may be missing


def main() -> None:
    """Print the routes."""
    for profiles in sys.argv[1:]:
        jhub.extension.enable(Config(), profiles=profiles)
    for pattern, handler in sorted(default_handlers, key=lambda each: str(each[0])):
        for method in METHODS:
            if getattr(handler, method) is not getattr(RequestHandler, method):
                print(method.upper(), template(pattern))


if __name__ == "__main__":
    main()
