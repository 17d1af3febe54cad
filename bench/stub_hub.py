"""A stub of a hub of any size and speed: `python -m bench.stub_hub USERS [SECONDS]`.

It answers `GET /hub/api/` and pages of `GET /hub/api/users` like JupyterHub 6.1. Pages are generated on request, fast
enough for the client to be the limit; with SECONDS, one after the other like those of a hub, with a delay that uses no
CPU time.
"""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from bench.child import announce

API = "/hub/api"
MAX_PAGE_SIZE = 200
ANY_CREDENTIAL = "any"
"""Token for the stub, which accepts any."""
TIMESTAMP = "2026-03-02T08:15:30.123456Z"


def user(number: int) -> dict[str, Any]:
    """Return a user's model as an administrator gets it; every fourth user has a running server."""
    name = f"student{number:06}"
    servers = {"": server(name)} if number % 4 == 0 else {}
    return {
        "kind": "user",
        "name": name,
        "admin": False,
        "roles": ["user"],
        "groups": [f"course{number % 97}", f"faculty{number % 7}"],
        "server": f"/user/{name}/" if servers else None,
        "pending": None,
        "created": TIMESTAMP,
        "last_activity": TIMESTAMP,
        "servers": servers,
        "auth_state": None,
        "user_info": None,
    }


def server(user_name: str) -> dict[str, Any]:
    """Return the model of a running default server."""
    return {
        "name": "",
        "display_name": "",
        "full_name": f"{user_name}/",
        "last_activity": TIMESTAMP,
        "started": TIMESTAMP,
        "pending": None,
        "ready": True,
        "stopped": False,
        "url": f"/user/{user_name}/",
        "user_options": {"profile": "lab"},
        "progress_url": f"{API}/users/{user_name}/server/progress",
        "full_url": None,
        "full_progress_url": None,
        "state": {"pid": 4242},
    }


def page(base: str, total: int, offset: int, limit: int) -> dict[str, Any]:
    """Return one page of all users."""
    end = min(offset + limit, total)
    next_page = {"offset": end, "limit": limit, "url": f"{base}{API}/users?offset={end}&limit={limit}"}
    position = {"offset": offset, "limit": limit, "total": total, "next": next_page if end < total else None}
    return {"items": [user(number) for number in range(offset, end)], "_pagination": position}


class Handler(BaseHTTPRequestHandler):
    """The handler of one request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and content are written separately
    server: StubHub

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path == f"{API}/users":
            limit = min(int(query["limit"]), MAX_PAGE_SIZE)
            with self.server.turn:
                time.sleep(self.server.page_seconds)
            self.answer(page(self.server.url, self.server.total, int(query["offset"]), limit))
        elif url.path.rstrip("/") == API:
            self.answer({"version": "6.1.1"})
        else:
            self.send_error(404)

    def answer(self, value: object) -> None:
        content = msgspec.json.encode(value)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Log nothing."""


class StubHub(ThreadingHTTPServer):
    """The stub's server, on a free port of loopback."""

    daemon_threads = True

    def __init__(self, total: int, page_seconds: float = 0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.total = total
        self.page_seconds = page_seconds
        self.turn = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"


if __name__ == "__main__":
    stub = StubHub(int(sys.argv[1]), *map(float, sys.argv[2:]))
    announce(f"{stub.url}{API}")
    stub.serve_forever()
