"""A server that is up in a fraction of a second, for tests that are about the hub and not about Jupyter.

Answers below JUPYTERHUB_SERVICE_PREFIX at ``/``, ``/api`` and ``/api/status``, to anybody, with what it was started
with. ``--after SECONDS`` lets it listen only then.
"""

from __future__ import annotations

import asyncio
import os
import sys
from urllib.parse import urlsplit

from tornado.web import Application, RequestHandler, url

STARTED_WITH = {
    "profile": os.environ.get("JHUB_PROFILE"),
    "user": os.environ.get("JUPYTERHUB_USER"),
    "server": os.environ.get("JUPYTERHUB_SERVER_NAME"),
    "arguments": sys.argv[1:],
    "environment": {
        name: value for name, value in os.environ.items() if name.startswith("JHUB_") and name != "JHUB_LOCAL_INSTANCE"
    },
}


class Answer(RequestHandler):
    """Tells how this server was started."""

    def get(self) -> None:
        self.write({"version": "stub", **STARTED_WITH})


async def main() -> None:
    """Listen where the hub expects it, until the process is ended."""
    if "--after" in sys.argv:
        await asyncio.sleep(float(sys.argv[sys.argv.index("--after") + 1]))
    where = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    # The path that arrives is escaped; any prefix will do.
    Application([url(r".*/(?:api(?:/status)?)?/?", Answer)]).listen(where.port or 80, address=where.hostname)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
