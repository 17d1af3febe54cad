"""The configuration of fuzzed hubs: that of `profiles_config`, with servers that are ready at once.

Each start appends a line of JSON to `starts`: the server and its owner, its user options and its settings.
"""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Dict

load_subconfig("profiles_config.py", path=str(Path(__file__).parent))  # type: ignore[name-defined]  # noqa: F821
c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub puts both here

RECORDED = (
    *("mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee", "cmd", "args", "default_url", "notebook_dir", "ip"),
    *("port", "start_timeout", "http_timeout", "disable_user_config", "nested"),
)


class Up(BaseHTTPRequestHandler):
    """The handler that answers for every server."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


servers = ThreadingHTTPServer(("127.0.0.1", 0), Up)
threading.Thread(target=servers.serve_forever, daemon=True).start()


class Recording(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
    """A spawner that starts a real process with the chosen settings; `servers` answers for it."""

    nested = Dict().tag(config=True)

    async def start(self) -> tuple[str, int]:
        """Start the process, and append a line to `starts`."""
        settings = {name: getattr(self, name) for name in RECORDED}  # read before the start, which replaces port 0
        await super().start()
        record = {
            "user": self.user.name,
            "server": self.name,
            "options": self.user_options,
            "settings": settings,
            "environment": {name: value for name, value in self.get_env().items() if name.startswith("JHUB_")},
        }
        with open("starts", "a") as file:
            print(json.dumps(record, default=repr), file=file)
        return ("127.0.0.1", servers.server_port)

    async def stop(self, now: bool = False) -> None:
        """Kill the process."""
        if self.proc is not None:
            self.proc.kill()
            self.proc.wait()


class Failures(APIHandler):  # type: ignore[misc]  # JupyterHub has no types
    """An endpoint with the hub's count of failed starts in a row, and its process id."""

    def get(self) -> None:
        """Return the count and the process id."""
        self.write({"failures": self.settings.get("failure_count", 0), "pid": os.getpid()})

    def delete(self) -> None:
        """Reset the count."""
        self.settings["failure_count"] = 0


c.JupyterHub.spawner_class = Recording
c.JupyterHub.extra_handlers = [(r"/api/failures", Failures)]
c.Spawner.cmd = ["sleep", "3600"]
c.Spawner.pre_spawn_hook = None
# The hub's own timeouts must not end a start.
c.Spawner.start_timeout = c.Spawner.http_timeout = 60
