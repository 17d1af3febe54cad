"""A server that starts in a fraction of a second, for tests of the hub that need no Jupyter server.

It answers below JUPYTERHUB_SERVICE_PREFIX at `/`, `/api` and `/api/status`, without authentication, with its arguments
and environment. With `--after SECONDS` it starts to listen only after that time.
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
    """The arguments and the environment of this server."""

    def get(self) -> None:
        self.write({"version": "stub", **STARTED_WITH})


async def main() -> None:
    """Listen at the address that the hub expects, until the process ends."""
    if "--after" in sys.argv:
        await asyncio.sleep(float(sys.argv[sys.argv.index("--after") + 1]))
    where = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    # The path of a request is escaped; any prefix is accepted.
    Application([url(r".*/(?:api(?:/status)?)?/?", Answer)]).listen(where.port or 80, address=where.hostname)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
