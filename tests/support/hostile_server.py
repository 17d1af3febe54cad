"""A user's server whose owner wants to harm those who work in it. It writes the headers that it gets to `headers`."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from tornado.web import Application, RequestHandler, url

NAMES = ["..", "../up", "/etc/passwd", "a/b", "..\\up", "\x1b]0;title\x07", "", ".", "x" * 300, "good.txt"]
"""Names of files in every folder but `deep`."""
ENDLESS = 1 << 40


class Anything(RequestHandler):
    """Answers of the contents API that lie."""

    def prepare(self) -> None:
        with open("headers", "a") as file:
            print(json.dumps(dict(self.request.headers)), file=file)

    def get(self) -> None:
        path = unquote(self.request.path)
        if "/files/" in path:
            self.file()
        elif "/api/contents" not in path:
            self.write({"version": "hostile"})
        elif path.endswith("/api/contents") or "/deep" in path or path.endswith("/tree"):
            self.folder(path.rpartition("/api/contents")[2])
        else:
            self.write(self.model(path.rpartition("/")[2], "file"))

    def put(self) -> None:
        """Refuse files, but for those in the folders that never end."""
        if "/deep/" not in self.request.path:
            self.send_error(405)
        else:
            self.write(self.model("x", "file"))

    def delete(self) -> None:
        self.set_status(204 if "/deep/" in self.request.path else 405)

    def folder(self, path: str) -> None:
        names = [("deep", "directory")] if "deep" in path else [(name, "file") for name in NAMES]
        self.write({**self.model(path, "directory"), "content": [self.model(name, kind) for name, kind in names]})

    def model(self, name: str, kind: str) -> dict[str, object]:
        now = datetime.now(UTC).isoformat()
        return {"name": name, "path": name, "type": kind, "size": 1, "last_modified": now}

    def file(self) -> None:
        """Send parts of a file that never ends."""
        first, last = map(int, self.request.headers["Range"].removeprefix("bytes=").split("-"))
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {first}-{last}/{ENDLESS}")
        self.write(b"x" * (last - first + 1))


async def main() -> None:
    where = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    Application([url(r".*", Anything)]).listen(where.port or 80, address=where.hostname)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
