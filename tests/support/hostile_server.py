"""A user's server whose owner wants to harm those who work in it. It writes the headers that it gets to `headers`."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from tornado.web import Application, RequestHandler, url
from tornado.websocket import WebSocketClosedError, WebSocketHandler

NAMES = ["..", "../up", "/etc/passwd", "a/b", "..\\up", "\x1b]0;title\x07", "", ".", "x" * 300, "good.txt"]
"""Names of files in every folder but `deep`."""
ENDLESS = 1 << 40
OK: dict[str, object] = {"status": "ok", "execution_count": "\x1b"}
ODD_CONTENTS: list[dict[str, object]] = [
    {},
    {"data": 1},
    {"data": {"text/plain": {}}},
    {"text": []},
    {"transient": 3},
]


class Anything(RequestHandler):
    """Answers of the contents API that lie."""

    def prepare(self) -> None:
        with open("headers", "a") as file:
            print(json.dumps(dict(self.request.headers)), file=file)

    def get(self) -> None:
        path = unquote(self.request.path)
        if "/files/" in path:
            self.file()
        elif path.endswith("/api/sessions"):
            self.write(
                json.dumps([{"id": "s", "path": "jhub-0123456789ab-1", "name": "jhub until \x1b", "kernel": {}}])
            )
        elif "/api/contents" not in path:
            self.write({"version": "hostile", "id": "k", "name": "python\x1b]0;x\x07", "execution_state": "busy"})
        elif path.endswith("/api/contents") or "/deep" in path or path.endswith("/tree"):
            self.folder(path.rpartition("/api/contents")[2])
        else:
            self.write(self.model(path.rpartition("/")[2], "file"))

    def post(self) -> None:
        """Start a kernel, and accept every other order."""
        if not self.request.path.endswith("/api/sessions"):
            self.set_status(204)
            return
        path = json.loads(self.request.body)["path"]
        self.set_status(201)
        self.write({"id": "s", "path": path, "name": "x", "kernel": {"id": "k", "name": "python\x1b]0;x\x07"}})

    def put(self) -> None:
        """Refuse files, but for those in the folders that never end."""
        if "/deep/" not in self.request.path:
            self.send_error(405)
        else:
            self.write(self.model("x", "file"))

    def delete(self) -> None:
        self.set_status(204 if "/deep/" in self.request.path or "/kernels/" in self.request.path else 405)

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


class Channels(WebSocketHandler):
    """A kernel that lies. What it does is the code that it gets."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return None

    def open(self, *args: str, **kwargs: str) -> None:
        with open("headers", "a") as file:
            print(json.dumps(dict(self.request.headers)), file=file)

    async def on_message(self, message: str | bytes) -> None:
        request = json.loads(message)
        parent, code = request["header"], request["content"].get("code", "")
        with suppress(WebSocketClosedError):
            if "flood" in code:
                while True:
                    await self.send(parent, "iopub", "stream", name="stdout", text="x" * 100_000)
            elif "garbage" in code:
                for frame in (b"\xff" * 100, "[]", "{}", '{"channel": 1}', "[" * 100_000):
                    await self.write_message(frame, isinstance(frame, bytes))
                for kind in ("stream", "display_data", "execute_result", "error", "update_display_data"):
                    for content in ODD_CONTENTS:
                        await self.send(parent, "iopub", kind, **content)
            elif "huge" in code:
                await self.write_message(b"x" * 200_000_000, binary=True)
            await self.send(parent, "iopub", "stream", name="stdout", text="\x1b]0;title\x07shown\n")
            await self.send(parent, "iopub", "status", execution_state="idle")
            error = {"ename": "\x1b]0;e\x07", "evalue": "\x1b[2J", "traceback": ["\x1b]0;t\x07line"]}
            await self.send(
                parent, "shell", "execute_reply", **({"status": "error", **error} if "fail" in code else OK)
            )

    async def send(self, parent: object, channel: str, kind: str, **content: object) -> None:
        header = {"msg_id": "x", "msg_type": kind}
        fields = {"channel": channel, "header": header, "parent_header": parent, "metadata": {}, "content": content}
        await self.write_message(json.dumps(fields))


async def main() -> None:
    where = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    Application([url(r".*/channels", Channels), url(r".*", Anything)]).listen(where.port or 80, address=where.hostname)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
